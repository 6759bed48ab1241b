#pragma once
// The state of a name server: which brokers live, under which addresses, with which queues of which topics.
// Source: RocketMQ class RouteInfoManager.

#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/ids.hpp"
#include "kernel/base/string_hash.hpp"
#include "protocol/route.hpp"
#include "protocol/topic_config.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::routing {

/// Where clients reach a broker: a fixed "host:port", or (the broker of this process) whatever host the asking client
/// used to reach us, with the broker's port.
class BrokerAddress {
 public:
  BrokerAddress() = default;
  static BrokerAddress fixed(std::string host_port) { return BrokerAddress(std::move(host_port), 0); }
  static BrokerAddress same_host(std::uint16_t port) { return BrokerAddress({}, port); }

  [[nodiscard]] bool is_same_host() const noexcept { return port_ != 0; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty() && port_ == 0; }
  /// `local_host` is the address by which the client reached us, without port; an IPv6 one gets brackets.
  [[nodiscard]] std::string as_seen_from(std::string_view local_host) const;
  friend auto operator<=>(const BrokerAddress&, const BrokerAddress&) = default;

 private:
  BrokerAddress(std::string text, std::uint16_t port) : text_(std::move(text)), port_(port) {}
  std::string text_;
  std::uint16_t port_ = 0;
};

struct RouteOptions {
  std::chrono::milliseconds broker_expiry{120'000};  ///< for brokers that do not announce their own
  bool acting_master = false;                        ///< let the smallest slave id answer for a missing master
  bool delete_unlisted_topics = false;               ///< a full registration removes topics that it does not list
  std::size_t brokers_max = 1'000;                   ///< broker names
  std::size_t addresses_per_broker_max = 32;
  std::size_t topics_max = 200'000;  ///< topics over all brokers
  std::int32_t queues_per_topic_max = 65'536;
};

struct BrokerIdentity {
  std::string cluster;
  std::string broker_name;
  std::int64_t broker_id = 0;  ///< 0 is the master
  BrokerAddress address;
};

struct BrokerRegistration {
  BrokerIdentity identity;
  BrokerAddress ha_address;
  std::string zone;
  std::optional<std::chrono::milliseconds> timeout;  ///< without a heartbeat
  std::optional<bool> enable_acting_master;          ///< as sent; absent differs from false
  std::optional<ChannelId> channel;                  ///< whose closing ends the broker; none: it lives in this process
  std::string_view local_host;                       ///< the address by which the broker reached us, without port
  protocol::DataVersion version;
  std::span<const protocol::TopicConfig> topics;
  std::vector<std::string> filter_servers;
};

/// What a slave is told about its master; empty otherwise.
struct RegistrationReply {
  std::string master_address;
  std::string ha_address;
};

/// Who asks for a route.
struct RouteQuery {
  std::string_view topic;
  std::string_view local_host;           ///< the address by which the client reached us, without port
  std::optional<std::string_view> zone;  ///< only brokers of that zone, or without a master
};

/// Thread: [any-thread]. One read/write lock: lookups share it and hold it for about a microsecond; registrations hold
/// it for as long as it takes to compare their topics.
/// Bounded by the counts in RouteOptions: what does not fit is refused (brokers) or left out and counted (topics).
class RouteTable {
 public:
  RouteTable(const Clock& clock, RouteOptions options = {});
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // ---- what brokers say ----

  /// Errors: invalid_argument (a bad name or address), unsupported (a first registration with one single topic),
  /// already_exists (the name and id belong to the broker of this process), full.
  /// A registration that is outdated (another address holds the id in a later epoch) succeeds with an empty reply.
  Result<RegistrationReply> register_broker(const BrokerRegistration& registration);

  /// `asked_by` as in BrokerRegistration: nobody from outside unregisters the broker of this process.
  void unregister_broker(const BrokerIdentity& identity, std::optional<ChannelId> asked_by = std::nullopt);

  /// One topic of a broker that is registered already, for the broker of this process. Nothing happens when it is not.
  void put_topic(const BrokerIdentity& identity, const protocol::TopicConfig& topic,
                 const protocol::DataVersion& version);
  void remove_topic(const BrokerIdentity& identity, std::string_view topic, const protocol::DataVersion& version);

  /// Refreshes the life of a known address; unknown ones stay unknown. True when it was known.
  bool heartbeat(std::string_view cluster, const BrokerAddress& address);

  struct VersionAnswer {
    bool changed = true;
    std::optional<protocol::DataVersion> known;
  };
  /// QUERY_DATA_VERSION: whether `version` differs from what is known; refreshes the broker's life.
  VersionAnswer query_version(const BrokerIdentity& identity, const protocol::DataVersion& version);

  /// REGISTER_TOPIC_IN_NAMESRV: merges queue data of brokers that are known. Errors: invalid_argument, full.
  Status merge_topic(std::string_view topic, std::span<const protocol::QueueData> queues);

