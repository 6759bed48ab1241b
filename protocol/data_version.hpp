#pragma once
// The version that RocketMQ puts beside every table. Source: class DataVersion.

#include "protocol/json_body.hpp"

#include <cstdint>

namespace gantry::protocol {

/// Equality is of all three. Decoded and encoded.
struct DataVersion {
  std::int64_t state_version = 0;  ///< controller epoch; 0 without one (and from 4.9 peers, which do not know it)
  std::int64_t timestamp_ms = 0;
  std::int64_t counter = 0;
  friend bool operator==(const DataVersion&, const DataVersion&) = default;

  /// The version of the next change.
  void advance(std::int64_t now_ms, std::int64_t next_state_version = 0) noexcept {
    timestamp_ms = now_ms;
    state_version = next_state_version;
    ++counter;
  }
};
template <>
Result<DataVersion> decode_body(std::string_view json);
template <>
std::string encode_body(const DataVersion& body, JsonStyle style);

}  // namespace gantry::protocol
