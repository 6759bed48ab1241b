#include "kernel/net/timer_queue.hpp"

#include <algorithm>
#include <utility>

namespace gantry::net {

bool TimerQueue::later(const Place& left, const Place& right) noexcept {
  return left.due != right.due ? left.due > right.due : left.timer > right.timer;
}

Executor::TimerId TimerQueue::add(Instant due, Executor::Task task) {
  const Executor::TimerId timer = ++last_;
  tasks_.emplace(timer, std::move(task));
  heap_.push_back({due, timer});
  std::push_heap(heap_.begin(), heap_.end(), later);
  return timer;
}

Executor::Task TimerQueue::cancel(Executor::TimerId timer) {
  const auto found = tasks_.find(timer);
  if (found == tasks_.end()) return {};
  Executor::Task task = std::move(found->second);
  tasks_.erase(found);
  if (heap_.size() > 64 && heap_.size() > 2 * tasks_.size()) {
    std::erase_if(heap_, [this](const Place& place) { return !tasks_.contains(place.timer); });
    std::make_heap(heap_.begin(), heap_.end(), later);
  }
  return task;
}

void TimerQueue::drop_cancelled() {
  while (!heap_.empty() && !tasks_.contains(heap_.front().timer)) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }
}

std::optional<TimerQueue::Instant> TimerQueue::next() {
  drop_cancelled();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

Executor::Task TimerQueue::take_due(Instant now) {
  drop_cancelled();
  if (heap_.empty() || heap_.front().due > now) return {};
  const auto found = tasks_.find(heap_.front().timer);
  Executor::Task task = std::move(found->second);
  tasks_.erase(found);
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
  return task;
}

}  // namespace gantry::net
