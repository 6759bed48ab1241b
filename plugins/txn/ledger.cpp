#include "plugins/txn/ledger.hpp"

#include <algorithm>
#include <utility>

namespace gantry::txn {
namespace {

/// Whether somebody waits for what comes of a state.
bool has_waiters(State state) noexcept { return state == State::committing || state == State::rolling_back; }

Transaction place_of(const HalfMessage& half) noexcept {
  Transaction copy;
  copy.half_offset = half.record.queue_offset;
  copy.log_offset = half.record.log_offset;
  copy.store_ms = half.record.store_ms;
  copy.first_ms = std::min(half.record.born_ms, half.record.store_ms);
  copy.checks = static_cast<std::uint16_t>(std::min<std::int32_t>(half.checks, UINT16_MAX));
  return copy;
}

}  // namespace

std::int64_t Timing::first_due(const HalfMessage& half) const noexcept {
  const std::int64_t wait = half.immunity_ms.value_or(timeout_ms);
  const bool is_first = half.checks == 0 && half.first_half_offset == half.record.queue_offset;
  // The first record counts from when we have it: the clocks of producers differ from ours.
  const std::int64_t begin = is_first ? half.record.store_ms : std::min(half.record.born_ms, half.record.store_ms);
  const std::int64_t due = begin + wait;
  return half.checks == 0 ? due : std::max(due, half.record.store_ms + check_interval_ms);
}

Step Ledger::decide(const HalfMessage& half, Event event, const Timing& timing, Tell tell) {
  const std::uint64_t key = half.key();
  const std::lock_guard lock(mutex_);
  const std::int64_t offset = half.record.queue_offset;
  const Transaction* const known = index_.find(key);
  const auto finished = known == nullptr ? finished_.find(key) : finished_.end();
  const bool is_new = known == nullptr && finished == finished_.end() && offset >= scanned_;
  const bool is_newer = known != nullptr && offset > known->half_offset;
  const bool is_resumed = finished != finished_.end() && finished->second.state == State::discarded &&
                          offset > finished->second.half_offset;
  std::int64_t superseded = -1;
  if (is_new || is_newer || is_resumed) {
    Transaction copy = place_of(half);
    copy.due_ms = timing.first_due(half);
    superseded = step(key, Event::half_seen, &copy, {}).superseded;
  }
  if (event != Event::unknown) {
    if (const Transaction* const now = index_.find(key);
        now != nullptr && now->is_suspect && (now->state == State::open || now->state == State::checking)) {
      Step suspect{.before = now->state, .what = {now->state, Action::none, Answer::look_up}, .transaction = *now};
      suspect.superseded = superseded;
      suspect.needs_look_up = true;
      return suspect;
    }
  }
  Step decided = step(key, event, nullptr, std::move(tell));
  decided.superseded = superseded;
  return decided;
}

void Ledger::clear_suspicion(std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  if (Transaction* const transaction = index_.find(key)) transaction->is_suspect = false;
}

Step Ledger::see_half(const HalfMessage& half, bool is_closed, bool is_suspect, const Timing& timing) {
  const std::uint64_t key = half.key();
  const std::int64_t offset = half.record.queue_offset;
  const std::lock_guard lock(mutex_);
  scanned_ = std::max(scanned_, offset + 1);
  const Transaction* const known = index_.find(key);
  const auto finished = known == nullptr ? finished_.find(key) : finished_.end();
  const std::int64_t newest = known != nullptr              ? known->half_offset
                              : finished != finished_.end() ? finished->second.half_offset
                                                            : -1;
  const State before = state_of(key);
  if (is_closed || offset == newest) return {.before = before, .what = {before}};
  Transaction copy = place_of(half);
  copy.due_ms = timing.first_due(half);
  copy.is_suspect = is_suspect;
  return step(key, offset > newest ? Event::half_seen : Event::older_half_seen, &copy, {});
}

void Ledger::see_op(std::uint64_t key, Outcome outcome, std::int64_t half_offset) {
  Event event = Event::op_closed;
  State state = State::absent;
  if (outcome == Outcome::committed) std::tie(event, state) = std::pair{Event::op_commit, State::committed};
  if (outcome == Outcome::rolled_back) std::tie(event, state) = std::pair{Event::op_rollback, State::rolled_back};
  if (outcome == Outcome::discarded) std::tie(event, state) = std::pair{Event::op_discard, State::discarded};
  const std::lock_guard lock(mutex_);
  if (Transaction* const known = index_.find(key)) {
    // A discarded transaction may have been resumed since: then this op record is about an earlier copy. So it is when
    // it does not say how it ended.
    const bool is_final = outcome == Outcome::committed || outcome == Outcome::rolled_back;
    if (is_final || half_offset >= known->half_offset) step(key, event, nullptr, {});
    return;
  }
  if (state == State::absent) return;
  const auto found = finished_.find(key);
  if (found != finished_.end() && found->second.half_offset >= half_offset) return;
  finish(key, state, half_offset);
}

void Ledger::set_scanned(std::int64_t half_offset) {
  const std::lock_guard lock(mutex_);
  scanned_ = half_offset;
}

std::int64_t Ledger::scanned() const {
  const std::lock_guard lock(mutex_);
  return scanned_;
}

std::vector<Transaction> Ledger::take_due(std::int64_t now_ms, std::size_t count_max) {
  std::vector<Transaction> due;
  const std::lock_guard lock(mutex_);
  while (due.size() < count_max) {
    const Transaction* const transaction = index_.take_due(now_ms);
    if (transaction == nullptr) break;
    due.push_back(*transaction);
  }
  return due;
}

void Ledger::put_off(std::uint64_t key, std::int64_t due_ms) {
  const std::lock_guard lock(mutex_);
  if (Transaction* const transaction = index_.find(key)) index_.schedule(*transaction, due_ms);
}

Step Ledger::apply(std::uint64_t key, Event event) {
  const std::lock_guard lock(mutex_);
  return step(key, event, nullptr, {});
}

Step Ledger::apply_copy(std::uint64_t key, const Transaction& copy) {
  const std::lock_guard lock(mutex_);
  return step(key, Event::copy_stored, &copy, {});
}

std::optional<Transaction> Ledger::lowest() {
  const std::lock_guard lock(mutex_);
  const Transaction* const first = index_.lowest();
  return first == nullptr ? std::nullopt : std::optional(*first);
}

std::int64_t Ledger::progress() {
  const std::lock_guard lock(mutex_);
  const Transaction* const first = index_.lowest();
  return first == nullptr ? scanned_ : std::min(scanned_, first->half_offset);
}

std::size_t Ledger::open_count() const {
  const std::lock_guard lock(mutex_);
  return index_.size();
}

std::optional<Transaction> Ledger::find(std::uint64_t key) const {
  const std::lock_guard lock(mutex_);
  const Transaction* const found = const_cast<Index&>(index_).find(key);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

State Ledger::finished_state(std::uint64_t key) const {
  const std::lock_guard lock(mutex_);
  const auto found = finished_.find(key);
  return found == finished_.end() ? State::absent : found->second.state;
}

std::vector<Transaction> Ledger::first_open(std::size_t count_max) const {
  std::vector<Transaction> all;
  const auto later = [](const Transaction& a, const Transaction& b) { return a.half_offset < b.half_offset; };
  const std::lock_guard lock(mutex_);
  index_.for_each([&](const Transaction& each) {
    all.push_back(each);
    std::push_heap(all.begin(), all.end(), later);
    if (all.size() > count_max) {
      std::pop_heap(all.begin(), all.end(), later);
      all.pop_back();
    }
    return true;
  });
  std::sort_heap(all.begin(), all.end(), later);
  return all;
}

State Ledger::state_of(std::uint64_t key) noexcept {
  if (const Transaction* const known = index_.find(key)) return known->state;
  const auto found = finished_.find(key);
  return found == finished_.end() ? State::absent : found->second.state;
}

Step Ledger::step(std::uint64_t key, Event event, const Transaction* copy, Tell tell) {
  Step step{.before = state_of(key)};
  step.what = transition(step.before, event);
  Transaction* known = index_.find(key);
  if (known == nullptr && step.what.next == State::open) {
    known = &index_.insert(key);
    known->first_ms = copy->first_ms;
    known->is_suspect = copy->is_suspect;
    finished_.erase(key);  // its place in finished_order_ forgets nothing then
  }
  if (known != nullptr && copy != nullptr) {
    if (copy->half_offset > known->half_offset) {
      step.superseded = known->half_offset;
      known->checks = std::max(known->checks, copy->checks);
      if (known->half_offset < 0) known->checks = copy->checks;
      index_.move_to(*known, copy->half_offset, copy->log_offset, copy->store_ms);
      index_.schedule(*known, copy->due_ms);
    } else if (copy->half_offset < known->half_offset) {
      step.superseded = copy->half_offset;
    }
  }
  if (known != nullptr) {
    known->state = step.what.next;
    step.transaction = *known;
    if (is_finished(step.what.next)) {
      finish(key, step.what.next, known->half_offset);
      index_.erase(key);
    } else if (step.what.next == State::absent) {
      step.transaction.state = State::absent;
      index_.erase(key);
    }
  } else if (copy != nullptr) {
    step.transaction = *copy;
    step.transaction.key = key;
    // A copy of a finished transaction, which is being closed: the same as the ones before it from now on.
    if (const auto found = finished_.find(key); found != finished_.end()) {
      found->second.half_offset = std::max(found->second.half_offset, copy->half_offset);
    }
  }
  if (step.what.answer == Answer::wait && tell) {
    if (has_waiters(step.what.next)) waiters_[key].push_back(std::move(tell));
  }
  if (has_waiters(step.before) && !has_waiters(step.what.next)) {
    if (const auto found = waiters_.find(key); found != waiters_.end()) {
      step.waiters = std::move(found->second);
      waiters_.erase(found);
    }
  }
  return step;
}

void Ledger::finish(std::uint64_t key, State state, std::int64_t half_offset) {
  Finished& finished = finished_[key];
  if (finished.state == State::absent) finished_order_.push_back(key);
  finished.state = state;
  finished.half_offset = std::max(finished.half_offset, half_offset);
  while (finished_order_.size() > finished_max) {
    finished_.erase(finished_order_.front());
    finished_order_.pop_front();
  }
}

}  // namespace gantry::txn
