#include "cli/record_json.hpp"

#include "cli/json_line.hpp"
#include "protocol/bytes.hpp"
#include "protocol/host.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <cstdio>

namespace gantry::cli {
namespace {

/// The size of the UTF-8 character at the begin of `text`, 0 when there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) >= 0xA0)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) >= 0x90)) return 0;
  return size;
}

std::string valid_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto size = character_size(text);
    size == 0 ? out.append("\xEF\xBF\xBD") : out.append(text.substr(0, size));
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string base64(protocol::ByteView bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t j) { return j < bytes.size() ? std::to_integer<std::uint32_t>(bytes[j]) : 0u; };
    const std::uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out.push_back(digits[group >> 18]);
    out.push_back(digits[group >> 12 & 63]);
    out.push_back(i + 1 < bytes.size() ? digits[group >> 6 & 63] : '=');
    out.push_back(i + 2 < bytes.size() ? digits[group & 63] : '=');
  }
  return out;
}

}  // namespace

std::string record_json(std::int64_t log_offset, std::string_view record, BodyForm form) {
  protocol::RecordView view;
  const auto outcome = protocol::decode_record(protocol::as_bytes(record), view);
  JsonObject line;
  if (outcome != protocol::RecordOutcome::ok) {
    return line.add("logOffset", log_offset).add("damaged", protocol::to_string(outcome)).text();
  }
  JsonObject properties;
  for (const protocol::Property& property : protocol::PropertyRange(view.properties)) {
    properties.add(valid_text(property.name), valid_text(property.value));
  }
  const auto value = [&](std::string_view name) { return valid_text(protocol::find_property(view.properties, name)); };
  line.add("topic", valid_text(view.topic))
      .add("queue", view.queue_id)
      .add("offset", view.queue_offset)
      .add("logOffset", log_offset)
      .add("size", view.size)
      .add("bornTime", view.born_ms)
      .add("storeTime", view.store_ms)
      .add("bornHost", protocol::to_string(view.born_host))
      .add("storeHost", protocol::to_string(view.store_host))
      .add("keys", value(protocol::property::keys))
      .add("tags", value(protocol::property::tags))
      .add("uniqKey", value(protocol::property::uniq_key))
      .add("properties", properties)
      .add("sysFlag", view.sys_flag)
      .add("flag", view.flag)
      .add("reconsumeTimes", view.reconsume_count)
      .add("preparedOffset", view.prepared_offset)
      .add("bodyCrc", view.body_crc)
      .add("bodySize", view.body.size());
  if (form == BodyForm::text) line.add("body", valid_text(protocol::as_text(view.body)));
  if (form == BodyForm::base64) line.add("body", base64(view.body));
  return line.text();
}

}  // namespace gantry::cli
