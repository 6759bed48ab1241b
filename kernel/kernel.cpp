#include "kernel/kernel.hpp"

#include "kernel/base/log.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/config/delay_levels.hpp"
#include "kernel/env/clock.hpp"
#include "kernel/env/files.hpp"
#include "kernel/env/resources.hpp"
#include "kernel/name_server_port.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/blocking_pool.hpp"
#include "kernel/net/connector.hpp"
#include "kernel/net/control_loop.hpp"
#include "kernel/net/free_port.hpp"
#include "kernel/net/listener.hpp"
#include "kernel/net/shard_pool.hpp"
#include "kernel/net/tls.hpp"
#include "kernel/plugin/plugin_set.hpp"
#include "kernel/plugin_bridge.hpp"
#include "kernel/registrar.hpp"
#include "kernel/routing/client_registry.hpp"
#include "kernel/routing/group_table.hpp"
#include "kernel/routing/kv_config.hpp"
#include "kernel/routing/name_server.hpp"
#include "kernel/routing/offset_table.hpp"
#include "kernel/routing/persistence.hpp"
#include "kernel/routing/rebalance_locks.hpp"
#include "kernel/routing/registration.hpp"
#include "kernel/routing/route_table.hpp"
#include "kernel/routing/topic_table.hpp"
#include "kernel/script_service.hpp"

#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <variant>

