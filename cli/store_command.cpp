// gantry store check | stat | dump | locate | rebuild | copy

#include "cli/command.hpp"
#include "cli/message_json.hpp"
#include "cli/store_report.hpp"
#include "kernel/configuration.hpp"
#include "kernel/plugin/plugin_set.hpp"
#include "kernel/plugin/standalone_host.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>

namespace gantry::cli {
namespace {

using Tool = Status (sdk::StoreTools::*)(const sdk::StoreQuestion&, sdk::StoreReport&);

struct StoreCommandOptions {
  ConfigurationSource source;
  std::string path;
  bool json = false;
  bool quick = false;
  bool deep = false;
  bool queues = false;
  bool index = false;
  bool all = false;
  bool discard = false;
  bool yes = false;
  std::string topic;
  std::string key;
  std::int32_t queue = -1;
  std::int64_t from_offset = 0;
  std::uint32_t count = 0;
  std::string from_time;
  std::string to_time;
  std::string log_offset;
  std::string body = "text";
  std::string where;
  std::int64_t position = 0;
  std::string target;
};

int usage(const std::string& text) {
  std::fprintf(stderr, "gantry: %s\n", text.c_str());
  return exit_usage;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// "17" or "17-99"; the end is excluded, and one behind the begin when it is not given.
bool parse_range(std::string_view text, std::int64_t& begin, std::int64_t& end) {
  const auto dash = text.find('-');
  const auto first = number_of(text.substr(0, dash));
  if (!first) return false;
  begin = *first;
  end = begin + 1;
  if (dash == std::string_view::npos) return true;
  const auto last = number_of(text.substr(dash + 1));
  if (!last || *last <= begin) return false;
  end = *last;
  return true;
}

/// Milliseconds since the epoch, or UTC as "2026-11-25" or "2026-11-25T18:50:57[.123][Z]".
std::optional<std::int64_t> parse_time(const std::string& text) {
  if (const auto ms = number_of(text)) return ms;
  std::tm parts{};
  int used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &used) != 3) {
    return std::nullopt;
  }
  std::string_view rest = std::string_view(text).substr(static_cast<std::size_t>(used));
  int more = 0;
  if (!rest.empty() &&
      (std::sscanf(rest.data(), "%*[T ]%2d:%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &more) != 3)) {
    return std::nullopt;
  }
  rest.remove_prefix(static_cast<std::size_t>(more));
  std::int64_t ms = 0;
  if (rest.starts_with('.')) {
    int digits = 0;
    for (rest.remove_prefix(1); !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), ++digits) {
      if (digits < 3) ms = ms * 10 + (rest[0] - '0');
    }
    for (; digits < 3; ++digits) ms *= 10;
  }
  if (rest.starts_with('Z')) rest.remove_prefix(1);
  if (!rest.empty()) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<std::int64_t>(::timegm(&parts)) * 1000 + ms;
}

/// The tools of the store that a configuration names, on its files. Nothing is started.
class OpenTools {
 public:
  static Result<std::unique_ptr<OpenTools>> open(const StoreCommandOptions& options) {
    ConfigurationSource source = options.source;
    if (!options.path.empty()) {
      source.overrides.push_back("broker.data=" + options.path);
      Configuration first = read_configuration(source);
      if (!first.ok()) return Error{Errc::invalid_argument, config::to_string(first.findings)};
      for (const auto& plugin : first.plugins.plugins) {
        const auto& manifest = plugin.manifest;
        const bool has_path = std::any_of(manifest.options.begin(), manifest.options.end(),
                                          [](const auto& option) { return option.key == "path"; });
        if (has_path && manifest.offers(GANTRY_STORE_ID)) {
          source.overrides.push_back("plugins." + manifest.id + ".path=" + options.path);
        }
      }
    }
    Configuration configuration = read_configuration(source);
    if (!configuration.ok()) return Error{Errc::invalid_argument, config::to_string(configuration.findings)};
    return make(std::move(configuration));
  }

  sdk::StoreTools& tools() { return *plugins_.store_tools(); }

 private:
  OpenTools(Configuration configuration, const std::string& data)
      : configuration_(std::move(configuration)), host_(data), plugins_(std::move(configuration_.plugins), host_) {}

