#pragma once
// The extension points that this broker knows: what a plugin may provide or require, and how its tables must look.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry::plugin {

struct ExtensionPoint {
  std::string_view id;           ///< with revision: "gantry.store/1"
  std::uint32_t table_size_min;  ///< bytes of the first released table; a plugin's may be larger, never smaller
  std::uint32_t functions_from;  ///< where function pointers begin; all of them up to table_size_min must be set
  bool exactly_one = false;      ///< at most one plugin provides it
  bool draft = false;            ///< refused without allow_draft
};

/// Static data.
std::span<const ExtensionPoint> extension_points() noexcept;

/// nullptr when this broker does not know it.
const ExtensionPoint* find_extension_point(std::string_view id) noexcept;

/// "gantry.store/1, gantry.filter/1, ...", for messages.
std::string list_extension_points();

/// Whether `table`, which a plugin returned for `point`, can be called: there, large enough, no function missing. The
/// Error says what is wrong with it, without the file's name.
Status check_extension_table(const ExtensionPoint& point, const void* table);

}  // namespace gantry::plugin
