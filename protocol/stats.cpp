#include "protocol/stats.hpp"

#include "protocol/json_common_shapes.hpp"

#include <chrono>
#include <cstdio>

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<TopicStatsTable::Queue> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("lastUpdateTimestamp", d.last_update_ms);
    v.member("maxOffset", d.max_offset);
    v.member("minOffset", d.min_offset);
  }
};

template <>
struct Shape<TopicStatsTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("offsetTable", d.queues);
    v.member("topicPutTps", d.put_tps);
  }
};

template <>
struct Shape<ConsumeStats::Queue> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerOffset", d.broker_offset);
    v.member("consumerOffset", d.consumer_offset);
    v.member("lastTimestamp", d.last_ms);
    v.member("pullOffset", d.pull_offset);
  }
};

template <>
struct Shape<ConsumeStats> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("consumeTps", d.consume_tps);
    v.member("offsetTable", d.queues);
  }
};

template <>
struct Shape<ConsumeStatsList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerAddr", d.broker_address);
    v.member("consumeStatsList", d.stats);
    v.member("totalDiff", d.total_diff);
    v.member("totalInflightDiff", d.total_inflight_diff);
  }
};

template <>
struct Shape<Connection> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("clientAddr", d.client_address);
    v.member("clientId", d.client_id);
    v.member("language", d.language);
    v.member("version", d.version);
  }
};

template <>
struct Shape<ConsumerConnection> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("connectionSet", d.connections);
    v.member("consumeFromWhere", d.consume_from);
    v.member("consumeType", d.consume_type);
    v.member("messageModel", d.message_model);
    v.member("subscriptionTable", d.subscriptions);
  }
};

template <>
struct Shape<ProducerConnection> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("connectionSet", d.connections);
  }
};

template <>
struct Shape<ProducerTableInfo::Producer> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("clientId", d.client_id);
    v.member("language", d.language);
    v.member("lastUpdateTimestamp", d.last_update_ms);
    v.member("remoteIP", d.remote_ip);
    v.member("version", d.version);
  }
};

template <>
struct Shape<ProducerTableInfo> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("data", d.groups);
  }
};

template <>
struct Shape<BrokerStatsData::Item> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("avgpt", d.average_per_tick);
    v.member("sum", d.sum);
    v.member("tps", d.tps);
  }
};

template <>
struct Shape<BrokerStatsData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("statsDay", d.day);
    v.member("statsHour", d.hour);
    v.member("statsMinute", d.minute);
  }
};

template <>
struct Shape<QueueEntriesAnswer::Entry> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("eval", d.passes);
    v.member("msg", d.message);
    v.member("physicOffset", d.log_offset);
    v.member("physicSize", d.size);
    v.member("tagsCode", d.tag_code);
  }
};

template <>
struct Shape<QueueEntriesAnswer> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    const std::string nothing = "null";  // what Java writes for a filter that is not there
    if (d.subscription) v.member("filterData", nothing);
    v.member("maxQueueIndex", d.max_index);
    v.member("minQueueIndex", d.min_index);
    v.member("queueData", d.entries);
    v.member("subscriptionData", d.subscription);
  }
};

template <>
struct Shape<RequestModeBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("consumerGroup", d.consumer_group);
    v.member("mode", d.mode);
    v.member("popShareQueueNum", d.pop_share_queue_count);
    v.member("topic", d.topic);
  }
};

template <>
struct Shape<HaStatus> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    const std::vector<std::string> connections;
    const std::int32_t in_sync = 0;
    const bool master = true;
    v.member("haConnectionInfo", connections);
    v.member("inSyncSlaveNums", in_sync);
    v.member("master", master);
    v.member("masterCommitLogMaxOffset", d.log_end);
  }
};

/// Java's "yyyy-MM-dd#HH:mm:ss:SSS", in UTC.
std::string time_text(std::int64_t ms) {
  using std::chrono::days;
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> time{milliseconds(ms)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u#%02d:%02d:%02d:%03d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

template <>
struct Shape<ConsumeTimeSpans::Span> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("consumeTimeStamp", d.consume_ms);
    v.member("consumeTimeStampStr", time_text(d.consume_ms));
    v.member("delayTime", d.delay_ms);
    v.member("maxTimeStamp", d.max_ms);
    v.member("maxTimeStampStr", time_text(d.max_ms));
    v.member("messageQueue", d.queue);
    v.member("minTimeStamp", d.min_ms);
    v.member("minTimeStampStr", time_text(d.min_ms));
  }
};

template <>
struct Shape<ConsumeTimeSpans> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("consumeTimeSpanSet", d.spans);
  }
};

template <>
struct Shape<SubscriptionAnswer> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("group", d.group);
    v.member("subscriptionData", d.subscription);
    v.member("topic", d.topic);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(TopicStatsTable)
GANTRY_JSON_BODY(ConsumeStats)
GANTRY_JSON_BODY(ConsumeStatsList)
GANTRY_JSON_BODY(ConsumerConnection)
GANTRY_JSON_BODY(ProducerConnection)
GANTRY_JSON_ENCODE(ProducerTableInfo)
GANTRY_JSON_ENCODE(BrokerStatsData)
GANTRY_JSON_ENCODE(QueueEntriesAnswer)
GANTRY_JSON_ENCODE(HaStatus)
GANTRY_JSON_BODY(RequestModeBody)
GANTRY_JSON_ENCODE(ConsumeTimeSpans)
GANTRY_JSON_ENCODE(SubscriptionAnswer)

}  // namespace gantry::protocol
