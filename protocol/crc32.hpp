#pragma once
// CRC-32 as zlib and java.util.zip.CRC32 compute it, by carry-less multiplication (ISA-L).

#include "protocol/bytes.hpp"

#include <cstdint>

namespace gantry::protocol {

/// The plain CRC-32 (polynomial 0xEDB88320, reflected). Continue a former value by giving it as `seed`. [any-thread]
std::uint32_t crc32(ByteView bytes, std::uint32_t seed = 0) noexcept;

/// The form that RocketMQ stores and sends: the sign bit cleared. Empty bytes give 0.
inline std::uint32_t crc32_positive(ByteView bytes) noexcept { return crc32(bytes) & 0x7FFFFFFFu; }

}  // namespace gantry::protocol
