#pragma once
// Consumer offsets, as they are stored and copied. Source: classes ConsumerOffsetManager, DelayOffsetSerializeWrapper;
// files config/consumerOffset.json and config/delayOffset.json.

#include "protocol/data_version.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace gantry::protocol {

/// The answer to GET_ALL_CONSUMER_OFFSET(43) and the file config/consumerOffset.json (JsonStyle::file).
/// Keys are "topic@group" (a proxy's broadcast offsets have a third part). Decoded and encoded; the member
/// groupTopicMap, which Java derives, is neither read nor written.
struct ConsumerOffsetTable {
  std::map<std::string, std::map<std::int32_t, std::int64_t>> offsets{};  ///< key -> queue id -> next offset
  DataVersion data_version{};
};
template <>
Result<ConsumerOffsetTable> decode_body(std::string_view json);
template <>
std::string encode_body(const ConsumerOffsetTable& body, JsonStyle style);

/// The answer to GET_ALL_DELAY_OFFSET(45) and the file config/delayOffset.json. Decoded and encoded.
struct DelayOffsetTable {
  std::map<std::int32_t, std::int64_t> offsets{};  ///< level, from 1 -> next offset
  DataVersion data_version{};
};
template <>
Result<DelayOffsetTable> decode_body(std::string_view json);
template <>
std::string encode_body(const DelayOffsetTable& body, JsonStyle style);

}  // namespace gantry::protocol
