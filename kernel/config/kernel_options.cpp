// The one declaration of every kernel option. A visitor walks over them twice: once to collect the declarations, once
// to fill the typed structs; so a field cannot be declared and then forgotten, or read under another name.
#include "kernel/config/kernel_options.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/units.hpp"
#include "kernel/config/delay_levels.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace gantry::config {
namespace {

using enum OptionType;

constexpr std::int64_t ms_max = 7LL * 24 * 3600 * 1000;
constexpr std::int64_t mib = 1LL << 20;

// The words of choice options, in the order of their enumerations.
template <typename E>
struct Words;
template <>
struct Words<AckPromise> {
  static constexpr std::array names{"memory", "disk"};
};
template <>
struct Words<TlsMode> {
  static constexpr std::array names{"disabled", "permissive", "enforcing"};
};
template <>
struct Words<TlsClientAuth> {
  static constexpr std::array names{"none", "optional", "require"};
};
template <>
struct Words<LogLevel> {
  static constexpr std::array names{"trace", "debug", "info", "warn", "error", "off"};
};
template <>
struct Words<LogFormat> {
  static constexpr std::array names{"text", "json"};
};

template <>
struct Words<ScriptOnError> {
  static constexpr auto& names = script_on_error_words;
};

template <typename V>
void visit_broker(V& v, BrokerOptions& o) {
  v.section("broker", "What this node stores and serves, and the name under which it does.");
  v(o.enabled, {.key = "enabled",
                .type = boolean,
                .fallback = "true",
                .sentence = "Whether this process is a broker. Switched off, it is a name server alone."});
  v(o.cluster,
    {.key = "cluster", .fallback = "DefaultCluster", .sentence = "The cluster that this broker registers in."});
  v(o.name,
    {.key = "name",
     .fallback = "broker-a",
     .sentence = "The broker's name in routes. A master and its slaves share it; it is part of every queue's identity, "
                 "so keep it for the life of the data."});
  v(o.id, {.key = "id",
           .type = integer,
           .fallback = "0",
           .minimum = 0,
           .maximum = 1'000'000,
           .operator_sees = false,
           .sentence = "0 is the master of its name, higher numbers are its slaves."});
  v(o.region, {.key = "region",
               .fallback = "DefaultRegion",
               .operator_sees = false,
               .sentence = "The region that message traces name."});
  v(o.advertise,
    {.key = "advertise",
     .fallback = "",
     .sentence = "The address that clients are told to connect to, as \"host\" or \"host:port\". Empty: the "
                 "address by which the client reached this process, which is right unless there is a proxy or "
                 "a port mapping in between."});
  v(o.data,
    {.key = "data",
     .fallback = "./data/store",
     .sentence = "The folder of the stored messages and metadata, in RocketMQ's layout. Relative paths start at the "
                 "folder in which the process was started."});
  v(o.permission,
    {.key = "permission",
     .type = choice,
     .fallback = "rw",
     .choices = {"r", "w", "rw"},
     .operator_sees = false,
     .sentence = "What clients may do with all topics of this broker. \"r\" drains it before maintenance: it is "
                 "still consumed from, but no longer written to."});
  v(o.ack, {.key = "ack",
            .type = choice,
            .fallback = "memory",
            .sentence =
                "When a producer hears that its message is stored: \"memory\" - once it is in the log's mapping, which "
                "survives a crash of the process but not of the machine (asynchronous flush); \"disk\" - once it is "
                "synced to disk (synchronous flush)."});
  v(o.sync_flush_timeout,
    {.key = "sync_flush_timeout",
     .type = duration,
     .fallback = "5s",
     .minimum = 10,
     .maximum = 600'000,
     .operator_sees = false,
     .sentence = "How long an acknowledgement waits for the disk before it says FLUSH_DISK_TIMEOUT."});
  v(o.message_bytes_max, {.key = "message_bytes_max",
                          .type = bytes,
                          .fallback = "4MiB",
                          .minimum = 1024,
                          .maximum = 64 * mib,
                          .sentence = "The largest message body that is accepted."});
  v(o.auto_create_topics,
    {.key = "auto_create_topics",
     .type = boolean,
     .fallback = "true",
     .sentence = "Whether a producer's first message creates its topic. Convenient for development; "
                 "switch it off in production."});
  v(o.auto_create_groups, {.key = "auto_create_groups",
                           .type = boolean,
                           .fallback = "true",
                           .sentence = "Whether a consumer's first heartbeat creates its group."});
  v(o.default_topic_queues,
    {.key = "default_topic_queues",
     .type = integer,
     .fallback = "8",
     .minimum = 1,
     .maximum = 1024,
     .sentence = "How many queues a topic gets that is created automatically; producers may ask for "
                 "fewer."});
  v(o.long_polling, {.key = "long_polling",
                     .type = boolean,
                     .fallback = "true",
                     .operator_sees = false,
                     .sentence = "Whether a pull that finds nothing is held until a message arrives."});
  v(o.long_poll_max, {.key = "long_poll_max",
                      .type = duration,
                      .fallback = "30s",
                      .minimum = 100,
                      .maximum = 120'000,
                      .operator_sees = false,
                      .sentence = "The longest that a pull is held, whatever the client asks for."});
  v(o.held_pulls_max,
    {.key = "held_pulls_max",
     .type = integer,
     .fallback = "100000",
     .minimum = 1,
     .maximum = 10'000'000,
     .operator_sees = false,
     .sentence = "How many pulls are held at a time; further ones are answered at once with \"nothing yet\"."});
  v(o.pull_messages_max, {.key = "pull_messages_max",
                          .type = integer,
                          .fallback = "1024",
                          .minimum = 1,
                          .maximum = 65'536,
                          .operator_sees = false,
                          .sentence = "The most messages that one pull returns."});
  v(o.pull_bytes_max,
    {.key = "pull_bytes_max",
     .type = bytes,
     .fallback = "8MiB",
     .minimum = 4096,
     .maximum = 15 * mib,
     .operator_sees = false,
     .sentence = "The most bytes of messages that one pull returns; the first message is always returned "
                 "whole."});
  v(o.pull_cold_bytes_max,
    {.key = "pull_cold_bytes_max",
     .type = bytes,
     .fallback = "64KiB",
     .minimum = 4096,
     .maximum = 15 * mib,
     .operator_sees = false,
     .sentence = "The same for a pull whose messages have to be read from the disk: a consumer with a long backlog "
                 "takes turns with those that follow the newest messages."});
  v(o.waiting_acks_max,
    {.key = "waiting_acks_max",
     .type = integer,
     .fallback = "100000",
     .minimum = 1,
     .maximum = 10'000'000,
     .operator_sees = false,
     .sentence = "How many publishes may wait for the disk at a time; beyond it producers are told that "
                 "the broker is busy."});
  v(o.client_expiry,
    {.key = "client_expiry",
     .type = duration,
     .fallback = "120s",
     .minimum = 1'000,
     .maximum = ms_max,
     .operator_sees = false,
     .sentence = "A client that sent no heartbeat for this long is no longer a member of its groups."});
  v(o.offset_save_interval,
    {.key = "offset_save_interval",
     .type = duration,
     .fallback = "5s",
     .minimum = 100,
     .maximum = 600'000,
     .operator_sees = false,
     .sentence = "How often consumer offsets are written to disk; after a crash of the machine, "
                 "consumers see again what they consumed since."});
  v(o.trace_on, {.key = "trace_on",
                 .type = boolean,
                 .fallback = "true",
                 .operator_sees = false,
                 .sentence = "Whether clients are told that message traces are welcome."});
  v(o.enforce_topic_write_permission,
    {.key = "enforce_topic_write_permission",
     .type = boolean,
     .fallback = "false",
     .operator_sees = false,
     .sentence = "Whether a send to a topic without write permission is refused also where RocketMQ lets it through."});
  v(o.delay_levels,
    {.key = "delay_levels",
     .fallback = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
     .sentence = "How long messages with the delay levels 1, 2, ... wait; retries of consumers begin at level 3. Times "
                 "with a unit, separated by blanks. A change is good for what is sent afterwards: what waits already "
                 "keeps its time."});
}

template <typename V>
void visit_listen(V& v, ListenOptions& o) {
  v.section("listen", "Where clients connect to the broker, and how much each of them may ask for.");
  v(o.host,
    {.key = "host",
     .fallback = "127.0.0.1",
     .sentence = "The address to listen on. The default serves this machine only; \"0.0.0.0\" serves every network "
                 "that reaches it, \"::\" IPv6 as well."});
  v(o.port, {.key = "port",
             .type = integer,
             .fallback = "10911",
             .minimum = 0,
             .maximum = 65'535,
             .sentence = "The broker's port; 0 takes any free one."});
  v(o.fast_port,
    {.key = "fast_port",
     .type = integer,
     .fallback = "10909",
     .minimum = -1,
     .maximum = 65'535,
     .sentence = "The second port that clients use for sending; they expect it two below the first one. -1 "
                 "switches it off, 0 takes any free one."});
  v(o.backlog, {.key = "backlog",
                .type = integer,
                .fallback = "1024",
                .minimum = 1,
                .maximum = 65'535,
                .operator_sees = false,
                .sentence = "How many connections may wait to be accepted."});
  v(o.connections_max, {.key = "connections_max",
                        .type = integer,
                        .fallback = "50000",
                        .minimum = 1,
                        .maximum = 1'000'000,
                        .operator_sees = false,
                        .sentence = "How many connections are open at a time; further ones are closed at once."});
  v(o.idle_timeout, {.key = "idle_timeout",
                     .type = duration,
                     .fallback = "120s",
                     .minimum = 1'000,
                     .maximum = ms_max,
                     .operator_sees = false,
                     .sentence = "A connection on which nothing moves for this long is closed."});
  v(o.handshake_timeout,
    {.key = "handshake_timeout",
     .type = duration,
     .fallback = "10s",
     .minimum = 100,
     .maximum = 600'000,
     .operator_sees = false,
     .sentence = "How long a new connection may take for its TLS handshake or its first bytes of it."});
  v(o.frame_bytes_max, {.key = "frame_bytes_max",
                        .type = bytes,
                        .fallback = "16MiB",
                        .minimum = 64 * 1024,
                        .maximum = 256 * mib,
                        .operator_sees = false,
                        .sentence = "The largest request; a connection that announces a larger one is closed."});
  v(o.out_bytes_max,
    {.key = "out_bytes_max",
     .type = bytes,
     .fallback = "32MiB",
     .minimum = 64 * 1024,
     .maximum = 1024 * mib,
     .operator_sees = false,
     .sentence = "Answers that may wait for a slow reader; while more is waiting, its requests are not read."});
  v(o.read_chunk, {.key = "read_chunk",
                   .type = bytes,
                   .fallback = "256KiB",
                   .minimum = 4096,
                   .maximum = 16 * mib,
                   .operator_sees = false,
                   .sentence = "How much is read from a connection at a time; one buffer per shard."});
  v(o.tls,
    {.key = "tls",
     .type = choice,
     .fallback = "disabled",
     .choices = {},
     .sentence = "TLS on the same ports: \"disabled\" - plain only; \"permissive\" - both, told apart by the first "
                 "byte; \"enforcing\" - TLS only."});
  v(o.tls_cert, {.key = "tls_cert", .fallback = "", .sentence = "The server's certificate chain, a PEM file."});
  v(o.tls_key, {.key = "tls_key", .fallback = "", .sentence = "The key of the certificate, a PEM file."});
  v(o.tls_ca, {.key = "tls_ca",
               .fallback = "",
               .operator_sees = false,
               .sentence = "The authorities that client certificates are checked against, a PEM file."});
  v(o.tls_client_auth,
    {.key = "tls_client_auth",
     .type = choice,
     .fallback = "none",
     .operator_sees = false,
     .sentence = "Whether clients must show a certificate: \"none\" - they are not asked; \"optional\" - it "
                 "is checked when they have one; \"require\" - nobody enters without."});
}

template <typename V>
void visit_nameserver(V& v, NameserverOptions& o) {
  v.section("nameserver", "Where clients ask for routes, and the name servers that this broker registers with.");
  v(o.enabled,
    {.key = "enabled", .type = boolean, .fallback = "true", .sentence = "Whether this process is a name server."});
  v(o.host, {.key = "host", .fallback = "127.0.0.1", .sentence = "The address that the name server listens on."});
  v(o.port, {.key = "port",
             .type = integer,
             .fallback = "9876",
             .minimum = 0,
             .maximum = 65'535,
             .sentence = "The name server's port; 0 takes any free one."});
  v(o.addresses,
    {.key = "addresses",
     .type = address_list,
     .fallback = "",
     .minimum = 0,
     .maximum = 64,
     .sentence = "Further name servers that the broker registers with, as [\"host:9876\"]. The one of this "
                 "process needs no entry."});
  v(o.register_interval, {.key = "register_interval",
                          .type = duration,
                          .fallback = "30s",
                          .minimum = 1'000,
                          .maximum = 60'000,
                          .operator_sees = false,
                          .sentence = "How often the broker renews its registrations."});
  v(o.register_timeout, {.key = "register_timeout",
                         .type = duration,
                         .fallback = "24s",
                         .minimum = 100,
                         .maximum = 60'000,
                         .operator_sees = false,
                         .sentence = "How long one registration may take."});
  v(o.broker_expiry,
    {.key = "broker_expiry",
     .type = duration,
     .fallback = "120s",
     .minimum = 1'000,
     .maximum = ms_max,
     .operator_sees = false,
     .sentence = "A broker that was silent for this long leaves the routes, unless it asked for another "
                 "time when it registered."});
  v(o.scan_interval, {.key = "scan_interval",
                      .type = duration,
                      .fallback = "5s",
                      .minimum = 100,
                      .maximum = 600'000,
                      .operator_sees = false,
                      .sentence = "How often silent brokers are looked for."});
  v(o.trusted,
    {.key = "trusted",
     .type = cidr_list,
     .fallback = "loopback",
     .sentence = "From where brokers may register and routes may be changed: address ranges, or the words loopback, "
                 "private and any."});
}

template <typename V>
void visit_admin(V& v, AdminOptions& o) {
  v.section("admin", "Who may administer this broker.");
  v(o.allow_from,
    {.key = "allow_from",
     .type = cidr_list,
     .fallback = "loopback",
     .sentence = "From where administrative requests are accepted while no auth plugin is loaded: address "
                 "ranges, or the words loopback, private and any."});
}

template <typename V>
void visit_threads(V& v, ThreadOptions& o) {
  v.section("threads", "How many threads there are. The defaults fit almost every machine.");
  v(o.shards, {.key = "shards",
               .type = integer,
               .fallback = "0",
               .minimum = 0,
               .maximum = 256,
               .operator_sees = false,
               .sentence = "Threads that serve connections; 0 is one per core."});
  v(o.blocking, {.key = "blocking",
                 .type = integer,
                 .fallback = "4",
                 .minimum = 1,
                 .maximum = 256,
                 .operator_sees = false,
                 .sentence = "Threads for work that may wait, such as reading old messages from disk."});
  v(o.blocking_queue_max, {.key = "blocking_queue_max",
                           .type = integer,
                           .fallback = "4096",
                           .minimum = 1,
                           .maximum = 1'000'000,
                           .operator_sees = false,
                           .sentence = "How much such work may queue up; beyond it clients are told to try again."});
}

template <typename V>
void visit_log(V& v, LogSettings& o) {
  v.section("log", "What the process says about itself.");
  v(o.level, {.key = "level",
              .type = choice,
              .fallback = "info",
              .live = true,
              .sentence = "The least important lines that are written: trace, debug, info, warn, error, or off."});
  v(o.format, {.key = "format",
               .type = choice,
               .fallback = "text",
               .choices = {},
               .sentence = "\"text\" for people, \"json\" (one object a line) for machines."});
  v(o.file,
    {.key = "file",
     .fallback = "",
     .sentence = "The file that lines are appended to; empty is the standard error output. SIGHUP opens it again "
                 "after it was rotated."});
}

template <typename V>
void visit_plugins(V& v, PluginOptions& o) {
  v.section("plugins", "Which plugins run. One that is not listed costs nothing: no thread, no file.");
  v(o.dir, {.key = "dir",
            .type = text_list,
            .fallback = "",
            .minimum = 0,
            .maximum = 64,
            .sentence = "Folders in which plugins are looked for, before those that belong to the installation."});
  v(o.load, {.key = "load",
             .type = text_list,
             .fallback = "storage-mmap,filter-sql92,delay,txn",
             .minimum = 0,
             .maximum = 256,
             .sentence = "The plugins to load, by name. Exactly one must be a store."});
  v(o.allow_draft, {.key = "allow_draft",
                    .type = boolean,
                    .fallback = "false",
                    .operator_sees = false,
                    .sentence = "Whether plugins may use extension points that can still change."});
}

template <typename V>
void visit_scripts(V& v, ScriptOptions& o) {
  v.section(
      "scripts",
      "Lua scripts that filter, route, rewrite and refuse messages. Each one that needs settings of its own has a "
      "section [scripts.<name>]. See docs/scripting-guide.md.");
  v(o.dir, {.key = "dir",
            .fallback = "",
            .sentence = "A folder that is watched: every NAME.lua in it (but *_test.lua) is a script, and is loaded "
                        "again when it changes. Empty: none."});
  v(o.poll_interval, {.key = "poll_interval",
                      .type = duration,
                      .fallback = "1s",
                      .minimum = 0,
                      .maximum = 600'000,
                      .operator_sees = false,
                      .sentence = "How often the files of scripts are looked at for changes; \"0ms\" only reloads on "
                                  "request."});
  v(o.on_error,
    {.key = "on_error",
     .type = choice,
     .fallback = "accept",
     .sentence = "What becomes of a message whose script failed: \"accept\" - it goes on as if the script were not "
                 "there; \"reject\" - it is refused, or not delivered; \"quarantine\" - as accept, and the first "
                 "failure puts the script aside."});
  v(o.deadline, {.key = "deadline",
                 .type = duration,
                 .fallback = "5ms",
                 .minimum = 1,
                 .maximum = 1'000,
                 .operator_sees = false,
                 .sentence = "How much computing time a script may spend on one message before it is cut."});
  v(o.memory, {.key = "memory",
               .type = bytes,
               .fallback = "8MiB",
               .minimum = 256 * 1024,
               .maximum = 1024 * mib,
               .operator_sees = false,
               .sentence = "How much memory a script may use in each thread that runs it."});
  v(o.faults_max, {.key = "faults_max",
                   .type = integer,
                   .fallback = "20",
                   .minimum = 1,
                   .maximum = 10'000,
                   .operator_sees = false,
                   .sentence = "This many failures within fault_window put a script aside; running out of time or "
                               "memory counts as ten."});
  v(o.fault_window, {.key = "fault_window",
                     .type = duration,
                     .fallback = "10s",
                     .minimum = 100,
                     .maximum = ms_max,
                     .operator_sees = false,
                     .sentence = "The time in which failures are counted."});
}

template <typename V>
void visit_shutdown(V& v, ShutdownOptions& o) {
  v.section("shutdown", "How the process ends.");
  v(o.drain, {.key = "drain",
              .type = duration,
              .fallback = "10s",
              .minimum = 0,
              .maximum = 600'000,
              .live = true,
              .operator_sees = false,
              .sentence = "How long requests that are under way may take to finish before connections are closed."});
}

template <typename V>
void visit_limits(V& v, LimitOptions& o) {
  v.section("limits", "Bounds that keep one client from using up the memory of all. Raise them when you mean it.");
  v(o.topics_max, {.key = "topics_max",
                   .type = integer,
                   .fallback = "50000",
                   .minimum = 16,
                   .maximum = 1'000'000,
                   .operator_sees = false,
                   .sentence = "Topics of this broker."});
  v(o.groups_max, {.key = "groups_max",
                   .type = integer,
                   .fallback = "50000",
                   .minimum = 16,
                   .maximum = 1'000'000,
                   .operator_sees = false,
                   .sentence = "Consumer groups of this broker."});
  v(o.queues_per_topic_max, {.key = "queues_per_topic_max",
                             .type = integer,
                             .fallback = "1024",
                             .minimum = 1,
                             .maximum = 65'536,
                             .operator_sees = false,
                             .sentence = "Queues of one topic."});
  v(o.clients_per_group_max, {.key = "clients_per_group_max",
                              .type = integer,
                              .fallback = "10000",
                              .minimum = 1,
                              .maximum = 1'000'000,
                              .operator_sees = false,
                              .sentence = "Clients of one producer or consumer group."});
  v(o.subscriptions_per_group_max, {.key = "subscriptions_per_group_max",
                                    .type = integer,
                                    .fallback = "1000",
                                    .minimum = 1,
                                    .maximum = 100'000,
                                    .operator_sees = false,
                                    .sentence = "Topics that one consumer group subscribes to."});
  v(o.brokers_max, {.key = "brokers_max",
                    .type = integer,
                    .fallback = "10000",
                    .minimum = 1,
                    .maximum = 1'000'000,
                    .operator_sees = false,
                    .sentence = "Brokers that may register with this name server."});
  v(o.kv_entries_max, {.key = "kv_entries_max",
                       .type = integer,
                       .fallback = "100000",
                       .minimum = 1,
                       .maximum = 10'000'000,
                       .operator_sees = false,
                       .sentence = "Entries of this name server's key-value store."});
}

template <typename V>
void visit_all(V& v, KernelOptions& o) {
  visit_broker(v, o.broker);
  visit_listen(v, o.listen);
  visit_nameserver(v, o.nameserver);
  visit_admin(v, o.admin);
  visit_threads(v, o.threads);
  visit_log(v, o.log);
  visit_plugins(v, o.plugins);
  visit_scripts(v, o.scripts);
  visit_shutdown(v, o.shutdown);
  visit_limits(v, o.limits);
}

/// First walk: collects the declarations.
class Collector {
 public:
  void section(std::string path, std::string sentence) {
    sections_.push_back({std::move(path), std::move(sentence), {}});
  }

