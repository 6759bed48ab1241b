#pragma once
// A topic as a shard sees it: its configuration, which never changes, and its queues, which outlive configurations.

#include "gantry/abi/store.h"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"
#include "protocol/topic_config.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::routing {

/// What is kept per message queue while the process runs. The address stays the same through every change of the
/// topic's configuration; it ends with the topic (or with the last Topic or TopicQueues somebody still holds).
struct QueueState {
  /// The store's handle; nullptr until first wanted. See Topic::open().
  std::atomic<gantry_queue*> handle{nullptr};

  /// Bit n: shard n holds long-polling requests of this queue, so an append has to wake it. Set and cleared by the
  /// broker's long polling. 64 shards is more than a broker has.
  std::atomic<std::uint64_t> waiting_shards{0};
};

/// The queue states of one life of a topic: from its creation until its deletion. Grows, never shrinks or moves.
///
/// Thread: at() [any-thread]; grow() by the one who holds the topic table's change lock, before it publishes the Topic
/// that shows the new queues.
class TopicQueues {
 public:
  static constexpr std::int32_t count_max = 65536;

  TopicQueues();
  ~TopicQueues();
  TopicQueues(const TopicQueues&) = delete;
  TopicQueues& operator=(const TopicQueues&) = delete;

  /// 0 <= index < the count of the last grow() that the caller knows of.
  [[nodiscard]] QueueState& at(std::int32_t index) const noexcept {
    const auto place = static_cast<std::uint32_t>(index) / first_size + 1;
    const int segment = 31 - __builtin_clz(place);
    const std::uint32_t begin = first_size * ((1u << segment) - 1);
    return segments_[static_cast<std::size_t>(segment)][static_cast<std::uint32_t>(index) - begin];
  }

  /// Makes states for `count` queues in all; count <= count_max.
  void grow(std::int32_t count);

  /// Where queue choices of senders without a preference go next; wraps.
  [[nodiscard]] std::uint32_t next_choice() const noexcept { return choice_.fetch_add(1, std::memory_order_relaxed); }

  /// Distinguishes two lives of a topic of the same name. Never 0, never used twice in a process.
  [[nodiscard]] std::uint64_t life() const noexcept { return life_; }

  /// Whether the topic's existence is durable. Until then a message in it would be out of reach after a crash, although
  /// the log has it, so nothing stored in the topic is acknowledged. [any-thread]
  [[nodiscard]] bool saved() const noexcept { return saved_.load(std::memory_order_acquire); }
  void mark_saved() noexcept { saved_.store(true, std::memory_order_release); }

 private:
  // Segment s holds first_size * 2^s states, beginning at first_size * (2^s - 1).
  static constexpr std::uint32_t first_size = 4;
  static constexpr std::size_t segment_count = 15;

  std::array<std::unique_ptr<QueueState[]>, segment_count> segments_;
  mutable std::atomic<std::uint32_t> choice_;
  const std::uint64_t life_;
  std::atomic<bool> saved_{false};
};

/// What a topic's name says about it. See TopicTable, which knows the names that depend on cluster and broker.
struct TopicTraits {
  bool retry = false;           ///< "%RETRY%<group>"
  bool dead_letter = false;     ///< "%DLQ%<group>"
  bool system = false;          ///< one of RocketMQ's own: clients may not create, change or delete it
  bool send_forbidden = false;  ///< only the broker and its plugins append to it
};

/// One version of a topic. Immutable but for the queue states it shows. [any-thread]
class Topic {
 public:
  /// `queues` has grown to at least queue_count().
  Topic(protocol::TopicConfig config, TopicTraits traits, std::shared_ptr<TopicQueues> queues);

  [[nodiscard]] std::string_view name() const noexcept { return config_.topic_name; }
  [[nodiscard]] const protocol::TopicConfig& config() const noexcept { return config_; }
  [[nodiscard]] std::int32_t read_queues() const noexcept { return config_.read_queue_count; }
  [[nodiscard]] std::int32_t write_queues() const noexcept { return config_.write_queue_count; }
  /// The larger of both: ids from 0 below it exist.
  [[nodiscard]] std::int32_t queue_count() const noexcept {
    return config_.read_queue_count > config_.write_queue_count ? config_.read_queue_count : config_.write_queue_count;
  }
  [[nodiscard]] bool readable() const noexcept { return protocol::perm::is_readable(config_.perm); }
  [[nodiscard]] bool writable() const noexcept { return protocol::perm::is_writable(config_.perm); }
  [[nodiscard]] bool inheritable() const noexcept { return protocol::perm::is_inherited(config_.perm); }
  [[nodiscard]] const TopicTraits& traits() const noexcept { return traits_; }

  /// The state of a queue, or nullptr when the topic has no queue of that id.
  [[nodiscard]] QueueState* queue(std::int32_t id) const noexcept {
    return id >= 0 && id < queue_count() ? &queues_->at(id) : nullptr;
  }

  /// The store's handle of a queue, opened at first use. `id` as accepted by queue(). No lock and no allocation once it
  /// is open.
  [[nodiscard]] Result<gantry_queue*> open(sdk::Store& store, std::int32_t id) const;

  /// A write queue for a sender that leaves the choice to the broker: each in turn. Needs write_queues() > 0.
  [[nodiscard]] std::int32_t choose_write_queue() const noexcept {
    return static_cast<std::int32_t>(queues_->next_choice() % static_cast<std::uint32_t>(config_.write_queue_count));
  }

  /// For who holds on to queue states (a waiting pull): keep a copy of this pointer, or of the Topic's.
  [[nodiscard]] const std::shared_ptr<TopicQueues>& queues() const noexcept { return queues_; }
  [[nodiscard]] std::uint64_t life() const noexcept { return queues_->life(); }
  /// System topics are made at every boot, whatever the file says.
  [[nodiscard]] bool saved() const noexcept { return traits_.system || queues_->saved(); }

 private:
  protocol::TopicConfig config_;
  TopicTraits traits_;
  std::shared_ptr<TopicQueues> queues_;
};

}  // namespace gantry::routing
