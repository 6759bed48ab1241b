#pragma once
// Messages as lines of JSON, the same for every command that prints them.

#include "cli/json_line.hpp"
#include "client/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli {

enum class BodyForm : std::uint8_t {
  text,    ///< "body" when it is UTF-8 text, else "body_base64"
  base64,  ///< "body_base64"
  none,    ///< its size only
};

/// topic, broker (when it is known), queue, offset, log_offset, id, offset_message_id, tags, keys, born_ms, store_ms,
/// born_host, store_host, reconsume_count, flag, sys_flag, prepared_offset, record_size, body_size, body_crc,
/// properties, body_is_compressed (when it is so), body or body_base64. What is not UTF-8 in names and properties
/// becomes U+FFFD.
[[nodiscard]] JsonObject message_json(const client::ReceivedMessage& message, BodyForm form = BodyForm::text);

/// The same for a record as it lies in the log, with its body as it is stored. One that cannot be decoded becomes
/// log_offset and damaged.
[[nodiscard]] JsonObject record_json(std::int64_t log_offset, std::string_view record, BodyForm form);

}  // namespace gantry::cli
