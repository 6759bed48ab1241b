#include "protocol/send_header.hpp"

#include "protocol/fields.hpp"

#include <array>

namespace gantry::protocol {

namespace {

constexpr int field_count = 14;  // 'a' to 'n'
constexpr std::array<std::string_view, field_count> long_names = {
    "producerGroup", "topic",     "defaultTopic", "defaultTopicQueueNums", "queueId",  "sysFlag",
    "bornTimestamp", "flag",      "properties",   "reconsumeTimes",        "unitMode", "maxReconsumeTimes",
    "batch",         "brokerName"};

/// Which field of the table a long name is, or -1. The size leaves at most two names to compare with.
int long_name_index(std::string_view key) noexcept {
  const auto either = [key](int one, int other) {
    if (key == long_names[static_cast<std::size_t>(one)]) return one;
    return key == long_names[static_cast<std::size_t>(other)] ? other : -1;
  };
  switch (key.size()) {
    case 4: return either(7, 7);
    case 5: return either(1, 12);
    case 7: return either(4, 5);
    case 8: return either(10, 10);
    case 10: return either(8, 13);
    case 12: return either(2, 2);
    case 13: return either(0, 6);
    case 14: return either(9, 9);
    case 17: return either(11, 11);
    case 21: return either(3, 3);
    default: return -1;
  }
}

int letter_index(std::string_view key) noexcept {
  return key.size() == 1 && key[0] >= 'a' && key[0] <= 'n' ? key[0] - 'a' : -1;
}

}  // namespace

Status decode_send(SendNames names, const ExtFields& fields, Scratch& scratch, SendHeader& out) {
  std::array<const ExtField*, field_count> found{};
  for (const ExtField& field : fields) {
    const int index = names == SendNames::v2 ? letter_index(field.key) : long_name_index(field.key);
    if (index >= 0) found[static_cast<std::size_t>(index)] = &field;
  }
  out = SendHeader{};
  FieldReader reader(fields, scratch, SendHeader::name);
  const auto read = [&](char letter, auto& value, bool is_required) {
    const auto index = static_cast<std::size_t>(letter - 'a');
    return reader.read(long_names[index], found[index], value, is_required);
  };
  read('a', out.producer_group, true);
  read('b', out.topic, true);
  read('c', out.default_topic, true);
  read('d', out.default_topic_queue_count, true);
  read('e', out.queue_id, true);
  read('f', out.sys_flag, true);
  read('g', out.born_ms, true);
  read('h', out.flag, true);
  read('i', out.properties, false);
  read('j', out.reconsume_count, false);
  read('k', out.unit_mode, false);
  if (std::int32_t value = 0; read('l', value, false)) out.reconsume_count_max = value;
  read('m', out.batch, false);
  read('n', out.broker_name, false);
  return reader.finish();
}

}  // namespace gantry::protocol
