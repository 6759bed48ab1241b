#include "kernel/broker/remarks.hpp"

#include <initializer_list>

namespace gantry::broker::remark {

namespace {

std::string join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(part);
  return text;
}

}  // namespace

std::string send_forbidden(std::string_view topic) {
  return join({"the topic [", topic, "] is the broker's own; clients may not send to it"});
}
std::string topic_unknown(std::string_view topic) {
  return join({"topic [", topic, "] does not exist; create it (gantry topic create), or switch on auto_create_topics"});
}
std::string topic_not_writable(std::string_view topic) {
  return join({"the topic [", topic, "] may not be written to; give it write permission (perm 6)"});
}
std::string topic_not_readable(std::string_view topic) {
  return join({"the topic [", topic, "] may not be read; give it read permission (perm 6)"});
}
std::string broker_not_writable(std::string_view broker) {
  return join({"the broker [", broker, "] takes no messages for ordered topics; see broker.permission"});
}
std::string broker_not_readable(std::string_view broker) {
  return join({"the broker [", broker, "] delivers no messages; see broker.permission"});
}
std::string no_write_queues(std::string_view topic) {
  return join({"topic [", topic, "] has no write queues; give it some"});
}
std::string no_such_queue(std::string_view topic, std::int32_t queue_id, std::int32_t queue_count) {
  return join({"topic [", topic, "] has no queue ", std::to_string(queue_id), ": it has ", std::to_string(queue_count),
               " queues, from 0"});
}
std::string needs_keys(std::string_view topic) {
  return join({"topic [", topic, "] is compacted by key, so the message needs the property KEYS"});
}
std::string body_too_large(std::size_t size, std::size_t size_max) {
  return join({"the message has ", std::to_string(size), " bytes, more than the ", std::to_string(size_max),
               " that are allowed (broker.message_bytes_max)"});
}
std::string properties_too_large(std::size_t own, std::size_t added) {
  return join({"the message's properties have ", std::to_string(own), " bytes and the broker adds ",
               std::to_string(added), ", more than the 32767 that a record can hold"});
}

std::string group_unknown(std::string_view group) {
  return join({"subscription group [", group, "] does not exist; create it, or let a consumer of it send a heartbeat"});
}
std::string offset_beyond(std::int64_t offset, std::int64_t end) {
  return join({"offset ", std::to_string(offset), " lies beyond the end of the queue, ", std::to_string(end)});
}
std::string group_disabled(std::string_view group) {
  return join({"subscription group [", group, "] may not consume (consumeEnable=false)"});
}
std::string group_offline(std::string_view group) {
  return join(
      {"the consumer group [", group, "] has no live consumer on this broker; it will after its next heartbeat"});
}
std::string group_broadcasts(std::string_view group) {
  return join({"the consumer group [", group, "] may not consume by broadcasting (consumeBroadcastEnable=false)"});
}
std::string group_may_not_read(std::string_view group, std::string_view topic) {
  return join({"the consumer group [", group, "] is forbidden to read topic [", topic, "]"});
}
std::string not_subscribed(std::string_view group, std::string_view topic) {
  return join({"no consumer of group [", group, "] subscribes to topic [", topic,
               "]; subscribe, or wait for its next "
               "heartbeat"});
}
std::string subscription_outdated(std::string_view group, std::string_view topic) {
  return join({"the subscription of group [", group, "] to topic [", topic,
               "] is not the latest one; its next heartbeat "
               "will bring it"});
}
std::string language_unknown(std::string_view language) {
  return join({"the broker does not support consumer to filter message by ", language,
               ": no plugin serves this language; add one (\"filter-sql92\" for SQL92) to plugins.load"});
}

std::string unknown_code(std::int32_t code) {
  return join(
      {" request type ", std::to_string(code), " not supported; if a plugin serves it, add it to plugins.load"});
}
std::string may_not_administrate(std::int32_t code) {
  return join({"request ", std::to_string(code),
               " changes the broker, which your address may not do; add it to admin.allow_from"});
}
std::string wrong_port(std::int32_t code, std::uint16_t port) {
  return join(
      {"request ", std::to_string(code), " is not served on this port; use the main port ", std::to_string(port)});
}
std::string producers_offline(std::string_view group) {
  return join({"the producer group [", group, "] has no live producer on this broker"});
}
std::string record_unknown(std::int64_t log_offset) {
  return join(
      {"no message begins at log offset ", std::to_string(log_offset), "; it expired, or the id is another broker's"});
}
std::string query_found_nothing(std::string_view topic, std::string_view key, std::int64_t begin_ms,
                                std::int64_t end_ms) {
  return join({"no message of topic [", topic, "] stored from ", std::to_string(begin_ms), " to ",
               std::to_string(end_ms), " has the key [", key, "]; widen the time range, or see whether it expired"});
}
std::string query_came_early(std::int64_t indexed_end, std::int64_t log_end) {
  return join({"; the index reaches log offset ", std::to_string(indexed_end), " of ", std::to_string(log_end),
               " so far: newer messages are found in a moment"});
}
std::string query_cut_short(std::size_t omitted) {
  return join({"the oldest ", std::to_string(omitted), " matches do not fit into one answer; ask for an earlier time"});
}
std::string command_timed_out(std::int32_t code) {
  return join({"request ", std::to_string(code), " was not answered by its plugin in time"});
}

std::string nobody_waits_for_reply(std::string_view client_id) {
  if (client_id.empty()) return "the reply names no client: expected the property REPLY_TO_CLIENT";
  return "the client [" + std::string(client_id) +
         "] that waits for the reply is not connected to this broker as a producer";
}

std::string client_unknown(std::string_view group, std::string_view client_id) {
  return "the consumer group [" + std::string(group) + "] has no live member [" + std::string(client_id) +
         "] on this broker: not online";
}

std::string client_too_old(std::string_view client_id) {
  return "the client [" + std::string(client_id) + "] is too old to be asked; it needs version 3.1.8";
}

std::string no_statistics(std::string_view name, std::string_view key, bool is_kept) {
  if (is_kept) return "no traffic of [" + std::string(key) + "] since the broker started";
  return "the broker does not keep [" + std::string(name) +
         "]: expected TOPIC_PUT_NUMS, GROUP_GET_NUMS, BROKER_PUT_NUMS or BROKER_GET_NUMS";
}

std::string config_unknown(std::string_view key) {
  return "[" + std::string(key) +
         "] cannot be changed while the broker runs: expected brokerPermission (2, 4 or 6); everything else stands in "
         "the configuration file, of which gantry config explain tells more";
}

}  // namespace gantry::broker::remark
