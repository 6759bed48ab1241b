// What clients and tools ask the route table. Registration, life and administration are in route_table.cpp.

#include "kernel/routing/route_table.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <mutex>

namespace gantry::routing {

namespace {

namespace perm = protocol::perm;

constexpr std::int64_t master_id = 0;

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

protocol::BrokerData RouteTable::describe(const Broker& broker, std::string_view local_host) const {
  protocol::BrokerData data;
  data.cluster = broker.cluster;
  data.broker_name = broker.name;
  data.zone_name = broker.zone;
  data.enable_acting_master = broker.enable_acting_master;
  for (const auto& [id, address] : broker.addresses) data.addresses.emplace(id, address.as_seen_from(local_host));
  return data;
}

void RouteTable::add_filter_servers_locked(const Broker& broker, std::string_view local_host,
                                           protocol::TopicRouteData& route) const {
  for (const auto& [id, address] : broker.addresses) {
    const auto live = live_.find({broker.cluster, address});
    if (live == live_.end() || live->second.filter_servers.empty()) continue;
    route.filter_servers.emplace(address.as_seen_from(local_host), live->second.filter_servers);
  }
}

std::optional<protocol::TopicRouteData> RouteTable::route(const RouteQuery& query) const {
  const std::shared_lock lock(mutex_);
  const auto found = topics_.find(query.topic);
  if (found == topics_.end() || found->second.empty()) return std::nullopt;
  protocol::TopicRouteData route;
  route.queues.reserve(found->second.size());
  route.brokers.reserve(found->second.size());
  for (const Queues& queues : found->second) {
    const Broker& broker = *queues.broker;
    const bool has_master = broker.addresses.contains(master_id);
    if (query.zone && has_master && !same_ignoring_case(broker.zone, *query.zone)) continue;
    route.queues.push_back({broker.name, queues.read, queues.write, queues.perm, queues.sys_flag});
    protocol::BrokerData& data = route.brokers.emplace_back(describe(broker, query.local_host));
    add_filter_servers_locked(broker, query.local_host, route);
    // Without a master the smallest slave answers in its place, in this copy only.
    if (options_.acting_master && !has_master && broker.enable_acting_master && !perm::is_writable(queues.perm)) {
      auto acting = data.addresses.extract(data.addresses.begin());
      acting.key() = master_id;
      data.addresses.insert(std::move(acting));
    }
  }
  return route;
}

protocol::ClusterInfo RouteTable::clusters(std::string_view local_host) const {
  const std::shared_lock lock(mutex_);
  protocol::ClusterInfo info;
  for (const auto& [name, broker] : brokers_) info.brokers.emplace(name, describe(*broker, local_host));
  for (const auto& [cluster, names] : clusters_) info.clusters.emplace(cluster, names);
  return info;
}

template <typename Condition>
std::vector<std::string> RouteTable::topics_where(Condition&& condition) const {
  std::vector<std::string> names;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [name, brokers] : topics_) {
      if (condition(brokers)) names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> RouteTable::topics() const {
  return topics_where([](const TopicBrokers&) { return true; });
}

std::vector<std::string> RouteTable::topics_of_cluster(std::string_view cluster) const {
  return topics_where([cluster](const TopicBrokers& brokers) {
    return std::any_of(brokers.begin(), brokers.end(),
                       [cluster](const Queues& queues) { return queues.broker->cluster == cluster; });
  });
}

std::vector<std::string> RouteTable::unit_topics(UnitFilter filter) const {
  return topics_where([filter](const TopicBrokers& brokers) {
    const std::int32_t flags = brokers.empty() ? 0 : brokers.front().sys_flag;
    const bool unit = (flags & 1) != 0;
    const bool unit_sub = (flags & 2) != 0;
    switch (filter) {
      case UnitFilter::unit: return unit;
      case UnitFilter::unit_sub: return unit_sub;
      case UnitFilter::unit_sub_without_unit: break;
    }
    return unit_sub && !unit;
  });
}

std::pair<std::vector<std::string>, std::string> RouteTable::system_topics(std::string_view local_host) const {
  const std::shared_lock lock(mutex_);
  std::pair<std::vector<std::string>, std::string> found;
  std::set<std::string> names;
  for (const auto& [cluster, brokers] : clusters_) {
    names.insert(cluster);
    names.insert(brokers.begin(), brokers.end());
  }
  found.first.assign(names.begin(), names.end());
  for (const auto& [name, broker] : brokers_) {
    if (!broker->addresses.empty()) {
      found.second = broker->addresses.begin()->second.as_seen_from(local_host);
      break;
    }
  }
  return found;
}

std::map<std::int64_t, std::string> RouteTable::members(std::string_view cluster, std::string_view broker_name,
                                                        std::string_view local_host) const {
  const std::shared_lock lock(mutex_);
  const auto found = brokers_.find(broker_name);
  if (found == brokers_.end() || found->second->cluster != cluster) return {};
  return describe(*found->second, local_host).addresses;
}

RouteTable::Counts RouteTable::counts() const {
  const std::shared_lock lock(mutex_);
  return {brokers_.size(), live_.size(), topics_.size(), topics_left_out_};
}

}  // namespace gantry::routing
