#include "plugins/txn/index.hpp"

#include <algorithm>
#include <functional>

namespace gantry::txn {
namespace {

constexpr std::size_t buckets_min = 1024;  // a power of two, as all sizes
constexpr std::size_t stale_min = 4096;

}  // namespace

Index::Index() : buckets_(buckets_min, none) {}

Transaction* Index::find(std::uint64_t key) noexcept {
  for (std::uint32_t slot = bucket(key); slot != none; slot = slots_[slot].next) {
    if (slots_[slot].key == key) return &slots_[slot];
  }
  return nullptr;
}

Transaction& Index::insert(std::uint64_t key) {
  if (size_ >= buckets_.size()) grow();
  std::uint32_t slot = free_;
  if (slot == none) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    free_ = slots_[slot].next;
  }
  slots_[slot] = {};
  slots_[slot].key = key;
  slots_[slot].state = State::open;
  slots_[slot].next = std::exchange(bucket(key), slot);
  ++size_;
  return slots_[slot];
}

void Index::erase(std::uint64_t key) noexcept {
  for (std::uint32_t* link = &bucket(key); *link != none; link = &slots_[*link].next) {
    const std::uint32_t slot = *link;
    if (slots_[slot].key != key) continue;
    *link = slots_[slot].next;
    slots_[slot] = {};
    slots_[slot].next = std::exchange(free_, slot);
    --size_;
    return;
  }
}

void Index::move_to(Transaction& transaction, std::int64_t half_offset, std::int64_t log_offset,
                    std::int64_t store_ms) {
  transaction.half_offset = half_offset;
  transaction.log_offset = log_offset;
  transaction.store_ms = store_ms;
  push(places_, &Transaction::half_offset, transaction);
}

void Index::schedule(Transaction& transaction, std::int64_t due_ms) {
  transaction.due_ms = due_ms;
  if (due_ms != Transaction::never) push(due_, &Transaction::due_ms, transaction);
}

Transaction* Index::lowest() { return first(places_, &Transaction::half_offset); }

Transaction* Index::take_due(std::int64_t now_ms) {
  Transaction* const transaction = first(due_, &Transaction::due_ms);
  if (transaction == nullptr || transaction->due_ms > now_ms) return nullptr;
  transaction->due_ms = Transaction::never;
  return transaction;
}

void Index::grow() {
  buckets_.assign(buckets_.size() * 2, none);
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].state == State::absent) continue;
    slots_[slot].next = std::exchange(bucket(slots_[slot].key), slot);
  }
}

void Index::push(Heap& heap, std::int64_t Transaction::*number, const Transaction& transaction) {
  if (heap.size() > stale_min + 2 * size_) {
    heap.clear();
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
      const Transaction& each = slots_[slot];
      if (each.state != State::absent && each.*number != Transaction::never && each.*number >= 0) {
        heap.emplace_back(each.*number, slot);
      }
    }
    std::make_heap(heap.begin(), heap.end(), std::greater<>());
    return;
  }
  heap.emplace_back(transaction.*number, slot_of(transaction));
  std::push_heap(heap.begin(), heap.end(), std::greater<>());
}

Transaction* Index::first(Heap& heap, std::int64_t Transaction::*number) {
  while (!heap.empty()) {
    Transaction& transaction = slots_[heap.front().second];
    if (transaction.state != State::absent && transaction.*number == heap.front().first) return &transaction;
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
  }
  return nullptr;
}

}  // namespace gantry::txn
