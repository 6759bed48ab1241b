#pragma once
// Sends whose message is stored, on their way to an answer; and queues whose new messages are on their way to being
// visible.

#include "kernel/broker/ack_gate.hpp"
#include "kernel/broker/shard_context.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::broker {

/// The answer to a send that was stored. Texts are borrowed for the call.
struct SendAnswer {
  ReplyTo to;
  std::string_view message_id;
  std::string_view transaction_id;
  std::string_view recall_handle = {};
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
};

/// [shard] Answers sends when their promise is kept, at FLUSH_DISK_TIMEOUT when that takes too long, and with
/// SERVICE_NOT_AVAILABLE once the store has failed. Bound: full() is asked before a send is taken.
class Acknowledger {
 public:
  explicit Acknowledger(ShardContext& context);

  [[nodiscard]] bool full() const noexcept { return waiting_.size() >= context_.shared.options.unacknowledged_max; }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

  /// Writes the answer to the context's buffer, now.
  void answer(const SendAnswer& answer, protocol::ResponseCode code);

  /// Answers on `channel` once the log is good up to `log_end`, and lets the consumers of the queue see its messages
  /// then. Without `channel` only the latter.
  void wait(const SendAnswer& answer, Channel* channel, std::int64_t log_end,
            std::shared_ptr<routing::TopicQueues> keeps, routing::QueueState& queue);

  /// Calls `done` then, with SUCCESS, FLUSH_DISK_TIMEOUT or SERVICE_NOT_AVAILABLE.
  void wait(std::int64_t log_end, std::shared_ptr<routing::TopicQueues> keeps, routing::QueueState& queue,
            UniqueFunction<void(protocol::ResponseCode)> done);

  /// Asks the gate for a wake-up, and the store to hurry up to `wanted_end` (0: not for these). Once per batch, after
  /// its wait() calls.
  void arm(std::int64_t wanted_end);

  /// The gate says that something happened.
  void on_gate();

 private:
  struct Entry {
    std::int64_t log_end = 0;
    std::int64_t deadline_ns = 0;
    ChannelId channel;
    ReplyTo to;
    bool answered = false;  ///< nothing to answer (any more): only the consumers wait
    std::int32_t queue_id = 0;
    std::int64_t queue_offset = 0;
    std::string message_id;
    std::string transaction_id;
    std::string recall_handle;
    std::shared_ptr<routing::TopicQueues> keeps;
    routing::QueueState* queue = nullptr;
    UniqueFunction<void(protocol::ResponseCode)> done;  // instead of an answer on a channel
  };
  Entry& push(std::int64_t log_end, std::shared_ptr<routing::TopicQueues> keeps, routing::QueueState& queue);
  void finish(Entry& entry, protocol::ResponseCode code, std::string_view remark);
  void send_finished();
  void on_timer();
  void arm_timer();

  ShardContext& context_;
  AckQueue<Entry> waiting_;
  std::size_t timed_out_ = 0;  // entries at the front that were answered by their deadline
  bool timer_armed_ = false;
  ChannelId open_channel_;  // whose answers are in the context's buffer
};

}  // namespace gantry::broker
