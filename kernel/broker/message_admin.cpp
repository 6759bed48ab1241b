// The part of AdminHandler that is about single messages. See also message_query.cpp.

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
    shared.publish(make_dead_letter(record.view(), name),
                   [answer = std::move(later)](const Result<PublishedMessage>& published) mutable {
                     if (published) return answer.answer(ResponseCode::success);
                     answer.answer(ResponseCode::system_error, published.error().text);
                   });
  });
}

}  // namespace gantry::broker
