#include "kernel/routing/route_table.hpp"

#include "kernel/base/log.hpp"
#include "protocol/names.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <unordered_set>

namespace gantry::routing {

namespace {

namespace perm = protocol::perm;

constexpr std::size_t name_size_max = 255;
constexpr std::size_t filter_servers_max = 64;
constexpr std::int64_t master_id = 0;

Status check_name(std::string_view what, std::string_view name) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!name.empty() && name.size() <= name_size_max && printable) return {};
  return Error{Errc::invalid_argument,
               "registering a broker: expected a " + std::string(what) + " of 1 to " + std::to_string(name_size_max) +
                   " printable ASCII characters without blanks, found " + std::to_string(name.size()) + " bytes"};
}

Status check_address(std::string_view address) {
  GANTRY_TRY(check_name("address", address));
  const std::size_t colon = address.rfind(':');
  int port = 0;
  if (colon != std::string_view::npos && colon > 0) {
    const char* end = address.data() + address.size();
    const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end) port = 0;
  }
  if (port >= 1 && port <= 65535) return {};
  return Error{Errc::invalid_argument,
               "registering a broker: expected its address as \"host:port\", found \"" + std::string(address) + "\""};
}

/// Shows each value of a map for changing and erases those for which `done` then says so.
template <typename Map, typename Done>
void change_or_erase(Map& map, Done&& done) {
  for (auto at = map.begin(); at != map.end();) at = done(*at) ? map.erase(at) : std::next(at);
}

}  // namespace

std::string BrokerAddress::as_seen_from(std::string_view local_host) const {
  if (port_ == 0) return text_;
  const bool needs_brackets = local_host.find(':') != std::string_view::npos && !local_host.starts_with('[');
  std::string text;
  text.reserve(local_host.size() + 8);
  if (needs_brackets) text.push_back('[');
  text.append(local_host);
  if (needs_brackets) text.push_back(']');
  return text.append(1, ':').append(std::to_string(port_));
}

RouteTable::RouteTable(const Clock& clock, RouteOptions options) : clock_(clock), options_(options) {}

RouteTable::~RouteTable() = default;

// ---- registration ----

Status RouteTable::check(const BrokerRegistration& registration) {
  const BrokerIdentity& identity = registration.identity;
  GANTRY_TRY(check_name("cluster name", identity.cluster));
  GANTRY_TRY(check_name("broker name", identity.broker_name));
  if (!identity.address.is_same_host()) GANTRY_TRY(check_address(identity.address.as_seen_from({})));
  if (!registration.ha_address.empty() && !registration.ha_address.is_same_host()) {
    GANTRY_TRY(check_address(registration.ha_address.as_seen_from({})));
  }
  if (!registration.zone.empty()) GANTRY_TRY(check_name("zone", registration.zone));
  if (identity.broker_id < 0) {
    return Error{Errc::invalid_argument, "registering broker \"" + identity.broker_name +
                                             "\": expected a broker id of at least 0, found " +
                                             std::to_string(identity.broker_id)};
  }
  if (registration.filter_servers.size() > filter_servers_max) {
    return Error{Errc::invalid_argument, "registering broker \"" + identity.broker_name + "\": expected at most " +
                                             std::to_string(filter_servers_max) + " filter servers, found " +
                                             std::to_string(registration.filter_servers.size())};
  }
  return {};
}

bool RouteTable::is_local_locked(const LiveKey& key) const {
  const auto live = live_.find(key);
  return live != live_.end() && !live->second.channel;
}

Status RouteTable::admit_locked(const BrokerRegistration& registration) const {
  const BrokerIdentity& identity = registration.identity;
  const auto found = brokers_.find(identity.broker_name);
  const Broker* broker = found == brokers_.end() ? nullptr : found->second.get();
  if (broker == nullptr && brokers_.size() >= options_.brokers_max) {
    return Error{Errc::full, "registering broker \"" + identity.broker_name + "\": there are " +
                                 std::to_string(brokers_.size()) + " brokers already; raise limits.brokers_max"};
  }
  if (broker != nullptr) {
    const auto holder = broker->addresses.find(identity.broker_id);
    if (holder != broker->addresses.end()) {
      if (!registration.channel || !is_local_locked({broker->cluster, holder->second})) return {};
      return Error{Errc::already_exists, "registering broker \"" + identity.broker_name + "\" with id " +
                                             std::to_string(identity.broker_id) +
                                             ": that is the broker in the name server's own process; give one of the "
                                             "two another broker.name"};
    }
    if (broker->addresses.size() >= options_.addresses_per_broker_max) {
      return Error{Errc::full, "registering broker \"" + identity.broker_name + "\": it has " +
                                   std::to_string(broker->addresses.size()) + " members already"};
    }
  }
  // A broker's first word must be its whole table: one topic alone would hide the others until the next full one.
  if (registration.topics.size() == 1) {
    return Error{Errc::unsupported, "registering broker \"" + identity.broker_name + "\" with id " +
                                        std::to_string(identity.broker_id) +
                                        ": expected all its topics in the first registration, found one"};
  }
  return {};
}

