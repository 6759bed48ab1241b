#pragma once
// `gantry plugin check x.so`: everything that can be said about a plugin without a broker, in steps.

#include "gantry/sdk/result.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::plugin {

struct CheckStep {
  std::string name;  ///< "file", "manifest", "life", "gantry.store/1: append_assigns_offsets"
  Status outcome;
};

struct CheckOptions {
  std::string file;
  std::string work_folder;  ///< an empty folder of ours; the plugin's data goes there
  /// "key=value", without the [plugins.<id>] prefix; the defaults otherwise.
  std::vector<std::pair<std::string, std::string>> options;
};

/// [control] Verifies and loads the file, takes it through its life with the options' defaults, then runs the contract
/// suite of each extension that has one. Calls `report` after each step; stops after a step on which the others depend.
/// True when all steps passed. May take minutes for a store. Log lines below `warn` are held back meanwhile.
bool check_plugin(const CheckOptions& options, const std::function<void(const CheckStep&)>& report);

}  // namespace gantry::plugin
