#pragma once
// The life of a transaction: every state, every event, and what each event does in each state. Nothing else in this
// plugin decides that.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantry::txn {

/// Where a transaction is. `absent` is what the memory of this plugin does not hold: never seen, or finished so long
/// ago that it was forgotten.
enum class State : std::uint8_t {
  absent,
  open,            ///< its half message waits for a decision
  checking,        ///< open; a fresh copy of the half message is being stored, then its producer is asked
  committing,      ///< its message and op record are being stored
  rolling_back,    ///< its op record is being stored
  discarding,      ///< its copy for the discard topic and the op record are being stored
  commit_stored,   ///< the message is stored, the op record is not yet
  discard_stored,  ///< the discarded copy is stored, the op record is not yet
  committed,
  rolled_back,
  discarded,
};
inline constexpr std::size_t state_count = 11;

enum class Event : std::uint8_t {
  half_seen,        ///< a half message of it, newer than all known ones, was found
  older_half_seen,  ///< one that is older than the newest known one
  commit,           ///< the producer's decisions
  rollback,
  unknown,
  check_due,      ///< it is time to ask the producer
  limit_reached,  ///< it is time to ask, and that was done often enough
  record_gone,    ///< its half message cannot be read any more
  copy_stored,    ///< what became of `append_copy`
  copy_failed,
  stored,          ///< what became of `append_message`, `append_op`, `append_discard`, `write_op`: all is stored,
  message_stored,  ///< ... all but the op record,
  store_failed,    ///< ... the message is not
  message_found,   ///< its committed message was found in its topic, although no op record says so
  op_commit,       ///< an op record was found that says how it ended,
  op_rollback,
  op_discard,
  op_closed,  ///< ... or only that it did
  resume,     ///< an operator wants it asked about again
};
inline constexpr std::size_t event_count = 19;

/// What to do. Its outcome comes back as an event.
enum class Action : std::uint8_t {
  none,
  adopt,           ///< take this copy's place as that of the transaction; the one before is superseded
  adopt_and_ask,   ///< the same, then ask the producer
  supersede,       ///< this copy is superseded by the known one
  append_message,  ///< store the message in its topic, and the op record
  append_op,       ///< store the op record
  append_copy,     ///< store a fresh copy of the half message
  append_discard,  ///< store a copy in the discard topic, and the op record
  append_half,     ///< store a half message anew, with no checks counted
  write_op,        ///< store the op record that is missing for this copy
  forget,          ///< nothing can be done any more
};

/// What to say to the one who caused the event.
enum class Answer : std::uint8_t {
  none,
  success,
  wait,     ///< for what becomes of the action, or of the one under way
  refuse,   ///< the state contradicts the request
  look_up,  ///< only the store can tell
};

struct Transition {
  State next = State::absent;
  Action action = Action::none;
  Answer answer = Answer::none;
  friend bool operator==(const Transition&, const Transition&) = default;
};

