#pragma once
// END_TRANSACTION(37): what producers decide.

#include "plugins/txn/context.hpp"

#include "gantry/sdk/command.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace gantry::txn {

/// A decision as it was sent.
struct Decision {
  Event event = Event::unknown;  ///< commit, rollback or unknown
  std::string group;
  std::string transaction_id;     ///< may be empty
  std::int64_t half_offset = -1;  ///< tranStateTableOffset
  std::int64_t log_offset = -1;   ///< commitLogOffset
  bool from_check = false;
};

/// The decision in a request, or what is wrong with it.
Result<Decision> read_decision(const sdk::CommandRequest& request);

/// [any-thread] Finds the transaction of a decision by the half message that it quotes - any copy of it, not just the
/// newest - and carries it out once, however often and in whatever order decisions arrive.
///
/// Decisions that come before the transactions of the last run are known wait for open_gate(), at most waiting_max of
/// them; more are refused as busy, and their producers will be asked.
class Decisions {
 public:
  static constexpr std::size_t waiting_max = 10'000;

  explicit Decisions(Context& context) : context_(context) {}

  /// Never blocks; `tell` is called exactly once, at once or later.
  void decide(const Decision& decision, const Tell& tell);
  /// From now on decisions are carried out.
  void open_gate();

 private:
  enum class Thread : std::uint8_t { shard, pool };  // a pool's may wait for the disk

  /// True: it waits now, or was refused.
  bool wait_for_gate(const Decision& decision, const Tell& tell);
  void run(const Decision& decision, const Tell& tell, Thread thread);
  void run_on_pool(const Decision& decision, const Tell& tell);
  void carry_out(const Decision& decision, const HalfMessage& half, const Tell& tell, Thread thread);
  /// True: go on. False: answered.
  bool look_for_message(const HalfMessage& half, const Tell& tell);
  void look_up(const Decision& decision, const HalfMessage& half, const Tell& tell);
  void store(const HalfMessage& half, const Step& step);
  void finish(const Step& step, std::int32_t code, std::string_view remark);
  void refuse(const Tell& tell, std::int32_t code, std::string_view remark);

  Context& context_;
  std::mutex gate_mutex_;
  std::atomic<bool> is_open_{false};
  std::vector<std::pair<Decision, Tell>> waiting_;
};

}  // namespace gantry::txn
