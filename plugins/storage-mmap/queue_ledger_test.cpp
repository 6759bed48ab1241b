// The ledger says what was noted, or what was noted before it, or nothing; whatever happens to its file.
#include "plugins/storage-mmap/queue_ledger.hpp"

#include "plugins/storage-mmap/testing/store_harness.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace gantry::storage_mmap {
namespace {

using protocol::QueueEntry;
using Image = QueueLedger::Image;

/// The entry at an offset: every one differs.
QueueEntry entry_of(std::int64_t offset) { return {offset * 100, 90, offset * 7}; }

std::vector<QueueEntry> entries_of(std::int64_t from, std::int64_t to) {
  std::vector<QueueEntry> entries;
  for (auto offset = from; offset < to; ++offset) entries.push_back(entry_of(offset));
  return entries;
}

QueueExtent extent_of(std::int64_t min, std::int64_t written, std::int64_t max) {
  return {min, written, max, min * 100, max * 100};
}

/// Everything an image says, as text.
std::string text_of(const std::optional<Image>& image) {
  if (!image) return "nothing";
  std::ostringstream out;
  out << image->mark.end << ' ' << image->mark.last_record << ' ' << image->mark.log_begin << ' '
      << image->mark.confirmed << ' ' << image->mark.clean;
  for (const auto& [name, topic] : image->topics) {
    out << " | " << name << ' ' << topic.deleted_at;
    for (const auto& [id, queue] : topic.queues) {
      const auto& extent = queue.extent;
      out << " / " << id << ' ' << extent.min << ' ' << extent.written << ' ' << extent.max << ' '
          << extent.first_record << ' ' << extent.log_end << ':';
      for (const auto& entry : queue.tail) out << ' ' << entry.log_offset << ',' << entry.size << ',' << entry.tag_code;
    }
  }
  return out.str();
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class QueueLedgerTest : public testing::Test {
 protected:
  QueueLedgerTest() { std::filesystem::create_directories(folder_.path()); }
  [[nodiscard]] std::string path() const { return folder_.path() + "/queues"; }
  static LedgerFrame whole(std::int64_t end) {
    return {{end, end - 100, 0, end - 1000, false}, LedgerFrame::Kind::whole};
  }
  static LedgerFrame changes(std::int64_t end) {
    return {{end, end - 100, 0, end - 1000, false}, LedgerFrame::Kind::changes};
  }
  std::optional<Image> load() {
    QueueLedger ledger(disk_, folder_.path());
    auto image = ledger.load();
    EXPECT_TRUE(image) << image.error().text;
    return image ? *image : std::nullopt;
  }
  /// A file of several frames of all sorts; what it says after each of them, beginning with nothing.
  std::vector<std::string> write_story() {
    std::vector<std::string> says{"nothing"};
    QueueLedger ledger(disk_, folder_.path());
    auto frame = whole(1000);
    frame.add_queue("A", 0, extent_of(0, 4, 6), entries_of(4, 6));
    frame.add_queue("B", 3, extent_of(2, 2, 3), entries_of(2, 3));
    EXPECT_TRUE(ledger.rewrite(std::move(frame)));
    says.push_back(text_of(load()));
    frame = changes(2000);
    frame.add_queue("A", 0, extent_of(0, 4, 9), entries_of(6, 9));
    frame.add_queue("C", 0, extent_of(0, 0, 1), entries_of(0, 1));
    EXPECT_TRUE(ledger.append(std::move(frame)));
    says.push_back(text_of(load()));
    frame = changes(2000);
    frame.add_deleted("B", 1900);
    EXPECT_TRUE(ledger.append(std::move(frame)));
    says.push_back(text_of(load()));
    frame = changes(3000);
    frame.add_queue("A", 0, extent_of(1, 9, 9), {});
    frame.add_queue("B", 3, extent_of(0, 0, 2), entries_of(0, 2));
    EXPECT_TRUE(ledger.append(std::move(frame)));
    says.push_back(text_of(load()));
    return says;
  }
  void put(const std::string& content) { std::ofstream(path(), std::ios::binary | std::ios::trunc) << content; }

  QuickDisk disk_;
  TemporaryFolder folder_;
};

TEST_F(QueueLedgerTest, no_file_says_nothing_and_wants_to_be_written_whole) {
  QueueLedger ledger(disk_, folder_.path());
  const auto image = ledger.load();
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->has_value());
  EXPECT_TRUE(ledger.wants_rewrite());
}

TEST_F(QueueLedgerTest, what_a_whole_frame_says_comes_back) {
  QueueLedger ledger(disk_, folder_.path());
  LedgerFrame frame({5000, 4900, 4096, 4000, true}, LedgerFrame::Kind::whole);
  frame.add_deleted("Gone", 4321);
  frame.add_queue("A", 7, extent_of(3, 5, 8), entries_of(5, 8));
  ASSERT_TRUE(ledger.rewrite(std::move(frame)));
  EXPECT_FALSE(ledger.wants_rewrite());
  const auto image = load();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->mark.end, 5000);
  EXPECT_EQ(image->mark.last_record, 4900);
  EXPECT_EQ(image->mark.log_begin, 4096);
  EXPECT_TRUE(image->mark.clean);
  EXPECT_EQ(image->bytes_ignored, 0u);
  EXPECT_EQ(image->topics.at("Gone").deleted_at, 4321);
  EXPECT_EQ(image->topics.at("A").deleted_at, -1);
  const auto& queue = image->topics.at("A").queues.at(7);
  EXPECT_EQ(queue.extent, extent_of(3, 5, 8));
  EXPECT_EQ(queue.tail, entries_of(5, 8));
}