RouteTable::Broker& RouteTable::broker_locked(const BrokerRegistration& registration, bool& created) {
  const BrokerIdentity& identity = registration.identity;
  std::unique_ptr<Broker>& slot = brokers_[identity.broker_name];
  created = !slot;
  if (created) {
    slot = std::make_unique<Broker>();
    slot->name = identity.broker_name;
    slot->cluster = identity.cluster;
  }
  clusters_[identity.cluster].insert(identity.broker_name);
  slot->enable_acting_master = registration.enable_acting_master.value_or(false);
  if (!registration.zone.empty()) slot->zone = registration.zone;
  // The same address under another id is the same process in a new role.
  std::erase_if(slot->addresses, [&identity](const auto& entry) {
    return entry.second == identity.address && entry.first != identity.broker_id;
  });
  return *slot;
}

bool RouteTable::is_outdated_locked(const Broker& broker, const BrokerRegistration& registration) const {
  const BrokerIdentity& identity = registration.identity;
  const auto holder = broker.addresses.find(identity.broker_id);
  if (holder == broker.addresses.end() || holder->second == identity.address) return false;
  const auto live = live_.find({identity.cluster, holder->second});
  return live != live_.end() && live->second.version.state_version > registration.version.state_version;
}

Result<RegistrationReply> RouteTable::register_broker(const BrokerRegistration& registration) {
  GANTRY_TRY(check(registration));
  const BrokerIdentity& identity = registration.identity;
  const LiveKey key{identity.cluster, identity.address};
  const std::unique_lock lock(mutex_);
  GANTRY_TRY(admit_locked(registration));
  bool created = false;
  Broker& broker = broker_locked(registration, created);
  if (is_outdated_locked(broker, registration)) {
    GANTRY_LOG(warn, "nameserver.registration.outdated", field("broker", identity.broker_name),
               field("id", identity.broker_id), field("address", identity.address.as_seen_from("(local)")));
    live_.erase(key);
    return RegistrationReply{};
  }
  const auto [address, is_new] = broker.addresses.insert_or_assign(identity.broker_id, identity.address);
  if (is_new) {
    GANTRY_LOG(info, "nameserver.broker.registered", field("broker", identity.broker_name),
               field("id", identity.broker_id), field("cluster", identity.cluster),
               field("address", identity.address.as_seen_from("(local)")), field("topics", registration.topics.size()));
  }
  apply_topics_locked(broker, registration, created || is_new);

  Live& live = live_[key];
  live.last_update = clock_.steady();
  live.timeout = registration.timeout.value_or(options_.broker_expiry);
  live.version = registration.version;
  live.channel = registration.channel;
  live.ha_address = registration.ha_address;
  live.filter_servers = registration.filter_servers;
  live.broker_name = identity.broker_name;
  return reply_locked(broker, registration);
}

void RouteTable::apply_topics_locked(Broker& broker, const BrokerRegistration& registration, bool first) {
  const bool is_master = registration.identity.broker_id == master_id;
  const bool is_prime_slave = !is_master && registration.enable_acting_master.has_value() &&
                              broker.addresses.begin()->first == registration.identity.broker_id;
  if (!is_master && !is_prime_slave) return;

  const auto known = live_.find({registration.identity.cluster, registration.identity.address});
  const bool changed = first || known == live_.end() || known->second.version != registration.version;
  if (options_.delete_unlisted_topics && changed) drop_unlisted_locked(broker, registration.topics);
  const bool strip_write = is_prime_slave && broker.enable_acting_master;
  for (const protocol::TopicConfig& topic : registration.topics) {
    Queues queues{&broker, topic.read_queue_count, topic.write_queue_count, topic.perm, topic.topic_sys_flag};
    if (strip_write) queues.perm &= ~perm::write;
    if (!put_queues_locked(topic.topic_name, queues, !changed)) ++topics_left_out_;
  }
}

bool RouteTable::put_queues_locked(std::string_view topic, const Queues& queues, bool only_if_missing) {
  auto found = topics_.find(topic);
  if (found == topics_.end()) {
    const auto fits = [this](std::int32_t count) { return count >= 0 && count <= options_.queues_per_topic_max; };
    if (topics_.size() >= options_.topics_max || !protocol::is_topic_name(topic) || !fits(queues.read) ||
        !fits(queues.write)) {
      GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "nameserver.topic.left_out", field("topic", topic),
                       field("broker", queues.broker->name), field("topics", topics_.size()),
                       field("read_queues", queues.read), field("write_queues", queues.write));
      return false;
    }
    found = topics_.emplace(std::string(topic), TopicBrokers{}).first;
  }
  TopicBrokers& brokers = found->second;
  const auto place = std::lower_bound(brokers.begin(), brokers.end(), queues,
                                      [](const Queues& a, const Queues& b) { return a.broker->name < b.broker->name; });
  if (place == brokers.end() || place->broker != queues.broker) {
    brokers.insert(place, queues);
  } else if (!only_if_missing) {
    const bool fits = std::max(queues.read, queues.write) <= options_.queues_per_topic_max &&
                      std::min(queues.read, queues.write) >= 0;
    if (!fits) return false;
    *place = queues;
  }
  return true;
}

