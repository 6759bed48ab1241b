// Concern: what every event does in every state. Method: the whole table once more, written by hand as text and by
// another arrangement than the code's; each cell is compared, and a cell that is missing here fails.

#include "plugins/txn/state.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace gantry::txn {
namespace {

constexpr std::array<std::string_view, event_count> event_names = {
    "half_seen",   "older_half_seen", "commit",      "rollback",  "unknown",        "check_due",    "limit_reached",
    "record_gone", "copy_stored",     "copy_failed", "stored",    "message_stored", "store_failed", "message_found",
    "op_commit",   "op_rollback",     "op_discard",  "op_closed", "resume"};
constexpr std::array<std::string_view, 11> action_names = {
    "-",           "adopt",          "adopt_and_ask", "supersede", "append_message", "append_op",
    "append_copy", "append_discard", "append_half",   "write_op",  "forget"};
constexpr std::array<std::string_view, 5> answer_names = {"-", "success", "wait", "refuse", "look_up"};

// state event next action answer. "=" is the state itself.
constexpr std::string_view expected = R"(
absent half_seen open adopt -
absent older_half_seen = - -
absent commit = - look_up
absent rollback = - look_up
absent unknown = - success
absent check_due = - -
absent limit_reached = - -
absent record_gone = - -
absent copy_stored = write_op -
absent copy_failed = - -
absent stored = - -
absent message_stored = - -
absent store_failed = - -
absent message_found = - -
absent op_commit = - -
absent op_rollback = - -
absent op_discard = - -
absent op_closed = - -
absent resume = append_half wait

open half_seen = adopt -
open older_half_seen = supersede -
open commit committing append_message wait
open rollback rolling_back append_op wait
open unknown = - success
open check_due checking append_copy -
open limit_reached discarding append_discard -
open record_gone absent forget -
open copy_stored = adopt -
open copy_failed = - -
open stored = - -
open message_stored = - -
open store_failed = - -
open message_found commit_stored write_op -
open op_commit committed - -
open op_rollback rolled_back - -
open op_discard discarded - -
open op_closed absent - -
open resume = - refuse

checking half_seen = adopt -
checking older_half_seen = supersede -
checking commit committing append_message wait
checking rollback rolling_back append_op wait
checking unknown = - success
checking check_due = - -
checking limit_reached = - -
checking record_gone absent forget -
checking copy_stored open adopt_and_ask -
checking copy_failed open - -
checking stored = - -
checking message_stored = - -
checking store_failed = - -
checking message_found commit_stored write_op -
checking op_commit committed - -
checking op_rollback rolled_back - -
checking op_discard discarded - -
checking op_closed absent - -
checking resume = - refuse

committing half_seen = adopt -
committing older_half_seen = supersede -
committing commit = - wait
committing rollback = - refuse
committing unknown = - success
committing check_due = - -
committing limit_reached = - -
committing record_gone = - -
committing copy_stored = adopt -
committing copy_failed = - -
committing stored committed - success
committing message_stored commit_stored write_op success
committing store_failed open - -
committing message_found = - -
committing op_commit = - -
committing op_rollback = - -
committing op_discard = - -
committing op_closed = - -
committing resume = - refuse

rolling_back half_seen = adopt -
rolling_back older_half_seen = supersede -
rolling_back commit = - refuse
rolling_back rollback = - wait
rolling_back unknown = - success
rolling_back check_due = - -
rolling_back limit_reached = - -
rolling_back record_gone = - -
rolling_back copy_stored = adopt -
rolling_back copy_failed = - -
rolling_back stored rolled_back - success
rolling_back message_stored = - -
rolling_back store_failed open - -
rolling_back message_found = - -
rolling_back op_commit = - -
rolling_back op_rollback = - -
rolling_back op_discard = - -
rolling_back op_closed = - -
rolling_back resume = - refuse

discarding half_seen = adopt -
discarding older_half_seen = supersede -
discarding commit = - refuse
discarding rollback = - refuse
discarding unknown = - success
discarding check_due = - -
discarding limit_reached = - -
discarding record_gone = - -
discarding copy_stored = adopt -
discarding copy_failed = - -
discarding stored discarded - -
discarding message_stored discard_stored write_op -
discarding store_failed open - -
discarding message_found = - -
discarding op_commit = - -
discarding op_rollback = - -
discarding op_discard = - -
discarding op_closed = - -
discarding resume = - refuse

commit_stored half_seen = adopt -
commit_stored older_half_seen = supersede -
commit_stored commit = - success
commit_stored rollback = - refuse
commit_stored unknown = - success
commit_stored check_due = write_op -
commit_stored limit_reached = write_op -
commit_stored record_gone committed - -
commit_stored copy_stored = adopt -
commit_stored copy_failed = - -
commit_stored stored committed - -
commit_stored message_stored = - -
commit_stored store_failed = - -
commit_stored message_found = - -
commit_stored op_commit committed - -
commit_stored op_rollback committed - -
commit_stored op_discard committed - -
commit_stored op_closed committed - -
commit_stored resume = - refuse

discard_stored half_seen = adopt -
discard_stored older_half_seen = supersede -
discard_stored commit = - refuse
discard_stored rollback = - success
discard_stored unknown = - success
discard_stored check_due = write_op -
discard_stored limit_reached = write_op -
discard_stored record_gone discarded - -
discard_stored copy_stored = adopt -
discard_stored copy_failed = - -
discard_stored stored discarded - -
discard_stored message_stored = - -
discard_stored store_failed = - -
discard_stored message_found = - -
discard_stored op_commit discarded - -
discard_stored op_rollback discarded - -
discard_stored op_discard discarded - -
discard_stored op_closed discarded - -
discard_stored resume = - refuse

committed half_seen = write_op -
committed older_half_seen = write_op -
committed commit = - success
committed rollback = - refuse
committed unknown = - success
committed check_due = - -
committed limit_reached = - -
committed record_gone = - -
committed copy_stored = write_op -
committed copy_failed = - -
committed stored = - -
committed message_stored = - -
committed store_failed = - -
committed message_found = - -
committed op_commit = - -
committed op_rollback = - -
committed op_discard = - -
committed op_closed = - -
committed resume = - refuse

rolled_back half_seen = write_op -
rolled_back older_half_seen = write_op -
rolled_back commit = - refuse
rolled_back rollback = - success
rolled_back unknown = - success
rolled_back check_due = - -
rolled_back limit_reached = - -
rolled_back record_gone = - -
rolled_back copy_stored = write_op -
rolled_back copy_failed = - -
rolled_back stored = - -
rolled_back message_stored = - -
rolled_back store_failed = - -
rolled_back message_found = - -
rolled_back op_commit = - -
rolled_back op_rollback = - -
rolled_back op_discard = - -
rolled_back op_closed = - -
rolled_back resume = - refuse

discarded half_seen open adopt -
discarded older_half_seen = write_op -
discarded commit = - refuse
discarded rollback = - success
discarded unknown = - success
discarded check_due = - -
discarded limit_reached = - -
discarded record_gone = - -
discarded copy_stored = write_op -
discarded copy_failed = - -
discarded stored = - -
discarded message_stored = - -
discarded store_failed = - -
discarded message_found = - -
discarded op_commit = - -
discarded op_rollback = - -
discarded op_discard = - -
discarded op_closed = - -
discarded resume = append_half wait
)";

