// The part of AdminHandler that is about single messages. See also message_query.cpp.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/lent_record.hpp"
#include "kernel/routing/refusal.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/host.hpp"
#include "protocol/message_id.hpp"
#include "protocol/names.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"
#include "protocol/sys_flag.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

/// The dead letter of a message that its consumer gave up.
OutgoingMessage make_dead_letter(const protocol::RecordView& record, std::string_view group) {
  OutgoingMessage letter;
  letter.topic = protocol::dead_letter_topic(group);
  letter.body = protocol::as_text(record.body);
  letter.queue_id = 0;
  letter.flag = record.flag;
  letter.sys_flag = record.sys_flag;
  letter.reconsume_count = record.reconsume_count + 1;
  letter.born_ms = record.born_ms;
  letter.born_host = protocol::to_abi(record.born_host);
  protocol::ByteBuffer properties;
  for (const protocol::Property property : protocol::PropertyRange(record.properties)) {
    if (property.name == protocol::property::delay || property.name == protocol::property::wait) continue;
    protocol::append_property(properties, property.name, property.value);
  }
  // What the first delivery was stays known through all retries.
  if (protocol::find_property(record.properties, protocol::property::retry_topic).empty()) {
    protocol::append_property(properties, protocol::property::retry_topic, record.topic);
  }
  if (protocol::find_property(record.properties, protocol::property::origin_message_id).empty()) {
    const auto id = protocol::encode_offset_message_id(record.store_host, record.log_offset);
    protocol::append_property(properties, protocol::property::origin_message_id, id.view());
  }
  protocol::append_property(properties, protocol::property::wait, std::string_view("false"));
  letter.properties = properties.text();
  return letter;
}

/// Lets interceptors look at a dead letter; what they rewrite is copied into it. Empty: it may be stored; else why not.
struct LetterRefusal {
  ResponseCode code = ResponseCode::success;
  std::string reason;
};
LetterRefusal intercept(PluginSlots& plugins, OutgoingMessage& letter, std::string_view group) {
  gantry_publishing message{};
  message.struct_size = sizeof message;
  message.topic = to_bytes(letter.topic);
  message.properties = to_bytes(letter.properties);
  message.body = to_bytes(letter.body);
  message.producer_group = to_bytes(group);
  message.born_host = letter.born_host;
  message.born_ms = letter.born_ms;
  message.queue_id = letter.queue_id;
  message.queue_count = 1;
  message.flag = letter.flag;
  message.sys_flag = letter.sys_flag;
  message.reconsume_count = letter.reconsume_count;
  protocol::Scratch memory;
  const gantry_scratch scratch{&memory, [](void* context, std::uint64_t size) -> void* {
                                 return static_cast<protocol::Scratch*>(context)->allocate(size);
                               }};
  plugins.intercept_send_back(message, scratch);
  if (message.verdict != GANTRY_VERDICT_ACCEPT) {
    const auto code = message.reject_code == 0 ? ResponseCode::message_illegal : ResponseCode{message.reject_code};
    return {code, std::string(to_text(message.reject_reason))};
  }
  OutgoingMessage changed = letter;
  changed.topic = to_text(message.topic);
  changed.properties = to_text(message.properties);
  changed.body = to_text(message.body);
  changed.queue_id = message.queue_id;
  changed.flag = message.flag;
  changed.sys_flag = message.sys_flag;
  letter = std::move(changed);
  return {};
}

}  // namespace

bool AdminHandler::handle_messages(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::view_message_by_id: view_message(request); return true;
    case RequestCode::consumer_send_msg_back: send_back(request); return true;
    case RequestCode::query_message: query_messages(request); return true;
    default: return false;
  }
}

// A consumer could not handle a message. What is to be tried again later is the delay plugin's, which then serves this
// code; what is to be given up is stored among the dead letters here.
void AdminHandler::send_back(const Request& request) {
  const ReplyTo to = request.reply_to();
  protocol::SendBackHeader header;
  if (!decode(request, header)) return;
  Error error;
  const routing::Group* group = context_.group(header.group, error);
  if (group == nullptr) return context_.reply(to, ResponseCode::subscription_group_not_exist, error.text);
  const Options& options = context_.shared.options;
  if (!protocol::perm::is_writable(options.permission)) {
    return context_.reply(to, ResponseCode::no_permission, remark::broker_not_writable(options.name));
  }
  if (group->config().retry_queue_count <= 0) return context_.reply(to, ResponseCode::success);
  const bool honoured = request.header.version >= protocol::version::v3_4_9 && header.reconsume_count_max.has_value();
  const std::int32_t limit = honoured ? *header.reconsume_count_max : group->config().retry_count_max;
  on_pool(request, [name = std::string(header.group), at = header.log_offset, limit, give_up = header.delay_level < 0](
                       Shared& shared, Deferred later) {
    const LentRecord record(shared.env.store, shared.env.topics, at, PositionFrom::client);
    if (!record.status()) return later.answer(ResponseCode::system_error, remark::record_unknown(at));
    if (!give_up && record.view().reconsume_count < limit) {
      return later.answer(ResponseCode::system_error, remark::send_back_needs_delay);
    }
    if (const auto made = shared.env.topics.ensure_dead_letter_topic(name); !made) {
      return later.answer(routing::topic_refusal(made.error()), made.error().text);
    }
    OutgoingMessage letter = make_dead_letter(record.view(), name);
    if (shared.env.plugins.intercepts_send_back()) {
      if (const auto refusal = intercept(shared.env.plugins, letter, name); refusal.code != ResponseCode::success) {
        return later.answer(refusal.code, refusal.reason);
      }
    }
    shared.publish(std::move(letter), [answer = std::move(later)](const Result<PublishedMessage>& published) mutable {
      if (published) return answer.answer(ResponseCode::success);
      answer.answer(ResponseCode::system_error, published.error().text);
    });
  });
}

}  // namespace gantry::broker
