// gantry group create | list | show | delete | replay, and gantry lag

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/table.hpp"
#include "cli/time_text.hpp"
#include "client/groups.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct GroupOptions {
  ClusterOptions cluster;
  protocol::SubscriptionGroupConfig config;
  bool no_consume = false;
  bool no_broadcast = false;
  bool orderly = false;
  std::string group;
  std::string topic;
  std::string to;
  std::int32_t queue_id = -1;
  std::int64_t offset = -1;
  bool yes = false;
  bool json = false;
};

Result<std::unique_ptr<client::Groups>> connect(const GroupOptions& options) {
  return client::Groups::start({.name_servers = options.cluster.name_servers, .remoting = options.cluster.remoting()});
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// How long ago; "-" when nothing waits.
std::string age_text(const std::optional<std::int64_t>& since_ms) {
  if (!since_ms) return "-";
  const std::int64_t seconds = std::max<std::int64_t>(now_ms() - *since_ms, 0) / 1'000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3'600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

int list(GroupOptions& options) {
  auto groups = connect(options);
  if (!groups) return fail(groups.error());
  const auto names = (*groups)->list();
  if (!names) return fail(names.error());
  if (options.json) {
    std::printf("%s\n", JsonObject().add("groups", *names).text().c_str());
    return exit_ok;
  }
  for (const std::string& name : *names) std::printf("%s\n", name.c_str());
  if (names->empty()) std::printf("no groups yet; a group comes into being with its first consumer\n");
  return exit_ok;
}

JsonObject to_json(const client::QueueProgress& line) {
  JsonObject json;
  json.add("topic", line.queue.topic)
      .add("broker", line.queue.broker_name)
      .add("queue", line.queue.queue_id)
      .add("end", line.end)
      .add("offset", line.offset)
      .add("lag", line.lag())
      .add("last_consumed_ms", line.last_ms);
  if (line.oldest_waiting_ms) json.add("oldest_waiting_ms", *line.oldest_waiting_ms);
  return json;
}

void print_progress(const client::GroupState& state) {
  if (state.progress.empty()) {
    std::printf("it has not consumed anything yet\n");
    return;
  }
  Table table({"topic", "broker", "queue", "end", "offset", "lag", "oldest waiting"});
  std::int64_t lag = 0;
  for (const auto& line : state.progress) {
    lag += line.lag();
    table.add({line.queue.topic, line.queue.broker_name, std::to_string(line.queue.queue_id), std::to_string(line.end),
               std::to_string(line.offset), std::to_string(line.lag()), age_text(line.oldest_waiting_ms)});
  }
  table.print();
  std::printf("%lld messages wait; %.1f consumed per second in the last minute\n", static_cast<long long>(lag),
              state.consumed_per_second);
}

int show(GroupOptions& options) {
  auto groups = connect(options);
  if (!groups) return fail(groups.error());
  const auto state = (*groups)->state(options.group, true);
  if (!state) return fail(state.error());
  if (options.json) {
    std::vector<JsonObject> members;
    for (const auto& member : state->members) {
      members.push_back(JsonObject()
                            .add("client_id", member.client_id)
                            .add("address", member.address)
                            .add("language", member.language)
                            .add("version", member.version)
                            .add("broker", member.broker));
    }
    std::vector<JsonObject> subscriptions;
    for (const auto& [topic, expression] : state->subscriptions) {
      subscriptions.push_back(JsonObject().add("topic", topic).add("expression", expression));
    }
    std::vector<JsonObject> queues;
    for (const auto& line : state->progress) queues.push_back(to_json(line));
    std::printf("%s\n", JsonObject()
                            .add("group", options.group)
                            .add("model", state->model)
                            .add("members", members)
                            .add("subscriptions", subscriptions)
                            .add("queues", queues)
                            .add("consumed_per_second", state->consumed_per_second)
                            .text()
                            .c_str());
    return exit_ok;
  }
  for (const auto& [broker, config] : state->settings) {
    std::printf("%s on %s: %s, %d retries, %d retry queues%s\n", options.group.c_str(), broker.c_str(),
                config.consume_enable ? "may consume" : "may NOT consume", config.retry_count_max,
                config.retry_queue_count, config.consume_broadcast_enable ? "" : ", no broadcasting");
  }
  if (state->members.empty()) {
    std::printf("offline: no member is connected\n");
  } else {
    Table members({"member", "address", "language", "broker"});
    for (const auto& member : state->members) {
      members.add({member.client_id, member.address, member.language, member.broker});
    }
    members.print();
    for (const auto& [topic, expression] : state->subscriptions) {
      std::printf("subscribes to %s: %s (%s)\n", topic.c_str(), expression.c_str(), state->model.c_str());
    }
  }
  print_progress(*state);
  return exit_ok;
}

int lag(GroupOptions& options) {
  auto groups = connect(options);
  if (!groups) return fail(groups.error());
  std::vector<std::string> names{options.group};
  if (options.group.empty()) {
    auto all = (*groups)->list();
    if (!all) return fail(all.error());
    names = *std::move(all);
  }
  std::vector<JsonObject> lines;
  Table table({"group", "topic", "members", "lag", "oldest waiting", "consumed/s"});
  for (const std::string& name : names) {
    const auto state = (*groups)->state(name, true);
    if (!state) return fail(state.error());
    struct Sum {
      std::int64_t lag = 0;
      std::optional<std::int64_t> oldest;
    };
    std::map<std::string, Sum> topics;
    for (const auto& line : state->progress) {
      Sum& sum = topics[line.queue.topic];
      sum.lag += line.lag();
      if (line.oldest_waiting_ms && (!sum.oldest || *line.oldest_waiting_ms < *sum.oldest)) {
        sum.oldest = line.oldest_waiting_ms;
      }
    }
    char rate[32];
    std::snprintf(rate, sizeof rate, "%.1f", state->consumed_per_second);
    for (const auto& [topic, sum] : topics) {
      table.add(
          {name, topic, std::to_string(state->members.size()), std::to_string(sum.lag), age_text(sum.oldest), rate});
      JsonObject line;
      line.add("group", name).add("topic", topic).add("members", state->members.size()).add("lag", sum.lag);
      if (sum.oldest) line.add("oldest_waiting_ms", *sum.oldest);
      lines.push_back(std::move(line));
    }
  }
  options.json ? static_cast<void>(std::printf("%s\n", JsonObject().add("lag", lines).text().c_str())) : table.print();
  return exit_ok;
}

int create(GroupOptions& options) {
  options.config.group_name = options.group;
  options.config.consume_enable = !options.no_consume;
  options.config.consume_broadcast_enable = !options.no_broadcast;
  options.config.consume_message_orderly = options.orderly;
  auto groups = connect(options);
  if (!groups) return fail(groups.error());
  if (const auto created = (*groups)->create(options.config); !created) return fail(created.error());
  options.json ? std::printf("%s\n", JsonObject().add("group", options.group).text().c_str())
               : std::printf("group %s: %d retries, %d retry queues\n", options.group.c_str(),
                             options.config.retry_count_max, options.config.retry_queue_count);
  return exit_ok;
}

int remove_group(GroupOptions& options) {
  if (!options.yes) {
    return fail(Error{Errc::invalid_argument,
                      "deleting " + options.group + " forgets how far it has come; repeat the command with --yes"});
  }
  auto groups = connect(options);
  if (!groups) return fail(groups.error());
  if (const auto removed = (*groups)->remove(options.group); !removed) return fail(removed.error());
  options.json ? std::printf("%s\n", JsonObject().add("deleted", options.group).text().c_str())
               : std::printf("group %s: deleted\n", options.group.c_str());
  return exit_ok;
}

int replay(GroupOptions& options) {
  client::GroupMove move;
  move.group = options.group;
  move.topic = options.topic;
  move.queue_id = options.queue_id;
  if (options.offset >= 0) {
    if (options.queue_id < 0) {
      return fail(Error{Errc::invalid_argument, "--offset needs --queue: offsets count within one queue"});
    }
    move.offset = options.offset;
  } else if (options.to == "earliest") {
    move.time_ms = 0;
  } else if (options.to != "latest") {
    const auto time = parse_time(options.to);
    if (!time) return fail(Error(time.error()).within("--to (a time, earliest or latest)"));
    move.time_ms = *time;
  }
  auto groups = connect(options);
  if (!groups) return fail(groups.error());
  const auto moved = (*groups)->move(move);
  if (!moved) return fail(moved.error());
  if (options.json) {
    std::vector<JsonObject> queues;
    for (const auto& [queue, offset] : *moved) {
      queues.push_back(
          JsonObject().add("broker", queue.broker_name).add("queue", queue.queue_id).add("offset", offset));
    }
    std::printf(
        "%s\n",
        JsonObject().add("group", options.group).add("topic", options.topic).add("queues", queues).text().c_str());
    return exit_ok;
  }
  Table table({"broker", "queue", "next offset"});
  for (const auto& [queue, offset] : *moved) {
    table.add({queue.broker_name, std::to_string(queue.queue_id), std::to_string(offset)});
  }
  table.print();
  return exit_ok;
}

}  // namespace

void add_group_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<GroupOptions>();
  const auto prepare = [&run, options](CLI::App* command, int (*action)(GroupOptions&)) {
    options->cluster.add_to(*command);
    command->add_flag("--json", options->json, "JSON instead of text");
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };
  CLI::App* group = app.add_subcommand("group", "Consumer groups: settings, members, progress");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*action)(GroupOptions&)) {
    return prepare(group->add_subcommand(name, help), action);
  };
  const auto add_name = [&](CLI::App* command) {
    command->add_option("group", options->group, "the group's name")->required();
    return command;
  };

  add("list", "Names of all groups", list);
  add_name(add("show", "Settings, members, subscriptions and progress of a group", show));
  CLI::App* create_command = add_name(add("create", "Create a group, or change an existing one", create));
  create_command->add_option("--retries", options->config.retry_count_max, "deliveries before a message is given up")
      ->capture_default_str();
  create_command->add_option("--retry-queues", options->config.retry_queue_count, "queues of its retry topic")
      ->capture_default_str();
  create_command->add_flag("--no-consume", options->no_consume, "its members get nothing");
  create_command->add_flag("--no-broadcast", options->no_broadcast, "its members may not broadcast");
  create_command->add_flag("--orderly", options->orderly, "its members consume in order");
  CLI::App* delete_command = add_name(add("delete", "Delete a group and its offsets", remove_group));
  delete_command->add_flag("--yes", options->yes, "yes, really");

  CLI::App* replay_command =
      prepare(app.add_subcommand("replay", "Move a group back or ahead in a topic, also while it consumes"), replay);
  add_name(replay_command);
  replay_command->add_option("topic", options->topic, "the topic")->required();
  replay_command->add_option("--queue", options->queue_id, "only this queue (on every broker)");
  auto* to = replay_command->add_option("--to", options->to,
                                        "a time (\"2026-01-31 10:00:00\", or ms since 1970), earliest or latest");
  auto* offset = replay_command->add_option("--offset", options->offset, "with --queue: exactly there");
  to->excludes(offset);
  replay_command->callback([options, to, offset, &run] {
    if (to->count() + offset->count() == 0) throw CLI::ValidationError("replay", "needs --to or --offset");
    run = [options] { return replay(*options); };
  });

  CLI::App* lag_command =
      prepare(app.add_subcommand("lag", "How many messages wait for each group, and since when"), lag);
  lag_command->add_option("group", options->group, "only this group");
}

}  // namespace gantry::cli
