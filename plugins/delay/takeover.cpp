#include "plugins/delay/takeover.hpp"

#include <cstdint>
#include <string>

namespace gantry::delay {
namespace {

constexpr std::size_t prefix_size = 56;

std::int64_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return static_cast<std::int64_t>(value);
}

}  // namespace

Result<Watermark> decode_timer_checkpoint(std::string_view bytes) {
  if (bytes.size() < prefix_size) {
    return Error{Errc::corrupt, "timercheck: expected at least 56 bytes, found " + std::to_string(bytes.size())};
  }
  const std::int64_t read_ms = big_endian(bytes, 0);
  const std::int64_t queue_offset = big_endian(bytes, 16);
  if (read_ms < 0 || queue_offset < 0) {
    return Error{Errc::corrupt, "timercheck: expected a time and a queue offset, found " + std::to_string(read_ms) +
                                    " and " + std::to_string(queue_offset)};
  }
  return Watermark{read_ms, queue_offset};
}

}  // namespace gantry::delay
