#include "protocol/java_hash.hpp"

#include "protocol/utf8.hpp"

#include <cstring>

namespace gantry::protocol {

std::uint32_t java_hash_continue(std::uint32_t hash, std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    // Eight ASCII characters at a time: their products do not wait for each other.
    if (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        constexpr std::uint32_t p1 = 31, p2 = p1 * 31, p3 = p2 * 31, p4 = p3 * 31, p5 = p4 * 31, p6 = p5 * 31,
                                p7 = p6 * 31, p8 = p7 * 31;
        const auto c = [at](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])); };
        hash = hash * p8 + (c(0) * p7 + c(1) * p6) + (c(2) * p5 + c(3) * p4) + (c(4) * p3 + c(5) * p2) +
               (c(6) * p1 + c(7));
        at += 8;
        continue;
      }
    }
    std::uint32_t point = detail::next_character(at, end);
    if (point == detail::bad_character) point = 0xFFFD;
    if (point >= 0x10000) {
      point -= 0x10000;
      hash = hash * 31 + (0xD800 + (point >> 10));
      point = 0xDC00 + (point & 0x3FF);
    }
    hash = hash * 31 + point;
  }
  return hash;
}

std::int32_t java_hash(std::string_view text) noexcept {
  return static_cast<std::int32_t>(java_hash_continue(0, text));
}

}  // namespace gantry::protocol
