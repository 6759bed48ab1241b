#pragma once
// Messages as applications of this library see them.

#include "protocol/host.hpp"
#include "protocol/message_queue.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace gantry::client {

/// One message queue of a topic on one broker; ordered as RocketMQ's clients order queues for rebalancing.
using protocol::MessageQueue;

/// What an application publishes.
struct Message {
  std::string topic;
  std::string body;
  std::string tags;                               ///< one tag; empty: none
  std::string keys;                               ///< index keys, separated by blanks
  std::map<std::string, std::string> properties;  ///< the application's own; names and values without 0x01 and 0x02
  std::int32_t flag = 0;
};

enum class SendStatus : std::uint8_t {
  stored,               ///< the promise of the topic's acknowledgement holds
  flush_disk_timeout,   ///< stored, but not known to be on disk
  flush_slave_timeout,  ///< stored, but not known to be replicated
  slave_not_available,
};

struct SendResult {
  SendStatus status = SendStatus::stored;
  std::string message_id;         ///< the unique key given by this client
  std::string offset_message_id;  ///< says where the message is stored
  std::string recall_handle;      ///< of a timed message, with which it can be recalled
  MessageQueue queue;
  std::int64_t queue_offset = 0;
};

/// What a consumer receives.
struct ReceivedMessage {
  MessageQueue queue;
  std::int64_t queue_offset = 0;
  std::string topic;
  std::string body;  ///< as published: decompressed when the producer compressed it
  std::map<std::string, std::string> properties;
  std::string tags;
  std::string keys;
  std::string message_id;  ///< the unique key, or the offset message id when there is none
  std::string offset_message_id;
  std::int64_t born_ms = 0;
  std::int64_t store_ms = 0;
  std::int32_t reconsume_count = 0;
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;  ///< RocketMQ's bits: protocol/sys_flag.hpp
  protocol::Host born_host;   ///< the producer, as the broker saw it
  protocol::Host store_host;  ///< the broker
  std::int64_t log_offset = 0;
  std::int64_t prepared_offset = 0;  ///< the half message's log offset, of one that ends a transaction
  std::uint32_t record_size = 0;     ///< bytes in the broker's log
  std::uint32_t body_crc = 0;        ///< of the body as it is stored
  bool body_is_compressed = false;   ///< `body` is as it is stored; only where somebody asked for that
};

}  // namespace gantry::client