void RouteTable::erase_broker(TopicBrokers& brokers, const Broker& broker) {
  std::erase_if(brokers, [&broker](const Queues& queues) { return queues.broker == &broker; });
}

void RouteTable::drop_unlisted_locked(const Broker& broker, std::span<const protocol::TopicConfig> listed) {
  std::unordered_set<std::string_view> names;
  for (const protocol::TopicConfig& topic : listed) names.insert(topic.topic_name);
  change_or_erase(topics_, [&](auto& entry) {
    if (!names.contains(entry.first)) erase_broker(entry.second, broker);
    return entry.second.empty();
  });
}

RegistrationReply RouteTable::reply_locked(const Broker& broker, const BrokerRegistration& registration) const {
  RegistrationReply reply;
  if (registration.identity.broker_id == master_id) return reply;
  const auto master = broker.addresses.find(master_id);
  if (master == broker.addresses.end()) return reply;
  const auto live = live_.find({registration.identity.cluster, master->second});
  if (live == live_.end()) return reply;
  reply.master_address = master->second.as_seen_from(registration.local_host);
  reply.ha_address = live->second.ha_address.as_seen_from(registration.local_host);
  return reply;
}

void RouteTable::put_topic(const BrokerIdentity& identity, const protocol::TopicConfig& topic,
                           const protocol::DataVersion& version) {
  const std::unique_lock lock(mutex_);
  const auto live = live_.find({identity.cluster, identity.address});
  const auto broker = brokers_.find(identity.broker_name);
  if (live == live_.end() || broker == brokers_.end()) return;
  const Queues queues{broker->second.get(), topic.read_queue_count, topic.write_queue_count, topic.perm,
                      topic.topic_sys_flag};
  if (!put_queues_locked(topic.topic_name, queues, false)) ++topics_left_out_;
  live->second.version = version;
}

void RouteTable::remove_topic(const BrokerIdentity& identity, std::string_view topic,
                              const protocol::DataVersion& version) {
  const std::unique_lock lock(mutex_);
  const auto live = live_.find({identity.cluster, identity.address});
  const auto broker = brokers_.find(identity.broker_name);
  if (live == live_.end() || broker == brokers_.end()) return;
  live->second.version = version;
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  erase_broker(found->second, *broker->second);
  if (found->second.empty()) topics_.erase(found);
}

Status RouteTable::merge_topic(std::string_view topic, std::span<const protocol::QueueData> queues) {
  GANTRY_TRY(protocol::check_topic_name(topic));
  const std::unique_lock lock(mutex_);
  for (const protocol::QueueData& data : queues) {
    const auto broker = brokers_.find(data.broker_name);
    if (broker == brokers_.end()) continue;
    const Queues entry{broker->second.get(), data.read_queue_count, data.write_queue_count, data.perm,
                       data.topic_sys_flag};
    if (!put_queues_locked(topic, entry, false)) {
      ++topics_left_out_;
      return Error{Errc::full, "registering topic \"" + std::string(topic) + "\" for broker \"" + data.broker_name +
                                   "\": there are " + std::to_string(topics_.size()) +
                                   " topics already, or its queue counts are out of bounds"};
    }
  }
  return {};
}

// ---- life and death ----

bool RouteTable::heartbeat(std::string_view cluster, const BrokerAddress& address) {
  const std::unique_lock lock(mutex_);
  const auto live = live_.find({std::string(cluster), address});
  if (live == live_.end()) return false;
  live->second.last_update = clock_.steady();
  return true;
}

RouteTable::VersionAnswer RouteTable::query_version(const BrokerIdentity& identity,
                                                    const protocol::DataVersion& version) {
  const std::unique_lock lock(mutex_);
  const auto live = live_.find({identity.cluster, identity.address});
  if (live == live_.end()) return {};
  live->second.last_update = clock_.steady();
  return {live->second.version != version, live->second.version};
}

void RouteTable::erase_from_topics_locked(const Broker& broker) {
  change_or_erase(topics_, [&broker](auto& entry) {
    erase_broker(entry.second, broker);
    return entry.second.empty();
  });
}

