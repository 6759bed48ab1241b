#include "plugins/delay/timer_record.hpp"

#include "plugins/delay/names.hpp"
#include "plugins/delay/wish.hpp"

#include "gantry/sdk/properties.hpp"

#include <limits>
#include <optional>

namespace gantry::delay {
namespace {

/// RocketMQ's default timerPrecisionMs.
constexpr std::int64_t wheel_precision_ms = 1'000;

void append_property(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty() && out.back() != sdk::property_value_end) out += sdk::property_value_end;
  out.append(name).push_back(sdk::property_name_end);
  out.append(value).push_back(sdk::property_value_end);
}

}  // namespace

Result<TimerRecord> read_timer_record(const sdk::Record& record, std::int64_t roll_after_ms) {
  TimerRecord timer;
  std::string_view out, deliver, queue;
  bool is_exact = false;
  bool is_relative = false;
  bool is_rolled = false;
  sdk::for_each_property(record.properties, [&](std::string_view name, std::string_view value) {
    if (name == property::real_topic) timer.topic = value;
    if (name == property::real_queue) queue = value;
    if (name == property::unique_key) timer.unique_key = value;
    if (!name.starts_with("TIMER_")) return true;
    if (name == property::out_ms) out = value;
    if (name == property::deliver_ms) deliver = value;
    if (name == property::exact) is_exact = true;
    if (name == property::delay_ms || name == property::delay_sec) is_relative = true;
    if (name == property::roll_times) is_rolled = true;
    if (name == property::cancel_key) timer.cancel_key = value;
    return true;
  });
  const auto out_ms = read_number(out);
  const auto queue_id = read_number(queue);
  if (!out_ms || *out_ms < 0 || *out_ms > std::numeric_limits<std::int64_t>::max() - wheel_precision_ms) {
    return Error{Errc::corrupt, "TIMER_OUT_MS: expected a time in milliseconds, found \"" + std::string(out) + "\""};
  }
  if (timer.topic.empty()) return Error{Errc::corrupt, "REAL_TOPIC: expected a topic, found none"};
  if (!queue_id || *queue_id < 0 || *queue_id > std::numeric_limits<std::int32_t>::max()) {
    return Error{Errc::corrupt, "REAL_QID: expected a queue, found \"" + std::string(queue) + "\""};
  }
  timer.queue_id = static_cast<std::int32_t>(*queue_id);
  timer.out_ms = *out_ms;
  timer.due_ms = *out_ms;
  const bool is_cancel = !timer.cancel_key.empty();
  // A cancel of RocketMQ stays at the beginning of its slot, before all that it may cancel.
  if (!is_exact && !is_cancel) {
    const auto wanted = is_relative ? std::nullopt : read_number(deliver);
    const bool fits = wanted && *wanted > *out_ms && *wanted <= *out_ms + wheel_precision_ms;
    timer.due_ms = fits ? *wanted : *out_ms + wheel_precision_ms;
  }

  Entry& entry = timer.entry;
  entry.log_offset = record.log_offset;
  entry.queue_offset = record.queue_offset;
  entry.record_size = record.size;
  entry.kind = is_cancel ? EntryKind::cancel : is_rolled ? EntryKind::rolled : EntryKind::timer;
  entry.key_hash = is_cancel ? hash_bytes(timer.cancel_key) : key_hash_of(timer.topic, timer.unique_key);
  entry.topic_hash = topic_hash_of(timer.topic);
  // Half as long again is still before the record expires, and spares a second copy shortly before the end.
  entry.is_roll = timer.due_ms - record.store_ms > roll_after_ms + roll_after_ms / 2;
  entry.action_ms = entry.is_roll ? record.store_ms + roll_after_ms : timer.due_ms;
  return timer;
}

std::string delivered_properties(const sdk::Record& record, std::int64_t now_ms) {
  std::string out;
  out.reserve(record.properties.size() + 80);
  sdk::for_each_property(record.properties, [&out](std::string_view name, std::string_view value) {
    if (name != property::exact) append_property(out, name, value);
    return true;
  });
  append_property(out, property::enqueue_ms, std::to_string(record.store_ms));
  append_property(out, property::dequeue_ms, std::to_string(now_ms));
  return out;
}

std::string rolled_properties(const sdk::Record& record) {
  const auto before = sdk::find_property(record.properties, property::roll_times);
  const std::int64_t times = before ? read_number(*before).value_or(0) : 0;
  return sdk::with_property(record.properties, property::roll_times, std::to_string(times + 1));
}

sdk::Outgoing to_outgoing(const sdk::Record& record) {
  constexpr std::int32_t address_family_bits = 0x30;  // the store sets them again
  return {.topic = record.topic,
          .body = record.body,
          .properties = record.properties,
          .queue_id = record.queue_id,
          .born_ms = record.born_ms,
          .flag = record.flag,
          .sys_flag = record.sys_flag & ~address_family_bits,
          .reconsume_count = record.reconsume_count,
          .born_host = record.born_host};
}

}  // namespace gantry::delay