  template <typename T>
  void operator()(T&, OptionSpec spec) {
    if constexpr (std::is_enum_v<T>) {
      for (const char* name : Words<T>::names) spec.choices.emplace_back(name);
    }
    sections_.back().options.push_back(std::move(spec));
  }

  OptionTables finish() && {
    OptionTables tables;
    for (SectionSpec& section : sections_) {
      const Status added = tables.add(std::move(section));
      GANTRY_ASSERT(added.has_value(), added.error().text);
    }
    return tables;
  }

 private:
  std::vector<SectionSpec> sections_;
};

/// Second walk: fills the structs.
class Filler {
 public:
  explicit Filler(const Values& values) : values_(values) {}

  void section(std::string path, std::string_view) { path_ = std::move(path); }

  void operator()(bool& target, const OptionSpec& spec) { target = values_.boolean(key(spec)); }
  void operator()(std::string& target, const OptionSpec& spec) { target = values_.text(key(spec)); }
  void operator()(milliseconds& target, const OptionSpec& spec) { target = values_.duration(key(spec)); }
  void operator()(std::vector<std::string>& target, const OptionSpec& spec) { target = values_.list(key(spec)); }
  void operator()(std::int64_t& target, const OptionSpec& spec) {
    if (spec.type == choice) {
      target = permission_bits(values_.text(key(spec)));
    } else {
      target = spec.type == bytes ? values_.bytes(key(spec)) : values_.integer(key(spec));
    }
  }
  void operator()(CidrSet& target, const OptionSpec& spec) {
    auto set = CidrSet::parse(values_.list(key(spec)));
    GANTRY_ASSERT(set.has_value(), "values are checked before they are read");
    target = *std::move(set);
  }
  template <typename E>
  requires std::is_enum_v<E>
  void operator()(E& target, const OptionSpec& spec) {
    const std::string& word = values_.text(key(spec));
    for (std::size_t i = 0; i < Words<E>::names.size(); ++i) {
      if (word == Words<E>::names[i]) target = static_cast<E>(i);
    }
  }