TEST_F(QueueLedgerTest, changes_move_the_tail) {
  write_story();
  const auto image = load();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->mark.end, 3000);
  EXPECT_EQ(image->mark.confirmed, 2000);
  const auto& a = image->topics.at("A").queues.at(0);
  EXPECT_EQ(a.extent, extent_of(1, 9, 9));
  EXPECT_TRUE(a.tail.empty());
  const auto& c = image->topics.at("C").queues.at(0);
  EXPECT_EQ(c.tail, entries_of(0, 1));
}

TEST_F(QueueLedgerTest, a_part_of_the_tail_that_was_written_leaves_it) {
  QueueLedger ledger(disk_, folder_.path());
  auto frame = whole(1000);
  frame.add_queue("A", 0, extent_of(0, 0, 6), entries_of(0, 6));
  ASSERT_TRUE(ledger.rewrite(std::move(frame)));
  // Entries that came and were written since are in no tail.
  frame = changes(2000);
  frame.add_queue("A", 0, extent_of(0, 4, 10), entries_of(6, 10));
  ASSERT_TRUE(ledger.append(std::move(frame)));
  EXPECT_EQ(load()->topics.at("A").queues.at(0).tail, entries_of(4, 10));
  frame = changes(3000);
  frame.add_queue("A", 0, extent_of(0, 12, 14), entries_of(12, 14));
  ASSERT_TRUE(ledger.append(std::move(frame)));
  EXPECT_EQ(load()->topics.at("A").queues.at(0).tail, entries_of(12, 14));
}

TEST_F(QueueLedgerTest, a_topic_that_was_made_again_holds_only_what_came_after) {
  write_story();
  const auto image = load();
  ASSERT_TRUE(image);
  const auto& topic = image->topics.at("B");
  EXPECT_EQ(topic.deleted_at, 1900);
  ASSERT_EQ(topic.queues.size(), 1u);
  EXPECT_EQ(topic.queues.at(3).extent, extent_of(0, 0, 2));
  EXPECT_EQ(topic.queues.at(3).tail, entries_of(0, 2));
}

TEST_F(QueueLedgerTest, a_missing_delta_is_seen_in_a_tail_that_is_too_short) {
  QueueLedger ledger(disk_, folder_.path());
  auto frame = whole(1000);
  frame.add_queue("A", 0, extent_of(0, 0, 3), entries_of(0, 3));
  ASSERT_TRUE(ledger.rewrite(std::move(frame)));
  frame = changes(2000);
  frame.add_queue("A", 0, extent_of(0, 0, 9), entries_of(7, 9));
  ASSERT_TRUE(ledger.append(std::move(frame)));
  const auto image = load();
  ASSERT_TRUE(image);
  const auto& queue = image->topics.at("A").queues.at(0);
  EXPECT_NE(static_cast<std::int64_t>(queue.tail.size()), queue.extent.max - queue.extent.written);
}

