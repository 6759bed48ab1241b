#include "cli/message_json.hpp"

#include "cli/body_text.hpp"
#include "client/broker_calls.hpp"
#include "protocol/bytes.hpp"
#include "protocol/host.hpp"
#include "protocol/stored_record.hpp"
#include "protocol/sys_flag.hpp"

namespace gantry::cli {

JsonObject message_json(const client::ReceivedMessage& message, BodyForm form) {
  JsonObject properties;
  for (const auto& [name, value] : message.properties) properties.add(valid_text(name), valid_text(value));
  JsonObject line;
  line.add("topic", valid_text(message.topic));
  if (!message.queue.broker_name.empty()) line.add("broker", message.queue.broker_name);
  line.add("queue", message.queue.queue_id)
      .add("offset", message.queue_offset)
      .add("log_offset", message.log_offset)
      .add("id", valid_text(message.message_id))
      .add("offset_message_id", message.offset_message_id)
      .add("tags", valid_text(message.tags))
      .add("keys", valid_text(message.keys))
      .add("born_ms", message.born_ms)
      .add("store_ms", message.store_ms)
      .add("born_host", protocol::to_string(message.born_host))
      .add("store_host", protocol::to_string(message.store_host))
      .add("reconsume_count", message.reconsume_count)
      .add("flag", message.flag)
      .add("sys_flag", message.sys_flag)
      .add("prepared_offset", message.prepared_offset)
      .add("record_size", message.record_size)
      .add("body_size", message.body.size())
      .add("body_crc", message.body_crc)
      .add("properties", properties);
  if (message.body_is_compressed) line.add("body_is_compressed", true);
  if (form == BodyForm::none) return line;
  if (form == BodyForm::text && is_text(message.body)) return line.add("body", message.body);
  return line.add("body_base64", to_base64(message.body));
}

JsonObject record_json(std::int64_t log_offset, std::string_view record, BodyForm form) {
  protocol::RecordView view;
  const auto outcome = protocol::decode_record(protocol::as_bytes(record), view);
  if (outcome != protocol::RecordOutcome::ok) {
    return JsonObject().add("log_offset", log_offset).add("damaged", protocol::to_string(outcome));
  }
  client::ReceivedMessage message = client::describe_record(view, {});
  message.log_offset = log_offset;
  message.body = protocol::as_text(view.body);
  message.body_is_compressed = (view.sys_flag & protocol::sys_flag::compressed) != 0;
  return message_json(message, form);
}

}  // namespace gantry::cli