namespace gantry {
namespace {

using std::chrono::milliseconds;

constexpr int exit_ok = 0;
constexpr int exit_failed = 1;
constexpr int exit_refused = 2;
constexpr milliseconds table_interval{200};  // tables that changed are saved this soon
constexpr milliseconds registrar_interval{500};
constexpr milliseconds upkeep_interval{10'000};
constexpr milliseconds certificate_interval{5'000};
constexpr milliseconds drain_poll{5};
constexpr std::uint64_t open_files_wanted = 1'048'576;
constexpr double hot_share_of_memory = 0.4;  // what RocketMQ takes to be in the page cache

std::uint16_t port_of(std::int64_t configured) { return static_cast<std::uint16_t>(configured); }

/// "host" or "host:port" of broker.advertise, resolved; nothing when it is empty.
Result<std::optional<gantry_address>> advertised(const std::string& text, std::uint16_t port) {
  if (text.empty()) return std::optional<gantry_address>();
  net::HostPort target{text, port};
  if (auto both = net::parse_host_port(text)) target = *std::move(both);
  auto address = net::resolve(target.host, target.port);
  if (!address) return std::move(address).error().within("broker.advertise");
  return std::optional(*address);
}

net::TlsMode net_mode(config::TlsMode mode) {
  switch (mode) {
    case config::TlsMode::permissive: return net::TlsMode::permissive;
    case config::TlsMode::enforcing: return net::TlsMode::enforcing;
    case config::TlsMode::disabled: break;
  }
  return net::TlsMode::disabled;
}

net::TlsClientAuth net_auth(config::TlsClientAuth auth) {
  switch (auth) {
    case config::TlsClientAuth::optional: return net::TlsClientAuth::optional;
    case config::TlsClientAuth::require: return net::TlsClientAuth::require;
    case config::TlsClientAuth::none: break;
  }
  return net::TlsClientAuth::none;
}

/// What plugins may know of the broker before it is there. The levels have been checked with the configuration.
HostBridge::Identity identity(const config::BrokerOptions& options) {
  auto levels = config::parse_delay_levels(options.delay_levels);
  return {options.name, levels ? *std::move(levels) : std::vector<std::int64_t>()};
}

/// The node, constructed top to bottom and destroyed bottom to top. Functions without a tag are [control].
class Node final : public broker::NodeControl {
 public:
  Node(RunRequest request, Configuration configuration)
      : request_(std::move(request)),
        values_(std::move(configuration.values)),
        options_(std::move(configuration.options)),
        loaded_(std::move(configuration.plugins)),
        pool_({.threads = static_cast<std::size_t>(options_.threads.blocking),
               .waiting_max = static_cast<std::size_t>(options_.threads.blocking_queue_max)},
              metrics_),
        shards_(
            {.shards = options_.threads.shards > 0 ? static_cast<std::size_t>(options_.threads.shards) : usable_cores(),
             .read_chunk_bytes = static_cast<std::size_t>(options_.listen.read_chunk)},
            metrics_),
        connector_(shards_, pool_, metrics_) {}

  Status boot() {
    control_.on_signals({SIGTERM, SIGINT, SIGHUP}, [this](int number) { on_signal(number); });
    GANTRY_TRY(prepare_tls());
    GANTRY_TRY(prepare_name_server());
    GANTRY_TRY(shards_.start());
    // The port is known before the broker is made, because records and routes carry it.
    GANTRY_TRY(choose_ports());
    GANTRY_TRY(prepare_broker());
    // Before anybody can connect: whoever asks for a route finds this broker, and no change of a topic is missed.
    prepare_registration();
    GANTRY_TRY(open_listeners());
    if (registrar_) registrar_->tick();
    return announce();
  }

  int serve() {
    every(table_interval, [this] { save_due(); });
    every(upkeep_interval, [this] {
      if (broker_) broker_->upkeep();
    });
    if (name_server_) every(options_.nameserver.scan_interval, [this] { scan_name_server(); });
    if (registrar_) every(registrar_interval, [this] { registrar_->tick(); });
    if (routes_ && registration_) {
      every(options_.nameserver.register_interval, [this] { log_if_failed(registration_->register_with(*routes_)); });
    }
    if (broker_ && options_.scripts.poll_interval.count() > 0) {
      every(options_.scripts.poll_interval, [this] { scripts_.poll(); });
    }
    if (tls_) every(certificate_interval, [this] { reload_certificates(); });
    control_.run();
    return exit_status_;
  }

  /// Ends everything, in the reverse order of the boot. Also after a boot that failed half-way. False when something
  /// that was promised to be on the disk may not be.
  [[nodiscard]] bool shut_down() {
    bool complete = true;
    for (auto& listener : listeners_) listener->close();
    shards_.quiesce();
    if (plugins_) plugins_->quiesce();
    shards_.stop(options_.shutdown.drain);
    pool_.stop();
    host_.attach(nullptr);
    if (persistence_ && tables_loaded_) {
      const Status saved = persistence_->save_all();
      log_if_failed(saved);
      complete = saved.has_value();
    }
    if (broker_) broker_->close();
    if (plugins_) {
      for (const Error& failure : plugins_->stop()) {
        GANTRY_LOG(error, "plugin.stop_failed", field("error", failure));
        complete = false;
      }
    }
    broker_.reset();  // not earlier: a store that stops still says what became durable
    return complete;
  }

  // ---- broker::NodeControl ----

  [[nodiscard]] std::string describe_config() const override {
    std::string text;
    for (const config::SectionSpec& section : values_.tables().sections()) {
      for (const config::OptionSpec& option : section.options) {
        const std::string key = section.path + "." + option.key;
        if (key == "listen.tls_key") continue;
        text += key + "=" + config::format_option_value(option, *values_.find(key)) + "\n";
      }
    }
    // The names under which RocketMQ's tools look for these.
    text += "brokerName=" + options_.broker.name + "\nbrokerClusterName=" + options_.broker.cluster +
            "\nbrokerId=" + std::to_string(options_.broker.id) + "\nlistenPort=" + std::to_string(broker_port_) +
            "\nflushDiskType=" + (options_.broker.ack == config::AckPromise::disk ? "SYNC_FLUSH" : "ASYNC_FLUSH") +
            "\nautoCreateTopicEnable=" + (options_.broker.auto_create_topics ? "true" : "false") +
            "\nautoCreateSubscriptionGroup=" + (options_.broker.auto_create_groups ? "true" : "false") +
            "\nbrokerPermission=" + std::to_string(options_.broker.permission) +
            "\ndefaultTopicQueueNums=" + std::to_string(options_.broker.default_topic_queues) +
            "\nmaxMessageSize=" + std::to_string(options_.broker.message_bytes_max) +
            "\nmessageDelayLevel=" + options_.broker.delay_levels +
            "\nbrokerRole=" + (options_.broker.id == 0 ? "ASYNC_MASTER" : "SLAVE") +
            "\nstorePathRootDir=" + options_.broker.data + "\n";
    return text;
  }

  [[nodiscard]] std::string describe_scripts() const override { return scripts_.host().status(); }
  std::string reload_scripts() override { return scripts_.reload(); }

  void permission_changed(int permission) override {
    GANTRY_LOG(warn, "broker.permission_changed", field("permission", permission),
               field("until", "the process ends; broker.permission of the configuration stays as it is"));
    registration_->set_permission(permission);
    if (routes_) log_if_failed(registration_->register_with(*routes_));
  }

  void store_failed(std::string_view reason) override {
    control_.post([this, text = "the store failed: " + std::string(reason)]() mutable { on_fatal(std::move(text)); });
  }

 private:
  // ---- boot ----

  Status prepare_tls() {
    if (options_.listen.tls == config::TlsMode::disabled) return {};
    GANTRY_ASSIGN(tls_, net::TlsContext::make_server({.cert_file = options_.listen.tls_cert,
                                                      .key_file = options_.listen.tls_key,
                                                      .ca_file = options_.listen.tls_ca,
                                                      .client_auth = net_auth(options_.listen.tls_client_auth)}));
    return {};
  }

  Status prepare_name_server() {
    if (!options_.nameserver.enabled) return {};
    const std::filesystem::path folder = std::filesystem::path(options_.broker.data) / "gantry" / "nameserver";
    kv_file_.emplace(folder / "kvConfig.json");
    kv_.emplace(&*kv_file_,
                routing::KvOptions{.entries_max = static_cast<std::size_t>(options_.limits.kv_entries_max)});
    GANTRY_TRY(kv_->load());
    routes_.emplace(clock_,
                    routing::RouteOptions{.broker_expiry = options_.nameserver.broker_expiry,
                                          .brokers_max = static_cast<std::size_t>(options_.limits.brokers_max)});
    name_server_.emplace(*routes_, *kv_, clock_);
    name_server_shared_.emplace(
        NameServerPort::Shared{*name_server_, shards_, pool_, options_.nameserver.trusted, options_.admin.allow_from});
    for (std::size_t i = 0; i < shards_.count(); ++i) name_server_ports_.emplace_back(*name_server_shared_);
    return {};
  }

  Status choose_ports() {
    if (!options_.broker.enabled) return {};
    broker_port_ = port_of(options_.listen.port);
    if (broker_port_ != 0) return {};
    GANTRY_ASSIGN(broker_port_, net::free_port(options_.listen.host));
    return {};
  }

  Status prepare_broker() {
    if (!options_.broker.enabled) return {};
    plugins_.emplace(std::move(loaded_), host_);
    if (const auto refusals = plugins_->configure(values_); !refusals.empty()) {
      return Error{Errc::invalid_argument, plugin::to_string(refusals)};
    }
    // Before the plugins start: an expression of a subscription may call what scripts export.
    GANTRY_TRY(scripts_.start());
    slots_.emplace(*plugins_, scripts_.host());
    sdk::StoreClient& store = *plugins_->store();
    host_.attach(store);
    if (const Status told = store.delay_levels(host_.delay_levels()); !told && told.error().code != Errc::unsupported) {
      return Error(told.error()).within("broker.delay_levels");
    }

    topics_.emplace(
        routing::TopicOptions{.cluster = options_.broker.cluster,
                              .broker_name = options_.broker.name,
                              .auto_create_topics = options_.broker.auto_create_topics,
                              .default_topic_queues = static_cast<std::int32_t>(options_.broker.default_topic_queues),
                              .topics_max = static_cast<std::size_t>(options_.limits.topics_max),
                              .queues_per_topic_max = static_cast<std::int32_t>(options_.limits.queues_per_topic_max)},
        clock_);
    groups_.emplace(routing::GroupOptions{.auto_create_groups = options_.broker.auto_create_groups,
                                          .groups_max = static_cast<std::size_t>(options_.limits.groups_max)},
                    clock_);
    offsets_.emplace(clock_);
    clients_.emplace(
        clock_,
        routing::ClientOptions{
            .expiry = options_.broker.client_expiry,
            .groups_max = static_cast<std::size_t>(options_.limits.groups_max),
            .clients_per_group_max = static_cast<std::size_t>(options_.limits.clients_per_group_max),
            .subscriptions_per_group_max = static_cast<std::size_t>(options_.limits.subscriptions_per_group_max)});
    locks_.emplace(clock_);
    persistence_.emplace(store, *topics_, *groups_, *offsets_, clock_,
                         routing::PersistenceOptions{.offset_interval = options_.broker.offset_save_interval,
                                                     .table_delay = table_interval,
                                                     .folder = blob_folder()});
    persistence_->on_work([this] { control_.post([this] { save_due(); }); });

    GANTRY_ASSIGN(broker::Options behaviour, broker_options());
    broker_ = std::make_unique<broker::Broker>(broker::Environment{.shards = shards_,
                                                                   .control = control_,
                                                                   .clock = clock_,
                                                                   .store = store,
                                                                   .plugins = *slots_,
                                                                   .pool = broker_pool_,
                                                                   .metrics = metrics_,
                                                                   .node = *this,
                                                                   .topics = *topics_,
                                                                   .groups = *groups_,
                                                                   .offsets = *offsets_,
                                                                   .clients = *clients_,
                                                                   .locks = *locks_,
                                                                   .persistence = *persistence_},
                                               std::move(behaviour));

    if (const auto refusals = plugins_->start(); !refusals.empty()) {
      return Error{Errc::unavailable, plugin::to_string(refusals)};
    }
    GANTRY_TRY(persistence_->load());
    tables_loaded_ = true;
    broker_->start();
    host_.attach(broker_.get());
    return {};
  }

  /// Where operators find the store's blobs, for messages. Only the store that keeps RocketMQ's layout has such a
  /// place.
  [[nodiscard]] std::string blob_folder() const {
    const auto* chosen = values_.find("plugins.storage-mmap.path");
    if (chosen == nullptr) return {};
    const auto& path = std::get<std::string>(*chosen);
    const std::filesystem::path root = path.empty() ? options_.broker.data : path;
    return (std::filesystem::absolute(root).lexically_normal() / "config").string();
  }

  Result<broker::Options> broker_options() {
    const config::BrokerOptions& from = options_.broker;
    broker::Options to;
    to.cluster = from.cluster;
    to.name = from.name;
    to.id = from.id;
    to.region = from.region;
    to.trace_on = from.trace_on;
    GANTRY_ASSIGN(to.advertise, advertised(from.advertise, broker_port_));
    to.port = broker_port_;
    to.message_bytes_max = static_cast<std::uint32_t>(from.message_bytes_max);
    to.permission = static_cast<int>(from.permission);
    to.enforce_topic_write_permission = from.enforce_topic_write_permission;
    to.ack = from.ack == config::AckPromise::disk ? broker::AckPromise::disk : broker::AckPromise::memory;
    to.sync_flush_timeout = from.sync_flush_timeout;
    to.unacknowledged_max = static_cast<std::size_t>(from.waiting_acks_max);
    to.long_polling = from.long_polling;
    to.hold_max = from.long_poll_max;
    to.holds_per_shard_max = static_cast<std::size_t>(from.held_pulls_max);
    to.pull_count_max = static_cast<std::uint32_t>(from.pull_messages_max);
    to.pull_bytes_default = static_cast<std::uint32_t>(from.pull_bytes_max);
    to.pull_cold_bytes_max = static_cast<std::uint32_t>(from.pull_cold_bytes_max);
    to.hot_window_bytes = static_cast<std::int64_t>(hot_share_of_memory * static_cast<double>(memory_bytes()));
    to.client_expiry = from.client_expiry;
    to.admin_allow_from = options_.admin.allow_from;
    return to;
  }

  Status open_listeners() {
    net::ListenerOptions common;
    common.backlog = static_cast<int>(options_.listen.backlog);
    common.connections_max = static_cast<std::size_t>(options_.listen.connections_max);
    common.session.out_bytes_max = static_cast<std::size_t>(options_.listen.out_bytes_max);
    common.session.idle_timeout = options_.listen.idle_timeout;
    common.session.handshake_timeout = options_.listen.handshake_timeout;
    common.session.unfinished_bytes_max = static_cast<std::size_t>(options_.listen.frame_bytes_max) + 4;
    common.tls_mode = net_mode(options_.listen.tls);
    common.tls = tls_;
    if (name_server_) {
      net::ListenerOptions listener = common;
      listener.name = "nameserver";
      listener.host = options_.nameserver.host;
      listener.port = port_of(options_.nameserver.port);
      for (NameServerPort& port : name_server_ports_) listener.handlers.push_back(&port);
      GANTRY_ASSIGN(name_server_port_, open(std::move(listener)));
    }
    if (broker_) {
      net::ListenerOptions listener = common;
      listener.name = "broker";
      listener.host = options_.listen.host;
      listener.port = broker_port_;
      for (std::uint32_t i = 0; i < shards_.count(); ++i) listener.handlers.push_back(&broker_->main_port(ShardId{i}));
      GANTRY_ASSIGN(broker_port_, open(std::move(listener)));
    }
    if (broker_ && options_.listen.fast_port >= 0) {
      net::ListenerOptions listener = common;
      listener.name = "fast";
      listener.host = options_.listen.host;
      listener.port = port_of(options_.listen.fast_port);
      for (std::uint32_t i = 0; i < shards_.count(); ++i) listener.handlers.push_back(&broker_->fast_port(ShardId{i}));
      GANTRY_ASSIGN(fast_port_, open(std::move(listener)));
    }
    return {};
  }

  Result<std::uint16_t> open(net::ListenerOptions options) {
    GANTRY_ASSIGN(auto listener, net::Listener::open(shards_, std::move(options), metrics_));
    listeners_.push_back(std::move(listener));
    return listeners_.back()->port();
  }

  /// Tells the NameServer of this process and those outside about the broker, now and after every change.
  void prepare_registration() {
    if (!broker_) return;
    routing::RegistrationOptions registration;
    registration.cluster = options_.broker.cluster;
    registration.broker_name = options_.broker.name;
    registration.broker_id = options_.broker.id;
    if (const auto& address = broker_->options().advertise) registration.advertise = net::to_string(*address);
    registration.port = broker_port_;
    registration.permission = static_cast<std::int32_t>(options_.broker.permission);
    registration.interval = options_.nameserver.register_interval;
    registration_.emplace(*topics_, clock_, std::move(registration));
    if (routes_) log_if_failed(registration_->register_with(*routes_));
    topics_->listen([this](const routing::TopicChange& change) {
      if (routes_) registration_->apply_change(*routes_, change);
      registration_->note_change();
    });
    if (options_.nameserver.addresses.empty()) return;
    registrar_.emplace(Registrar::Options{.addresses = options_.nameserver.addresses,
                                          .connect_timeout = options_.nameserver.register_timeout},
                       *registration_, connector_, shards_, control_, clock_);
  }

  Status announce() {
    std::string text = "gantry ready:";
    std::string json = "{";
    const auto add = [&](const char* name, const std::string& host, std::uint16_t port) {
      if (port == 0) return;
      text += std::string(" ") + name + " " + host + ":" + std::to_string(port);
      json += std::string(json.size() > 1 ? "," : "") + "\"" + name + "\":" + std::to_string(port);
    };
    add("nameserver", options_.nameserver.host, name_server_port_);
    add("broker", options_.listen.host, broker_port_);
    add("fast", options_.listen.host, fast_port_);
    GANTRY_LOG(info, "gantry.ready", field("broker", options_.broker.name), field("broker_port", broker_port_),
               field("nameserver_port", name_server_port_), field("shards", shards_.count()));
    if (!request_.ports_file.empty()) GANTRY_TRY(write_file_atomically(request_.ports_file, json + "}\n"));
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
    return {};
  }

  // ---- while it runs ----

  /// Runs `task` again and again. The node outlives its control loop, so the task may refer to it.
  void every(milliseconds interval, std::function<void()> task) {
    control_.call_after(interval, [this, interval, task = std::move(task)]() mutable {
      task();
      if (!stopping_) every(interval, std::move(task));
    });
  }

  void save_due() {
    if (persistence_ && tables_loaded_) log_if_failed(persistence_->save_due());
  }

  void scan_name_server() {
    for (const ChannelId channel : name_server_->scan()) {
      shards_.with_channel(channel, [](Channel* open) {
        if (open != nullptr) open->close("the broker was silent for too long");
      });
    }
  }

  void reload_certificates() {
    const auto changed = tls_->reload_if_changed();
    if (!changed) GANTRY_LOG(error, "tls.reload_failed", field("error", changed.error()));
    if (changed && *changed) GANTRY_LOG(info, "tls.reloaded");
  }

  void on_signal(int number) {
    if (number == SIGHUP) return reload();
    GANTRY_LOG(info, "gantry.stopping", field("signal", number));
    begin_stop(exit_ok);
  }

  /// Takes over what may change while running; says what has to wait for a restart.
  void reload() {
    log_if_failed(reopen_log());
    const Configuration fresh = read_configuration(request_.source);
    if (!fresh.ok()) {
      GANTRY_LOG(error, "config.reload_refused", field("findings", config::to_string(fresh.findings)));
      return;
    }
    const config::Reload plan = config::plan_reload(values_, fresh.values);
    if (plugins_) {
      if (const auto taken = plugins_->reconfigure(values_, plan.values); !taken) {
        GANTRY_LOG(error, "config.reload_refused", field("error", taken.error()));
        return;
      }
    }
    values_ = plan.values;
    set_log_level(fresh.options.log.level);
    if (broker_) scripts_.reconfigure(fresh.options.scripts.entries);
    options_.shutdown = fresh.options.shutdown;
    if (tls_) log_if_failed(tls_->reload());
    for (const config::Change& change : plan.applied) {
      GANTRY_LOG(info, "config.changed", field("key", change.key), field("before", change.before),
                 field("after", change.after));
    }
    for (const config::Change& change : plan.needs_restart) {
      GANTRY_LOG(warn, "config.needs_restart", field("key", change.key), field("running", change.before),
                 field("file", change.after));
    }
  }

  void begin_stop(int status) {
    if (status != exit_ok) exit_status_ = status;  // what fails during an ordinary stop makes it a failed one
    if (stopping_) return;
    stopping_ = true;
    if (registration_ && routes_) registration_->unregister_from(*routes_);
    if (registrar_) registrar_->stop();
    if (broker_) broker_->stop();
    stop_deadline_ = clock_.steady() + options_.shutdown.drain;
    wait_until_drained();
  }

  void wait_until_drained() {
    const bool drained = !broker_ || broker_->drained();
    if (!drained && clock_.steady() < stop_deadline_) {
      control_.call_after(drain_poll, [this] { wait_until_drained(); });
      return;
    }
    if (!drained) GANTRY_LOG(warn, "gantry.drain_timeout", field("after_ms", options_.shutdown.drain));
    control_.stop();
  }

  void on_fatal(std::string reason) {
    GANTRY_LOG(error, "gantry.fatal", field("reason", reason));
    begin_stop(exit_failed);
  }

  static void log_if_failed(const Status& status) {
    if (!status) GANTRY_LOG_EVERY(std::chrono::seconds(5), error, "gantry.failure", field("error", status.error()));
  }

  const RunRequest request_;
  config::Values values_;
  config::KernelOptions options_;
  plugin::LoadResult loaded_;

  const SystemClock clock_;
  MetricsRegistry metrics_;
  net::ControlLoop control_;
  net::BlockingPool pool_;
  net::ShardPool shards_;
  net::Connector connector_;
  std::shared_ptr<net::TlsContext> tls_;
  BrokerPool broker_pool_{pool_};
  ScriptService scripts_{options_.scripts, clock_, metrics_};
  HostBridge host_{clock_,
                   metrics_,
                   control_,
                   pool_,
                   scripts_.functions(),
                   options_.broker.data,
                   identity(options_.broker),
                   [this](std::string reason) { on_fatal(std::move(reason)); }};

  std::optional<routing::KvFile> kv_file_;
  std::optional<routing::KvConfig> kv_;
  std::optional<routing::RouteTable> routes_;
  std::optional<routing::NameServer> name_server_;
  std::optional<NameServerPort::Shared> name_server_shared_;
  std::deque<NameServerPort> name_server_ports_;

  std::optional<plugin::PluginSet> plugins_;
  std::optional<PluginSlotsBridge> slots_;
  std::optional<routing::TopicTable> topics_;
  std::optional<routing::GroupTable> groups_;
  std::optional<routing::OffsetTable> offsets_;
  std::optional<routing::ClientRegistry> clients_;
  std::optional<routing::RebalanceLocks> locks_;
  std::optional<routing::Persistence> persistence_;
  std::unique_ptr<broker::Broker> broker_;
  std::optional<routing::Registration> registration_;
  std::optional<Registrar> registrar_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;

  std::uint16_t broker_port_ = 0;
  std::uint16_t fast_port_ = 0;
  std::uint16_t name_server_port_ = 0;
  bool tables_loaded_ = false;
  bool stopping_ = false;
  int exit_status_ = exit_ok;
  milliseconds stop_deadline_{0};
};

}  // namespace

int run_node(const RunRequest& request) {
  std::signal(SIGPIPE, SIG_IGN);
  Configuration configuration = read_configuration(request.source);
  if (!configuration.findings.empty()) std::fprintf(stderr, "%s\n", config::to_string(configuration.findings).c_str());
  if (!configuration.ok()) return exit_refused;
  const config::LogSettings& log = configuration.options.log;
  if (const auto started = start_log({.level = log.level, .format = log.format, .file = log.file}); !started) {
    std::fprintf(stderr, "gantry: %s\n", started.error().text.c_str());
    return exit_refused;
  }
  (void)raise_open_files_limit(open_files_wanted);

  int status = exit_failed;
  {
    Node node(request, std::move(configuration));
    if (const auto booted = node.boot(); booted) {
      status = node.serve();
    } else {
      GANTRY_LOG(error, "gantry.boot_failed", field("error", booted.error()));
    }
    if (!node.shut_down()) status = exit_failed;
  }
  GANTRY_LOG(info, "gantry.stopped", field("status", status));
  stop_log();
  return status;
}

}  // namespace gantry
