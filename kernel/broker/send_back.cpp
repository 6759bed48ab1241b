// CONSUMER_SEND_MSG_BACK(36): a consumer could not handle a message, which is stored once more, to be tried again later
// or among the dead letters. Source: class AbstractSendMessageProcessor.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/lent_record.hpp"
#include "kernel/routing/refusal.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/host.hpp"
#include "protocol/message_id.hpp"
#include "protocol/names.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::ResponseCode;

namespace {

constexpr std::int32_t first_retry_level = 3;  // the shorter ones are too short for a consumer to recover

/// What the consumer asked for, and what becomes of it.
struct Return {
  std::string group;
  std::int64_t log_offset = 0;
  std::int32_t delay_level = 0;  // below 0: give up; 0: the broker decides
  std::int32_t retry_limit = 0;
  std::int32_t retry_queues = 1;

  [[nodiscard]] bool gives_up(const protocol::RecordView& record) const noexcept {
    return delay_level < 0 || record.reconsume_count >= retry_limit;
  }
};

/// The properties of the copy: what the first delivery was stays known through all retries.
protocol::ByteBuffer copy_properties(const protocol::RecordView& record, std::int32_t level) {
  protocol::ByteBuffer properties;
  bool knows_topic = false;
  bool knows_id = false;
  for (const protocol::Property property : protocol::PropertyRange(record.properties)) {
    // What says how the delivery before was delayed says nothing about this one.
    if (property.name == protocol::property::delay || property.name == protocol::property::wait ||
        property.name.starts_with("TIMER_")) {
      continue;
    }
    knows_topic = knows_topic || property.name == protocol::property::retry_topic;
    knows_id = knows_id || property.name == protocol::property::origin_message_id;
    protocol::append_property(properties, property.name, property.value);
  }
  if (!knows_topic) protocol::append_property(properties, protocol::property::retry_topic, record.topic);
  if (!knows_id) {
    const auto id = protocol::encode_offset_message_id(record.store_host, record.log_offset);
    protocol::append_property(properties, protocol::property::origin_message_id, id.view());
  }
  if (level > 0) protocol::append_property(properties, protocol::property::delay, std::to_string(level));
  protocol::append_property(properties, protocol::property::wait, std::string_view("false"));
  return properties;
}

/// Stores the copy; `later` is answered when it is stored, or with the reason why it is not.
void store(Shared& shared, const Return& wish, const protocol::RecordView& record, Deferred later) {
  const bool dead = wish.gives_up(record);
  const auto topic = dead ? shared.env.topics.ensure_dead_letter_topic(wish.group)
                          : shared.env.topics.ensure_retry_topic(wish.group, wish.retry_queues);
  if (!topic) return later.answer(routing::topic_refusal(topic.error()), topic.error().text);
  if (!(*topic)->writable()) {
    return later.answer(ResponseCode::no_permission, remark::topic_not_writable((*topic)->name()));
  }
  const std::int32_t level =
      dead ? 0 : (wish.delay_level > 0 ? wish.delay_level : first_retry_level + record.reconsume_count);
  const protocol::ByteBuffer properties = copy_properties(record, level);

  gantry_publishing message{};
  message.struct_size = sizeof message;
  message.topic = to_bytes((*topic)->name());
  message.properties = to_bytes(properties.text());
  message.body = to_bytes(record.body);
  message.producer_group = to_bytes(wish.group);
  message.born_host = protocol::to_abi(record.born_host);
  message.born_ms = record.born_ms;
  message.queue_id = dead ? 0 : (*topic)->choose_write_queue();
  message.queue_count = (*topic)->write_queues();
  message.flag = record.flag;
  message.sys_flag = record.sys_flag;
  message.reconsume_count = record.reconsume_count + 1;

  protocol::Scratch memory;
  const gantry_scratch scratch{&memory, [](void* context, std::uint64_t size) -> void* {
                                 return static_cast<protocol::Scratch*>(context)->allocate(size);
                               }};
  if (shared.env.plugins.intercepts_send_back()) shared.env.plugins.intercept_send_back(message, scratch);
  if (message.verdict != GANTRY_VERDICT_ACCEPT) {
    const auto code = message.reject_code == 0 ? ResponseCode::message_illegal : ResponseCode{message.reject_code};
    return later.answer(code, to_text(message.reject_reason));
  }
  if (!dead && (message.taken & GANTRY_TAKEN_DELAY) == 0) {
    return later.answer(ResponseCode::system_error, remark::send_back_needs_delay);
  }
  OutgoingMessage copy;
  copy.topic = to_text(message.topic);
  copy.properties = to_text(message.properties);
  copy.body = to_text(message.body);
  copy.queue_id = message.queue_id;
  copy.flag = message.flag;
  copy.sys_flag = message.sys_flag;
  copy.reconsume_count = message.reconsume_count;
  copy.born_ms = message.born_ms;
  copy.born_host = message.born_host;
  auto answer = std::make_shared<Deferred>(std::move(later));
  const Status accepted = shared.publish(copy, [answer](std::span<const Result<PublishedMessage>> published) {
    if (published.front()) return answer->answer(ResponseCode::success);
    answer->answer(ResponseCode::system_error, published.front().error().text);
  });
  if (!accepted) answer->answer(ResponseCode::system_busy, accepted.error().text);
}

}  // namespace

void AdminHandler::send_back(const Request& request) {
  const ReplyTo to = request.reply_to();
  protocol::SendBackHeader header;
  if (!decode(request, header)) return;
  Error error;
  const routing::Group* group = context_.group(header.group, error);
  if (group == nullptr) return context_.reply(to, ResponseCode::subscription_group_not_exist, error.text);
  const Options& options = context_.shared.options;
  if (!protocol::perm::is_writable(context_.shared.permission.load(std::memory_order_relaxed))) {
    return context_.reply(to, ResponseCode::no_permission, remark::broker_not_writable(options.name));
  }
  if (group->config().retry_queue_count <= 0) return context_.reply(to, ResponseCode::success);
  const bool honoured = request.header.version >= protocol::version::v3_4_9 && header.reconsume_count_max.has_value();
  Return wish;
  wish.group = header.group;
  wish.log_offset = header.log_offset;
  wish.delay_level = header.delay_level;
  wish.retry_limit = honoured ? *header.reconsume_count_max : group->config().retry_count_max;
  wish.retry_queues = group->config().retry_queue_count;
  on_pool(request, [wish = std::move(wish)](Shared& shared, Deferred later) {
    const LentRecord record(shared.env.store, shared.env.topics, wish.log_offset, PositionFrom::client);
    if (!record.status()) return later.answer(ResponseCode::system_error, remark::record_unknown(wish.log_offset));
    store(shared, wish, record.view(), std::move(later));
  });
}

}  // namespace gantry::broker
