#include "protocol/route.hpp"

#include "protocol/json_shape.hpp"

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<QueueData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerName", d.broker_name);
    v.member("perm", d.perm);
    v.member("readQueueNums", d.read_queue_count);
    v.member("topicSysFlag", d.topic_sys_flag);
    v.member("writeQueueNums", d.write_queue_count);
  }
};

template <>
struct Shape<BrokerData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerAddrs", d.addresses);
    v.member("brokerName", d.broker_name);
    v.member("cluster", d.cluster);
    v.member("enableActingMaster", d.enable_acting_master);
    v.member_unless_empty("zoneName", d.zone_name);
  }
};

template <>
struct Shape<TopicRouteData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerDatas", d.brokers);
    v.member("filterServerTable", d.filter_servers);
    v.member_unless_empty("orderTopicConf", d.order_topic_conf);
    v.member("queueDatas", d.queues);
  }
};

template <>
struct Shape<ClusterInfo> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerAddrTable", d.brokers);
    v.member("clusterAddrTable", d.clusters);
  }
};

/// The group is wrapped in a member of its own.
struct WireMemberGroup {
  BrokerMemberGroupBody group;
};

template <>
struct Shape<BrokerMemberGroupBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerAddrs", d.addresses);
    v.member("brokerName", d.broker_name);
    v.member("cluster", d.cluster);
  }
};

template <>
struct Shape<WireMemberGroup> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerMemberGroup", d.group);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(TopicRouteData)
GANTRY_JSON_BODY(ClusterInfo)

template <>
Result<BrokerMemberGroupBody> decode_body(std::string_view json) {
  GANTRY_ASSIGN(detail::WireMemberGroup wire, detail::decode_shape<detail::WireMemberGroup>(json));
  return std::move(wire.group);
}

template <>
std::string encode_body(const BrokerMemberGroupBody& body, JsonStyle style) {
  return detail::encode_shape(detail::WireMemberGroup{body}, style);
}

}  // namespace gantry::protocol