  /// The connection is gone, and so are the brokers that registered through it.
  void close(ChannelId channel);

  /// [control] Removes brokers whose time is up; returns their connections, for the caller to close.
  std::vector<ChannelId> expire();

  // ---- administration ----

  /// Takes WRITE from every topic of the broker, here and until its next changed registration. Returns how many topics.
  std::int32_t wipe_write_permission(std::string_view broker_name);
  /// Sets READ|WRITE on every topic of the broker.
  std::int32_t add_write_permission(std::string_view broker_name);
  /// Forgets a topic: everywhere, or for the brokers of one cluster.
  void delete_topic(std::string_view topic, std::string_view cluster);
  struct Switches {
    bool acting_master = false;
    bool delete_unlisted_topics = false;
  };
  void set_acting_master(bool on);
  void set_delete_unlisted_topics(bool on);
  [[nodiscard]] Switches switches() const;

  // ---- what clients ask ----

  /// Nothing when the topic is unknown or none of its brokers lives.
  [[nodiscard]] std::optional<protocol::TopicRouteData> route(const RouteQuery& query) const;
  [[nodiscard]] protocol::ClusterInfo clusters(std::string_view local_host) const;
  [[nodiscard]] std::vector<std::string> topics() const;  ///< sorted, as are the following
  [[nodiscard]] std::vector<std::string> topics_of_cluster(std::string_view cluster) const;
  /// Cluster and broker names, which are the names of system topics, and the address of some broker.
  [[nodiscard]] std::pair<std::vector<std::string>, std::string> system_topics(std::string_view local_host) const;

  enum class UnitFilter : std::uint8_t { unit, unit_sub, unit_sub_without_unit };
  [[nodiscard]] std::vector<std::string> unit_topics(UnitFilter filter) const;
  /// id -> address; empty for a broker that is unknown.
  [[nodiscard]] std::map<std::int64_t, std::string> members(std::string_view cluster, std::string_view broker_name,
                                                            std::string_view local_host) const;

  struct Counts {
    std::size_t brokers = 0;    ///< broker names
    std::size_t addresses = 0;  ///< live ones
    std::size_t topics = 0;
    std::uint64_t topics_left_out = 0;  ///< since the start, because a bound was reached or the entry was bad
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Broker {
    std::string name;
    std::string cluster;
    std::string zone;
    bool enable_acting_master = false;
    std::map<std::int64_t, BrokerAddress> addresses;
  };
  struct Queues {
    Broker* broker = nullptr;
    std::int32_t read = 0;
    std::int32_t write = 0;
    std::int32_t perm = 0;
    std::int32_t sys_flag = 0;
  };
  using TopicBrokers = std::vector<Queues>;  // sorted by broker name; one or a few
  struct Live {
    std::chrono::milliseconds last_update{0};
    std::chrono::milliseconds timeout{0};
    protocol::DataVersion version;
    std::optional<ChannelId> channel;
    BrokerAddress ha_address;
    std::vector<std::string> filter_servers;
    std::string broker_name;
  };
  using LiveKey = std::pair<std::string, BrokerAddress>;  // cluster, address

  static Status check(const BrokerRegistration& registration);
  [[nodiscard]] bool is_local_locked(const LiveKey& key) const;
  Status admit_locked(const BrokerRegistration& registration) const;
  Broker& broker_locked(const BrokerRegistration& registration, bool& created);
  [[nodiscard]] bool is_outdated_locked(const Broker& broker, const BrokerRegistration& registration) const;
  void apply_topics_locked(Broker& broker, const BrokerRegistration& registration, bool first);
  void drop_unlisted_locked(const Broker& broker, std::span<const protocol::TopicConfig> listed);
  RegistrationReply reply_locked(const Broker& broker, const BrokerRegistration& registration) const;
  bool put_queues_locked(std::string_view topic, const Queues& queues, bool only_if_missing);
  static void erase_broker(TopicBrokers& brokers, const Broker& broker);
  void erase_from_topics_locked(const Broker& broker);
  void remove_address_locked(const LiveKey& key, const std::string& broker_name);
  void strip_write_locked(const Broker& broker);
  protocol::BrokerData describe(const Broker& broker, std::string_view local_host) const;
  void add_filter_servers_locked(const Broker& broker, std::string_view local_host,
                                 protocol::TopicRouteData& route) const;
  template <typename Change>
  std::int32_t change_permissions(std::string_view broker_name, Change&& change);
  template <typename Condition>
  std::vector<std::string> topics_where(Condition&& condition) const;

  const Clock& clock_;
  RouteOptions options_;
  mutable std::shared_mutex mutex_;  // guards everything below and the switches in options_
  StringMap<std::unique_ptr<Broker>> brokers_;
  std::map<std::string, std::set<std::string>, std::less<>> clusters_;
  StringMap<TopicBrokers> topics_;
  std::map<LiveKey, Live> live_;
  std::uint64_t topics_left_out_ = 0;
};

}  // namespace gantry::routing
