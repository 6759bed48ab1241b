#pragma once
// CRC-32C (Castagnoli), the checksum of this plugin's files.

#include <cstddef>
#include <cstdint>

namespace gantry::delay {

/// Of `size` bytes at `data`.
std::uint32_t crc32c(const void* data, std::size_t size) noexcept;

}  // namespace gantry::delay
