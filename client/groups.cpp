#include "client/groups.hpp"

#include "client/pull_call.hpp"
#include "client/routes.hpp"
#include "protocol/admin_requests.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/json_body.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/stats.hpp"

#include <set>
#include <utility>

namespace gantry::client {

using protocol::RequestCode;
using protocol::ResponseCode;

struct Groups::Impl {
  Impl(AdminOptions given, std::unique_ptr<RemotingClient> client)
      : remoting(std::move(client)), routes(*remoting, given.name_servers) {}

  /// Masters by broker name.
  Result<std::map<std::string, std::string>> masters() {
    GANTRY_ASSIGN(const auto brokers, list_brokers(routes));
    std::map<std::string, std::string> masters;
    for (const BrokerInfo& broker : brokers) {
      if (broker.id == 0) masters[broker.name] = broker.address;
    }
    if (masters.empty()) return Error{Errc::not_found, "the NameServers know no broker"};
    return masters;
  }

  Status add_members(const std::string& broker, const std::string& address, const std::string& group,
                     GroupState& state) {
    GANTRY_ASSIGN(const Reply reply, remoting->call(address, RequestCode::get_consumer_connection_list,
                                                    protocol::ConsumerGroupHeader{group}));
    if (reply.code == static_cast<std::int32_t>(ResponseCode::consumer_not_online)) return {};
    if (!reply.is_success()) return reply.to_error("members of group " + group + " on " + broker);
    GANTRY_ASSIGN(const auto connection, protocol::decode_body<protocol::ConsumerConnection>(reply.body));
    for (const auto& member : connection.connections) {
      state.members.push_back({member.client_id, member.client_address,
                               std::string(protocol::to_string(member.language)), member.version, broker});
    }
    for (const auto& [topic, subscription] : connection.subscriptions) {
      state.subscriptions[topic] =
          (subscription.is_tag() ? "" : subscription.expression_type + " ") + subscription.expression;
    }
    state.model = protocol::to_string(connection.message_model);
    return {};
  }

  Status add_progress(const std::string& broker, const std::string& address, const std::string& group, bool ages,
                      GroupState& state) {
    protocol::ConsumeStatsHeader header;
    header.consumer_group = group;
    GANTRY_ASSIGN(const Reply reply, remoting->call(address, RequestCode::get_consume_stats, header));
    if (!reply.is_success()) return reply.to_error("progress of group " + group + " on " + broker);
    GANTRY_ASSIGN(const auto stats, protocol::decode_body<protocol::ConsumeStats>(reply.body));
    state.consumed_per_second += stats.consume_tps;
    for (const auto& [queue, line] : stats.queues) {
      QueueProgress progress{queue, line.broker_offset, line.consumer_offset, line.last_ms, std::nullopt};
      if (ages && progress.lag() > 0) {
        GANTRY_ASSIGN(progress.oldest_waiting_ms, store_time(address, queue, line.consumer_offset));
      }
      state.progress.push_back(std::move(progress));
    }
    return {};
  }

  Result<std::optional<std::int64_t>> store_time(const std::string& address, const MessageQueue& queue,
                                                 std::int64_t offset) {
    static const std::string reader = "TOOLS_CONSUMER";
    PullRequest request;
    request.queue = queue;
    request.offset = offset;
    request.message_count_max = 1;
    const PullCall call(reader, request);
    GANTRY_ASSIGN(const Reply reply,
                  remoting->call_within(call.timeout(), address, RequestCode::pull_message, call.header()));
    const auto pulled = PullCall::result_of(reply, queue.broker_name);
    if (!pulled || pulled->messages.empty()) return std::optional<std::int64_t>();
    return std::optional(pulled->messages.front().store_ms);
  }

