// gantry plugin list | info | check

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/table.hpp"
#include "kernel/configuration.hpp"
#include "kernel/plugin/check.hpp"
#include "kernel/plugin/survey.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <unistd.h>

namespace gantry::cli {
namespace {

struct PluginCommandOptions {
  std::string config;
  std::string plugin;
  std::vector<std::string> folders;
  std::vector<std::string> settings;
  bool json = false;
};

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// What the configuration file says about plugins; the defaults without one. Nothing is loaded for that.
Result<plugin::LoadRequest> load_request(const PluginCommandOptions& options) {
  config::Document document;
  if (!options.config.empty()) {
    auto [read, findings] = config::load_document(options.config);
    if (config::has_errors(findings)) return Error{Errc::invalid_argument, config::to_string(findings)};
    document = std::move(read);
  }
  const config::Resolution resolution =
      config::resolve(document, config::kernel_option_tables(), {}, config::UndeclaredPlugins::accept);
  if (!resolution.ok()) return Error{Errc::invalid_argument, config::to_string(resolution.findings)};
  const config::KernelOptions kernel = config::read_kernel_options(resolution.values);
  std::vector<std::string> folders = options.folders;
  folders.insert(folders.end(), kernel.plugins.dir.begin(), kernel.plugins.dir.end());
  return plugin::LoadRequest{.folders = plugin_folders(folders),
                             .load = kernel.plugins.load,
                             .allow_draft = kernel.plugins.allow_draft,
                             .need_store = kernel.broker.enabled};
}

int list(const PluginCommandOptions& options) {
  const auto request = load_request(options);
  if (!request) return fail(request.error());
  const plugin::Survey survey = plugin::survey_plugins(*request);
  if (options.json) {
    std::vector<JsonObject> rows;
    for (const plugin::SurveyEntry& entry : survey.entries) {
      rows.push_back(JsonObject()
                         .add("id", entry.id)
                         .add("state", entry.state)
                         .add("listed", entry.listed)
                         .add("version", entry.manifest.version)
                         .add("provides", entry.manifest.provides)
                         .add("file", entry.file)
                         .add("refusal", entry.refusal));
    }
    std::printf("%s\n", JsonObject().add("plugins", rows).add("folders", request->folders).text().c_str());
  } else {
    Table table({"plugin", "state", "version", "provides", "file"});
    for (const plugin::SurveyEntry& entry : survey.entries) {
      table.add({entry.id, entry.state, entry.manifest.version.empty() ? "-" : entry.manifest.version,
                 entry.manifest.provides.empty() ? "-" : joined(entry.manifest.provides),
                 entry.file.empty() ? "-" : entry.file});
    }
    table.print();
  }
  for (const Error& refusal : survey.refusals) std::fprintf(stderr, "gantry: %s\n", refusal.text.c_str());
  return survey.refusals.empty() ? exit_ok : exit_failed;
}

int info(const PluginCommandOptions& options) {
  const auto manifest = plugin::describe_plugin(plugin_folders(options.folders), options.plugin);
  if (!manifest) return fail(manifest.error());
  if (options.json) {
    std::vector<JsonObject> declared;
    for (const config::OptionSpec& option : manifest->options) {
      declared.push_back(JsonObject()
                             .add("key", option.key)
                             .add("type", config::describe(option.type))
                             .add("default", option.fallback)
                             .add("live", option.live)
                             .add("sentence", option.sentence));
    }
    std::printf("%s\n", JsonObject()
                            .add("id", manifest->id)
                            .add("version", manifest->version)
                            .add("summary", manifest->summary)
                            .add("file", manifest->file)
                            .add("abi", std::to_string(manifest->abi_major) + "." + std::to_string(manifest->abi_minor))
                            .add("provides", manifest->provides)
                            .add("requires", manifest->required)
                            .add("options", declared)
                            .text()
                            .c_str());
    return exit_ok;
  }
  std::printf("%s %s: %s\n", manifest->id.c_str(), manifest->version.c_str(), manifest->summary.c_str());
  std::printf("  file      %s\n", manifest->file.c_str());
  std::printf("  ABI       %u.%u\n", manifest->abi_major, manifest->abi_minor);
  std::printf("  provides  %s\n", joined(manifest->provides).c_str());
  if (!manifest->required.empty()) std::printf("  requires  %s\n", joined(manifest->required).c_str());
  std::printf("\noptions, in [plugins.%s]:\n\n", manifest->id.c_str());
  Table table({"key", "default", "takes effect", "meaning"});
  for (const config::OptionSpec& option : manifest->options) {
    table.add({option.key, "\"" + option.fallback + "\"", option.live ? "on reload" : "on restart", option.sentence});
  }
  table.print();
  return exit_ok;
}

/// A folder for the plugin's data that goes away with its owner.
class WorkFolder {
 public:
  WorkFolder() : path_((std::filesystem::temp_directory_path() / "gantry-check-XXXXXX").string()) {
    made_ = mkdtemp(path_.data()) != nullptr;
  }
  ~WorkFolder() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_;
};

int check(const PluginCommandOptions& options) {
  const WorkFolder folder;
  if (!folder.made()) return fail(Error{Errc::io, "cannot make a temporary folder for the plugin's data"});
  plugin::CheckOptions request;
  request.file = options.plugin;
  request.work_folder = folder.path();
  for (const std::string& setting : options.settings) {
    auto pair = config::parse_override(setting);
    if (!pair) return fail(pair.error());
    request.options.push_back(*std::move(pair));
  }
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::vector<JsonObject> rows;
  const bool good = plugin::check_plugin(request, [&](const plugin::CheckStep& step) {
    step.outcome ? ++passed : ++failed;
    const std::string why = step.outcome ? std::string() : step.outcome.error().text;
    if (options.json) {
      rows.push_back(JsonObject().add("step", step.name).add("passed", step.outcome.has_value()).add("why", why));
      return;
    }
    std::printf("%s  %s\n", step.outcome ? "ok    " : "FAILED", step.name.c_str());
    if (!why.empty()) std::printf("        %s\n", why.c_str());
    std::fflush(stdout);
  });
  if (options.json) {
    std::printf("%s\n", JsonObject().add("passed", good).add("steps", rows).text().c_str());
  } else {
    std::printf("%zu passed, %zu failed\n", passed, failed);
  }
  return good ? exit_ok : exit_failed;
}

}  // namespace

void add_plugin_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<PluginCommandOptions>();
  CLI::App* plugin = app.add_subcommand("plugin", "List, describe and check plugins");
  plugin->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*action)(const PluginCommandOptions&)) {
    CLI::App* command = plugin->add_subcommand(name, help);
    command->add_flag("--json", options->json, "JSON instead of text");
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };

  CLI::App* list_command =
      add("list", "The plugins of a configuration, and those that lie in the plugin folders", list);
  list_command->add_option("--config,-c", options->config, "TOML file");
  list_command->add_option("--dir", options->folders, "folders to look in first");

  CLI::App* info_command = add("info", "What a plugin provides, and its options", info);
  info_command->add_option("plugin", options->plugin, "name or file")->required();
  info_command->add_option("--dir", options->folders, "folders to look in first");

  CLI::App* check_command =
      add("check", "Load a plugin, take it through its life, run the contract suites on it", check);
  check_command->add_option("file", options->plugin, "the shared library")->required();
  check_command->add_option("--set", options->settings, "option=value of the plugin; may be repeated");
}

}  // namespace gantry::cli
