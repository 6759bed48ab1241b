#include "protocol/compression.hpp"

#include <zlib.h>

#include <algorithm>
#include <string>

namespace gantry::protocol {

namespace {

constexpr std::size_t chunk_size = 16 * 1024;

/// Calls inflateEnd on every way out.
struct InflateEnd {
  z_stream& stream;
  ~InflateEnd() { inflateEnd(&stream); }
};

}  // namespace

Status zlib_inflate(ByteView in, std::size_t size_max, ByteBuffer& out) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return Error{Errc::internal, "inflating: expected zlib to start, found no memory"};
  const InflateEnd at_exit{stream};
  const std::size_t start = out.size();
  const auto fail = [&](Errc code, const std::string& text) {
    out.truncate(start);
    return Error{code, "inflating " + std::to_string(in.size()) + " bytes: " + text};
  };
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  for (;;) {
    // One byte beyond the bound tells a stream that ends there from one that goes on.
    const std::size_t room = std::min(chunk_size, size_max + 1 - (out.size() - start));
    stream.next_out = reinterpret_cast<Bytef*>(out.extend(room));
    stream.avail_out = static_cast<uInt>(room);
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    out.truncate(out.size() - stream.avail_out);
    if (out.size() - start > size_max) {
      return fail(Errc::too_large, "expected at most " + std::to_string(size_max) + " bytes, found more");
    }
    if (outcome == Z_STREAM_END) break;
    if (outcome != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return fail(Errc::corrupt, "expected a whole zlib stream, found damage or an early end");
    }
  }
  if (stream.avail_in != 0) {
    return fail(Errc::corrupt,
                "expected nothing behind the stream, found " + std::to_string(stream.avail_in) + " bytes");
  }
  return {};
}

Status zlib_deflate(ByteView in, int level, ByteBuffer& out) {
  uLongf size = compressBound(static_cast<uLong>(in.size()));
  const std::size_t start = out.size();
  std::byte* to = out.extend(size);
  const int outcome = compress2(reinterpret_cast<Bytef*>(to), &size, reinterpret_cast<const Bytef*>(in.data()),
                                static_cast<uLong>(in.size()), std::clamp(level, 1, 9));
  if (outcome != Z_OK) {
    out.truncate(start);
    return Error{Errc::internal, "deflating " + std::to_string(in.size()) +
                                     " bytes: expected success, found zlib code " + std::to_string(outcome)};
  }
  out.truncate(start + size);
  return {};
}

}  // namespace gantry::protocol
