#pragma once
// What a plugin says about itself: first what can be read from its file without loading it, then its whole manifest as
// values that were checked like anything else that comes from outside.

#include "gantry/abi/plugin.h"
#include "gantry/sdk/result.hpp"
#include "kernel/config/option_spec.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

/// [control] Reads the file's `.gantry` section with no code of it running. Ok when it is a plugin of this broker's ABI
/// major version. The Error is a complete refusal: not a shared library, damaged, no plugin, another major.
Status inspect_file(const std::string& path);

/// A value.
struct Manifest {
  std::string file;
  std::string id;
  std::string version;
  std::string summary;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  std::vector<std::string> provides;
  std::vector<std::string> required;  ///< extension ids that other plugins must provide
  std::vector<config::OptionSpec> options;

  [[nodiscard]] bool offers(std::string_view extension_id) const noexcept;
};

/// What a broker asks of a plugin beyond being one.
struct ManifestRules {
  std::string_view id;       ///< as listed in the configuration, which is also the file's name
  bool allow_draft = false;  ///< may use extension points that can still change
};

/// [control] Copies and checks the table of a loaded library. Bounds: 256 options, 16 extensions, texts of 4 KiB. The
/// Error is a complete refusal.
Result<Manifest> read_manifest(const gantry_plugin_table& table, const std::string& file, const ManifestRules& rules);

/// Whether the name may be an id: a lower case letter, then letters, digits and single '-', at most 64 in all.
bool is_plugin_id(std::string_view name) noexcept;

/// The plugin's options as a section of the configuration, [plugins.<id>], together with those that the broker itself
/// has for the plugin's kind (see failure_policy.hpp).
config::SectionSpec option_section(const Manifest& manifest);

}  // namespace gantry::plugin
