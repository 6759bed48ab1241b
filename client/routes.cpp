#include "client/routes.hpp"

#include "protocol/json_body.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>

namespace gantry::client {
namespace {

constexpr const char* template_topic = "TBW102";
constexpr std::int32_t template_queues_max = 4;

Route make_route(const std::string& topic, protocol::TopicRouteData data) {
  Route route;
  for (const protocol::BrokerData& broker : data.brokers) {
    if (const auto master = broker.addresses.find(0); master != broker.addresses.end()) {
      route.masters[broker.broker_name] = master->second;
    }
  }
  for (const protocol::QueueData& queues : data.queues) {
    if (protocol::perm::is_writable(queues.perm) && route.masters.contains(queues.broker_name)) {
      for (std::int32_t id = 0; id < queues.write_queue_count; ++id) {
        route.write_queues.push_back({topic, queues.broker_name, id});
      }
    }
    if (protocol::perm::is_readable(queues.perm)) {
      for (std::int32_t id = 0; id < queues.read_queue_count; ++id) {
        route.read_queues.push_back({topic, queues.broker_name, id});
      }
    }
  }
  std::sort(route.write_queues.begin(), route.write_queues.end());
  std::sort(route.read_queues.begin(), route.read_queues.end());
  route.data = std::move(data);
  return route;
}

}  // namespace

Routes::Routes(RemotingClient& remoting, std::vector<std::string> name_servers)
    : remoting_(remoting), name_servers_(std::move(name_servers)) {}

Result<Route> Routes::fetch(const std::string& topic) {
  GANTRY_ASSIGN(const Reply reply, ask(protocol::RequestCode::get_routeinfo_by_topic,
                                       protocol::RouteInfoHeader{.topic = topic, .accept_standard_json_only = true}));
  if (!reply.is_success()) return reply.to_error("route of topic " + topic);
  GANTRY_ASSIGN(auto data, protocol::decode_body<protocol::TopicRouteData>(reply.body));
  return make_route(topic, std::move(data));
}

Result<Route> Routes::get(const std::string& topic, std::chrono::milliseconds fresh) {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = known_.find(topic); at != known_.end() && now - at->second.at < fresh) return at->second.route;
  }
  GANTRY_ASSIGN(Route route, fetch(topic));
  const std::lock_guard lock(mutex_);
  known_[topic] = Entry{route, now};
  return route;
}

Result<Route> Routes::get_or_template(const std::string& topic) {
  Result<Route> route = get(topic);
  if (route || route.error().code != Errc::not_found) return route;
  Result<Route> pattern = get(template_topic);
  if (!pattern) return route;  // what is wrong is that the topic does not exist
  Route made = *std::move(pattern);
  std::erase_if(made.write_queues, [](const MessageQueue& queue) { return queue.queue_id >= template_queues_max; });
  for (MessageQueue& queue : made.write_queues) queue.topic = topic;
  made.read_queues.clear();
  return made;
}

void Routes::forget(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  known_.erase(topic);
}

}  // namespace gantry::client
