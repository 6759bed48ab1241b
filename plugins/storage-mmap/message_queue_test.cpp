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
  EXPECT_TRUE(queue.mark_written(8));
  push(queue, 3);
  EXPECT_TRUE(copy(queue, 2, 8).empty());
  EXPECT_EQ(queue.bounds().ring_begin, 3);
  EXPECT_EQ(copy(queue, 3, 8).size(), 8u);
  EXPECT_EQ(copy(queue, 10, 8)[0], entry(10));
}

TEST(MessageQueue, an_unwritten_entry_never_makes_room) {
  MessageQueue queue("T", 0, 1);
  push(queue, 8);
  EXPECT_FALSE(queue.mark_written(4));
  push(queue, 8);
  EXPECT_EQ(copy(queue, 4, 100).size(), 12u);
}

TEST(MessageQueue, says_once_that_it_has_something_to_write) {
  MessageQueue queue("T", 0, 1);
  EXPECT_TRUE(queue.push(entry(0)));
  EXPECT_FALSE(queue.push(entry(1)));
  std::array<QueueEntry, 8> pending;
  std::int64_t first = -1;
  EXPECT_EQ(queue.copy_pending(first, pending), 2u);
  EXPECT_EQ(first, 0);
  EXPECT_TRUE(queue.mark_written(2));
  EXPECT_TRUE(queue.push(entry(2)));
  EXPECT_EQ(queue.copy_pending(first, pending), 1u);
  EXPECT_EQ(first, 2);
}

TEST(MessageQueue, continues_behind_what_was_loaded) {
  MessageQueue queue("T", 0, 1);
  queue.set_loaded(10, 25, 2500);
  EXPECT_EQ(queue.next_offset(), 25);
  EXPECT_EQ(queue.last_log_end(), 2500);
  push(queue, 20);
  EXPECT_TRUE(copy(queue, 24, 1).empty());
  EXPECT_EQ(copy(queue, 25, 1)[0], entry(25));
  EXPECT_EQ(copy(queue, 44, 1)[0], entry(44));
  EXPECT_EQ(queue.bounds().min, 10);
}

TEST(MessageQueue, a_killed_queue_is_empty_and_names_what_was_given_up) {
  MessageQueue queue("T", 0, 1);
  push(queue, 10);
  queue.mark_written(4);
  EXPECT_EQ(queue.kill(), 6u);
  EXPECT_TRUE(queue.is_dead());
  EXPECT_EQ(queue.bounds().max, 0);
  EXPECT_TRUE(copy(queue, 0, 8).empty());
  EXPECT_TRUE(queue.mark_written(0));
}

}  // namespace
}  // namespace gantry::storage_mmap
