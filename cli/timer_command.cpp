// gantry timer list | show | cancel

#include "cli/ask_brokers.hpp"
#include "cli/command.hpp"
#include "cli/json_rows.hpp"
#include "cli/table.hpp"
#include "cli/time_text.hpp"

#include <charconv>
#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct TimerOptions {
  ClusterOptions cluster;
  std::string topic;
  std::string key;
  std::string unique_key;
  int limit = 20;
  bool json = false;
};

/// What TIMER_LIST and TIMER_CANCEL are asked with; empty fields are left out.
struct TimerHeader {
  static constexpr std::string_view name = "TIMER_LIST or TIMER_CANCEL";
  std::string_view topic{};
  std::string_view key{};
  std::string_view unique_key{};
  std::string_view limit{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("topic", h.topic);
    v.optional("key", h.key);
    v.optional("uniqKey", h.unique_key);
    v.optional("limit", h.limit);
  }
};

std::string shown_time(const std::string& ms_text) {
  std::int64_t ms = 0;
  const auto [end, failed] = std::from_chars(ms_text.data(), ms_text.data() + ms_text.size(), ms);
  return failed == std::errc() ? format_time(ms) : ms_text;
}

void print_timers(const std::string& broker, std::vector<JsonRows::Row>& timers) {
  Table table({"broker", "due", "topic", "queue", "unique key", "keys", "stored", "state"});
  for (JsonRows::Row& timer : timers) {
    table.add({broker, shown_time(timer["dueMs"]), timer["topic"], timer["queueId"], timer["uniqKey"], timer["keys"],
               shown_time(timer["storedMs"]), timer["cancelled"] == "true" ? "cancelled" : "waits"});
  }
  table.print();
}

void print_answer(const std::string& broker, const std::string& json, const char* list, bool with_counts) {
  JsonRows found;
  if (const Status read = protocol::read_json(json, found); !read) {
    std::fprintf(stderr, "gantry: %s: %s\n", broker.c_str(), read.error().text.c_str());
    return;
  }
  if (with_counts) {
    std::printf("%s: %s timers wait, %s of them in memory, the others in %s files\n", broker.c_str(),
                found.values["pending"].c_str(), found.values["inMemory"].c_str(), found.values["runs"].c_str());
    Table topics({"broker", "topic", "waiting"});
    for (JsonRows::Row& topic : found.rows["topics"]) topics.add({broker, topic["topic"], topic["pending"]});
    topics.print();
  }
  print_timers(broker, found.rows[list]);
}

int ask(const TimerOptions& options, protocol::RequestCode code, const TimerHeader& header, const char* list,
        bool with_counts) {
  return ask_brokers(
      {options.cluster, options.json, protocol::ResponseCode::query_not_found}, code, header,
      [=](const std::string& broker, const std::string& json) { print_answer(broker, json, list, with_counts); });
}

int list(const TimerOptions& options) {
  const std::string limit = std::to_string(options.limit);
  return ask(options, protocol::RequestCode::timer_list, {.limit = limit}, "timers", true);
}

int show(const TimerOptions& options) {
  return ask(options, protocol::RequestCode::timer_list, {.topic = options.topic, .key = options.key}, "timers", false);
}

int cancel(const TimerOptions& options) {
  if (options.key.empty() == options.unique_key.empty()) {
    static_cast<void>(fail({Errc::invalid_argument, "expected either --key or --unique-key"}));
    return exit_usage;
  }
  return ask(options, protocol::RequestCode::timer_cancel,
             {.topic = options.topic, .key = options.key, .unique_key = options.unique_key}, "cancelled", false);
}

}  // namespace

void add_timer_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<TimerOptions>();
  CLI::App* timer = app.add_subcommand("timer", "Messages that wait for their time");
  timer->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, std::function<int(const TimerOptions&)> action) {
    CLI::App* command = timer->add_subcommand(name, help);
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    command->add_flag("--json", options->json, "one line of JSON for each broker");
    options->cluster.add_to(*command);
    return command;
  };

  CLI::App* lists = add("list", "How many wait, by topic, and what is due next", list);
  lists->add_option("--limit", options->limit, "how many of the next")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();

  CLI::App* shows = add("show", "The timers of a key", show);
  shows->add_option("--topic,-t", options->topic, "the topic in which they will be delivered")->required();
  shows->add_option("--key", options->key, "one of the keys, or the unique key, of the message")->required();

  CLI::App* cancels = add("cancel", "Delete timers before they are delivered", cancel);
  cancels->add_option("--topic,-t", options->topic, "the topic in which they would be delivered")->required();
  cancels->add_option("--key", options->key, "all with this key");
  cancels->add_option("--unique-key", options->unique_key, "the one with this unique key");
}

}  // namespace gantry::cli
