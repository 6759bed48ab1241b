#pragma once
// A queue's full name, and the bodies of the orderly locks. Source: classes MessageQueue, LockBatchRequestBody.

#include "protocol/json_body.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gantry::protocol {

/// Equality is of all three parts, exactly as sent. Orders like Java: topic, broker, queue.
struct MessageQueue {
  std::string topic{};
  std::string broker_name{};
  std::int32_t queue_id = 0;
  friend auto operator<=>(const MessageQueue&, const MessageQueue&) = default;
};

/// LOCK_BATCH_MQ(41) and UNLOCK_BATCH_MQ(42). Decoded and encoded.
struct LockQueuesBody {
  std::string consumer_group{};
  std::string client_id{};
  std::vector<MessageQueue> queues{};
  bool only_this_broker = false;
};
template <>
Result<LockQueuesBody> decode_body(std::string_view json);
template <>
std::string encode_body(const LockQueuesBody& body, JsonStyle style);

/// The answer to LOCK_BATCH_MQ: the queues that the caller now holds. Decoded and encoded.
struct LockedQueuesBody {
  std::vector<MessageQueue> queues{};
};
template <>
Result<LockedQueuesBody> decode_body(std::string_view json);
template <>
std::string encode_body(const LockedQueuesBody& body, JsonStyle style);

/// A map of queues to offsets: the answer to INVOKE_BROKER_TO_RESET_OFFSET(222) and, for Java and Go clients, the body
/// of RESET_CONSUMER_CLIENT_OFFSET(220). Decoded (the list form too) and encoded.
struct QueueOffsetsBody {
  std::map<MessageQueue, std::int64_t> offsets{};
};
template <>
Result<QueueOffsetsBody> decode_body(std::string_view json);
template <>
std::string encode_body(const QueueOffsetsBody& body, JsonStyle style);
/// The body of RESET_CONSUMER_CLIENT_OFFSET(220) for C++ clients, which read a list.
std::string encode_queue_offsets_list(const QueueOffsetsBody& body);

}  // namespace gantry::protocol
