#pragma once
// Requests that a plugin took and will answer: a number that the plugin gives back, and a deadline in case it does not.

#include "kernel/broker/request.hpp"
#include "kernel/broker/shard_context.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::broker {

/// [shard] A ticket names its shard (12 bits), its slot (20 bits) and the slot's use (32 bits), so that an answer finds
/// its way from any thread and a late or repeated one finds nothing. Bound: `deferred_max` open tickets.
class TicketTable {
 public:
  explicit TicketTable(ShardContext& context) : context_(context) {}

  [[nodiscard]] static ShardId shard_of(std::uint64_t ticket) noexcept {
    return ShardId(static_cast<std::uint32_t>(ticket >> 52));
  }

  struct Open {
    ChannelId channel;
    ReplyTo to;
    std::int32_t code = 0;
  };

  /// nothing: too many are open.
  std::optional<std::uint64_t> issue(const Open& request);
  /// Takes the ticket back; nothing when it is unknown, answered before, or past its deadline.
  std::optional<Open> redeem(std::uint64_t ticket);

  [[nodiscard]] std::size_t open_count() const noexcept { return open_count_; }

 private:
  struct Slot {
    Open request;
    std::uint32_t use = 1;
    bool is_open = false;
  };
  static constexpr std::size_t slots_max = std::size_t{1} << 20;

  static constexpr std::size_t deadlines_slack = 4096;

  [[nodiscard]] bool is_open(std::uint64_t ticket) const noexcept;
  void on_timer();
  void arm_timer();

  ShardContext& context_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> deadlines_;  // steady time, ticket; in order of issue
  std::size_t open_count_ = 0;
  bool timer_armed_ = false;
};

}  // namespace gantry::broker
