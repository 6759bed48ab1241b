#include "kernel/broker/ticket_table.hpp"

#include "kernel/broker/remarks.hpp"

#include <algorithm>

namespace gantry::broker {

std::optional<std::uint64_t> TicketTable::issue(const Open& request) {
  if (open_count_ >= std::min(context_.shared.options.deferred_max, slots_max)) return std::nullopt;
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.request = request;
  slot.is_open = true;
  ++open_count_;
  context_.shared.counters.deferred.add(1);
  const std::uint64_t ticket =
      std::uint64_t{context_.id.value()} << 52 | std::uint64_t{index} << 32 | std::uint64_t{slot.use};
  // Deadlines of redeemed tickets are dropped as they come to the front, or here when a slow one keeps them.
  if (deadlines_.size() > 2 * open_count_ + deadlines_slack) {
    std::erase_if(deadlines_, [this](const auto& deadline) { return !is_open(deadline.second); });
  }
  deadlines_.emplace_back(context_.steady_ns() + ShardContext::to_ns(context_.shared.options.command_timeout), ticket);
  arm_timer();
  return ticket;
}

bool TicketTable::is_open(std::uint64_t ticket) const noexcept {
  const std::uint64_t index = ticket >> 32 & (slots_max - 1);
  return index < slots_.size() && slots_[index].is_open && slots_[index].use == static_cast<std::uint32_t>(ticket);
}

std::optional<TicketTable::Open> TicketTable::redeem(std::uint64_t ticket) {
  const std::uint64_t index = ticket >> 32 & (slots_max - 1);
  if (!is_open(ticket)) return std::nullopt;
  Slot& slot = slots_[index];
  slot.is_open = false;
  slot.use = std::max<std::uint32_t>(slot.use + 1, 1);
  free_.push_back(static_cast<std::uint32_t>(index));
  --open_count_;
  context_.shared.counters.deferred.add(-1);
  return slot.request;
}

void TicketTable::on_timer() {
  timer_armed_ = false;
  const std::int64_t now = context_.steady_ns();
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    const auto late = redeem(deadlines_.front().second);
    deadlines_.pop_front();
    if (!late) continue;
    Session* session = context_.session(late->channel);
    if (session == nullptr) continue;
    context_.reply(late->to, protocol::ResponseCode::system_error, remark::command_timed_out(late->code));
    context_.flush(*session->channel);
  }
  arm_timer();
}

void TicketTable::arm_timer() {
  while (!deadlines_.empty() && !is_open(deadlines_.front().second)) deadlines_.pop_front();
  if (timer_armed_ || deadlines_.empty()) return;
  timer_armed_ = true;
  const std::int64_t left_ns = std::max<std::int64_t>(deadlines_.front().first - context_.steady_ns(), 0);
  context_.executor.call_after(std::chrono::milliseconds((left_ns + 999'999) / 1'000'000), [this] { on_timer(); });
}

}  // namespace gantry::broker
