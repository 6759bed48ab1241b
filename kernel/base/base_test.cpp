// Concern: the small tools: assertions, ids, arena, units, scope guard, string maps.
#include "kernel/base/arena.hpp"
#include "kernel/base/assert.hpp"
#include "kernel/base/ids.hpp"
#include "kernel/base/scope_guard.hpp"
#include "kernel/base/snapshot.hpp"
#include "kernel/base/string_hash.hpp"
#include "kernel/base/units.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <unordered_set>

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(AssertDeathTest, says_file_condition_and_reason) {
  EXPECT_DEATH(GANTRY_ASSERT(1 + 1 == 3), "base_test.cpp:[0-9]+: assertion failed: 1 \\+ 1 == 3");
  EXPECT_DEATH(GANTRY_ASSERT(false, "because"), "false: because");
}

TEST(AssertTest, evaluates_its_condition_once) {
  int evaluated = 0;
  GANTRY_ASSERT(++evaluated == 1, "once");
  EXPECT_TRUE(GANTRY_BUG(++evaluated == 2));
  EXPECT_EQ(evaluated, 2);
}

#ifdef NDEBUG
TEST(AssertTest, a_bug_is_counted_and_survived_in_release) {
  const auto before = bug_count();
  EXPECT_FALSE(GANTRY_BUG(false, "survivable"));
  EXPECT_EQ(bug_count(), before + 1);
}
#else
TEST(AssertDeathTest, a_bug_aborts_in_debug) {
  EXPECT_DEATH((void)GANTRY_BUG(false, "survivable"), "expectation failed");
}
#endif

template <typename A, typename B>
concept Comparable = requires(A a, B b) {
  a == b;
};
template <typename A>
concept Steps = requires(A a) {
  a + 1;
};

TEST(IdsTest, kinds_do_not_mix) {
  static_assert(!Comparable<QueueOffset, LogOffset>);
  static_assert(!Comparable<QueueId, int>);
  static_assert(!std::is_convertible_v<int, QueueId>);
  static_assert(Steps<QueueOffset> && !Steps<QueueId>);
}

TEST(IdsTest, compare_hash_print_and_step) {
  EXPECT_LT(QueueOffset(1), QueueOffset(2));
  EXPECT_EQ(QueueOffset(5) - QueueOffset(2), 3);
  EXPECT_EQ(QueueOffset(5) + 2, QueueOffset(7));
  EXPECT_EQ(std::unordered_set<ChannelId>({ChannelId(1), ChannelId(1), ChannelId(2)}).size(), 2U);
  std::ostringstream out;
  out << QueueId(-1);
  EXPECT_EQ(out.str(), "-1");
}

TEST(ArenaTest, answers_nothing_beyond_its_bound) {
  Arena arena(1024, 256);
  EXPECT_EQ(arena.allocate(1025), nullptr);
  EXPECT_NE(arena.allocate(1024, 1), nullptr);
  EXPECT_EQ(arena.allocate(1, 1), nullptr);
  EXPECT_EQ(arena.copy("x").data(), nullptr);
  EXPECT_TRUE(arena.make_array<int>(SIZE_MAX).empty());
  arena.reset();
  EXPECT_NE(arena.allocate(1, 1), nullptr);
}

TEST(ArenaTest, allocations_are_aligned_and_do_not_overlap) {
  Arena arena(1 << 20, 128);
  std::vector<std::span<std::uint64_t>> arrays;
  for (std::size_t i = 1; i < 100; ++i) {
    (void)arena.copy("odd");
    arrays.push_back(arena.make_array<std::uint64_t>(i));
    ASSERT_EQ(arrays.back().size(), i);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(arrays.back().data()) % alignof(std::uint64_t), 0U);
    for (auto& word : arrays.back()) word = i;
  }
  for (const auto& array : arrays) {
    for (const auto word : array) EXPECT_EQ(word, array.size());
  }
}

