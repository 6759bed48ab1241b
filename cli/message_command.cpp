// gantry message show | find | at

#include "cli/body_text.hpp"
#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/message_json.hpp"
#include "cli/table.hpp"
#include "cli/time_text.hpp"
#include "client/message_finder.hpp"
#include "protocol/host.hpp"

#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

using client::MessageFinder;
using client::ReceivedMessage;

struct MessageOptions {
  ClusterOptions cluster;
  std::string id;
  std::string topic;
  client::MessageQuery query;
  std::string from;
  std::string to;
  std::string time;
  std::string broker;
  std::int32_t queue = 0;
  bool upper = false;
  bool json = false;
};

Result<std::unique_ptr<MessageFinder>> connect(const MessageOptions& options) {
  return MessageFinder::start({.name_servers = options.cluster.name_servers, .remoting = options.cluster.remoting()});
}

void print_json(const ReceivedMessage& message) { std::printf("%s\n", message_json(message).text().c_str()); }

void print_fields(const ReceivedMessage& message) {
  const auto field = [](const char* name, const std::string& value) {
    if (!value.empty()) std::printf("%-12s %s\n", name, one_line(value, value.size()).c_str());
  };
  field("topic", message.topic);
  field("broker", message.queue.broker_name);
  field("queue", std::to_string(message.queue.queue_id));
  field("offset", std::to_string(message.queue_offset));
  field("log offset", std::to_string(message.log_offset));
  field("id", message.message_id);
  field("offset id", message.offset_message_id);
  field("tags", message.tags);
  field("keys", message.keys);
  field("born", format_time(message.born_ms) + " on " + protocol::to_string(message.born_host));
  field("stored", format_time(message.store_ms) + " on " + protocol::to_string(message.store_host));
  if (message.reconsume_count > 0) field("retries", std::to_string(message.reconsume_count));
  field("flags", std::to_string(message.flag) + ", system " + std::to_string(message.sys_flag));
  field("size",
        std::to_string(message.body.size()) + " bytes of body, " + std::to_string(message.record_size) + " in the log");
  for (const auto& [name, value] : message.properties) field("property", name + " = " + value);
  if (message.body_is_compressed) {
    std::printf("\nThe body, compressed with LZ4 or ZSTD, which this program cannot read, in base64:\n%s\n",
                to_base64(message.body).c_str());
  } else if (is_text(message.body)) {
    std::printf("\n%s\n", message.body.c_str());
  } else {
    std::printf("\nThe body is no text; in base64:\n%s\n", to_base64(message.body).c_str());
  }
}

void print_table(const std::vector<ReceivedMessage>& messages) {
  constexpr std::size_t cell_max = 40;
  Table table({"stored", "broker", "queue", "offset", "id", "tags", "keys", "bytes", "body"});
  for (const ReceivedMessage& message : messages) {
    const bool shown = is_text(message.body) && !message.body_is_compressed;
    table.add({format_time(message.store_ms), message.queue.broker_name, std::to_string(message.queue.queue_id),
               std::to_string(message.queue_offset), message.message_id, one_line(message.tags, cell_max),
               one_line(message.keys, cell_max), std::to_string(message.body.size()),
               shown ? one_line(message.body, cell_max) : "(binary)"});
  }
  table.print();
}

int show(const MessageOptions& options) {
  auto finder = connect(options);
  if (!finder) return fail(finder.error());
  const auto message = options.topic.empty() ? (*finder)->view(options.id) : (*finder)->find(options.topic, options.id);
  if (!message) return fail(message.error());
  options.json ? print_json(*message) : print_fields(*message);
  return exit_ok;
}

Status read_range(MessageOptions& options) {
  if (!options.from.empty()) {
    GANTRY_ASSIGN(options.query.begin_ms, parse_time(options.from));
  }
  if (!options.to.empty()) {
    GANTRY_ASSIGN(options.query.end_ms, parse_time(options.to));
  }
  if (options.query.begin_ms > options.query.end_ms) {
    return Error{Errc::invalid_argument, "--from lies behind --to: exchange them"};
  }
  return {};
}

int find(MessageOptions& options) {
  if (const auto range = read_range(options); !range) {
    fail(range.error());
    return exit_usage;
  }
  options.query.topic = options.topic;
  auto finder = connect(options);
  if (!finder) return fail(finder.error());
  const auto found = (*finder)->query(options.query);
  if (!found) return fail(found.error());
  if (options.json) {
    for (const ReceivedMessage& message : found->messages) print_json(message);
  } else if (!found->messages.empty()) {
    print_table(found->messages);
  }
  for (const Error& problem : found->problems) fail(problem);
  if (found->messages.empty() && found->problems.empty()) {
    const bool whole = options.from.empty() && options.to.empty();
    return fail(Error{Errc::not_found, "no message of " + options.topic + " has the " +
                                           (options.query.unique_only ? "unique " : "") + "key '" + options.query.key +
                                           "'" +
                                           (whole ? "; keys are whole words of a message's keys"
                                                  : " in that time; leave --from and --to "
                                                    "away to search all of it")});
  }
  return found->problems.empty() ? exit_ok : exit_failed;
}

