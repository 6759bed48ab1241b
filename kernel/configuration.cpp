#include "kernel/configuration.hpp"

#include "kernel/plugin/plugin_set.hpp"

#include <filesystem>
#include <system_error>

extern char** environ;

namespace gantry {
namespace {

void add_error(Configuration& to, std::string where, std::string text) {
  to.findings.push_back({config::Severity::error, std::move(where), 0, 0, std::move(text)});
}

std::vector<std::string> environment() {
  std::vector<std::string> lines;
  for (char** line = environ; line != nullptr && *line != nullptr; ++line) lines.emplace_back(*line);
  return lines;
}

config::Overrides read_overrides(Configuration& to, const ConfigurationSource& source,
                                 const config::OptionTables& tables) {
  config::Overrides overrides;
  for (const std::string& text : source.overrides) {
    auto pair = config::parse_override(text);
    pair ? overrides.from_command_line.push_back(*std::move(pair)) : add_error(to, "--set", pair.error().text);
  }
  overrides.from_environment = config::environment_overrides(tables, environment());
  return overrides;
}

void append(std::vector<config::Finding>& to, std::vector<config::Finding> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<std::string> plugin_folders(const std::vector<std::string>& given) {
  std::vector<std::string> folders = given;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return folders;
  const auto root = program.parent_path().parent_path();
  for (const char* below : {"plugins", "lib/gantry/plugins", "lib/x86_64-linux-gnu/gantry/plugins"}) {
    if (std::filesystem::is_directory(root / below, error)) folders.push_back((root / below).string());
  }
  return folders;
}

Configuration read_configuration(const ConfigurationSource& source) {
  Configuration result;
  config::OptionTables tables = config::kernel_option_tables();
  config::Document document;
  if (!source.file.empty()) {
    auto [read, findings] = config::load_document(source.file);
    document = std::move(read);
    append(result.findings, std::move(findings));
    if (!result.ok()) return result;
  }

  // First pass: which plugins? Their sections are looked at in the second.
  config::Overrides overrides = read_overrides(result, source, tables);
  config::add_script_sections(document, overrides, tables);
  // An override of a plugin's option is unknown until the plugin's declarations are there.
  config::Overrides of_kernel = overrides;
  std::erase_if(of_kernel.from_command_line, [&](const auto& pair) {
    return pair.first.rfind("plugins.", 0) == 0 && tables.find(pair.first) == nullptr;
  });
  const config::Resolution first = config::resolve(document, tables, of_kernel, config::UndeclaredPlugins::accept);
  if (!first.ok() || !result.ok()) {
    append(result.findings, first.findings);
    return result;
  }
  const config::KernelOptions wanted = config::read_kernel_options(first.values);
  plugin::LoadRequest request;
  request.folders = plugin_folders(wanted.plugins.dir);
  if (wanted.broker.enabled) request.load = wanted.plugins.load;
  request.allow_draft = wanted.plugins.allow_draft;
  request.need_store = wanted.broker.enabled;
  result.plugins = plugin::load_plugins(request);
  for (const Error& refusal : result.plugins.refusals) add_error(result, "plugins", refusal.text);
  if (const auto added = plugin::add_option_sections(result.plugins.plugins, tables); !added) {
    add_error(result, "plugins", added.error().text);
  }
  if (!result.ok()) return result;

  // Second pass: everything.
  overrides.from_environment = config::environment_overrides(tables, environment());
  config::Resolution resolution = config::resolve(document, tables, overrides, config::UndeclaredPlugins::warn);
  append(result.findings, std::move(resolution.findings));
  if (!result.ok()) return result;
  result.values = std::move(resolution.values);
  result.options = config::read_kernel_options(result.values);
  append(result.findings, config::check_kernel_options(result.options));
  return result;
}

Result<config::OptionTables> all_option_tables(const std::vector<std::string>& folders) {
  config::OptionTables tables = config::kernel_option_tables();
  std::vector<plugin::LoadedPlugin> loaded;
  for (const std::string& id : plugin::available_plugins(folders)) {
    GANTRY_ASSIGN(const std::string path, plugin::find_plugin(folders, id));
    GANTRY_ASSIGN(auto each, plugin::load_library(path, {.id = id, .allow_draft = true}));
    loaded.push_back(std::move(each));
  }
  GANTRY_TRY(plugin::add_option_sections(loaded, tables));
  GANTRY_TRY(config::add_script_section("name", tables));
  return tables;
}

}  // namespace gantry
