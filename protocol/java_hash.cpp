#include "protocol/java_hash.hpp"

#include "protocol/utf8.hpp"

namespace gantry::protocol {

std::int32_t java_hash(std::string_view text) noexcept {
  std::uint32_t hash = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint32_t point = detail::next_character(at, end);
    if (point == detail::bad_character) point = 0xFFFD;
    if (point >= 0x10000) {
      point -= 0x10000;
      hash = hash * 31 + (0xD800 + (point >> 10));
      point = 0xDC00 + (point & 0x3FF);
    }
    hash = hash * 31 + point;
  }
  return static_cast<std::int32_t>(hash);
}

}  // namespace gantry::protocol
