#include "protocol/pull_header.hpp"

#include "protocol/fields.hpp"

#include <array>

namespace gantry::protocol {

namespace {

enum Slot : std::uint8_t {
  consumer_group,
  topic,
  queue_id,
  queue_offset,
  message_count_max,
  sys_flag,
  commit_offset,
  suspend_timeout,
  subscription,
  sub_version,
  expression_type,
  bytes_max,
  request_source,
  proxy_client_id,
  slot_count,
};

constexpr std::array<std::string_view, slot_count> names = {"consumerGroup",  "topic",
                                                            "queueId",        "queueOffset",
                                                            "maxMsgNums",     "sysFlag",
                                                            "commitOffset",   "suspendTimeoutMillis",
                                                            "subscription",   "subVersion",
                                                            "expressionType", "maxMsgBytes",
                                                            "requestSource",  "proxyFrowardClientId"};

/// Which slot a key is for, or slot_count. Size and first letter leave one name to compare with.
Slot slot_of(std::string_view key) noexcept {
  if (key.empty()) return slot_count;
  Slot slot = slot_count;
  const char first = key[0];
  switch (key.size()) {
    case 5: slot = topic; break;
    case 7: slot = first == 'q' ? queue_id : sys_flag; break;
    case 10: slot = first == 'm' ? message_count_max : sub_version; break;
    case 11: slot = first == 'q' ? queue_offset : bytes_max; break;
    case 12: slot = first == 'c' ? commit_offset : subscription; break;
    case 13: slot = first == 'c' ? consumer_group : request_source; break;
    case 14: slot = expression_type; break;
    case 20: slot = first == 's' ? suspend_timeout : proxy_client_id; break;
    default: return slot_count;
  }
  return key == names[slot] ? slot : slot_count;
}

}  // namespace

Status decode_pull(const ExtFields& fields, Scratch& scratch, PullHeader& out) {
  std::array<const ExtField*, slot_count + 1> found{};  // The last one takes what nobody asked for.
  for (const ExtField& field : fields) found[slot_of(field.key)] = &field;

  out = PullHeader{};
  FieldReader reader(fields, scratch, PullHeader::name);
  const auto read = [&](Slot slot, auto& value, bool is_required) {
    return reader.read(names[slot], found[slot], value, is_required);
  };
  read(consumer_group, out.consumer_group, true);
  read(topic, out.topic, true);
  read(queue_id, out.queue_id, true);
  read(queue_offset, out.queue_offset, true);
  read(message_count_max, out.message_count_max, true);
  read(sys_flag, out.sys_flag, true);
  read(commit_offset, out.commit_offset, true);
  read(suspend_timeout, out.suspend_timeout_ms, true);
  read(subscription, out.subscription, false);
  read(sub_version, out.sub_version, true);
  read(expression_type, out.expression_type, false);
  if (std::int32_t value = 0; read(bytes_max, value, false)) out.bytes_max = value;
  if (std::int32_t value = 0; read(request_source, value, false)) out.request_source = value;
  read(proxy_client_id, out.proxy_forward_client_id, false);
  return reader.finish();
}

}  // namespace gantry::protocol
