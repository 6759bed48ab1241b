// The part of AdminHandler that asks clients on behalf of an operator. Source: classes AdminBrokerProcessor,
// Broker2Client.

#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/client_calls.hpp"
#include "kernel/broker/lent_record.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/message_id.hpp"
#include "protocol/stats.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

/// How long a member has been silent is told to the second; its heartbeats come every 30.
protocol::ProducerTableInfo::Producer describe(const routing::Client& client, std::int64_t now_ms) {
  return {client.client_id, "/" + client.address, client.language, client.version, now_ms};
}

}  // namespace

bool AdminHandler::handle_clients(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::get_consumer_running_info: running_info(request); return true;
    case RequestCode::consume_message_directly: consume_directly(request); return true;
    case RequestCode::invoke_broker_to_get_consumer_status: consumer_status(request); return true;
    case RequestCode::get_all_producer_info: list_producers(request); return true;
    default: return false;
  }
}

// The member, or nullptr after the answer was given. An empty id names any member.
routing::ClientPtr AdminHandler::find_member(const Request& request, std::string_view group_name,
                                             std::string_view client_id) {
  const routing::ConsumerGroup* group = context_.consumers.find(group_name);
  if (group != nullptr) {
    for (const routing::ClientPtr& member : group->members) {
      if (!client_id.empty() && member->client_id != client_id) continue;
      if (member->version >= protocol::version::v3_1_8_snapshot) return member;
      context_.reply(request.reply_to(), ResponseCode::system_error, remark::client_too_old(member->client_id));
      return nullptr;
    }
  }
  context_.reply(request.reply_to(), ResponseCode::system_error, remark::client_unknown(group_name, client_id));
  return nullptr;
}

bool AdminHandler::admit_call(const Request& request) {
  if (Deferred::admit(context_.shared)) return true;
  context_.shared.counters.deferred_refused.add();
  context_.reply(request.reply_to(), ResponseCode::system_busy, remark::too_many_deferred);
  return false;
}

void AdminHandler::running_info(const Request& request) {
  protocol::ConsumerRunningInfoHeader header;
  if (!decode(request, header) || !admit_call(request)) return;
  const auto member = find_member(request, header.consumer_group, header.client_id);
  if (!member) return;
  context_.shared.client_calls->relay(member->channel, RequestCode::get_consumer_running_info, header, {},
                                      Deferred(context_.shared, request.channel.id(), request.reply_to()));
}

void AdminHandler::consumer_status(const Request& request) {
  protocol::ConsumerStatusHeader header;
  if (!decode(request, header) || !admit_call(request)) return;
  const auto member = find_member(request, header.group, header.client_address);
  if (!member) return;
  context_.shared.client_calls->relay(member->channel, RequestCode::get_consumer_status_from_client,
                                      protocol::GroupTopicHeader{header.topic, header.group}, {},
                                      Deferred(context_.shared, request.channel.id(), request.reply_to()));
}

void AdminHandler::consume_directly(const Request& request) {
  protocol::ConsumeDirectlyHeader header;
  if (!admit_change(request) || !decode(request, header)) return;
  const auto id = protocol::decode_offset_message_id(header.message_id);
  if (!id) return context_.reply(request.reply_to(), ResponseCode::system_error, id.error().text);
  const auto member = find_member(request, header.consumer_group, header.client_id);
  if (!member) return;
  struct Wish {
    std::string group;
    std::string client_id;
    std::string message_id;
  };
  on_pool(request, [member, at = id->log_offset,
                    wish = Wish{std::string(header.consumer_group), member->client_id, std::string(header.message_id)}](
                       Shared& shared, Deferred later) {
    const LentRecord record(shared.env.store, shared.env.topics, at, PositionFrom::client);
    if (!record.status()) return later.answer(ResponseCode::system_error, remark::record_unknown(at));
    protocol::ConsumeDirectlyHeader relayed;
    relayed.consumer_group = wish.group;
    relayed.client_id = wish.client_id;
    relayed.message_id = wish.message_id;
    relayed.broker_name = shared.options.name;
    if (const auto topic = shared.env.topics.find(record.view().topic)) {
      relayed.topic_sys_flag = topic->config().topic_sys_flag;
    }
    if (const auto group = shared.env.groups.find(wish.group)) {
      relayed.group_sys_flag = group->config().group_sys_flag;
    }
    shared.client_calls->relay(member->channel, RequestCode::consume_message_directly, relayed, record.bytes(),
                               std::move(later));
  });
}

void AdminHandler::list_producers(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) {
    protocol::ProducerTableInfo info;
    const std::int64_t now = shared.env.clock.now_ms();
    for (const auto& group : shared.env.clients.producer_groups()) {
      auto& members = info.groups[group->group];
      for (const routing::ClientPtr& member : group->members) members.push_back(describe(*member, now));
    }
    answer_text(later, protocol::encode_body(info));
  });
}

}  // namespace gantry::broker
