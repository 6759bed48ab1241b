#pragma once
// The whole configuration of a node: the kernel's options and those of the plugins that it names.

#include "kernel/config/config.hpp"
#include "kernel/config/kernel_options.hpp"
#include "kernel/plugin/library.hpp"

#include <string>
#include <vector>

namespace gantry {

struct ConfigurationSource {
  std::string file;                    ///< empty: defaults and overrides only
  std::vector<std::string> overrides;  ///< "key=value", as --set gives them
};

struct Configuration {
  config::Values values;
  config::KernelOptions options;  ///< meaningful when there are no errors
  std::vector<config::Finding> findings;
  plugin::LoadResult plugins;  ///< loaded, because only they know their options

  [[nodiscard]] bool ok() const noexcept { return !config::has_errors(findings); }
};

/// [control] Reads the file, loads the plugins that it names (their code is mapped, nothing of it runs), and checks
/// everything against all declarations. Everything that is wrong is a finding.
Configuration read_configuration(const ConfigurationSource& source);

/// [control] The folders in which plugins are looked for: the given ones, then those that belong to this program.
std::vector<std::string> plugin_folders(const std::vector<std::string>& given);

/// [control] The declarations of the kernel and of every plugin found in `folders`, for documentation.
Result<config::OptionTables> all_option_tables(const std::vector<std::string>& folders);

}  // namespace gantry
