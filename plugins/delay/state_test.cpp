// Concern: a state file says what was done up to where it is whole, and never more.
// Method: a snapshot with several steps, cut at every length, with every byte changed, and with a log that is too
// short.

#include "plugins/delay/state.hpp"

#include <gtest/gtest.h>

namespace gantry::delay {
namespace {

Snapshot example() {
  Snapshot snapshot;
  snapshot.log_end_needed = 1'000;
  snapshot.scan_offset = 50;
  snapshot.retired = {51, 53};
  snapshot.next_run_id = 9;
  snapshot.runs = {{3, 10, INT64_MAX}, {8, 0, 700}};
  snapshot.run_counts[77] = {"orders", 100};
  snapshot.cancels = {{1, 2, 3}};
  snapshot.levels[4] = 12;
  snapshot.watermark = {123, 40};
  return snapshot;
}

Step step_number(std::int64_t number) {
  Step step;
  step.log_end_needed = 1'000 + number * 10;
  step.retired = {60 + number};
  step.runs = {{3, 10 + static_cast<std::uint64_t>(number)}};
  step.run_counts[77] = 1;
  step.cancels = {{static_cast<std::uint64_t>(number), 5, 6}};
  step.levels[4] = 12 + number;
  return step;
}

constexpr std::int64_t step_count = 5;

std::string example_file(std::vector<std::size_t>* ends = nullptr) {
  std::string file = encode_frame(example());
  if (ends != nullptr) ends->push_back(file.size());
  for (std::int64_t number = 1; number <= step_count; ++number) {
    file += encode_frame(step_number(number));
    if (ends != nullptr) ends->push_back(file.size());
  }
  return file;
}

void expect_steps(const Snapshot& snapshot, std::int64_t steps) {
  EXPECT_EQ(snapshot.retired.size(), 2u + static_cast<std::size_t>(steps));
  EXPECT_EQ(snapshot.runs[0].retired, 10u + static_cast<std::uint64_t>(steps));
  EXPECT_EQ(snapshot.run_counts.at(77).pending, 100 - steps);
  EXPECT_EQ(snapshot.run_counts.at(77).name, "orders");
  EXPECT_EQ(snapshot.cancels.size(), 1u + static_cast<std::size_t>(steps));
  EXPECT_EQ(snapshot.levels.at(4), 12 + steps);
  EXPECT_EQ(snapshot.scan_offset, 50);
  EXPECT_EQ(snapshot.next_run_id, 9u);
  EXPECT_EQ(snapshot.runs[1].log_end, 700);
  EXPECT_EQ(snapshot.watermark.due_ms, 123);
}

TEST(StateTest, cut_at_any_length_keeps_the_whole_steps_before) {
  std::vector<std::size_t> ends;
  const std::string file = example_file(&ends);
  for (std::size_t size = 0; size <= file.size(); ++size) {
    const auto state = replay_state(std::string_view(file).substr(0, size), 2'000);
    if (size < ends.front()) {
      ASSERT_FALSE(state);
      EXPECT_EQ(state.error().code, Errc::corrupt);
      continue;
    }
    ASSERT_TRUE(state);
    std::int64_t whole = -1;
    for (const std::size_t end : ends) whole += size >= end ? 1 : 0;
    expect_steps(*state, whole);
  }
}

TEST(StateTest, changed_byte_ends_the_replay_before_it) {
  std::vector<std::size_t> ends;
  const std::string file = example_file(&ends);
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string bad = file;
    bad[at] = static_cast<char>(bad[at] ^ 0x01);
    const auto state = replay_state(bad, 2'000);
    std::int64_t whole = -1;
    for (const std::size_t end : ends) whole += at >= end ? 1 : 0;
    ASSERT_EQ(static_cast<bool>(state), whole >= 0);
    if (state) expect_steps(*state, whole);
  }
}

TEST(StateTest, steps_that_rely_on_a_lost_end_of_the_log_do_not_count) {
  const std::string file = example_file();
  for (std::int64_t steps = 0; steps <= step_count; ++steps) {
    const auto state = replay_state(file, 1'000 + steps * 10 + 9);
    ASSERT_TRUE(state);
    expect_steps(*state, steps);
  }
  const auto state = replay_state(file, 999);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Errc::not_found);
}

}  // namespace
}  // namespace gantry::delay
