#pragma once
// From a name in the configuration to a loaded library with a checked manifest.

#include "gantry/abi/plugin.h"
#include "gantry/sdk/result.hpp"
#include "kernel/plugin/manifest.hpp"
#include "kernel/plugin/refusal.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

/// What the configuration says about plugins.
struct LoadRequest {
  std::vector<std::string> folders;  ///< searched in this order; the first file of the name counts
  std::vector<std::string> load;     ///< plugin ids, in the order of the interceptor chain
  bool allow_draft = false;
  bool need_store = true;  ///< exactly one store, as a broker needs it; false: at most one
};

/// A plugin whose code is in the process. The table lives as long as the process: libraries are never unloaded.
struct LoadedPlugin {
  Manifest manifest;
  const gantry_plugin_table* table = nullptr;
};

struct LoadResult {
  std::vector<LoadedPlugin> plugins;     ///< in the order of LoadRequest::load, without those that were refused
  std::vector<std::size_t> start_order;  ///< indices into `plugins`, see start_order.hpp
  Refusals refusals;                     ///< empty: the boot may go on
};

/// [control] <folder>/<id>.so in the first folder that has it. Refuses names that are not ids, symbolic links, and
/// files that are not regular. The Error lists where was searched and what is there.
Result<std::string> find_plugin(const std::vector<std::string>& folders, std::string_view id);

/// [control] Verifies the file, loads it (RTLD_NOW | RTLD_LOCAL) and reads its manifest. The code's static constructors
/// run here, nothing else of it.
Result<LoadedPlugin> load_library(const std::string& path, const ManifestRules& rules);

/// [control] All of them, or a list of everything that is wrong with any. May block.
LoadResult load_plugins(const LoadRequest& request);

/// [control] The ids of the files in the folders that look like plugins by name, sorted; for listings and hints.
std::vector<std::string> available_plugins(const std::vector<std::string>& folders);

}  // namespace gantry::plugin
