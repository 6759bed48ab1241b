#pragma once
// zlib streams: message bodies (sysFlag bit 0) and compressed REGISTER_BROKER bodies.

#include "gantry/sdk/result.hpp"
#include "protocol/buffer.hpp"

#include <cstddef>

namespace gantry::protocol {

/// Appends the inflated bytes of one whole zlib stream to `out`. too_large when they exceed `size_max`, so that a small
/// body cannot fill the memory; corrupt when the stream is damaged, cut short or followed by more. [any-thread]
Status zlib_inflate(ByteView in, std::size_t size_max, ByteBuffer& out);
/// Appends the deflated bytes to `out`. `level` 1 (fast) to 9 (small); RocketMQ clients use 5. [any-thread]
Status zlib_deflate(ByteView in, int level, ByteBuffer& out);

}  // namespace gantry::protocol