namespace detail {

using Row = std::array<Transition, event_count>;

consteval std::array<Row, state_count> make_transitions() {
  using enum State;
  using A = Action;
  using Y = Answer;
  using E = Event;
  std::array<Row, state_count> table;
  const auto row = [&table](State state) -> Row& { return table[static_cast<std::size_t>(state)]; };
  const auto set = [&row](State state, E event, Transition what) {
    row(state)[static_cast<std::size_t>(event)] = what;
  };

  // What is not said below changes nothing.
  for (std::size_t state = 0; state < state_count; ++state) {
    for (Transition& each : table[state]) each = {static_cast<State>(state), A::none, Y::none};
    const auto here = static_cast<State>(state);
    set(here, E::unknown, {here, A::none, Y::success});
    set(here, E::resume, {here, A::none, Y::refuse});
  }

  // Copies: the newest one stands for the transaction, whatever is under way.
  for (const State live : {open, checking, committing, rolling_back, discarding, commit_stored, discard_stored}) {
    set(live, E::half_seen, {live, A::adopt, Y::none});
    set(live, E::older_half_seen, {live, A::supersede, Y::none});
    set(live, E::copy_stored, {live, A::adopt, Y::none});
  }
  set(checking, E::copy_stored, {open, A::adopt_and_ask, Y::none});
  set(checking, E::copy_failed, {open, A::none, Y::none});

  set(absent, E::half_seen, {open, A::adopt, Y::none});
  set(absent, E::commit, {absent, A::none, Y::look_up});
  set(absent, E::rollback, {absent, A::none, Y::look_up});
  set(absent, E::copy_stored, {absent, A::write_op, Y::none});
  set(absent, E::resume, {absent, A::append_half, Y::wait});

  // Open, and open with a copy on its way: that one must not delay a decision.
  for (const State undecided : {open, checking}) {
    set(undecided, E::commit, {committing, A::append_message, Y::wait});
    set(undecided, E::rollback, {rolling_back, A::append_op, Y::wait});
    set(undecided, E::message_found, {commit_stored, A::write_op, Y::none});
    set(undecided, E::op_commit, {committed, A::none, Y::none});
    set(undecided, E::op_rollback, {rolled_back, A::none, Y::none});
    set(undecided, E::op_discard, {discarded, A::none, Y::none});
    set(undecided, E::op_closed, {absent, A::none, Y::none});
    set(undecided, E::record_gone, {absent, A::forget, Y::none});
  }
  set(open, E::check_due, {checking, A::append_copy, Y::none});
  set(open, E::limit_reached, {discarding, A::append_discard, Y::none});

  // A decision is under way: the same one waits for it, another one is refused.
  set(committing, E::commit, {committing, A::none, Y::wait});
  set(committing, E::rollback, {committing, A::none, Y::refuse});
  set(committing, E::stored, {committed, A::none, Y::success});
  set(committing, E::message_stored, {commit_stored, A::write_op, Y::success});
  set(committing, E::store_failed, {open, A::none, Y::none});
  set(rolling_back, E::commit, {rolling_back, A::none, Y::refuse});
  set(rolling_back, E::rollback, {rolling_back, A::none, Y::wait});
  set(rolling_back, E::stored, {rolled_back, A::none, Y::success});
  set(rolling_back, E::store_failed, {open, A::none, Y::none});
  set(discarding, E::commit, {discarding, A::none, Y::refuse});
  set(discarding, E::rollback, {discarding, A::none, Y::refuse});
  set(discarding, E::stored, {discarded, A::none, Y::none});
  set(discarding, E::message_stored, {discard_stored, A::write_op, Y::none});
  set(discarding, E::store_failed, {open, A::none, Y::none});

  // The message is where it belongs; only the op record is missing, and is tried again whenever the checker comes by.
  for (const auto& [state, final] : {std::pair{commit_stored, committed}, std::pair{discard_stored, discarded}}) {
    set(state, E::check_due, {state, A::write_op, Y::none});
    set(state, E::limit_reached, {state, A::write_op, Y::none});
    set(state, E::stored, {final, A::none, Y::none});
    for (const E op : {E::op_commit, E::op_rollback, E::op_discard, E::op_closed})
      set(state, op, {final, A::none, Y::none});
    set(state, E::record_gone, {final, A::none, Y::none});
  }
  set(commit_stored, E::commit, {commit_stored, A::none, Y::success});
  set(commit_stored, E::rollback, {commit_stored, A::none, Y::refuse});
  set(discard_stored, E::commit, {discard_stored, A::none, Y::refuse});
  set(discard_stored, E::rollback, {discard_stored, A::none, Y::success});

  // Finished. Another copy (the producer sent the half message twice, or a copy was on its way) is closed as well.
  for (const State finished : {committed, rolled_back, discarded}) {
    set(finished, E::half_seen, {finished, A::write_op, Y::none});
    set(finished, E::older_half_seen, {finished, A::write_op, Y::none});
    set(finished, E::copy_stored, {finished, A::write_op, Y::none});
  }
  set(committed, E::commit, {committed, A::none, Y::success});
  set(committed, E::rollback, {committed, A::none, Y::refuse});
  set(rolled_back, E::commit, {rolled_back, A::none, Y::refuse});
  set(rolled_back, E::rollback, {rolled_back, A::none, Y::success});
  // A newer half message of a discarded transaction is one that an operator resumed.
  set(discarded, E::half_seen, {open, A::adopt, Y::none});
  set(discarded, E::commit, {discarded, A::none, Y::refuse});
  set(discarded, E::rollback, {discarded, A::none, Y::success});
  set(discarded, E::resume, {discarded, A::append_half, Y::wait});
  return table;
}

inline constexpr std::array<Row, state_count> transitions = make_transitions();

}  // namespace detail

/// What `event` does to a transaction in `state`.
constexpr Transition transition(State state, Event event) noexcept {
  return detail::transitions[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

/// Nothing more happens by itself.
constexpr bool is_finished(State state) noexcept {
  return state == State::committed || state == State::rolled_back || state == State::discarded;
}

constexpr std::string_view to_string(State state) noexcept {
  constexpr std::array<std::string_view, state_count> names = {
      "absent",        "open",           "checking",  "committing",  "rolling_back", "discarding",
      "commit_stored", "discard_stored", "committed", "rolled_back", "discarded"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace gantry::txn
