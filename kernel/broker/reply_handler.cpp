#include "kernel/broker/reply_handler.hpp"

#include "kernel/broker/client_calls.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/host.hpp"
#include "protocol/properties.hpp"
#include "protocol/responses.hpp"
#include "protocol/send_header.hpp"

#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

/// A reply with bytes of its own, to be stored once its push is done.
struct Reply {
  std::string topic;
  std::string properties;
  std::string body;
  protocol::SendHeader header;  // its texts are not used
  gantry_address born_host{};

  [[nodiscard]] OutgoingMessage message() const noexcept {
    OutgoingMessage message;
    message.topic = topic;
    message.properties = properties;
    message.body = body;
    message.queue_id = header.queue_id;
    message.flag = header.flag;
    message.sys_flag = header.sys_flag;
    message.reconsume_count = header.reconsume_count;
    message.born_ms = header.born_ms;
    message.born_host = born_host;
    return message;
  }
};

/// Stores the reply and answers with the code of the push.
void store(Shared& shared, std::unique_ptr<Reply> reply, ResponseCode code, std::string remark, Deferred later) {
  const std::int32_t queue_id = reply->header.queue_id;
  auto answer = std::make_shared<Deferred>(std::move(later));
  const auto tell = [&shared, answer, code, remark = std::move(remark), queue_id](const PublishedMessage* stored) {
    protocol::SendResponse header;
    header.message_id = stored != nullptr ? stored->message_id.view() : std::string_view("0");
    header.queue_id = queue_id;
    header.queue_offset = stored != nullptr ? stored->queue_offset : 0;
    header.region = shared.options.region;
    header.trace_on = shared.options.trace_on;
    answer->answer(code, remark, header);
  };
  const Status accepted = shared.publish(reply->message(), [tell](std::span<const Result<PublishedMessage>> published) {
    tell(published.front() ? &*published.front() : nullptr);
  });
  if (!accepted) tell(nullptr);
}

}  // namespace

void ReplyHandler::refuse(const ReplyTo& to, ResponseCode code, std::string_view remark) {
  const Options& options = context_.shared.options;
  context_.reply(to, code, remark, protocol::SendErrorResponse{options.region, options.trace_on});
}

bool ReplyHandler::handle(const Request& request) {
  const auto code = RequestCode{request.header.code};
  if (code != RequestCode::send_reply_message && code != RequestCode::send_reply_message_v2) return false;
  const ReplyTo to = request.reply_to();
  Shared& shared = context_.shared;
  protocol::SendHeader header;
  const auto names = protocol::send_names_of(request.header.code);
  if (const Status read = protocol::decode_send(names, request.header.ext, context_.scratch, header); !read) {
    refuse(to, ResponseCode::system_error, read.error().text);
    return true;
  }
  if (context_.topics.find(header.topic) == nullptr) {
    refuse(to, ResponseCode::topic_not_exist, remark::topic_unknown(header.topic));
    return true;
  }
  const std::string_view client = protocol::find_property(header.properties, protocol::property::reply_to_client);
  const auto channel = client.empty() ? std::nullopt : shared.env.clients.producer_channel(client);
  if (!channel) {
    refuse(to, ResponseCode::system_error, remark::nobody_waits_for_reply(client));
    return true;
  }
  if (!Deferred::admit(shared)) {
    shared.counters.deferred_refused.add();
    refuse(to, ResponseCode::system_busy, remark::too_many_deferred);
    return true;
  }

  auto reply = std::make_unique<Reply>();
  reply->topic = header.topic;
  protocol::ByteBuffer properties;
  properties.append(header.properties);
  if (!protocol::ends_in_separator(header.properties)) properties.push_back(protocol::property_end);
  const std::int64_t now = shared.env.clock.now_ms();
  protocol::append_property(properties, protocol::property::push_reply_time, std::to_string(now));
  reply->properties = properties.text();
  reply->body = protocol::as_text(request.frame.body);
  reply->header = header;
  reply->born_host = request.channel.peer();

  const std::string born_host = protocol::to_string(protocol::host_of(request.channel.peer()));
  const std::string store_host = protocol::to_string(protocol::host_of(shared.store_host(request.channel.local())));
  protocol::PushReplyHeader push;
  push.producer_group = header.producer_group;
  push.topic = header.topic;
  push.default_topic = header.default_topic;
  push.default_topic_queue_count = header.default_topic_queue_count;
  push.queue_id = header.queue_id;
  push.sys_flag = header.sys_flag;
  push.born_ms = header.born_ms;
  push.flag = header.flag;
  push.properties = reply->properties;
  push.reconsume_count = header.reconsume_count;
  push.unit_mode = header.unit_mode;
  push.born_host = born_host;
  push.store_host = store_host;
  push.store_ms = now;
  const protocol::ByteView body = request.frame.body;
  shared.client_calls->call(
      *channel, RequestCode::push_reply_message_to_client, push, body,
      [&shared, held = std::move(reply),
       later = Deferred(shared, request.channel.id(), to)](const ClientCalls::Outcome& outcome) mutable {
        const bool pushed = outcome.code == ResponseCode::success;
        store(shared, std::move(held), pushed ? ResponseCode::success : ResponseCode::system_error,
              std::string(outcome.remark), std::move(later));
      });
  return true;
}

}  // namespace gantry::broker
