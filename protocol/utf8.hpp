#pragma once
// Reading UTF-8 that may be wrong. For this room only.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantry::protocol::detail {

inline constexpr std::uint32_t bad_character = 0xFFFFFFFF;

/// The code point at `at` (not the end), which moves behind it; bad_character for a byte that starts no valid
/// character (overlong forms, surrogates and values beyond U+10FFFF are not valid), and then `at` moves by one.
inline std::uint32_t next_character(const char*& at, const char* end) noexcept {
  const auto lead = static_cast<unsigned char>(*at++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || end - at < more) return bad_character;
  std::uint32_t point = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) {
    const auto next = static_cast<unsigned char>(at[i]);
    if ((next & 0xC0) != 0x80) return bad_character;
    point = point << 6 | (next & 0x3F);
  }
  const std::uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
  if (point < least || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return bad_character;
  at += more;
  return point;
}

}  // namespace gantry::protocol::detail
