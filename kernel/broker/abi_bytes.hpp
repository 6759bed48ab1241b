#pragma once
// Between borrowed bytes of the seam and those of the kernel.

#include "gantry/abi/types.h"
#include "protocol/bytes.hpp"

#include <cstddef>
#include <string_view>

namespace gantry::broker {

inline gantry_bytes to_bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline gantry_bytes to_bytes(protocol::ByteView bytes) noexcept { return {bytes.data(), bytes.size()}; }
inline std::string_view to_text(gantry_bytes bytes) noexcept {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

}  // namespace gantry::broker
