#include "kernel/broker/hold_table.hpp"

#include "kernel/base/assert.hpp"

#include <utility>

namespace gantry::broker {

void Hold::keep(const protocol::PullHeader& header, ReplyTo reply_to) {
  query = header;
  to = reply_to;
  std::string_view* const texts[] = {&query.consumer_group, &query.topic, &query.subscription, &query.expression_type,
                                     &query.proxy_forward_client_id};
  std::size_t size = 0;
  for (const std::string_view* part : texts) size += part->size();
  text.clear();
  text.reserve(size);
  for (std::string_view* part : texts) {
    const std::size_t at = text.size();
    text.append(*part);
    *part = std::string_view(text).substr(at);
  }
}

Hold& HoldTable::acquire() {
  GANTRY_ASSERT(!full());
  if (free_.empty()) {
    all_.push_back(std::make_unique<Hold>());
    free_.reserve(all_.size());
    return *all_.back();
  }
  Hold* hold = free_.back();
  free_.pop_back();
  return *hold;
}

void HoldTable::discard(Hold& hold) {
  hold.keeps.reset();
  hold.queue = nullptr;
  hold.session = nullptr;
  hold.advanced = false;
  free_.push_back(&hold);
}

void HoldTable::insert(Hold& hold) {
  if (queues_.size() > 4096 && queues_.size() > 4 * heap_.size()) forget_empty_queues();
  QueueList& list = queues_[hold.queue];
  hold.queue_previous = list.last;
  hold.queue_next = nullptr;
  (list.last == nullptr ? list.first : list.last->queue_next) = &hold;
  list.last = &hold;

  Session& session = *hold.session;
  hold.session_previous = nullptr;
  hold.session_next = session.holds;
  if (session.holds != nullptr) session.holds->session_previous = &hold;
  session.holds = &hold;
  ++session.hold_count;

  heap_.push_back(&hold);
  hold.heap_index = heap_.size() - 1;
  sift_up(hold.heap_index);
}

void HoldTable::remove(Hold& hold) {
  QueueList& list = queues_.find(hold.queue)->second;
  (hold.queue_previous == nullptr ? list.first : hold.queue_previous->queue_next) = hold.queue_next;
  (hold.queue_next == nullptr ? list.last : hold.queue_next->queue_previous) = hold.queue_previous;

  Session& session = *hold.session;
  (hold.session_previous == nullptr ? session.holds : hold.session_previous->session_next) = hold.session_next;
  if (hold.session_next != nullptr) hold.session_next->session_previous = hold.session_previous;
  --session.hold_count;

  const std::size_t index = hold.heap_index;
  Hold* last = heap_.back();
  heap_.pop_back();
  if (last != &hold) {
    place(index, last);
    sift_up(index);
    sift_down(last->heap_index);
  }
  discard(hold);
}

void HoldTable::look_again(Hold& hold, std::int64_t at_ns) {
  hold.look_at_ns = at_ns;
  sift_up(hold.heap_index);
  sift_down(hold.heap_index);
}

Hold* HoldTable::of_queue(const routing::QueueState* queue) const {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? nullptr : found->second.first;
}

void HoldTable::drop(Session& session) {
  while (session.holds != nullptr) remove(*session.holds);
}

void HoldTable::sift_up(std::size_t index) {
  Hold* hold = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->look_at_ns <= hold->look_at_ns) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, hold);
}

void HoldTable::sift_down(std::size_t index) {
  Hold* hold = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->look_at_ns < heap_[child]->look_at_ns) ++child;
    if (hold->look_at_ns <= heap_[child]->look_at_ns) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, hold);
}

void HoldTable::forget_empty_queues() {
  for (auto it = queues_.begin(); it != queues_.end();) {
    it = it->second.first == nullptr ? queues_.erase(it) : std::next(it);
  }
}

}  // namespace gantry::broker
