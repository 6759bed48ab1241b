#include "plugins/txn/context.hpp"

#include "plugins/txn/names.hpp"

#include <algorithm>
#include <utility>

namespace gantry::txn {

Metrics::Metrics(const sdk::Host& host)
    : prepared(host.counter("prepared", "Half messages that were taken.")),
      committed(host.counter("committed", "Transactions that were committed.")),
      rolled_back(host.counter("rolled_back", "Transactions that were rolled back.")),
      unknown(host.counter("unknown", "Decisions of producers that were 'unknown'.")),
      refused(host.counter("refused", "Half messages and decisions that were refused.")),
      asked(host.counter("asked", "Producers that were asked about a transaction.")),
      unasked(host.counter("unasked", "Questions that found no live producer of the group; they count as asked.")),
      discarded(host.counter("discarded", "Transactions that were given up; see TRANS_CHECK_MAX_TIME_TOPIC.")),
      resumed(host.counter("resumed", "Discarded transactions that an operator resumed.")),
      open(host.gauge("open", "Transactions without a decision.")) {}

Context::Context(const sdk::Host& used_host, const sdk::StoreClient& used_store)
    : host(used_host), broker(used_host.broker()), store(used_store), metrics(used_host), archive(store) {}

Status Context::publish(std::span<const sdk::Outgoing> messages, sdk::Broker::PublishedMany done) {
  flights.begin();
  const Status accepted =
      broker.publish(messages, [this, tell = std::move(done)](std::span<const sdk::Published> published) {
        struct Landing {
          Flights& flights;
          ~Landing() { flights.end(); }
        } const landing{flights};
        tell(published);
      });
  if (!accepted) flights.end();
  return accepted;
}

void Context::write_op(Outcome outcome, std::string_view group, std::string_view id,
                       const std::vector<std::int64_t>& offsets, std::function<void(bool stored)> done) {
  const OpText op = make_op(outcome, group, id, offsets);
  const sdk::Outgoing message = op.outgoing(host.wall_ms());
  const auto told = [done](bool stored) {
    if (done) done(stored);
  };
  const Status accepted = publish({&message, 1}, [this, told](std::span<const sdk::Published> published) {
    const bool stored = !published.empty() && is_stored(published.front());
    if (!stored && !published.empty()) {
      host.log(sdk::LogLevel::warn, "txn.op_failed", {sdk::field("error", published.front().status.error())});
    }
    told(stored);
  });
  if (!accepted) {
    host.log(sdk::LogLevel::warn, "txn.op_failed", {sdk::field("error", accepted.error())});
    told(false);
  }
}

void Context::close_copy(State state, const HalfMessage& half, std::int64_t half_offset) {
  // Should it fail, the copy is found again after the next start, and closed then.
  write_op(outcome_of(state), half.group, half.id(), {half_offset}, {});
}

void Context::supersede(std::int64_t half_offset) {
  if (half_offset < 0) return;
  const std::lock_guard lock(superseded_mutex_);
  superseded_.push_back(half_offset);
}

void Context::flush_superseded(std::int64_t progress) {
  constexpr std::size_t offsets_per_op = 200;  // RocketMQ writes up to 4096 bytes
  std::vector<std::int64_t> offsets;
  {
    const std::lock_guard lock(superseded_mutex_);
    offsets = std::exchange(superseded_, {});
  }
  std::erase_if(offsets, [progress](std::int64_t offset) { return offset < progress; });
  for (std::size_t first = 0; first < offsets.size(); first += offsets_per_op) {
    const auto from = offsets.begin() + static_cast<std::ptrdiff_t>(first);
    const auto to = offsets.begin() + static_cast<std::ptrdiff_t>(std::min(first + offsets_per_op, offsets.size()));
    write_op(Outcome::superseded, {}, {}, std::vector<std::int64_t>(from, to), {});
  }
}

Outcome outcome_of(State state) noexcept {
  switch (state) {
    case State::committed:
    case State::committing:
    case State::commit_stored: return Outcome::committed;
    case State::rolled_back:
    case State::rolling_back: return Outcome::rolled_back;
    case State::discarded:
    case State::discarding:
    case State::discard_stored: return Outcome::discarded;
    default: return Outcome::unknown;
  }
}

}  // namespace gantry::txn