 private:
  static std::int64_t permission_bits(std::string_view word) {
    return (word.find('r') != std::string_view::npos ? 4 : 0) | (word.find('w') != std::string_view::npos ? 2 : 0);
  }
  [[nodiscard]] std::string key(const OptionSpec& spec) const { return path_ + "." + spec.key; }

  const Values& values_;
  std::string path_;
};

void add_error(std::vector<Finding>& findings, std::string text) {
  findings.push_back({Severity::error, "configuration", 0, 0, std::move(text)});
}

}  // namespace

KernelOptions::KernelOptions() {
  static const Values defaults(kernel_option_tables());
  Filler filler(defaults);
  visit_all(filler, *this);
}

OptionTables kernel_option_tables() {
  Collector collector;
  KernelOptions shape{KernelOptions::Blank{}};  // only referred to, so that each field brings its type
  visit_all(collector, shape);
  return std::move(collector).finish();
}

KernelOptions read_kernel_options(const Values& values) {
  KernelOptions options{KernelOptions::Blank{}};
  Filler filler(values);
  visit_all(filler, options);
  options.scripts.entries = read_script_entries(values, options.scripts);
  return options;
}

std::vector<Finding> check_kernel_options(const KernelOptions& options) {
  std::vector<Finding> findings;
  const auto& [broker, listen, nameserver, admin, threads, log, plugins, scripts, shutdown, limits] = options;
  if (!broker.enabled && !nameserver.enabled) {
    add_error(findings, "broker.enabled and nameserver.enabled are both false: expected at least one role");
  }
  if (listen.tls != TlsMode::disabled && (listen.tls_cert.empty() || listen.tls_key.empty())) {
    add_error(findings,
              "listen.tls is not \"disabled\": expected listen.tls_cert and listen.tls_key, found an empty one");
  }
  if (listen.tls_client_auth != TlsClientAuth::none && listen.tls_ca.empty()) {
    add_error(findings,
              "listen.tls_client_auth is not \"none\": expected listen.tls_ca to check certificates against, found "
              "none");
  }
  const auto same_port = [&](std::int64_t a, std::int64_t b) { return a > 0 && a == b; };
  if (broker.enabled && same_port(listen.port, listen.fast_port)) {
    add_error(findings, "listen.port and listen.fast_port are both " + std::to_string(listen.port) +
                            ": expected two ports, or fast_port = -1");
  }
  if (broker.enabled && nameserver.enabled &&
      (same_port(nameserver.port, listen.port) || same_port(nameserver.port, listen.fast_port))) {
    add_error(findings, "nameserver.port is a port of the broker as well: expected one of its own, found " +
                            std::to_string(nameserver.port));
  }
  if (listen.frame_bytes_max < broker.message_bytes_max + (64 << 10)) {
    add_error(findings, "listen.frame_bytes_max: expected at least 64KiB more than broker.message_bytes_max (" +
                            format_bytes(broker.message_bytes_max) + "), found " +
                            format_bytes(listen.frame_bytes_max));
  }
  if (listen.fast_port > 0 && listen.port > 0 && listen.fast_port != listen.port - 2 && broker.enabled) {
    findings.push_back({Severity::warning, "configuration", 0, 0,
                        "listen.fast_port is " + std::to_string(listen.fast_port) +
                            ", but clients look for it two below listen.port, at " + std::to_string(listen.port - 2)});
  }
  const auto lacks = [&](std::string_view plugin) {
    return std::find(plugins.load.begin(), plugins.load.end(), plugin) == plugins.load.end();
  };
  if (broker.enabled && !plugins.load.empty() && lacks("delay")) {
    findings.push_back({Severity::warning, "configuration", 0, 0,
                        "plugins.load does not name \"delay\": delayed and timed messages are refused, and what a "
                        "consumer could not handle is not retried later, because its client cannot put it back"});
  }
  if (const auto levels = parse_delay_levels(broker.delay_levels); !levels) {
    add_error(findings, "broker.delay_levels: " + levels.error().text);
  }
  if (broker.name.empty() || broker.cluster.empty()) {
    add_error(findings, "broker.name and broker.cluster: expected names, found an empty one");
  }
  return findings;
}

}  // namespace gantry::config
