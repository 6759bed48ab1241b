#include "protocol/crc32.hpp"

#include <isa-l/crc.h>

namespace gantry::protocol {

std::uint32_t crc32(ByteView bytes, std::uint32_t seed) noexcept {
  if (bytes.empty()) return seed;
  return crc32_gzip_refl(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

}  // namespace gantry::protocol
