#pragma once
// How far each consumer group has come in each queue.

#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/routing/restored.hpp"
#include "protocol/offset_table.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gantry::routing {

enum class CommitOutcome : std::uint8_t {
  stored,
  ignored_negative,  ///< clients commit -1 for "nothing consumed yet"
  ignored_reset,     ///< a reset of that queue has not reached its consumer yet
  refused_queue,     ///< the topic has no such queue
  refused_beyond,    ///< beyond the end of the queue: nobody can have consumed that
  refused_full,      ///< the table is at its bound
};

struct OffsetKey {
  std::string_view group;
  std::string_view topic;
  std::int32_t queue_id = 0;
};

/// What the caller knows of the queue a commit is for.
struct CommitBounds {
  std::int32_t queue_count = 0;  ///< of the topic
  std::int64_t max_offset = 0;   ///< of the queue: the next offset to be assigned
};

struct OffsetOptions {
  std::int64_t version_step = 500;      ///< commits per step of the data version
  std::size_t entries_max = 1'000'000;  ///< (group, topic) pairs
};

/// topic@group -> queue -> offset. The caller checks that group and topic exist.
///
/// Thread: [any-thread]; striped locks, held for a lookup. No allocation once an entry exists.
/// Bounded: `entries_max` pairs, each with at most as many queues as its topic.
class OffsetTable {
 public:
  explicit OffsetTable(const Clock& clock, OffsetOptions options = {});
  OffsetTable(const OffsetTable&) = delete;
  OffsetTable& operator=(const OffsetTable&) = delete;

  /// A consumer's commit; smaller than the stored one is allowed. Only `refused_*` deserve an error answer.
  CommitOutcome commit(const OffsetKey& key, std::int64_t offset, const CommitBounds& bounds);

  /// The pending reset if there is one, else the stored offset, else nothing.
  [[nodiscard]] std::optional<std::int64_t> find(const OffsetKey& key) const;

  /// Moves the group there and marks the queue, so that its consumer's next pull is sent to the new place and commits
  /// until then are ignored. `offset` >= 0. False when the table is at its bound.
  bool reset(const OffsetKey& key, std::int64_t offset);
  /// The mark of that queue, which is thereby taken. One atomic load while no mark exists anywhere.
  [[nodiscard]] std::optional<std::int64_t> take_reset(const OffsetKey& key);

  /// What an administrator or a plugin sets: no bounds, no mark. `offset` >= 0. False at the bound.
  bool set(const OffsetKey& key, std::int64_t offset);

  using QueueOffsets = std::vector<std::pair<std::int32_t, std::int64_t>>;  ///< sorted by queue id
  [[nodiscard]] QueueOffsets queues_of(std::string_view group, std::string_view topic) const;
  [[nodiscard]] std::vector<std::string> topics_of(std::string_view group) const;  ///< sorted
  [[nodiscard]] std::vector<std::string> groups_of(std::string_view topic) const;  ///< sorted

  /// CLONE_GROUP_OFFSET: copies `from`'s offsets of a topic to `to`.
  void clone(std::string_view from, std::string_view to, std::string_view topic);

  void remove_group(std::string_view group);
  void remove_topic(std::string_view topic);
  void remove(std::string_view group, std::string_view topic);

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  /// [control][boot] Puts what was loaded into the table; offsets below 0, queues that cannot be and keys that are no
  /// "topic@group" are left out. `count` is of pairs, `rejected` of offsets and keys.
  Restored restore(const protocol::ConsumerOffsetTable& loaded);
  /// What is persisted: keys "topic@group".
  [[nodiscard]] protocol::ConsumerOffsetTable image() const;
  /// Grows with every change of an offset.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_.load(std::memory_order_acquire); }
  [[nodiscard]] protocol::DataVersion data_version() const;

 private:
  static constexpr std::size_t stripe_count = 64;
  static constexpr std::int64_t none = -1;

  struct PairView {
    std::string_view topic;
    std::string_view group;
  };
  struct Pair {
    std::string text;  // topic@group
    std::size_t topic_size = 0;
    [[nodiscard]] PairView view() const noexcept {
      return {std::string_view(text).substr(0, topic_size), std::string_view(text).substr(topic_size + 1)};
    }
  };
  struct PairHash {
    using is_transparent = void;
    std::size_t operator()(const PairView& pair) const noexcept;
    std::size_t operator()(const Pair& pair) const noexcept { return (*this)(pair.view()); }
  };
  struct PairEqual {
    using is_transparent = void;
    static PairView as_view(const PairView& pair) noexcept { return pair; }
    static PairView as_view(const Pair& pair) noexcept { return pair.view(); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const noexcept {
      return as_view(a).topic == as_view(b).topic && as_view(a).group == as_view(b).group;
    }
  };
  struct Entry {
    std::vector<std::int64_t> offsets;  // by queue id; `none` where nothing is stored
    QueueOffsets resets;                // marks, few and short-lived
  };
  using Map = std::unordered_map<Pair, Entry, PairHash, PairEqual>;
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    Map entries;
  };

  Stripe& stripe_of(const PairView& pair) const noexcept;
  Entry* entry_locked(Stripe& stripe, const PairView& pair);
  bool store(const OffsetKey& key, std::int64_t offset, bool mark);
  void count_change(bool is_commit) noexcept;
  template <typename Condition>
  void remove_if(Condition&& condition);

  const Clock& clock_;
  const OffsetOptions options_;
  mutable std::array<Stripe, stripe_count> stripes_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> reset_count_{0};
  std::atomic<std::uint64_t> revision_{0};
  std::atomic<std::int64_t> commits_{0};
  mutable std::mutex version_mutex_;  // guards version_
  protocol::DataVersion version_;
};

}  // namespace gantry::routing
