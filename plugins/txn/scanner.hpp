#pragma once
// Reads what is new in the half queue and the op queue, and notes how far both are done with.

#include "plugins/txn/context.hpp"

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_set>

namespace gantry::txn {

/// [one thread][may block] The first pass() reads all that a run before this one left, which may be RocketMQ's: from
/// the offsets of CID_RMQ_SYS_TRANS on. Later ones read what came since.
///
/// Op records are read before half messages, so that a finished transaction never counts as open. What is remembered of
/// them is bounded by the half messages behind the first undecided one, which the checker keeps few.
class Scanner {
 public:
  explicit Scanner(Context& context) : context_(context) {}

  /// An Error: the store could not be read; the next pass goes on where this one stopped.
  Status pass();
  /// Sets the offsets of CID_RMQ_SYS_TRANS so that RocketMQ, or the next run, goes on from there.
  void save_progress();

 private:
  struct OpPlace {
    std::int64_t op_offset = 0;
    std::int64_t half_offset = 0;  // the newest that it names
  };

  void find_begin();
  Status read_ops();
  Status read_halves();
  void see_op(const sdk::Record& record);
  void see_half(std::string_view bytes);

  Context& context_;
  bool is_first_ = true;
  std::int64_t next_half_ = 0;
  std::int64_t next_op_ = 0;
  std::int64_t saved_half_ = -1;
  std::int64_t saved_op_ = -1;
  std::deque<OpPlace> ops_;                  // of which the half messages are not all behind the progress
  std::unordered_set<std::int64_t> closed_;  // half offsets to come that op records name
};

}  // namespace gantry::txn
