// Reads a registration, as it comes (compressed) and as if it had been inflated already.
#include "protocol/codes.hpp"
#include "protocol/compression.hpp"
#include "protocol/register_broker.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)decode_compressed_register_body(bytes, version::current);
  // Mutations of a compressed stream seldom inflate, so the fuzzer also mutates the inside.
  ByteBuffer packed;
  check(static_cast<bool>(zlib_deflate(bytes, 1, packed)));
  if (const auto body = decode_compressed_register_body(packed.view(), version::current)) {
    const auto again = encode_compressed_register_body(*body);
    check(static_cast<bool>(again));
    const auto back = decode_compressed_register_body(again->view(), version::current);
    check(back && back->topic_configs.topics.size() == body->topic_configs.topics.size());
  }
  return 0;
}
