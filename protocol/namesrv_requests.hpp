#pragma once
// Headers of the requests to and from a name server. Source: RocketMQ remoting protocol, package header.namesrv.
//
// Decode with decode_fields<Struct>(header.ext, scratch) (fields.hpp), write with write_frame() (frame_writer.hpp).
// Texts are views into the frame or the scratch. An empty optional text is an absent one.

#include "protocol/fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// REGISTER_BROKER(103). Body: register_broker.hpp. Answered with RegisterBrokerResponse.
struct RegisterBrokerHeader {
  static constexpr std::string_view name = "REGISTER_BROKER";
  std::string_view broker_name{};
  std::string_view broker_address{};
  std::string_view cluster_name{};
  std::string_view ha_server_address{};
  std::int64_t broker_id = 0;                          ///< 0 is the master
  std::optional<std::int64_t> heartbeat_timeout_ms{};  ///< life without a heartbeat; 120 s when absent
  std::optional<bool> enable_acting_master{};
  bool compressed = false;
  std::int32_t body_crc32 = 0;  ///< 0: not checked
  std::string_view zone_name{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("brokerName", h.broker_name);
    v.required("brokerAddr", h.broker_address);
    v.required("clusterName", h.cluster_name);
    v.optional("haServerAddr", h.ha_server_address);
    v.required("brokerId", h.broker_id);
    v.optional("heartbeatTimeoutMillis", h.heartbeat_timeout_ms);
    v.optional("enableActingMaster", h.enable_acting_master);
    v.optional("compressed", h.compressed);
    v.optional("bodyCrc32", h.body_crc32);
    v.optional("__ZONE_NAME", h.zone_name);
  }
};

/// UNREGISTER_BROKER(104) and QUERY_DATA_VERSION(322).
struct BrokerIdentityHeader {
  static constexpr std::string_view name = "BROKER_IDENTITY";
  std::string_view broker_name{};
  std::string_view broker_address{};
  std::string_view cluster_name{};
  std::int64_t broker_id = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("brokerName", h.broker_name);
    v.required("brokerAddr", h.broker_address);
    v.required("clusterName", h.cluster_name);
    v.required("brokerId", h.broker_id);
  }
};

/// BROKER_HEARTBEAT(904).
struct BrokerHeartbeatHeader {
  static constexpr std::string_view name = "BROKER_HEARTBEAT";
  std::string_view cluster_name{};
  std::string_view broker_address{};
  std::string_view broker_name{};
  std::optional<std::int64_t> broker_id{};
  std::optional<std::int32_t> epoch{};
  std::optional<std::int64_t> max_offset{};
  std::optional<std::int64_t> confirm_offset{};
  std::optional<std::int64_t> heartbeat_timeout_ms{};
  std::optional<std::int32_t> election_priority{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("clusterName", h.cluster_name);
    v.required("brokerAddr", h.broker_address);
    v.required("brokerName", h.broker_name);
    v.optional("brokerId", h.broker_id);
    v.optional("epoch", h.epoch);
    v.optional("maxOffset", h.max_offset);
    v.optional("confirmOffset", h.confirm_offset);
    v.optional("heartbeatTimeoutMills", h.heartbeat_timeout_ms);
    v.optional("electionPriority", h.election_priority);
  }
};

/// GET_BROKER_MEMBER_GROUP(901).
struct BrokerMemberGroupHeader {
  static constexpr std::string_view name = "GET_BROKER_MEMBER_GROUP";
  std::string_view cluster_name{};
  std::string_view broker_name{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("clusterName", h.cluster_name);
    v.required("brokerName", h.broker_name);
  }
};

/// GET_ROUTEINFO_BY_TOPIC(105). Body of the answer: route.hpp.
struct RouteInfoHeader {
  static constexpr std::string_view name = "GET_ROUTEINFO_BY_TOPIC";
  std::string_view topic{};
  bool accept_standard_json_only = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.optional("acceptStandardJsonOnly", h.accept_standard_json_only);
  }
};

/// DELETE_TOPIC_IN_NAMESRV(216).
struct DeleteTopicInNamesrvHeader {
  static constexpr std::string_view name = "DELETE_TOPIC_IN_NAMESRV";
  std::string_view topic{};
  std::string_view cluster_name{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.optional("clusterName", h.cluster_name);
  }
};

/// GET_TOPICS_BY_CLUSTER(224).
struct ClusterHeader {
  static constexpr std::string_view name = "GET_TOPICS_BY_CLUSTER";
  std::string_view cluster{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("cluster", h.cluster);
  }
};

/// WIPE_WRITE_PERM_OF_BROKER(205) and ADD_WRITE_PERM_OF_BROKER(327).
struct BrokerNameHeader {
  static constexpr std::string_view name = "BROKER_NAME";
  std::string_view broker_name{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("brokerName", h.broker_name);
  }
};

/// PUT_KV_CONFIG(100).
struct PutKvConfigHeader {
  static constexpr std::string_view name = "PUT_KV_CONFIG";
  std::string_view kv_namespace{};
  std::string_view key{};
  std::string_view value{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("namespace", h.kv_namespace);
    v.required("key", h.key);
    v.required("value", h.value);
  }
};

/// GET_KV_CONFIG(101) and DELETE_KV_CONFIG(102).
struct KvKeyHeader {
  static constexpr std::string_view name = "KV_KEY";
  std::string_view kv_namespace{};
  std::string_view key{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("namespace", h.kv_namespace);
    v.required("key", h.key);
  }
};

/// GET_KVLIST_BY_NAMESPACE(219).
struct KvNamespaceHeader {
  static constexpr std::string_view name = "GET_KVLIST_BY_NAMESPACE";
  std::string_view kv_namespace{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("namespace", h.kv_namespace);
  }
};

/// NOTIFY_MIN_BROKER_ID_CHANGE(905), name server to broker.
struct NotifyMinBrokerIdHeader {
  static constexpr std::string_view name = "NOTIFY_MIN_BROKER_ID_CHANGE";
  std::int64_t min_broker_id = 0;
  std::string_view broker_name{};
  std::string_view min_broker_address{};
  std::string_view offline_broker_address{};
  std::string_view ha_broker_address{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("minBrokerId", h.min_broker_id);
    v.optional("brokerName", h.broker_name);
    v.optional("minBrokerAddr", h.min_broker_address);
    v.optional("offlineBrokerAddr", h.offline_broker_address);
    v.optional("haBrokerAddr", h.ha_broker_address);
  }
};

/// EXCHANGE_BROKER_HA_INFO(906), request and response alike.
struct ExchangeHaInfoHeader {
  static constexpr std::string_view name = "EXCHANGE_BROKER_HA_INFO";
  std::string_view master_ha_address{};
  std::optional<std::int64_t> master_flush_offset{};
  std::string_view master_address{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("masterHaAddress", h.master_ha_address);
    v.optional("masterFlushOffset", h.master_flush_offset);
    v.optional("masterAddress", h.master_address);
  }
};

}  // namespace gantry::protocol
