#include "protocol/message_queue.hpp"

#include "protocol/json_shape.hpp"

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<LockQueuesBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("clientId", d.client_id);
    v.member("consumerGroup", d.consumer_group);
    v.member("mqSet", d.queues);
    v.member("onlyThisBroker", d.only_this_broker);
  }
};

template <>
struct Shape<LockedQueuesBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("lockOKMQSet", d.queues);
  }
};

template <>
struct Shape<QueueOffsetsBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("offsetTable", d.offsets);
  }
};

/// One line of the list that C++ clients read.
struct QueueOffset {
  MessageQueue queue;
  std::int64_t offset = 0;
};

template <>
struct Shape<QueueOffset> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    Shape<MessageQueue>::visit(v, d.queue);
    v.member("offset", d.offset);
  }
};

struct QueueOffsetList {
  std::vector<QueueOffset> offsets;
};

template <>
struct Shape<QueueOffsetList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("offsetTable", d.offsets);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(LockQueuesBody)
GANTRY_JSON_BODY(LockedQueuesBody)
GANTRY_JSON_BODY(QueueOffsetsBody)

std::string encode_queue_offsets_list(const QueueOffsetsBody& body) {
  detail::QueueOffsetList list;
  for (const auto& [queue, offset] : body.offsets) list.offsets.push_back({queue, offset});
  return detail::encode_shape(list, JsonStyle::wire);
}

}  // namespace gantry::protocol