TEST(ArenaTest, keeps_little_after_a_burst) {
  Arena arena(1 << 20, 4096);
  for (int i = 0; i < 100; ++i) ASSERT_NE(arena.allocate(8000), nullptr);
  EXPECT_GT(arena.capacity(), 500'000U);
  arena.reset();
  EXPECT_LE(arena.capacity(), 4096U);
  EXPECT_EQ(arena.used(), 0U);
}

TEST(ArenaTest, steady_use_does_not_grow) {
  Arena arena(1 << 20, 4096);
  EXPECT_EQ(arena.copy("hello"), "hello");
  const auto held = arena.capacity();
  for (int i = 0; i < 100; ++i) {
    arena.reset();
    ASSERT_NE(arena.allocate(3000), nullptr);
    EXPECT_EQ(arena.capacity(), held);
  }
}

TEST(ArenaTest, an_empty_copy_is_not_a_refusal) {
  Arena arena(64);
  EXPECT_NE(arena.copy("").data(), nullptr);
}

TEST(UnitsTest, refuses_what_is_not_a_quantity) {
  for (const auto* bad :
       {"", "x", "-1", "+1", "1 KiB", "KiB", "1.5MiB", "1mib", "9223372036854775808", "9000000TiB", "1KiB1"}) {
    EXPECT_FALSE(parse_bytes(bad)) << bad;
  }
  for (const auto* bad :
       {"", "5", "s", "-5s", "5 s", "1.5s", "5S", "1h30", "99999999999999999999s", "9223372036854775807d", "1s "}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(UnitsTest, errors_say_expected_and_found) {
  EXPECT_EQ(parse_duration("5").error().text,
            "expected a duration such as \"500ms\", \"5s\" or \"1h30m\" (units ms, s, m, h, d), found \"5\"");
}

TEST(UnitsTest, reads_sizes_and_durations) {
  EXPECT_EQ(*parse_bytes("4096"), 4096);
  EXPECT_EQ(*parse_bytes("0B"), 0);
  EXPECT_EQ(*parse_bytes("64MiB"), 64 << 20);
  EXPECT_EQ(*parse_bytes("5MB"), 5'000'000);
  EXPECT_EQ(*parse_duration("0"), 0ms);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("2d"), 48h);
}

TEST(UnitsTest, writes_the_shortest_exact_spelling) {
  EXPECT_EQ(format_bytes(0), "0B");
  EXPECT_EQ(format_bytes(1000), "1000B");
  EXPECT_EQ(format_bytes(64 << 20), "64MiB");
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  for (const std::int64_t value : std::initializer_list<std::int64_t>{1, 1023, 1024, 123456789, 1LL << 40, INT64_MAX}) {
    EXPECT_EQ(*parse_bytes(format_bytes(value)), value);
    EXPECT_EQ(*parse_duration(format_duration(std::chrono::milliseconds(value))), std::chrono::milliseconds(value));
  }
}

TEST(ScopeGuardTest, runs_at_the_end_unless_dismissed) {
  int runs = 0;
  {
    const ScopeGuard guard([&] { ++runs; });
  }
  {
    ScopeGuard guard([&] { ++runs; });
    guard.dismiss();
  }
  EXPECT_EQ(runs, 1);
}

TEST(StringMapTest, is_looked_up_by_view) {
  StringMap<int> map{{"topic", 1}};
  EXPECT_EQ(map.find(std::string_view("topic-x").substr(0, 5))->second, 1);
}

TEST(SnapshotTest, readers_see_the_newest_after_a_change_and_old_ones_stay_whole) {
  SnapshotCell<std::vector<int>> cell;
  SnapshotReader reader(cell);
  const auto old = cell.load();
  cell.update([](const std::vector<int>& before) {
    auto next = std::make_shared<std::vector<int>>(before);
    next->push_back(1);
    return next;
  });
  EXPECT_TRUE(old->empty());
  EXPECT_EQ(reader.get().size(), 1U);
  cell.update([](const std::vector<int>&) { return std::shared_ptr<const std::vector<int>>(); });
  EXPECT_EQ(reader.get().size(), 1U);
}

}  // namespace
}  // namespace gantry
