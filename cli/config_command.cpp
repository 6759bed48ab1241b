// gantry config check | explain | diff | sample | docs

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/table.hpp"
#include "kernel/configuration.hpp"
#include "kernel/script_service.hpp"

#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct ConfigOptions {
  ConfigurationSource source;
  std::string key;
  std::string other;
  std::vector<std::string> folders;
  bool json = false;
};

JsonObject to_json(const config::Finding& finding) {
  return JsonObject()
      .add("severity", finding.severity == config::Severity::error ? "error" : "warning")
      .add("where", finding.where)
      .add("line", finding.line)
      .add("column", finding.column)
      .add("text", finding.text);
}

int check(const ConfigOptions& options) {
  Configuration configuration = read_configuration(options.source);
  if (configuration.ok() && configuration.options.broker.enabled) {
    for (config::Finding& finding : check_scripts(configuration.options.scripts)) {
      configuration.findings.push_back(std::move(finding));
    }
  }
  if (options.json) {
    std::vector<JsonObject> findings;
    for (const config::Finding& finding : configuration.findings) findings.push_back(to_json(finding));
    std::printf("%s\n", JsonObject().add("ok", configuration.ok()).add("findings", findings).text().c_str());
  } else {
    if (!configuration.findings.empty()) std::printf("%s\n", config::to_string(configuration.findings).c_str());
    if (configuration.ok()) std::printf("%s: ok\n", options.source.file.c_str());
  }
  return configuration.ok() ? exit_ok : exit_failed;
}

/// A configuration that is used for its values: whatever is wrong with it is printed and ends the command.
bool usable(const Configuration& configuration) {
  if (!configuration.findings.empty()) std::fprintf(stderr, "%s\n", config::to_string(configuration.findings).c_str());
  return configuration.ok();
}

int explain(const ConfigOptions& options) {
  const Configuration configuration = read_configuration(options.source);
  if (!usable(configuration)) return exit_failed;
  const auto text = config::explain(configuration.values, options.key);
  if (!text) return fail(text.error());
  std::printf("%s", text->c_str());
  return exit_ok;
}

int diff(const ConfigOptions& options) {
  const Configuration right = read_configuration(options.source);
  const Configuration left = read_configuration({.file = options.other, .overrides = {}});
  if (!usable(left) || !usable(right)) return exit_failed;
  const auto changes = config::diff(left.values, right.values);
  if (options.json) {
    std::vector<JsonObject> rows;
    for (const config::Change& change : changes) {
      rows.push_back(JsonObject()
                         .add("key", change.key)
                         .add("before", change.before)
                         .add("after", change.after)
                         .add("live", change.live));
    }
    std::printf("%s\n", JsonObject().add("changes", rows).text().c_str());
    return exit_ok;
  }
  if (changes.empty()) {
    std::printf("no difference\n");
    return exit_ok;
  }
  Table table({"key", options.other.empty() ? "default" : options.other, options.source.file, "takes effect"});
  for (const config::Change& change : changes) {
    table.add({change.key, change.before, change.after, change.live ? "on reload" : "on restart"});
  }
  table.print();
  return exit_ok;
}

int generate(const ConfigOptions& options, std::string (*text)(const config::OptionTables&)) {
  const auto tables = all_option_tables(plugin_folders(options.folders));
  if (!tables) return fail(tables.error());
  std::printf("%s", text(*tables).c_str());
  return exit_ok;
}

}  // namespace

void add_config_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* config = app.add_subcommand("config", "Check, explain and compare configurations");
  config->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, std::function<int(const ConfigOptions&)> action) {
    CLI::App* command = config->add_subcommand(name, help);
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };
  const auto add_overrides = [&](CLI::App* command) {
    command->add_option("--set", options->source.overrides, "section.key=value, over the file; may be repeated");
  };

  CLI::App* check_command = add("check", "Say everything that is wrong with a file", check);
  check_command->add_option("file", options->source.file, "TOML file")->required();
  check_command->add_flag("--json", options->json, "JSON instead of text");
  add_overrides(check_command);

  CLI::App* explain_command =
      add("explain", "What an option or a section means, its value, and where that came from", explain);
  explain_command->add_option("key", options->key, "broker.ack, or broker for the whole section")->required();
  explain_command->add_option("--config,-c", options->source.file, "TOML file");
  add_overrides(explain_command);

  CLI::App* diff_command = add("diff", "What differs from the defaults, or from another file", diff);
  diff_command->add_option("file", options->source.file, "TOML file")->required();
  diff_command->add_option("other", options->other, "TOML file to compare with; without one, the defaults");
  diff_command->add_flag("--json", options->json, "JSON instead of text");

  const auto add_generator = [&](const char* name, const char* help, std::string (*text)(const config::OptionTables&)) {
    add(name, help, [text](const ConfigOptions& o) {
      return generate(o, text);
    })->add_option("--dir", options->folders, "folders in which plugins are looked for first");
  };
  add_generator("sample", "A commented TOML file with the options that operators touch", config::generate_sample);
  add_generator("docs", "The reference of all options, as Markdown", config::generate_markdown);
}

}  // namespace gantry::cli
