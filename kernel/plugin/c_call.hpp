#pragma once
// What calls of the seam have in common on the kernel's side.

#include "gantry/abi/types.h"
#include "gantry/sdk/detail/guard.hpp"

#include <string_view>

namespace gantry::plugin {

inline gantry_bytes to_bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline std::string_view to_view(gantry_bytes bytes) noexcept {
  return bytes.data == nullptr || bytes.size == 0 ? std::string_view()
                                                  : std::string_view(static_cast<const char*>(bytes.data), bytes.size);
}

using sdk::detail::ErrorBuffer;

}  // namespace gantry::plugin
