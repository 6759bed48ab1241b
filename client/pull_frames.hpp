#pragma once
// Pulls of a load, as frames.

#include "client/load_spread.hpp"
#include "gantry/sdk/result.hpp"
#include "protocol/buffer.hpp"
#include "protocol/header.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

namespace gantry::client {

struct PullAnswer {
  std::int32_t opaque = 0;
  std::int32_t code = 0;  ///< protocol::ResponseCode
  std::int64_t next_offset = -1;
  std::int64_t min_offset = -1;
  std::int64_t max_offset = -1;
  protocol::ByteView records{};  ///< borrowed from the frame
};

/// One thread.
class PullFrames {
 public:
  struct Options {
    std::string group = "bench_consumer";
    std::int32_t message_count_max = 32;
    std::int32_t bytes_max = 0;  ///< 0: the broker's default
    std::string sql = {};        ///< which messages; empty: all
  };

  PullFrames(const LoadSpread& spread, Options options) : spread_(spread), options_(std::move(options)) {}

  /// Appends the pull of a place of the spread from that offset on; the broker may hold it for `hold` (0: not at all).
  void append(std::string& out, std::uint64_t place, std::int64_t offset, std::chrono::milliseconds hold,
              std::int32_t opaque);
  /// An Error when the frame is no answer. Offsets that it does not carry are -1.
  Result<PullAnswer> decode(std::span<const char> frame);

 private:
  const LoadSpread& spread_;
  const Options options_;
  protocol::ByteBuffer frame_;
  protocol::HeaderView header_;
};

}  // namespace gantry::client
