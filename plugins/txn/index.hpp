#pragma once
// The undecided transactions in memory: by key, by when they are due, and by the place of their half message.

#include "plugins/txn/state.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::txn {

/// What is kept of a transaction; the rest is read from its half message.
struct Transaction {
  std::uint64_t key = 0;
  std::int64_t half_offset = -1;  ///< of its newest half message, in the half queue
  std::int64_t log_offset = -1;
  std::int64_t store_ms = 0;  ///< when that was stored
  std::int64_t first_ms = 0;  ///< when the transaction began
  std::int64_t due_ms = never;
  std::uint32_t next = 0;  ///< the index's
  std::uint16_t checks = 0;
  State state = State::absent;
  /// It was open when this run began: its message may have been stored without its op record.
  bool is_suspect = false;

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
};
static_assert(sizeof(Transaction) == 56, "memory per open transaction is part of what the documentation promises");

/// One thread at a time. About 100 bytes for each transaction: a Transaction, a place in a bucket and in two heaps.
///
/// Invariant: an element of a heap whose number differs from that of its slot is stale, and skipped; a heap is rebuilt
/// when most of it is stale.
class Index {
 public:
  Index();

  [[nodiscard]] Transaction* find(std::uint64_t key) noexcept;
  /// There must be none of that key. The reference is valid until the next insert().
  Transaction& insert(std::uint64_t key);
  void erase(std::uint64_t key) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The half message of `transaction` is this one from now on.
  void move_to(Transaction& transaction, std::int64_t half_offset, std::int64_t log_offset, std::int64_t store_ms);
  void schedule(Transaction& transaction, std::int64_t due_ms);

  /// The transaction whose half message stands first in the queue, or nullptr.
  [[nodiscard]] Transaction* lowest();
  /// One that is due, with its due time set to never; nullptr when there is none.
  [[nodiscard]] Transaction* take_due(std::int64_t now_ms);

  /// Calls `each(const Transaction&)` for all, in no order, until it returns false.
  template <typename Each>
  void for_each(Each&& each) const {
    for (const Transaction& slot : slots_) {
      if (slot.state != State::absent && !each(slot)) return;
    }
  }

 private:
  using Heap = std::vector<std::pair<std::int64_t, std::uint32_t>>;  // of number and slot, the lowest number first
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] std::uint32_t& bucket(std::uint64_t key) noexcept { return buckets_[key & (buckets_.size() - 1)]; }
  [[nodiscard]] std::uint32_t slot_of(const Transaction& transaction) const noexcept {
    return static_cast<std::uint32_t>(&transaction - slots_.data());
  }
  void grow();
  void push(Heap& heap, std::int64_t Transaction::*number, const Transaction& transaction);
  Transaction* first(Heap& heap, std::int64_t Transaction::*number);

  std::vector<Transaction> slots_;
  std::vector<std::uint32_t> buckets_;
  std::uint32_t free_ = none;
  std::size_t size_ = 0;
  Heap due_;
  Heap places_;
};

}  // namespace gantry::txn
