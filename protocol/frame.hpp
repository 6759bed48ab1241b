#pragma once
// Cutting frames out of a byte stream. Source: RocketMQ remoting protocol, classes RemotingCommand and NettyDecoder.
//
//   0        4      5            8                       8+h                  4+total
//   +--------+------+------------+-----------------------+--------------------+
//   | total  | type | h: 24 bits | header, h bytes       | body               |      all integers big-endian
//   +--------+------+------------+-----------------------+--------------------+
//   total counts what follows it: 4 + h + body size. type: 0 JSON, 1 ROCKETMQ (binary).

#include "protocol/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace gantry::protocol {

enum class SerializeType : std::uint8_t { json = 0, rocketmq = 1 };

/// The bytes before the header: the length field and the type-and-header-size field.
inline constexpr std::size_t frame_prefix_size = 8;
/// The largest frame, its length field included, which is how Java counts it (NettyDecoder: 16777216).
inline constexpr std::size_t frame_size_max = 16 * 1024 * 1024;
/// The largest header. A property string of 32767 bytes may grow sixfold by escaping, and other fields come with it.
inline constexpr std::size_t header_size_max = 256 * 1024;

/// One whole frame. The views point into the bytes it was cut from.
struct FrameView {
  SerializeType type = SerializeType::json;
  ByteView header;
  ByteView body;
  std::size_t size = 0;  ///< of the whole frame: the next one starts here
};

enum class CutOutcome : std::uint8_t {
  frame,      ///< `frame` is whole
  need_more,  ///< read until `size_wanted` bytes are there, then cut again
  malformed,  ///< the stream is lost: close the connection
};

enum class FrameFault : std::uint8_t {
  none,
  total_too_small,   ///< the length field is below 4 (or negative): there is no room for the header-size field
  frame_too_large,   ///< beyond frame_size_max
  unknown_type,      ///< neither JSON nor ROCKETMQ
  header_too_large,  ///< beyond header_size_max
  header_beyond_frame,
  header_too_small,  ///< no encoding has a header that short (JSON 2 bytes, ROCKETMQ 21): "{}" would not carry a code
};

struct CutResult {
  CutOutcome outcome = CutOutcome::need_more;
  FrameFault fault = FrameFault::none;
  FrameView frame;
  std::size_t size_wanted = 0;  ///< need_more: the size of the whole frame when known, else frame_prefix_size
  std::int64_t found = 0;       ///< malformed: the value that broke the rule ...
  std::int64_t bound = 0;       ///< ... and the bound that it broke

  /// malformed: what was expected and found, for a log line. Allocates.
  [[nodiscard]] std::string describe() const;
};

/// Looks at the first frame of `in`. Judges the prefix as soon as it is there, before the rest arrives, so that a peer
/// cannot make us wait for (or buffer) a frame that will be refused. [any-thread], no allocation.
CutResult cut_frame(ByteView in) noexcept;

}  // namespace gantry::protocol
