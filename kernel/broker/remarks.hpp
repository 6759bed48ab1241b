#pragma once
// What answers say to whoever reads them in a client's log: what was wrong, and the way out. The prefixes in brackets
// are those that operators of RocketMQ look for.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::broker::remark {

// ---- publish ----
inline constexpr std::string_view store_failed =
    "[STORE_FAILED]the store cannot make messages durable any more, so the broker takes none; see its log, repair the "
    "disk and restart it";
inline constexpr std::string_view too_many_unacknowledged =
    "[OVERLOAD]too many messages wait for their flush to disk (broker.unacknowledged_max); try again";
inline constexpr std::string_view store_busy =
    "[PC_SYNCHRONIZED]broker busy: the store cannot take more now; try again";
inline constexpr std::string_view disk_full =
    "the broker's disk is full; delete files, shorten the retention or add space";
inline constexpr std::string_view store_unavailable =
    "the store takes no messages: the broker is stopping, its store failed, or the topic was just deleted";
inline constexpr std::string_view store_error = "the store failed to append the message; see the broker's log";
inline constexpr std::string_view store_rejects = "the store rejects the message as malformed";
inline constexpr std::string_view record_too_large =
    "the message does not fit: a record must fit one log file, and its properties 32767 bytes";
inline constexpr std::string_view header_too_large =
    "the properties of this batch of requests exceed the broker's memory "
    "for it; send fewer at once";
inline constexpr std::string_view needs_delay =
    "the message asks for delayed delivery (DELAY or TIMER_*), which needs the plugin \"delay\": add it to "
    "plugins.load";
inline constexpr std::string_view needs_transactions =
    "the message is part of a transaction (TRAN_MSG or sysFlag), which needs the plugin \"txn\": add it to "
    "plugins.load";
inline constexpr std::string_view rejected = "the message was rejected by a plugin";
inline constexpr std::string_view batch_torn_apart =
    "a plugin wants the messages of one batch in different queues; send them one by one";
std::string send_forbidden(std::string_view topic);
std::string topic_unknown(std::string_view topic);
std::string topic_not_writable(std::string_view topic);
std::string topic_not_readable(std::string_view topic);
std::string broker_not_writable(std::string_view broker);
std::string broker_not_readable(std::string_view broker);
std::string no_write_queues(std::string_view topic);
std::string no_such_queue(std::string_view topic, std::int32_t queue_id, std::int32_t queue_count);
std::string needs_keys(std::string_view topic);
std::string body_too_large(std::size_t size, std::size_t size_max);
std::string properties_too_large(std::size_t own, std::size_t added);

// ---- pull ----
std::string group_unknown(std::string_view group);
std::string offset_beyond(std::int64_t offset, std::int64_t end);
std::string group_disabled(std::string_view group);
std::string group_offline(std::string_view group);
std::string group_broadcasts(std::string_view group);
std::string group_may_not_read(std::string_view group, std::string_view topic);
std::string not_subscribed(std::string_view group, std::string_view topic);
std::string subscription_outdated(std::string_view group, std::string_view topic);
std::string language_unknown(std::string_view language);
inline constexpr std::string_view pool_full =
    "[OVERLOAD]too many requests wait for the disk (threads.blocking); try again";
inline constexpr std::string_view queue_unready =
    "[REBUILDING]the store makes the files of this queue anew from its log; try again in a moment";

// ---- the rest ----
inline constexpr std::string_view stopping = "the broker is stopping; use another one";
inline constexpr std::string_view too_many_deferred = "[OVERLOAD]too many requests wait for an answer; try again";
inline constexpr std::string_view send_back_needs_delay =
    "sending a message back for a later retry needs the plugin \"delay\": add it to plugins.load";
inline constexpr std::string_view client_gone = "the client's connection closed before it answered";
inline constexpr std::string_view client_silent = "the client did not answer within 10 seconds";
std::string nobody_waits_for_reply(std::string_view client_id);
std::string client_unknown(std::string_view group, std::string_view client_id);
std::string client_too_old(std::string_view client_id);
std::string no_statistics(std::string_view name, std::string_view key, bool is_kept);
std::string config_unknown(std::string_view key);
inline constexpr std::string_view connection_stalled =
    "[OVERLOAD]the connection does not take the answers that it was sent; read them, then ask again";
inline constexpr std::string_view query_needs_index =
    "the broker's store keeps no index, so it cannot find messages by key; load a store that does (storage-mmap), or "
    "look the message up by its offset message id";
inline constexpr std::string_view query_asks_nothing = "a query needs a key and a maxNum of at least 1";
std::string query_found_nothing(std::string_view topic, std::string_view key, std::int64_t begin_ms,
                                std::int64_t end_ms);
/// Follows query_found_nothing().
std::string query_came_early(std::int64_t indexed_end, std::int64_t log_end);
std::string query_cut_short(std::size_t omitted);
std::string unknown_code(std::int32_t code);
std::string may_not_administrate(std::int32_t code);
std::string wrong_port(std::int32_t code, std::uint16_t port);
std::string producers_offline(std::string_view group);
std::string record_unknown(std::int64_t log_offset);
std::string command_timed_out(std::int32_t code);

}  // namespace gantry::broker::remark