TEST_F(QueueLedgerTest, a_file_cut_anywhere_says_what_an_earlier_frame_said) {
  const auto says = write_story();
  const auto content = content_of(path());
  std::size_t reached = 0;
  for (std::size_t length = 0; length <= content.size(); ++length) {
    put(content.substr(0, length));
    const auto image = load();
    const auto found = text_of(image);
    while (reached + 1 < says.size() && found != says[reached] && found == says[reached + 1]) ++reached;
    ASSERT_EQ(found, says[reached]) << "cut at " << length;
    if (image) {
      ASSERT_EQ(image->bytes + image->bytes_ignored, length);
    }
  }
  EXPECT_EQ(reached + 1, says.size());
}

TEST_F(QueueLedgerTest, a_flipped_bit_anywhere_gives_an_earlier_image_or_nothing) {
  const auto says = write_story();
  const auto content = content_of(path());
  for (std::size_t at = 0; at < content.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      auto damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      put(damaged);
      const auto found = text_of(load());
      const bool known = std::find(says.begin(), says.end(), found) != says.end();
      ASSERT_TRUE(known) << "byte " << at << " bit " << bit << ": " << found;
      // The reserved word is the only place where a flip does no harm.
      if (at < 12 || at >= 16) {
        ASSERT_NE(found, says.back()) << "byte " << at << " bit " << bit;
      }
    }
  }
}

TEST_F(QueueLedgerTest, zeros_behind_the_last_frame_are_not_a_frame) {
  const auto says = write_story();
  put(content_of(path()) + std::string(4096, '\0'));
  EXPECT_EQ(text_of(load()), says.back());
}

TEST_F(QueueLedgerTest, frames_of_an_older_file_behind_the_end_are_not_taken) {
  write_story();
  const auto old = content_of(path());
  QueueLedger ledger(disk_, folder_.path());
  ASSERT_TRUE(ledger.load());
  ASSERT_TRUE(ledger.rewrite(whole(9000)));
  const auto fresh = content_of(path());
  // The old file's second frame, whole and with a good checksum, at the place where the next one would be.
  const auto frame_size = [&](std::size_t at) { return 8 + protocol::load_big_endian<std::uint32_t>(old.data() + at); };
  const auto second = 16 + frame_size(16);
  put(fresh + old.substr(second, frame_size(second)));
  const auto image = load();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->mark.end, 9000);
  EXPECT_GT(image->bytes_ignored, 0u);
}

TEST_F(QueueLedgerTest, a_rewrite_forgets_what_was_before) {
  write_story();
  QueueLedger ledger(disk_, folder_.path());
  ASSERT_TRUE(ledger.load());
  auto frame = whole(4000);
  frame.add_queue("New", 1, extent_of(0, 0, 1), entries_of(0, 1));
  ASSERT_TRUE(ledger.rewrite(std::move(frame)));
  frame = changes(5000);
  frame.add_queue("New", 1, extent_of(0, 0, 2), entries_of(1, 2));
  ASSERT_TRUE(ledger.append(std::move(frame)));
  const auto image = load();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->topics.size(), 1u);
  EXPECT_EQ(image->topics.at("New").queues.at(1).tail, entries_of(0, 2));
}

TEST_F(QueueLedgerTest, goes_on_after_a_load) {
  write_story();
  QueueLedger ledger(disk_, folder_.path());
  ASSERT_TRUE(ledger.load());
  EXPECT_FALSE(ledger.wants_rewrite());
  auto frame = changes(4000);
  frame.add_queue("C", 0, extent_of(0, 0, 3), entries_of(1, 3));
  ASSERT_TRUE(ledger.append(std::move(frame)));
  EXPECT_EQ(load()->topics.at("C").queues.at(0).tail, entries_of(0, 3));
}

