#pragma once
// Asks producers about transactions that are undecided for too long, gives up on those that were asked about often
// enough, and keeps the half queue's beginning moving.

#include "plugins/txn/context.hpp"
#include "plugins/txn/scanner.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::txn {

/// [one thread][may block] A pass handles at most due_max transactions, copies_max copies at a time: the next lot is
/// stored when the one before it is.
class Checker {
 public:
  static constexpr std::size_t due_max = 2'048;
  static constexpr std::size_t copies_max = 64;
  static constexpr std::size_t copy_bytes_max = 8 << 20;
  /// A half message that so many others stand behind, or that is so old, is copied to the end of the queue even though
  /// nobody is asked yet: a start reads the queue from the first undecided one, and old log files are deleted.
  static constexpr std::int64_t behind_max = 20'000;
  static constexpr std::int64_t copy_age_max_ms = 3'600'000;

  explicit Checker(Context& context) : context_(context), scanner_(context) {}

  /// Reads what the run before left. To be repeated after an Error.
  Status recover();
  /// Looks what is new, and does what is due.
  void pass();

 private:
  enum class Purpose : std::uint8_t { ask, carry };
  struct Batch;

  void check_due();
  void carry_stragglers();
  /// Handles one that is due; copies to be made go to `batch`.
  void check(const Transaction& transaction, Batch& batch);
  bool look_for_message(const Transaction& transaction, const HalfMessage& half);
  void finish_op(const Transaction& transaction, const HalfMessage& half);
  void discard(const Transaction& transaction, const HalfMessage& half);
  void give_up(const Transaction& transaction, std::string_view reason);
  /// Stores the copies and waits for it; then their producers are asked.
  void store(const std::shared_ptr<Batch>& batch);
  void copy_stored(const Batch& batch, std::size_t index, const sdk::Published& published);
  void ask(const Batch& batch, std::size_t index, const sdk::Published& published);
  [[nodiscard]] std::int64_t soon() const;

  Context& context_;
  Scanner scanner_;
};

}  // namespace gantry::txn
