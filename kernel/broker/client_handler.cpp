#include "kernel/broker/client_handler.hpp"

#include "kernel/broker/remarks.hpp"
#include "kernel/broker/selector.hpp"
#include "kernel/routing/heartbeat.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/host.hpp"
#include "protocol/lists.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/responses.hpp"

#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

void send_notices(Shared& shared, std::span<const routing::ChangeNotice> notices) {
  if (!shared.options.notify_consumer_ids_changed) return;
  for (const routing::ChangeNotice& notice : notices) {
    auto frame = std::make_shared<protocol::ByteBuffer>();
    const std::int32_t opaque = shared.next_opaque.fetch_add(1, std::memory_order_relaxed);
    protocol::write_frame(*frame, protocol::request_meta(RequestCode::notify_consumer_ids_changed, opaque, true),
                          protocol::ConsumerGroupHeader{notice.group});
    for (const ChannelId member : notice.channels) {
      shared.env.shards.with_channel(member, [frame](Channel* channel) {
        if (channel != nullptr) channel->send(frame->view());
      });
    }
  }
}

bool ClientHandler::handle(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::heart_beat: heart_beat(request); return true;
    case RequestCode::unregister_client: unregister(request); return true;
    case RequestCode::get_consumer_list_by_group: list_consumers(request); return true;
    case RequestCode::lock_batch_mq: lock(request); return true;
    case RequestCode::unlock_batch_mq: unlock(request); return true;
    case RequestCode::check_client_config: check_config(request); return true;
    default: return false;
  }
}

void ClientHandler::heart_beat(const Request& request) {
  context_.shared.counters.heartbeats.add();
  const ReplyTo to = request.reply_to();
  const auto heartbeat = protocol::decode_body<protocol::HeartbeatData>(request.frame.body);
  if (!heartbeat) return context_.reply(to, ResponseCode::system_error, heartbeat.error().text);
  routing::Client client;
  client.channel = request.channel.id();
  client.client_id = heartbeat->client_id;
  client.language = request.header.language;
  client.version = request.header.version;
  client.address = protocol::to_string(protocol::host_of(request.channel.peer()));
  auto& env = context_.shared.env;
  routing::HeartbeatOutcome outcome = routing::apply_heartbeat(client, *heartbeat, env.topics, env.groups, env.clients);
  send_notices(context_.shared, outcome.notices);
  protocol::HeartbeatResponse header;
  header.supports_v2 = true;
  header.sub_changed = outcome.subscriptions_changed;
  context_.reply(to, ResponseCode::success, {}, header);
}

void ClientHandler::unregister(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto header = protocol::decode_fields<protocol::UnregisterClientHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::system_error, header.error().text);
  context_.shared.env.clients.unregister(request.channel.id(), header->producer_group, header->consumer_group,
                                         notices_);
  notify();
  context_.reply(to, ResponseCode::success);
}

void ClientHandler::list_consumers(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto header = protocol::decode_fields<protocol::ConsumerGroupHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::system_error, header.error().text);
  const routing::ConsumerGroup* group = context_.consumers.find(header->consumer_group);
  // An error, never an empty list: with that, clients would drop all their queues.
  if (group == nullptr || group->members.empty()) {
    return context_.reply(to, ResponseCode::system_error, remark::group_offline(header->consumer_group));
  }
  protocol::ConsumerIdList list;
  list.client_ids = group->client_ids();
  const std::string body = protocol::encode_body(list);
  context_.reply(to, ResponseCode::success, {}, protocol::as_bytes(body));
}

void ClientHandler::check_config(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto body = protocol::decode_body<protocol::CheckClientConfigBody>(request.frame.body);
  if (!body) return context_.reply(to, ResponseCode::system_error, body.error().text);
  const protocol::SubscriptionData& subscription = body->subscription;
  if (subscription.is_tag() || subscription.expression_type.empty()) return context_.reply(to, ResponseCode::success);
  const std::string_view language = subscription.expression_type;
  const auto filter = compile_filter(context_.shared.env.plugins, language, subscription.expression);
  if (!filter) {
    const FilterRefusal refusal = filter_refusal(language, filter.error());
    return context_.reply(to, refusal.code, refusal.remark);
  }
  context_.reply(to, ResponseCode::success);
}

void ClientHandler::lock(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto body = protocol::decode_body<protocol::LockQueuesBody>(request.frame.body);
  if (!body) return context_.reply(to, ResponseCode::system_error, body.error().text);
  protocol::LockedQueuesBody locked;
  locked.queues = context_.shared.env.locks.lock(body->consumer_group, body->client_id, body->queues);
  const std::string text = protocol::encode_body(locked);
  context_.reply(to, ResponseCode::success, {}, protocol::as_bytes(text));
}

void ClientHandler::unlock(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto body = protocol::decode_body<protocol::LockQueuesBody>(request.frame.body);
  if (!body) return context_.reply(to, ResponseCode::system_error, body.error().text);
  context_.shared.env.locks.unlock(body->consumer_group, body->client_id, body->queues);
  context_.reply(to, ResponseCode::success);
}

void ClientHandler::on_close(Channel& channel) {
  context_.shared.env.clients.close(channel.id(), notices_);
  notify();
}

void ClientHandler::notify() {
  if (notices_.empty()) return;
  send_notices(context_.shared, notices_);
  notices_.clear();
}

}  // namespace gantry::broker