TEST(TransactionState, every_cell_of_the_table_is_as_written_here) {
  std::map<std::pair<std::string, std::string>, std::string> cells;
  std::istringstream lines{std::string(expected)};
  for (std::string state, event, next, action, answer; lines >> state >> event >> next >> action >> answer;) {
    ASSERT_TRUE(cells.emplace(std::pair(state, event), next + " " + action + " " + answer).second) << state << event;
  }
  ASSERT_EQ(cells.size(), state_count * event_count);
  for (std::size_t s = 0; s < state_count; ++s) {
    for (std::size_t e = 0; e < event_count; ++e) {
      const auto state = static_cast<State>(s);
      const Transition found = transition(state, static_cast<Event>(e));
      const std::string next = found.next == state ? "=" : std::string(to_string(found.next));
      const std::string text = next + " " + std::string(action_names[static_cast<std::size_t>(found.action)]) + " " +
                               std::string(answer_names[static_cast<std::size_t>(found.answer)]);
      const std::pair<std::string, std::string> cell(to_string(state), event_names[e]);
      ASSERT_TRUE(cells.contains(cell)) << cell.first << " " << cell.second;
      EXPECT_EQ(text, cells[cell]) << cell.first << " " << cell.second;
    }
  }
}

// What must hold whatever else is changed in the table.
TEST(TransactionState, a_message_is_appended_only_to_begin_a_commit) {
  for (std::size_t s = 0; s < state_count; ++s) {
    for (std::size_t e = 0; e < event_count; ++e) {
      const auto state = static_cast<State>(s);
      const auto event = static_cast<Event>(e);
      const Transition found = transition(state, event);
      if (found.action == Action::append_message) {
        EXPECT_EQ(event, Event::commit);
        EXPECT_TRUE(state == State::open || state == State::checking) << to_string(state);
        EXPECT_EQ(found.next, State::committing);
      }
      if (is_finished(state) && found.next != state) {
        EXPECT_EQ(state, State::discarded) << "only an operator opens what is finished";
      }
      if (found.answer == Answer::refuse || found.answer == Answer::look_up) {
        EXPECT_EQ(found.next, state);
        EXPECT_EQ(found.action, Action::none);
      }
    }
  }
}

}  // namespace
}  // namespace gantry::txn
