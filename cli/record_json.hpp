#pragma once
// A stored record as one line of JSON.

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli {

enum class BodyForm : std::uint8_t {
  text,    ///< as UTF-8; bytes that are none become U+FFFD
  base64,  ///< exactly
  none,    ///< its size only
};

/// topic, queue, offset, logOffset, size, bornTime, storeTime, bornHost, storeHost, keys, tags, uniqKey, properties,
/// sysFlag, flag, reconsumeTimes, preparedOffset, bodyCrc, bodySize, body. Names and values of properties are text.
[[nodiscard]] std::string record_json(std::int64_t log_offset, std::string_view record, BodyForm form);

}  // namespace gantry::cli
