#include "plugins/txn/half_message.hpp"

#include "plugins/txn/names.hpp"

#include "gantry/sdk/properties.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <random>
#include <system_error>

namespace gantry::txn {
namespace {

constexpr std::array<std::string_view, 5> outcome_names = {"unknown", "committed", "rolled_back", "discarded",
                                                           "superseded"};

Outcome outcome_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < outcome_names.size(); ++i) {
    if (outcome_names[i] == name) return static_cast<Outcome>(i);
  }
  return Outcome::unknown;
}

/// RocketMQ: what is no number, and -1, mean the broker's time.
std::optional<std::int64_t> parse_immunity(std::string_view text) noexcept {
  constexpr std::int64_t seconds_max = 100LL * 366 * 24 * 3600;
  const auto seconds = parse_number(text);
  if (!seconds || *seconds < 0 || *seconds > seconds_max) return std::nullopt;
  return *seconds * 1000;
}

std::uint64_t mixed(std::uint64_t value) noexcept {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

std::string without(std::string_view properties, std::string_view name) {
  std::string kept;
  sdk::for_each_property(properties, [&](std::string_view each, std::string_view value) {
    if (each != name) {
      kept.append(each).push_back(sdk::property_name_end);
      kept.append(value).push_back(sdk::property_value_end);
    }
    return true;
  });
  return kept;
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string HalfMessage::id() const {
  return uniq_key.empty() ? "@" + std::to_string(first_half_offset) : std::string(uniq_key);
}

std::uint64_t HalfMessage::key() const { return uniq_key.empty() ? key_of(group, id()) : key_of(group, uniq_key); }

std::uint64_t key_of(std::string_view group, std::string_view id) {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return (static_cast<std::uint64_t>(random()) << 32) | random();
  }();
  std::uint64_t hash = seed;
  const auto take = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    hash = mixed(hash + text.size());
  };
  take(group);
  take(id);
  return hash;
}

Result<HalfMessage> read_half_message(std::string_view bytes) {
  const auto record = sdk::read_record(bytes);
  if (!record) return Error{Errc::corrupt, "expected a stored record, found none"};
  if (record->topic != half_topic && record->topic != discard_topic) {
    return Error{Errc::invalid_argument, "expected a half message, of topic " + std::string(half_topic) +
                                             ", found a message of topic " + std::string(record->topic)};
  }
  HalfMessage half;
  half.record = *record;
  half.first_half_offset = record->queue_offset;
  std::string_view queue;
  sdk::for_each_property(record->properties, [&half, &queue](std::string_view name, std::string_view value) {
    if (name == property::real_topic) half.real_topic = value;
    if (name == property::real_queue) queue = value;
    if (name == property::producer_group) half.group = value;
    if (name == property::uniq_key) half.uniq_key = value;
    if (name == property::immunity_seconds) half.immunity_ms = parse_immunity(value);
    if (name == property::first_half_offset) {
      half.first_half_offset = parse_number(value).value_or(half.first_half_offset);
    }
    if (name == property::check_times) {
      const std::int64_t checks = parse_number(value).value_or(0);
      half.checks = checks < 0 || checks > std::numeric_limits<std::int32_t>::max() ? 0 : static_cast<int>(checks);
    }
    return true;
  });
  const auto queue_id = parse_number(queue);
  if (half.real_topic.empty() || !queue_id || *queue_id < 0 || *queue_id > std::numeric_limits<std::int32_t>::max()) {
    return Error{Errc::corrupt, "expected a half message with REAL_TOPIC and REAL_QID, found REAL_TOPIC=[" +
                                    std::string(half.real_topic) + "] REAL_QID=[" + std::string(queue) + "]"};
  }
  half.real_queue = static_cast<std::int32_t>(*queue_id);
  return half;
}

std::string_view to_string(Outcome outcome) noexcept { return outcome_names[static_cast<std::size_t>(outcome)]; }

std::string copy_properties(const HalfMessage& half, std::int32_t checks) {
  const std::string counted =
      checks == 0 && half.checks == 0
          ? std::string(half.record.properties)
          : sdk::with_property(half.record.properties, property::check_times, std::to_string(checks));
  return sdk::with_property(counted, property::first_half_offset, std::to_string(half.first_half_offset));
}

std::string discard_properties(const HalfMessage& half, std::string_view reason) {
  return sdk::with_property(half.record.properties, property::discard_reason, reason);
}

std::string resume_properties(const HalfMessage& half) {
  return sdk::with_property(without(half.record.properties, property::discard_reason), property::check_times, "0");
}

sdk::Outgoing make_copy(const HalfMessage& half, std::string_view topic, std::string_view properties) {
  return {.topic = topic,
          .body = half.record.body,
          .properties = properties,
          .queue_id = 0,
          .born_ms = half.record.born_ms,
          .flag = half.record.flag,
          .sys_flag = half.record.sys_flag & ~(sys_flag::transaction_mask | sys_flag::host_v6_mask),
          .reconsume_count = half.record.reconsume_count,
          .born_host = half.record.born_host};
}

sdk::Outgoing make_committed(const HalfMessage& half, std::int32_t queue_id) {
  sdk::Outgoing message = make_copy(half, half.real_topic, half.record.properties);
  message.queue_id = queue_id;
  message.prepared_offset = half.record.log_offset;
  message.sys_flag |= sys_flag::commit;
  return message;
}

sdk::Outgoing OpText::outgoing(std::int64_t now_ms) const {
  return {.topic = op_topic, .body = body, .properties = properties, .queue_id = 0, .born_ms = now_ms};
}

OpText make_op(Outcome outcome, std::string_view group, std::string_view id, const std::vector<std::int64_t>& offsets) {
  OpText op;
  // A single offset stands alone, so that RocketMQ 4 reads it as well; RocketMQ 5 ends every one of them with a comma.
  for (const std::int64_t offset : offsets) {
    op.body += std::to_string(offset);
    if (offsets.size() > 1) op.body += ',';
  }
  op.properties = sdk::with_property({}, property::tags, op_tag);
  std::string said(to_string(outcome));
  if (!id.empty()) said.append(" ").append(group).append(" ").append(id);
  op.properties = sdk::with_property(op.properties, property::outcome, said);
  return op;
}

std::optional<OpRecord> read_op_record(const sdk::Record& record) {
  OpRecord op;
  bool is_op = false;
  sdk::for_each_property(record.properties, [&op, &is_op](std::string_view name, std::string_view value) {
    if (name == property::tags) is_op = value == op_tag;
    if (name == property::outcome) {
      const std::size_t first = value.find(' ');
      op.outcome = outcome_of(value.substr(0, first));
      const std::size_t second = first == std::string_view::npos ? first : value.find(' ', first + 1);
      if (second != std::string_view::npos) {
        op.group = value.substr(first + 1, second - first - 1);
        op.id = value.substr(second + 1);
      }
    }
    return true;
  });
  if (!is_op) return std::nullopt;
  std::string_view rest = record.body;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (const auto offset = parse_number(rest.substr(0, comma)); offset && *offset >= 0) op.offsets.push_back(*offset);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return op;
}

}  // namespace gantry::txn
