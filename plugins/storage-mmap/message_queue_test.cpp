#include "plugins/storage-mmap/message_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace gantry::storage_mmap {
namespace {

using protocol::QueueEntry;

QueueEntry entry(std::int64_t offset) { return {offset * 100, 100, offset}; }

void push(MessageQueue& queue, int count) {
  for (int i = 0; i < count; ++i) queue.push(entry(queue.next_offset()));
}

std::vector<QueueEntry> copy(const MessageQueue& queue, std::int64_t offset, std::size_t count) {
  std::vector<QueueEntry> entries(count);
  entries.resize(queue.copy(offset, entries));
  return entries;
}

TEST(MessageQueue, a_fresh_queue_is_empty) {
  MessageQueue queue("T", 0, 1);
  EXPECT_EQ(queue.bounds().max, 0);
  EXPECT_TRUE(copy(queue, 0, 8).empty());
}

TEST(MessageQueue, keeps_every_entry_until_it_is_written) {
  MessageQueue queue("T", 0, 1);
  push(queue, 1000);
  const auto entries = copy(queue, 0, 2000);
  ASSERT_EQ(entries.size(), 1000u);
  for (std::int64_t i = 0; i < 1000; ++i) EXPECT_EQ(entries[static_cast<std::size_t>(i)], entry(i));
}

TEST(MessageQueue, written_entries_make_room_for_new_ones) {
  MessageQueue queue("T", 0, 1);
  push(queue, 8);
  queue.mark_written(8);
  push(queue, 3);
  EXPECT_TRUE(copy(queue, 2, 8).empty());
  EXPECT_EQ(queue.bounds().ring_begin, 3);
  EXPECT_EQ(copy(queue, 3, 8).size(), 8u);
  EXPECT_EQ(copy(queue, 10, 8)[0], entry(10));
}

TEST(MessageQueue, an_unwritten_entry_never_makes_room) {
  MessageQueue queue("T", 0, 1);
  push(queue, 8);
  queue.mark_written(4);
  push(queue, 8);
  EXPECT_EQ(copy(queue, 4, 100).size(), 12u);
}

TEST(MessageQueue, shows_for_writing_only_what_lies_below_the_limit) {
  MessageQueue queue("T", 0, 1);
  push(queue, 10);
  EXPECT_EQ(queue.pending(INT64_MAX), 10u);
  EXPECT_EQ(queue.pending(400), 4u);
  EXPECT_EQ(queue.pending(399), 3u);
  std::array<QueueEntry, 8> pending;
  std::int64_t first = -1;
  EXPECT_EQ(queue.copy_pending(400, first, pending), 4u);
  EXPECT_EQ(first, 0);
  queue.mark_written(4);
  EXPECT_EQ(queue.oldest_unwritten(), 400);
  EXPECT_EQ(queue.copy_pending(700, first, pending), 3u);
  EXPECT_EQ(first, 4);
}

TEST(MessageQueue, tells_the_ledger_each_entry_once_and_everything_when_asked) {
  MessageQueue queue("T", 0, 1);
  push(queue, 10);
  QueueExtent extent;
  std::vector<QueueEntry> entries;
  ASSERT_TRUE(queue.to_ledger(600, false, extent, entries));
  EXPECT_EQ(extent, (QueueExtent{0, 0, 6, 0, 600}));
  EXPECT_EQ(entries.size(), 6u);
  ASSERT_TRUE(queue.to_ledger(INT64_MAX, false, extent, entries));
  EXPECT_EQ(entries, (std::vector{entry(6), entry(7), entry(8), entry(9)}));
  EXPECT_FALSE(queue.to_ledger(INT64_MAX, false, extent, entries));
  queue.mark_written(8);
  ASSERT_TRUE(queue.to_ledger(INT64_MAX, false, extent, entries));
  EXPECT_EQ(extent, (QueueExtent{0, 8, 10, 0, 1000}));
  EXPECT_TRUE(entries.empty());
  ASSERT_TRUE(queue.to_ledger(INT64_MAX, true, extent, entries));
  EXPECT_EQ(entries, (std::vector{entry(8), entry(9)}));
}

TEST(MessageQueue, stays_listed_until_everything_is_written_and_told_and_it_is_idle) {
  MessageQueue queue("T", 0, 1);
  EXPECT_TRUE(queue.push(entry(0)));
  EXPECT_FALSE(queue.push(entry(1)));
  EXPECT_FALSE(queue.settle());
  queue.mark_written(2);
  EXPECT_FALSE(queue.settle());
  QueueExtent extent;
  std::vector<QueueEntry> entries;
  ASSERT_TRUE(queue.to_ledger(INT64_MAX, false, extent, entries));
  EXPECT_TRUE(queue.settle());
  EXPECT_EQ(queue.bounds().ring_begin, 2) << "an idle queue keeps nothing in memory";
  EXPECT_TRUE(queue.push(entry(2))) << "and has to be listed again";
}

TEST(MessageQueue, continues_behind_what_was_restored) {
  MessageQueue queue("T", 0, 1);
  const std::vector<QueueEntry> tail{entry(23), entry(24)};
  queue.restore({10, 23, 25, 1000, 2500}, tail);
  EXPECT_EQ(queue.next_offset(), 25);
  EXPECT_EQ(queue.last_log_end(), 2500);
  EXPECT_EQ(queue.pending(INT64_MAX), 2u);
  push(queue, 20);
  EXPECT_TRUE(copy(queue, 22, 1).empty());
  EXPECT_EQ(copy(queue, 23, 1)[0], entry(23));
  EXPECT_EQ(copy(queue, 44, 1)[0], entry(44));
  EXPECT_EQ(queue.bounds().min, 10);
}

TEST(MessageQueue, the_minimum_only_rises) {
  MessageQueue queue("T", 0, 1);
  push(queue, 10);
  queue.set_min(4, 400);
  EXPECT_EQ(queue.bounds().min, 4);
  EXPECT_EQ(queue.first_record(), 400);
  queue.set_min(2, 200);
  EXPECT_EQ(queue.bounds().min, 4);
  queue.set_min(10, -1);
  EXPECT_EQ(queue.bounds().min, 10);
  push(queue, 1);
  EXPECT_EQ(queue.first_record(), 1000) << "the first message after everything expired";
}

TEST(MessageQueue, a_killed_queue_is_empty_and_names_what_was_given_up) {
  MessageQueue queue("T", 0, 1);
  push(queue, 10);
  queue.mark_written(4);
  EXPECT_EQ(queue.kill(), 6u);
  EXPECT_TRUE(queue.is_dead());
  EXPECT_EQ(queue.bounds().max, 0);
  EXPECT_TRUE(copy(queue, 0, 8).empty());
  EXPECT_TRUE(queue.settle());
}

}  // namespace
}  // namespace gantry::storage_mmap
