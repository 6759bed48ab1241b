#include "client/admin.hpp"

#include "client/routes.hpp"
#include "protocol/admin_requests.hpp"
#include "protocol/json_body.hpp"
#include "protocol/lists.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/stats.hpp"

namespace gantry::client {

struct Admin::Impl {
  Impl(AdminOptions given, std::unique_ptr<RemotingClient> client)
      : remoting(std::move(client)), routes(*remoting, std::move(given.name_servers)) {}

  std::unique_ptr<RemotingClient> remoting;
  Routes routes;
};

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;

Result<std::unique_ptr<Admin>> Admin::start(AdminOptions options) {
  GANTRY_ASSIGN(auto remoting, RemotingClient::start(options.remoting));
  return std::unique_ptr<Admin>(new Admin(std::make_unique<Impl>(std::move(options), std::move(remoting))));
}

Result<std::vector<BrokerInfo>> Admin::brokers() { return list_brokers(impl_->routes); }

Result<std::vector<BrokerInfo>> list_brokers(Routes& routes) {
  GANTRY_ASSIGN(const Reply reply, routes.ask(protocol::RequestCode::get_broker_cluster_info, NoFields{}));
  if (!reply.is_success()) return reply.to_error("the cluster's brokers");
  GANTRY_ASSIGN(const auto cluster, protocol::decode_body<protocol::ClusterInfo>(reply.body));
  std::vector<BrokerInfo> brokers;
  for (const auto& [name, broker] : cluster.brokers) {
    for (const auto& [id, address] : broker.addresses) brokers.push_back({broker.cluster, name, id, address});
  }
  return brokers;
}

Result<std::vector<std::string>> Admin::topics() {
  GANTRY_ASSIGN(const Reply reply,
                impl_->routes.ask(protocol::RequestCode::get_all_topic_list_from_nameserver, NoFields{}));
  if (!reply.is_success()) return reply.to_error("the list of topics");
  GANTRY_ASSIGN(auto list, protocol::decode_body<protocol::TopicList>(reply.body));
  return std::move(list.topics);
}

Result<TopicRouteInfo> Admin::route(const std::string& topic) {
  GANTRY_ASSIGN(const Route route, impl_->routes.get(topic, std::chrono::milliseconds(0)));
  TopicRouteInfo info;
  for (const auto& broker : route.data.brokers) {
    for (const auto& [id, address] : broker.addresses) {
      info.brokers.push_back({broker.cluster, broker.broker_name, id, address});
    }
  }
  for (const auto& queues : route.data.queues) {
    info.queues.push_back({queues.broker_name, queues.read_queue_count, queues.write_queue_count, queues.perm});
  }
  return info;
}

Result<std::vector<QueueState>> Admin::topic_state(const std::string& topic) {
  GANTRY_ASSIGN(const Route route, impl_->routes.get(topic, std::chrono::milliseconds(0)));
  std::vector<QueueState> state;
  for (const auto& [name, address] : route.masters) {
    GANTRY_ASSIGN(const Reply reply, impl_->remoting->call(address, protocol::RequestCode::get_topic_stats_info,
                                                           protocol::TopicHeader{.topic = topic}));
    if (!reply.is_success()) return reply.to_error("state of topic " + topic + " on " + name);
    GANTRY_ASSIGN(const auto table, protocol::decode_body<protocol::TopicStatsTable>(reply.body));
    for (const auto& [queue, offsets] : table.queues) {
      state.push_back({queue, offsets.min_offset, offsets.max_offset, offsets.last_update_ms});
    }
  }
  return state;
}

Status Admin::create_topic(const TopicSettings& settings, const std::string& broker_name) {
  GANTRY_ASSIGN(const auto all, brokers());
  protocol::CreateTopicHeader header;
  header.topic = settings.topic;
  header.default_topic = "TBW102";
  header.read_queue_count = settings.read_queues;
  header.write_queue_count = settings.write_queues;
  header.perm = settings.perm;
  header.filter_type = "SINGLE_TAG";
  header.order = settings.order;
  header.attributes = settings.attributes;
  bool reached = false;
  for (const BrokerInfo& broker : all) {
    if (broker.id != 0 || (!broker_name.empty() && broker.name != broker_name)) continue;
    GANTRY_ASSIGN(const Reply reply,
                  impl_->remoting->call(broker.address, protocol::RequestCode::update_and_create_topic, header));
    if (!reply.is_success()) return reply.to_error("creating topic " + settings.topic + " on " + broker.name);
    reached = true;
  }
  if (!reached) {
    return Error{Errc::not_found, broker_name.empty() ? "the NameServers know no broker"
                                                      : "the NameServers know no broker called " + broker_name};
  }
  return {};
}

Status Admin::delete_topic(const std::string& topic) {
  GANTRY_ASSIGN(const Route route, impl_->routes.get(topic, std::chrono::milliseconds(0)));
  for (const auto& broker : route.data.brokers) {
    for (const auto& [id, address] : broker.addresses) {
      GANTRY_ASSIGN(const Reply reply, impl_->remoting->call(address, protocol::RequestCode::delete_topic_in_broker,
                                                             protocol::TopicHeader{.topic = topic}));
      if (!reply.is_success()) return reply.to_error("deleting topic " + topic + " on " + broker.broker_name);
    }
  }
  for (const std::string& name_server : impl_->routes.name_servers()) {
    GANTRY_ASSIGN(const Reply reply,
                  impl_->remoting->call(name_server, protocol::RequestCode::delete_topic_in_namesrv,
                                        protocol::DeleteTopicInNamesrvHeader{.topic = topic, .cluster_name = {}}));
    if (!reply.is_success()) return reply.to_error("deleting topic " + topic + " at NameServer " + name_server);
  }
  impl_->routes.forget(topic);
  return {};
}

}  // namespace gantry::client
