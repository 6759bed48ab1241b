#pragma once
// Which client may consume which queue in order: LOCK_BATCH_MQ and UNLOCK_BATCH_MQ.

#include "kernel/base/clock.hpp"
#include "kernel/base/string_hash.hpp"
#include "protocol/message_queue.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gantry::routing {

struct RebalanceLockOptions {
  std::chrono::milliseconds lifetime{60'000};  ///< since the holder's last lock request
  std::size_t locks_per_group_max = 65'536;
  std::size_t groups_max = 100'000;
};

/// (group, queue) -> client. Not persisted: after a restart all locks are free and clients take them anew.
/// Thread: [any-thread]; striped by group.
class RebalanceLocks {
 public:
  explicit RebalanceLocks(const Clock& clock, RebalanceLockOptions options = {});

  /// Takes or renews what is free, expired or held by this client; returns what it holds now, as asked for.
  std::vector<protocol::MessageQueue> lock(std::string_view group, std::string_view client_id,
                                           std::span<const protocol::MessageQueue> queues);
  /// Gives back what this client holds; the rest is left alone.
  void unlock(std::string_view group, std::string_view client_id, std::span<const protocol::MessageQueue> queues);

  /// True while some queue of the group is locked: it consumes in order.
  [[nodiscard]] bool holds_any(std::string_view group) const;

  /// [control] Drops expired locks, so that groups that went away leave nothing behind. Returns how many.
  std::size_t expire();

  void remove_group(std::string_view group);

 private:
  static constexpr std::size_t stripe_count = 64;

  struct Holder {
    std::string client_id;
    std::chrono::milliseconds since{0};
  };
  struct QueueHash {
    std::size_t operator()(const protocol::MessageQueue& queue) const noexcept;
  };
  using GroupLocks = std::unordered_map<protocol::MessageQueue, Holder, QueueHash>;
  struct Stripe {
    mutable std::mutex mutex;
    StringMap<GroupLocks> groups;
  };

  Stripe& stripe_of(std::string_view group) const noexcept;
  [[nodiscard]] bool live(const Holder& holder, std::chrono::milliseconds now) const noexcept;

  const Clock& clock_;
  const RebalanceLockOptions options_;
  mutable std::array<Stripe, stripe_count> stripes_;
};

}  // namespace gantry::routing
