#pragma once
// Pulling: PULL_MESSAGE(11) and LITE_PULL_MESSAGE(361), long polling included.

#include "kernel/broker/hold_table.hpp"
#include "kernel/broker/selector.hpp"
#include "kernel/broker/shard_context.hpp"
#include "protocol/pull_header.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace gantry::broker {

/// [shard] Checks a pull in RocketMQ's order and answers it from the store. What finds nothing is held until the append
/// that it waits for wakes it, its time is up, or its connection closes. What is not in memory is read by the blocking
/// pool. What the store cannot read yet because it rebuilds the queue is held, too, and tried again until it can.
/// Message bytes are not copied (but for small answers): they leave from where the store keeps them.
///
/// Bounds: holds per shard and per connection; slices and bytes per answer; a connection that does not take what it was
/// sent gets no more until it does.
class Puller {
 public:
  explicit Puller(ShardContext& context);

  [[nodiscard]] static bool serves(std::int32_t code) noexcept { return code == 11 || code == 361; }

  void handle(const Request& request);
  /// Queues that pulls of this shard wait for have new messages.
  void on_arrivals(std::span<routing::QueueState* const> queues);
  void on_close(Session& session);
  /// Answers all held pulls with what is there: the broker stops.
  void answer_all();

  [[nodiscard]] std::size_t hold_count() const noexcept { return holds_.size(); }

 private:
  static constexpr std::size_t slices_per_answer = 64;
  static constexpr std::uint64_t copied_answer_bytes_max = 8 * 1024;  // cheaper to copy than to lend
  static constexpr int scans_per_wake = 8;
  static constexpr int looks_per_turn = 512;  // deadlines served before other work of the shard has its turn
  static constexpr std::int64_t stalled_retry_ns = 20'000'000;
  static constexpr std::int64_t unready_retry_ns = 100'000'000;

  struct Target {
    const routing::Topic* topic = nullptr;
    routing::QueueState* state = nullptr;
    gantry_queue* queue = nullptr;
  };
  /// What came of reading for a pull.
  enum class Attempt : std::uint8_t {
    answered,     ///< with messages, with another place to read from, or with an error
    nothing_yet,  ///< at the end of what may be seen
    no_match,     ///< examined entries, none matched; result_ says how far
    cold,         ///< the disk must be asked
    stalled,      ///< the connection does not take what it was sent
    unready,      ///< the store cannot say yet: it rebuilds the queue, and needs a moment
  };
  struct ColdPull;

  bool prepare(const protocol::PullHeader& query, const ReplyTo& to, Target& target);
  bool select(const protocol::PullHeader& query, const ReplyTo& to, const routing::Group& group);
  bool select_language(const ReplyTo& to, std::string_view language, std::string_view expression);
  void commit(const protocol::PullHeader& query, const Target& target);
  bool apply_reset(const protocol::PullHeader& query, const ReplyTo& to, const Target& target);

  Attempt attempt(const protocol::PullHeader& query, const ReplyTo& to, const Target& target, Channel& channel);
  gantry_read_request make_request(const protocol::PullHeader& query, const Target& target);
  Attempt judge(const Status& read, const protocol::PullHeader& query, const ReplyTo& to, Channel& channel,
                gantry_read_result& result);
  void send_found(const ReplyTo& to, Channel& channel, gantry_read_result& result);
  void answer_empty(const ReplyTo& to, protocol::ResponseCode code, std::int64_t next,
                    const gantry_read_result& result);
  void refuse(const ReplyTo& to, protocol::ResponseCode code, std::string_view remark, std::int32_t forbidden = 0);

  void settle(Attempt outcome, const protocol::PullHeader& query, const ReplyTo& to, const Target& target,
              Channel& channel);
  /// False: it cannot be held. `why` is nothing_yet, stalled or unready. A pull that was held before keeps its
  /// deadline.
  bool hold(const protocol::PullHeader& query, const ReplyTo& to, const Target& target, Channel& channel, Attempt why,
            std::optional<std::int64_t> answer_by_ns = std::nullopt);
  [[nodiscard]] std::int64_t look_at(Attempt why, std::int64_t answer_by_ns) const;
  bool rerun(Hold& hold, bool final);
  bool run_final(Hold& hold, Attempt outcome);
  void answer_unready(const protocol::PullHeader& query, const ReplyTo& to, gantry_queue* queue);
  void read_cold(const protocol::PullHeader& query, const ReplyTo& to, const Target& target, Channel& channel,
                 std::optional<std::int64_t> answer_by_ns = std::nullopt);
  void finish_cold(ColdPull& job, Channel* channel);
  void finish_unready(const ColdPull& job, Channel& channel);
  /// result_ says nothing but where the queue begins and ends.
  void show_bounds(gantry_queue* queue);
  void release(Hold& hold);
  void on_timer();
  void arm_timer();

  ShardContext& context_;
  HoldTable holds_;
  FilterCache filters_;
  Selector selector_;
  std::array<gantry_slice, slices_per_answer> slices_{};
  gantry_read_result result_{};
  std::int64_t visible_end_ = 0;  // what the last read was allowed to see
  std::int64_t timer_at_ns_ = 0;  // 0: not armed
  Executor::TimerId timer_ = 0;
};

}  // namespace gantry::broker
