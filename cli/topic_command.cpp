// gantry topic create | list | show | delete

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/table.hpp"
#include "client/admin.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct TopicOptions {
  ClusterOptions cluster;
  client::TopicSettings settings;
  std::int32_t queues = 8;
  std::string perm = "rw";
  std::string broker;
  bool all = false;
  bool yes = false;
  bool json = false;
};

Result<std::unique_ptr<client::Admin>> connect(const TopicOptions& options) {
  return client::Admin::start({.name_servers = options.cluster.name_servers, .remoting = options.cluster.remoting()});
}

Result<std::int32_t> parse_perm(const std::string& text) {
  if (text == "rw" || text == "wr" || text == "6") return 6;
  if (text == "r" || text == "4") return 4;
  if (text == "w" || text == "2") return 2;
  return Error{Errc::invalid_argument, "--perm: expected rw, r or w, found '" + text + "'"};
}

std::string perm_text(std::int32_t perm) {
  std::string text;
  if ((perm & 4) != 0) text += "r";
  if ((perm & 2) != 0) text += "w";
  if ((perm & 1) != 0) text += "x";
  return text.empty() ? "-" : text;
}

int create(TopicOptions& options) {
  const auto perm = parse_perm(options.perm);
  if (!perm) return fail(perm.error());
  options.settings.perm = *perm;
  options.settings.read_queues = options.settings.write_queues = options.queues;
  auto admin = connect(options);
  if (!admin) return fail(admin.error());
  if (const auto created = (*admin)->create_topic(options.settings, options.broker); !created)
    return fail(created.error());
  if (options.json) {
    std::printf("%s\n", JsonObject().add("topic", options.settings.topic).add("queues", options.queues).text().c_str());
  } else {
    std::printf("topic %s: %d queues, %s\n", options.settings.topic.c_str(), options.queues, options.perm.c_str());
  }
  return exit_ok;
}

bool is_internal(const std::string& topic) {
  constexpr const char* names[] = {"TBW102", "BenchmarkTest", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT"};
  const auto starts = [&](const char* prefix) { return topic.starts_with(prefix); };
  return starts("%") || starts("rmq_sys_") || starts("RMQ_SYS_") || starts("SCHEDULE_TOPIC_") ||
         starts("TRANS_CHECK_") || topic.ends_with("_REPLY_TOPIC") ||
         std::find(std::begin(names), std::end(names), topic) != std::end(names);
}

int list(const TopicOptions& options) {
  auto admin = connect(options);
  if (!admin) return fail(admin.error());
  auto topics = (*admin)->topics();
  if (!topics) return fail(topics.error());
  std::sort(topics->begin(), topics->end());
  if (!options.all) {
    // The topics named after clusters and brokers are RocketMQ's own, too.
    const auto brokers = (*admin)->brokers();
    if (!brokers) return fail(brokers.error());
    topics->erase(std::remove_if(topics->begin(), topics->end(),
                                 [&](const std::string& topic) {
                                   return is_internal(topic) || std::any_of(brokers->begin(), brokers->end(),
                                                                            [&](const client::BrokerInfo& b) {
                                                                              return b.cluster == topic ||
                                                                                     b.name == topic;
                                                                            });
                                 }),
                  topics->end());
  }
  if (options.json) {
    std::printf("%s\n", JsonObject().add("topics", *topics).text().c_str());
    return exit_ok;
  }
  for (const std::string& topic : *topics) std::printf("%s\n", topic.c_str());
  if (topics->empty()) std::printf("no topics yet; RocketMQ's own ones are shown with --all\n");
  return exit_ok;
}

int show(const TopicOptions& options) {
  auto admin = connect(options);
  if (!admin) return fail(admin.error());
  const auto route = (*admin)->route(options.settings.topic);
  if (!route) return fail(route.error());
  const auto state = (*admin)->topic_state(options.settings.topic);
  if (!state) return fail(state.error());

  if (options.json) {
    std::vector<JsonObject> brokers;
    for (const auto& queues : route->queues) {
      brokers.push_back(JsonObject()
                            .add("broker", queues.broker_name)
                            .add("read_queues", queues.read_count)
                            .add("write_queues", queues.write_count)
                            .add("perm", perm_text(queues.perm)));
    }
    std::vector<JsonObject> queues;
    for (const auto& queue : *state) {
      queues.push_back(JsonObject()
                           .add("broker", queue.queue.broker_name)
                           .add("queue", queue.queue.queue_id)
                           .add("min_offset", queue.min_offset)
                           .add("max_offset", queue.max_offset)
                           .add("last_update_ms", queue.last_update_ms));
    }
    std::printf(
        "%s\n",
        JsonObject().add("topic", options.settings.topic).add("brokers", brokers).add("queues", queues).text().c_str());
    return exit_ok;
  }
  for (const auto& queues : route->queues) {
    std::printf("%s on %s: %d write queues, %d read queues, %s\n", options.settings.topic.c_str(),
                queues.broker_name.c_str(), queues.write_count, queues.read_count, perm_text(queues.perm).c_str());
  }
  Table table({"broker", "queue", "min offset", "max offset", "messages"});
  for (const auto& queue : *state) {
    table.add({queue.queue.broker_name, std::to_string(queue.queue.queue_id), std::to_string(queue.min_offset),
               std::to_string(queue.max_offset), std::to_string(queue.max_offset - queue.min_offset)});
  }
  table.print();
  return exit_ok;
}

int remove_topic(const TopicOptions& options) {
  if (!options.yes) {
    return fail(Error{Errc::invalid_argument,
                      "deleting " + options.settings.topic + " drops its messages; repeat the command with --yes"});
  }
  auto admin = connect(options);
  if (!admin) return fail(admin.error());
  if (const auto deleted = (*admin)->delete_topic(options.settings.topic); !deleted) return fail(deleted.error());
  options.json ? std::printf("%s\n", JsonObject().add("deleted", options.settings.topic).text().c_str())
               : std::printf("topic %s: deleted\n", options.settings.topic.c_str());
  return exit_ok;
}

}  // namespace

void add_topic_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<TopicOptions>();
  CLI::App* topic = app.add_subcommand("topic", "Create, list, show and delete topics");
  topic->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*action)(TopicOptions&)) {
    CLI::App* command = topic->add_subcommand(name, help);
    options->cluster.add_to(*command);
    command->add_flag("--json", options->json, "JSON instead of text");
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };
  const auto add_name = [&](CLI::App* command) {
    command->add_option("topic", options->settings.topic, "the topic's name")->required();
  };

  CLI::App* create_command = add("create", "Create a topic, or change an existing one", create);
  add_name(create_command);
  create_command->add_option("--queues,-q", options->queues, "read and write queues on each broker")
      ->capture_default_str();
  create_command->add_option("--perm", options->perm, "rw, r or w")->capture_default_str();
  create_command->add_flag("--order", options->settings.order, "mark the topic as ordered");
  create_command->add_option("--attributes", options->settings.attributes, "RocketMQ attributes: +key=value,-key");
  create_command->add_option("--broker", options->broker, "only on the broker of this name");

  CLI::App* list_command = add("list", "Names of all topics", [](TopicOptions& o) { return list(o); });
  list_command->add_flag("--all,-a", options->all, "RocketMQ's own topics, too");

  add_name(add("show", "Route, queues and offsets of a topic", [](TopicOptions& o) { return show(o); }));

  CLI::App* delete_command =
      add("delete", "Delete a topic and its messages", [](TopicOptions& o) { return remove_topic(o); });
  add_name(delete_command);
  delete_command->add_flag("--yes", options->yes, "yes, really");
}

}  // namespace gantry::cli