  std::unique_ptr<RemotingClient> remoting;
  Routes routes;
};

Groups::Groups(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Groups::~Groups() = default;

Result<std::unique_ptr<Groups>> Groups::start(AdminOptions options) {
  GANTRY_ASSIGN(auto remoting, RemotingClient::start(options.remoting));
  return std::unique_ptr<Groups>(new Groups(std::make_unique<Impl>(std::move(options), std::move(remoting))));
}

Result<std::vector<std::string>> Groups::list() {
  GANTRY_ASSIGN(const auto masters, impl_->masters());
  std::set<std::string> names;
  for (const auto& [broker, address] : masters) {
    GANTRY_ASSIGN(const Reply reply,
                  impl_->remoting->call(address, RequestCode::get_all_subscriptiongroup_config, NoFields{}));
    if (!reply.is_success()) return reply.to_error("groups of " + broker);
    GANTRY_ASSIGN(const auto table, protocol::decode_body<protocol::SubscriptionGroupTable>(reply.body));
    for (const auto& [name, config] : table.groups) names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<GroupState> Groups::state(const std::string& group, bool ages) {
  GANTRY_ASSIGN(const auto masters, impl_->masters());
  GroupState state;
  for (const auto& [broker, address] : masters) {
    GANTRY_ASSIGN(const Reply reply, impl_->remoting->call(address, RequestCode::get_subscriptiongroup_config,
                                                           protocol::GroupHeader{group}));
    if (reply.code == static_cast<std::int32_t>(ResponseCode::subscription_group_not_exist)) continue;
    if (!reply.is_success()) return reply.to_error("group " + group + " on " + broker);
    GANTRY_ASSIGN(state.settings[broker], protocol::decode_body<protocol::SubscriptionGroupConfig>(reply.body));
    GANTRY_TRY(impl_->add_members(broker, address, group, state));
    GANTRY_TRY(impl_->add_progress(broker, address, group, ages, state));
  }
  if (state.settings.empty()) {
    return Error{Errc::not_found, "no broker knows the consumer group [" + group +
                                      "]; it comes into being with its first consumer, or with gantry group create"};
  }
  return state;
}

Status Groups::create(const protocol::SubscriptionGroupConfig& config) {
  GANTRY_ASSIGN(const auto masters, impl_->masters());
  const std::string body = protocol::encode_body(config);
  for (const auto& [broker, address] : masters) {
    GANTRY_ASSIGN(const Reply reply,
                  impl_->remoting->call(address, RequestCode::update_and_create_subscriptiongroup, NoFields{}, body));
    if (!reply.is_success()) return reply.to_error("creating group " + config.group_name + " on " + broker);
  }
  return {};
}

Status Groups::remove(const std::string& group) {
  GANTRY_ASSIGN(const auto masters, impl_->masters());
  protocol::DeleteGroupHeader header;
  header.group_name = group;
  header.clean_offset = true;
  for (const auto& [broker, address] : masters) {
    GANTRY_ASSIGN(const Reply reply, impl_->remoting->call(address, RequestCode::delete_subscriptiongroup, header));
    if (!reply.is_success()) return reply.to_error("deleting group " + group + " on " + broker);
  }
  return {};
}

Result<std::map<MessageQueue, std::int64_t>> Groups::move(const GroupMove& move) {
  GANTRY_ASSIGN(const Route route, impl_->routes.get(move.topic, std::chrono::milliseconds(0)));
  protocol::ResetOffsetHeader header;
  header.topic = move.topic;
  header.group = move.group;
  header.timestamp_ms = move.time_ms;
  header.is_force = true;
  header.queue_id = move.queue_id;
  header.offset = move.offset;
  std::map<MessageQueue, std::int64_t> moved;
  for (const auto& [broker, address] : route.masters) {
    GANTRY_ASSIGN(const Reply reply,
                  impl_->remoting->call(address, RequestCode::invoke_broker_to_reset_offset, header));
    if (!reply.is_success()) return reply.to_error("moving group " + move.group + " on " + broker);
    GANTRY_ASSIGN(auto offsets, protocol::decode_body<protocol::QueueOffsetsBody>(reply.body));
    moved.merge(offsets.offsets);
  }
  return moved;
}

}  // namespace gantry::client
