#include "plugins/delay/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace gantry::delay {
namespace {

constexpr std::size_t slice_count = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, slice_count>;

constexpr Tables tables = [] {
  constexpr std::uint32_t reflected_polynomial = 0x82F63B78;
  Tables made = {};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? reflected_polynomial : 0);
    made[0][byte] = value;
  }
  for (std::size_t slice = 1; slice < slice_count; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = made[slice - 1][byte];
      made[slice][byte] = (before >> 8) ^ made[0][before & 0xFF];
    }
  }
  return made;
}();

}  // namespace

std::uint32_t crc32c(const void* data, std::size_t size) noexcept {
  static_assert(std::endian::native == std::endian::little, "the slices below are taken from little-endian words");
  const auto* at = static_cast<const unsigned char*>(data);
  std::uint32_t crc = 0xFFFFFFFF;
  for (; size >= 8; size -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= crc;
    crc = 0;
    for (std::size_t slice = 0; slice < slice_count; ++slice) {
      crc ^= tables[slice_count - 1 - slice][(word >> (8 * slice)) & 0xFF];
    }
  }
  for (; size > 0; --size, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xFF];
  return ~crc;
}

}  // namespace gantry::delay