  static Result<std::unique_ptr<OpenTools>> make(Configuration configuration) {
    const auto data = std::filesystem::absolute(configuration.options.broker.data).lexically_normal().string();
    // Only the store is made: the other plugins have nothing to do here.
    auto& loaded = configuration.plugins;
    std::erase_if(loaded.plugins, [](const auto& plugin) { return !plugin.manifest.offers(GANTRY_STORE_ID); });
    loaded.start_order.resize(loaded.plugins.size());
    for (std::size_t i = 0; i < loaded.start_order.size(); ++i) loaded.start_order[i] = i;
    if (loaded.plugins.empty()) {
      return Error{Errc::not_found,
                   "expected a configuration of a broker, which has a store; found none in plugins.load"};
    }
    const std::string id = loaded.plugins.front().manifest.id;
    std::unique_ptr<OpenTools> opened(new OpenTools(std::move(configuration), data));
    for (Error& refusal : opened->plugins_.configure(opened->configuration_.values)) return std::move(refusal);
    if (opened->plugins_.store_tools() == nullptr) {
      return Error{Errc::unsupported,
                   "expected a store with files to look into (gantry.store_tools/1), found " + id + ", which has none"};
    }
    return opened;
  }

  Configuration configuration_;
  plugin::StandaloneHost host_;
  plugin::PluginSet plugins_;
};

int run_tool(const StoreCommandOptions& options, Tool tool, sdk::StoreQuestion question,
             std::function<bool(std::int64_t, std::string_view)> record = {}) {
  // A folder that is only looked at says itself how large its files are.
  if (!options.path.empty() && options.source.file.empty() && options.source.overrides.empty()) {
    question.options |= GANTRY_TOOLS_FILE_SIZES;
  }
  auto opened = OpenTools::open(options);
  if (!opened) return fail(opened.error());
  TerminalReport report(options.json ? TerminalReport::Form::json : TerminalReport::Form::text, std::move(record));
  const auto done = ((*opened)->tools().*tool)(question, report);
  report.finish();
  if (!done) return fail(done.error());
  return report.errors() == 0 ? exit_ok : exit_failed;
}

int check(const StoreCommandOptions& options) {
  sdk::StoreQuestion question;
  if (options.quick) question.options |= GANTRY_TOOLS_QUICK;
  question.count_max = options.count;
  return run_tool(options, &sdk::StoreTools::check, question);
}

int stat(const StoreCommandOptions& options) {
  sdk::StoreQuestion question;
  if (options.deep) question.options |= GANTRY_TOOLS_DEEP;
  question.topic = options.topic;
  question.count_max = options.count;
  return run_tool(options, &sdk::StoreTools::stat, question);
}

int dump(const StoreCommandOptions& options) {
  sdk::StoreQuestion question;
  question.topic = options.topic;
  question.key = options.key;
  question.queue_id = options.queue;
  question.offset_begin = options.from_offset;
  question.count_max = options.count;
  if (!options.log_offset.empty() && !parse_range(options.log_offset, question.log_begin, question.log_end)) {
    return usage("--log-offset: expected a log offset or BEGIN-END, found '" + options.log_offset + "'");
  }
  for (const auto& [text, to] :
       {std::pair(&options.from_time, &question.time_begin), std::pair(&options.to_time, &question.time_end)}) {
    if (text->empty()) continue;
    const auto ms = parse_time(*text);
    if (!ms) return usage("expected a time as milliseconds or 2026-11-25T18:50:57Z, found '" + *text + "'");
    *to = *ms;
  }
  const BodyForm form = options.body == "none"     ? BodyForm::none
                        : options.body == "base64" ? BodyForm::base64
                                                   : BodyForm::text;
  return run_tool(options, &sdk::StoreTools::dump, question, [form](std::int64_t log_offset, std::string_view record) {
    return std::printf("%s\n", record_json(log_offset, record, form).text().c_str()) > 0;
  });
}

int locate(const StoreCommandOptions& options) {
  sdk::StoreQuestion question;
  question.count_max = options.count;
  question.position = options.position;
  if (options.where.find('/') != std::string::npos || options.where == "checkpoint") {
    question.file = options.where;
  } else if (!parse_range(options.where, question.log_begin, question.log_end)) {
    return usage("expected a log offset, BEGIN-END, or a file and a position in it, found '" + options.where + "'");
  }
  return run_tool(options, &sdk::StoreTools::locate, question);
}

int rebuild(const StoreCommandOptions& options) {
  sdk::StoreQuestion question;
  question.topic = options.topic;
  if (options.queues || options.all) question.options |= GANTRY_TOOLS_QUEUES;
  if (options.index || options.all) question.options |= GANTRY_TOOLS_INDEX;
  if (options.discard) question.options |= GANTRY_TOOLS_DISCARD;
  if (question.options == 0 || question.options == GANTRY_TOOLS_DISCARD) {
    return usage("expected --queues, --index or --all, found none of them");
  }
  if (!options.yes) {
    return usage("this replaces files of the store and starts it once; add --yes when that is what you want");
  }
  return run_tool(options, &sdk::StoreTools::rebuild, question);
}

int copy(const StoreCommandOptions& options) {
  sdk::StoreQuestion question;
  question.target = options.target;
  return run_tool(options, &sdk::StoreTools::copy, question);
}

}  // namespace

void add_store_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<StoreCommandOptions>();
  CLI::App* store = app.add_subcommand("store", "Check, describe, export, repair and copy the files of a store");
  store->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*action)(const StoreCommandOptions&)) {
    CLI::App* command = store->add_subcommand(name, help);
    command->add_option("--config,-c", options->source.file, "TOML file of the broker whose store it is");
    command->add_option("--set", options->source.overrides, "section.key=value, over the file; may be repeated");
    command->add_option("--path", options->path, "the store's root folder, whatever the configuration says");
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };
  const auto add_json = [&](CLI::App* command) {
    command->add_flag("--json", options->json, "JSON lines instead of text");
  };

  CLI::App* check_command =
      add("check", "Verify every record, queue entry, index entry and table; changes nothing", check);
  check_command->add_flag("--quick", options->quick, "structure, ends and samples only");
  check_command->add_option("--findings", options->count, "how many of a kind and file to show in full");
  add_json(check_command);

  CLI::App* stat_command = add("stat", "What a store holds: sizes, ages, topics, space", stat);
  stat_command->add_flag("--deep", options->deep, "count messages and bytes of topics by reading the log");
  stat_command->add_option("--top", options->count, "how many topics to show");
  stat_command->add_option("--topic", options->topic, "only this one");
  add_json(stat_command);

  CLI::App* dump_command = add("dump", "Export messages as JSON lines", dump);
  dump_command->add_option("--topic", options->topic, "only of this topic");
  dump_command->add_option("--queue", options->queue, "only of this queue");
  dump_command->add_option("--from-offset", options->from_offset, "from this queue offset on");
  dump_command->add_option("--count", options->count, "at most so many messages");
  dump_command->add_option("--from-time", options->from_time,
                           "stored at or after it: milliseconds, or 2026-11-25T18:50:57Z");
  dump_command->add_option("--to-time", options->to_time, "stored before it");
  dump_command->add_option("--key", options->key, "only with this key or unique key");
  dump_command->add_option("--log-offset", options->log_offset, "BEGIN or BEGIN-END: records that begin there");
  dump_command->add_option("--body", options->body, "text (base64 where it is none), base64 or none")
      ->check(CLI::IsMember({"text", "base64", "none"}))
      ->capture_default_str();

  CLI::App* locate_command = add("locate", "What lies at a log offset or in a file, and what refers to it", locate);
  locate_command->add_option("where", options->where, "LOG_OFFSET, BEGIN-END, or a file of the store")->required();
  locate_command->add_option("position", options->position, "the byte in that file");
  locate_command->add_option("--count", options->count, "how many records to show");
  add_json(locate_command);

  CLI::App* rebuild_command =
      add("rebuild", "Make queues or index again from the log; the broker must be stopped", rebuild);
  rebuild_command->add_flag("--queues", options->queues, "the consume queues");
  rebuild_command->add_flag("--index", options->index, "the index of keys");
  rebuild_command->add_flag("--all", options->all, "both");
  rebuild_command->add_option("--topic", options->topic, "only the queues of this topic");
  rebuild_command->add_flag("--discard", options->discard, "remove what is replaced instead of keeping it in gantry/");
  rebuild_command->add_flag("--yes", options->yes, "really do it");
  add_json(rebuild_command);

  CLI::App* copy_command = add("copy", "A consistent backup; the broker may be running", copy);
  copy_command->add_option("target", options->target, "a folder that does not exist or is empty")->required();
  add_json(copy_command);
}

}  // namespace gantry::cli
