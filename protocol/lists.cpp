#include "protocol/lists.hpp"

#include "protocol/json_shape.hpp"

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<TopicList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member_unless_empty("brokerAddr", d.broker_address);
    v.member("topicList", d.topics);
  }
};

template <>
struct Shape<GroupList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("groupList", d.groups);
  }
};

template <>
struct Shape<ConsumerIdList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("consumerIdList", d.client_ids);
  }
};

template <>
struct Shape<KvTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("table", d.table);
  }
};

template <>
struct Shape<KvConfigTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("configTable", d.spaces);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(TopicList)
GANTRY_JSON_BODY(GroupList)
GANTRY_JSON_BODY(ConsumerIdList)
GANTRY_JSON_BODY(KvTable)
GANTRY_JSON_BODY(KvConfigTable)

}  // namespace gantry::protocol