TEST_F(QueueLedgerTest, a_torn_file_wants_a_rewrite) {
  write_story();
  const auto content = content_of(path());
  put(content.substr(0, content.size() - 1));
  QueueLedger ledger(disk_, folder_.path());
  ASSERT_TRUE(ledger.load());
  EXPECT_TRUE(ledger.wants_rewrite());
}

/// Writes the first `bytes_left` bytes of what it is to write, then fails.
class TearingDisk final : public Disk {
 public:
  Status write(const File& file, std::span<const std::byte> from, std::uint64_t offset) override {
    if (!tears) return Disk::write(file, from, offset);
    GANTRY_TRY(Disk::write(file, from.first(std::min(bytes_left, from.size())), offset));
    return Error{Errc::full, "no space"};
  }
  Status sync(const File&) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  bool tears = false;
  std::size_t bytes_left = 0;
};

TEST_F(QueueLedgerTest, an_append_that_failed_is_followed_by_a_rewrite) {
  TearingDisk disk;
  for (const std::size_t left : {0u, 1u, 8u, 30u, 60u}) {
    const auto says = write_story();
    QueueLedger ledger(disk, folder_.path());
    ASSERT_TRUE(ledger.load());
    disk.tears = true;
    disk.bytes_left = left;
    auto frame = changes(4000);
    frame.add_queue("C", 0, extent_of(0, 0, 3), entries_of(1, 3));
    const auto failed = ledger.append(std::move(frame));
    disk.tears = false;
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::full);
    EXPECT_EQ(text_of(load()), says.back());
    EXPECT_TRUE(ledger.wants_rewrite());
    ASSERT_TRUE(ledger.rewrite(whole(7000)));
    EXPECT_FALSE(ledger.wants_rewrite());
    ASSERT_TRUE(ledger.append(changes(8000)));
    EXPECT_EQ(load()->mark.end, 8000);
  }
}

TEST_F(QueueLedgerTest, a_rewrite_that_failed_leaves_the_old_file_and_wants_another) {
  TearingDisk disk;
  const auto says = write_story();
  QueueLedger ledger(disk, folder_.path());
  ASSERT_TRUE(ledger.load());
  disk.tears = true;
  disk.bytes_left = 20;
  ASSERT_FALSE(ledger.rewrite(whole(7000)));
  disk.tears = false;
  EXPECT_EQ(text_of(load()), says.back());
  EXPECT_TRUE(ledger.wants_rewrite());
  ASSERT_TRUE(ledger.rewrite(whole(7000)));
  EXPECT_EQ(load()->mark.end, 7000);
}

TEST_F(QueueLedgerTest, a_long_file_wants_a_rewrite) {
  QueueLedger ledger(disk_, folder_.path());
  ASSERT_TRUE(ledger.rewrite(whole(1000)));
  const auto entries = entries_of(0, 10'000);
  std::int64_t appended = 0;
  while (!ledger.wants_rewrite()) {
    ASSERT_LT(appended, 40) << "8 MB of changes behind a frame of 50 bytes";
    auto frame = changes(2000 + appended);
    frame.add_queue("T" + std::to_string(appended++), 0, extent_of(0, 0, 10'000), entries);
    ASSERT_TRUE(ledger.append(std::move(frame)));
  }
  EXPECT_GT(appended, 15);
  ASSERT_TRUE(ledger.rewrite(whole(9000)));
  EXPECT_FALSE(ledger.wants_rewrite());
}

TEST_F(QueueLedgerTest, extents_that_cannot_be_are_not_believed) {
  for (const auto& extent : {QueueExtent{5, 2, 3, 0, 0}, QueueExtent{-1, 0, 3, 0, 0}, QueueExtent{0, 4, 3, 0, 0}}) {
    QueueLedger ledger(disk_, folder_.path());
    auto frame = whole(1000);
    frame.add_queue("A", 0, extent, {});
    ASSERT_TRUE(ledger.rewrite(std::move(frame)));
    EXPECT_FALSE(load().has_value());
  }
}

}  // namespace
}  // namespace gantry::storage_mmap
