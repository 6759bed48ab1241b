#include "kernel/script/message.hpp"

#include "protocol/host.hpp"

#include <utility>

namespace gantry::script {
namespace {

std::string_view to_text(const gantry_bytes& bytes) noexcept {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

}  // namespace

void Message::show(const gantry_filter_message& stored, std::string_view group) noexcept {
  restart();
  fields_.properties = to_text(stored.properties);
  fields_.group = group;
  record_ = stored.record;
}

void Message::show(const gantry_publishing& from) noexcept {
  restart();
  fields_.topic = to_text(from.topic);
  fields_.properties = to_text(from.properties);
  fields_.body = to_text(from.body);
  fields_.group = to_text(from.producer_group);
  fields_.born_host = from.born_host;
  fields_.born_ms = from.born_ms;
  fields_.store_ms = 0;
  fields_.queue_offset = 0;
  fields_.queue_id = from.queue_id;
  fields_.queue_count = from.queue_count;
  fields_.flag = from.flag;
  fields_.sys_flag = from.sys_flag;
  fields_.reconsume_count = from.reconsume_count;
}

void Message::show(const Fields& fields) noexcept {
  restart();
  fields_ = fields;
}

void Message::decode() noexcept {
  protocol::RecordView record;
  const protocol::ByteView bytes(static_cast<const std::byte*>(record_.data), static_cast<std::size_t>(record_.size));
  record_ = {};
  const std::string_view properties = fields_.properties;
  const std::string_view group = fields_.group;
  fields_ = {};
  fields_.properties = properties;
  fields_.group = group;
  if (protocol::decode_record(bytes, record) != protocol::RecordOutcome::ok) return;
  fields_.topic = record.topic;
  fields_.body = protocol::as_text(record.body);
  fields_.born_host = protocol::to_abi(record.born_host);
  fields_.born_ms = record.born_ms;
  fields_.store_ms = record.store_ms;
  fields_.queue_offset = record.queue_offset;
  fields_.queue_id = record.queue_id;
  fields_.flag = record.flag;
  fields_.sys_flag = record.sys_flag;
  fields_.reconsume_count = record.reconsume_count;
}

void Message::index() noexcept {
  index_size_ = protocol::index_properties(fields_.properties, index_);
  if (index_size_ > index_max) index_size_ = overfull;
}

void Message::set_topic(std::string_view topic) {
  topic_.assign(topic);
  fields_.topic = topic_;
  changed_.topic = true;
}

void Message::set_body(std::string_view body, std::int32_t sys_flag) {
  body_.assign(body);
  fields_.body = body_;
  fields_.sys_flag = sys_flag;
  changed_.body = true;
}

void Message::set_flag(std::int32_t flag) noexcept {
  fields_.flag = flag;
  changed_.flag = true;
}

void Message::set_queue(std::int32_t queue) noexcept {
  fields_.queue_id = queue;
  changed_.queue = true;
}

bool Message::set_property(std::string_view name, std::string_view value) {
  if (name.empty() || !protocol::is_property_text(name) || !protocol::is_property_text(value)) return false;
  spare_.clear();
  if (value.empty()) {
    protocol::append_properties_without(spare_, fields_.properties, name);
  } else {
    protocol::append_properties_with(spare_, fields_.properties, name, value);
  }
  std::swap(spare_, properties_);
  fields_.properties = properties_.text();
  index_size_ = unindexed;
  changed_.properties = true;
  return true;
}

}  // namespace gantry::script