/// The queue on the broker that was named, or on the only one.
Result<client::MessageQueue> choose_queue(MessageFinder& finder, const MessageOptions& options) {
  GANTRY_ASSIGN(const auto queues, finder.queues(options.topic, options.queue));
  std::string names;
  for (const client::MessageQueue& queue : queues) {
    if (queue.broker_name == options.broker || (options.broker.empty() && queues.size() == 1)) return queue;
    names += (names.empty() ? "" : ", ") + queue.broker_name;
  }
  return Error{Errc::invalid_argument, "queue " + std::to_string(options.queue) + " of " + options.topic + " is on " +
                                           names + "; name one of them with --broker"};
}

int at(const MessageOptions& options) {
  const auto time = parse_time(options.time);
  if (!time) {
    fail(Error(time.error()).within("--time"));
    return exit_usage;
  }
  auto finder = connect(options);
  if (!finder) return fail(finder.error());
  const auto queue = choose_queue(**finder, options);
  if (!queue) return fail(queue.error());
  const auto boundary = options.upper ? client::TimeBoundary::upper : client::TimeBoundary::lower;
  const auto offset = (*finder)->search_offset(*queue, *time, boundary);
  if (!offset) return fail(offset.error());
  const auto message = (*finder)->message_at(*queue, *offset);
  if (!message && message.error().code != Errc::not_found) return fail(message.error());
  if (options.json) {
    JsonObject line;
    line.add("topic", queue->topic)
        .add("broker", queue->broker_name)
        .add("queue", queue->queue_id)
        .add("time_ms", *time)
        .add("boundary", options.upper ? "upper" : "lower")
        .add("offset", *offset);
    if (message) line.add("message", message_json(*message));
    std::printf("%s\n", line.text().c_str());
    return exit_ok;
  }
  const std::string shown = format_time(*time);
  std::printf("%s, queue %d on %s: offset %lld is ", queue->topic.c_str(), queue->queue_id, queue->broker_name.c_str(),
              static_cast<long long>(*offset));
  if (!message) {
    std::printf("the end of the queue: nothing was stored at or after %s\n", shown.c_str());
  } else if (!options.upper) {
    std::printf("the first stored at or after %s\n\n", shown.c_str());
  } else if (message->store_ms <= *time) {
    std::printf("the last stored at or before %s\n\n", shown.c_str());
  } else {
    std::printf("the beginning of the queue: nothing was stored at or before %s\n\n", shown.c_str());
  }
  if (message) print_fields(*message);
  return exit_ok;
}

}  // namespace

void add_message_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<MessageOptions>();
  CLI::App* message = app.add_subcommand("message", "Find messages that are stored: by id, by key, by time");
  message->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*action)(MessageOptions&)) {
    CLI::App* command = message->add_subcommand(name, help);
    options->cluster.add_to(*command);
    command->add_flag("--json", options->json, "JSON instead of text");
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };

  CLI::App* show_command = add("show", "Show one message", [](MessageOptions& o) { return show(o); });
  show_command
      ->add_option("id", options->id, "offset message id; with --topic also a unique key (the producers' message id)")
      ->required();
  show_command->add_option("--topic,-t", options->topic, "the topic that the message is in");

  CLI::App* find_command = add("find", "List the messages of a topic that have a key", find);
  find_command->add_option("topic", options->topic, "the topic")->required();
  find_command->add_option("--key,-k", options->query.key, "one of a message's keys, or its unique key")->required();
  find_command->add_flag("--unique,-u", options->query.unique_only,
                         "the key is a unique key (the producers' message id)");
  find_command->add_option("--from", options->from, "stored at this time or later: local time, or ms since 1970");
  find_command->add_option("--to", options->to, "stored at this time or earlier");
  find_command->add_option("--max,-m", options->query.count_max, "show so many of the newest, 64 at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));

  CLI::App* at_command =
      add("at", "Show which message of a queue was stored at a time", [](MessageOptions& o) { return at(o); });
  at_command->add_option("topic", options->topic, "the topic")->required();
  at_command->add_option("--queue,-q", options->queue, "the queue's id")->required();
  at_command->add_option("--time", options->time, "local time (2026-01-31 10:00:00.123), or ms since 1970")->required();
  at_command->add_flag("--upper", options->upper, "the last at or before the time; else the first at or after it");
  at_command->add_option("--broker", options->broker, "the broker's name, when the topic is on several");
}

}  // namespace gantry::cli
