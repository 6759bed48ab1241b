#pragma once
// What `gantry plugin list` and `gantry plugin info` show without a broker.

#include "gantry/sdk/result.hpp"
#include "kernel/plugin/library.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

/// One plugin that is listed in the configuration or lies in a plugin folder.
struct SurveyEntry {
  std::string id = {};
  std::string file = {};     ///< empty: not found
  bool listed = false;       ///< in plugins.load
  std::string state = {};    ///< "loaded" (listed and accepted), "available" (verified, not listed), "refused"
  std::string refusal = {};  ///< complete text, when refused
  Manifest manifest = {};    ///< of loaded ones; the code of plugins that are not listed is not run
};

struct Survey {
  std::vector<SurveyEntry> entries;  ///< the listed ones in their order, then the others by name
  Refusals refusals;                 ///< what would stop a boot with this configuration
};

/// [control] Loads the listed plugins as a boot does, without making them; looks at the files of the others.
Survey survey_plugins(const LoadRequest& request);

/// [control] The manifest of a file, or of a name that is looked for in the folders. Runs the library's static
/// constructors, nothing else of it. Drafts are allowed.
Result<Manifest> describe_plugin(const std::vector<std::string>& folders, const std::string& file_or_id);

}  // namespace gantry::plugin