void RouteTable::strip_write_locked(const Broker& broker) {
  for (auto& [topic, brokers] : topics_) {
    for (Queues& queues : brokers) {
      if (queues.broker == &broker) queues.perm &= ~perm::write;
    }
  }
}

void RouteTable::remove_address_locked(const LiveKey& key, const std::string& broker_name) {
  live_.erase(key);
  const auto found = brokers_.find(broker_name);
  if (found == brokers_.end()) return;
  Broker& broker = *found->second;
  const std::size_t removed =
      std::erase_if(broker.addresses, [&key](const auto& entry) { return entry.second == key.second; });
  if (removed > 0) {
    GANTRY_LOG(info, "nameserver.broker.gone", field("broker", broker_name), field("cluster", key.first),
               field("address", key.second.as_seen_from("(local)")));
  }
  if (!broker.addresses.empty()) {
    if (broker.enable_acting_master && !broker.addresses.contains(master_id)) strip_write_locked(broker);
    return;
  }
  erase_from_topics_locked(broker);
  change_or_erase(clusters_, [&broker_name](auto& cluster) {
    cluster.second.erase(broker_name);
    return cluster.second.empty();
  });
  brokers_.erase(found);
}

void RouteTable::unregister_broker(const BrokerIdentity& identity, std::optional<ChannelId> asked_by) {
  const std::unique_lock lock(mutex_);
  const LiveKey key{identity.cluster, identity.address};
  if (asked_by && is_local_locked(key)) return;
  // What registered the address counts, not what the request calls it: else its broker would have no life left to end.
  const auto live = live_.find(key);
  const std::string broker_name = live == live_.end() ? identity.broker_name : live->second.broker_name;
  remove_address_locked(key, broker_name);
}

void RouteTable::close(ChannelId channel) {
  {
    // Most connections belong to clients: they must not make every route lookup wait.
    const std::shared_lock lock(mutex_);
    const bool any = std::any_of(live_.begin(), live_.end(),
                                 [channel](const auto& entry) { return entry.second.channel == channel; });
    if (!any) return;
  }
  const std::unique_lock lock(mutex_);
  std::vector<std::pair<LiveKey, std::string>> gone;
  for (const auto& [key, live] : live_) {
    if (live.channel == channel) gone.emplace_back(key, live.broker_name);
  }
  for (const auto& [key, broker_name] : gone) remove_address_locked(key, broker_name);
}

std::vector<ChannelId> RouteTable::expire() {
  const std::unique_lock lock(mutex_);
  const std::chrono::milliseconds now = clock_.steady();
  std::vector<std::pair<LiveKey, std::string>> gone;
  std::vector<ChannelId> channels;
  for (const auto& [key, live] : live_) {
    if (!live.channel || now - live.last_update <= live.timeout) continue;
    GANTRY_LOG(warn, "nameserver.broker.silent", field("broker", live.broker_name),
               field("silent_ms", now - live.last_update), field("timeout_ms", live.timeout));
    gone.emplace_back(key, live.broker_name);
    channels.push_back(*live.channel);
  }
  for (const auto& [key, broker_name] : gone) remove_address_locked(key, broker_name);
  return channels;
}

// ---- administration ----

template <typename Change>
std::int32_t RouteTable::change_permissions(std::string_view broker_name, Change&& change) {
  const std::unique_lock lock(mutex_);
  std::int32_t count = 0;
  const auto broker = brokers_.find(broker_name);
  if (broker == brokers_.end()) return count;
  for (auto& [topic, brokers] : topics_) {
    for (Queues& queues : brokers) {
      if (queues.broker != broker->second.get()) continue;
      change(queues.perm);
      ++count;
    }
  }
  return count;
}

std::int32_t RouteTable::wipe_write_permission(std::string_view broker_name) {
  return change_permissions(broker_name, [](std::int32_t& bits) { bits &= ~perm::write; });
}

std::int32_t RouteTable::add_write_permission(std::string_view broker_name) {
  return change_permissions(broker_name, [](std::int32_t& bits) { bits = perm::read | perm::write; });
}

void RouteTable::delete_topic(std::string_view topic, std::string_view cluster) {
  const std::unique_lock lock(mutex_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  if (cluster.empty()) {
    topics_.erase(found);
    return;
  }
  std::erase_if(found->second, [cluster](const Queues& queues) { return queues.broker->cluster == cluster; });
  if (found->second.empty()) topics_.erase(found);
}

void RouteTable::set_acting_master(bool on) {
  const std::unique_lock lock(mutex_);
  options_.acting_master = on;
}

void RouteTable::set_delete_unlisted_topics(bool on) {
  const std::unique_lock lock(mutex_);
  options_.delete_unlisted_topics = on;
}

RouteTable::Switches RouteTable::switches() const {
  const std::shared_lock lock(mutex_);
  return {options_.acting_master, options_.delete_unlisted_topics};
}

}  // namespace gantry::routing
