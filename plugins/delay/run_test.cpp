// Concern: a run gives back what was written, and a damaged one says so instead of giving something else.
// Method: small runs around the size of a block; every byte of a file is changed, and the file is cut at every length.

#include "plugins/delay/run.hpp"

#include "plugins/delay/crc32c.hpp"
#include "plugins/delay/testing.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <vector>

namespace gantry::delay {
namespace {

using testing::make_entry;

std::vector<Entry> entries_of(std::size_t count) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    entries.push_back(make_entry(1'000 + static_cast<std::int64_t>(i), static_cast<std::int64_t>(i)));
  }
  return entries;
}

void write_run(const std::filesystem::path& folder, std::uint64_t id, const std::vector<Entry>& entries) {
  auto writer = RunWriter::create(folder, id);
  ASSERT_TRUE(writer);
  for (const Entry& entry : entries) ASSERT_TRUE(writer->add(entry));
  const auto info = writer->finish();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->entry_count, entries.size());
}

/// All entries from `position` on; nothing when the run is refused.
std::optional<std::vector<Entry>> read_run(const std::filesystem::path& folder, std::uint64_t id,
                                           std::uint64_t position = 0) {
  auto reader = RunReader::open(folder, id, position);
  if (!reader) return std::nullopt;
  std::vector<Entry> entries;
  for (; !reader->at_end(); reader->advance()) {
    const auto entry = reader->peek();
    if (!entry) return std::nullopt;
    entries.push_back(**entry);
  }
  return entries;
}

bool same(const std::vector<Entry>& a, const std::vector<Entry>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Entry)) == 0);
}

TEST(RunTest, checksum_is_crc32c) { EXPECT_EQ(crc32c("123456789", 9), 0xE3069283u); }

TEST(RunTest, gives_back_what_was_written_from_any_position) {
  const testing::TempFolder folder;
  for (const std::size_t count : {0u, 1u, 84u, 85u, 86u, 170u, 1'000u}) {
    const auto entries = entries_of(count);
    write_run(folder.path(), 3, entries);
    for (std::uint64_t position = 0; position <= count; position += 41) {
      const auto read = read_run(folder.path(), 3, position);
      ASSERT_TRUE(read);
      EXPECT_TRUE(
          same(*read, std::vector<Entry>(entries.begin() + static_cast<std::ptrdiff_t>(position), entries.end())));
    }
  }
}

TEST(RunTest, change_of_any_byte_is_noticed) {
  const testing::TempFolder folder;
  write_run(folder.path(), 1, entries_of(90));
  const std::string good = testing::content_of(run_path(folder.path(), 1));
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    testing::write_content(run_path(folder.path(), 1), bad);
    ASSERT_FALSE(read_run(folder.path(), 1)) << "byte " << at;
  }
}

TEST(RunTest, cut_at_any_length_is_noticed) {
  const testing::TempFolder folder;
  write_run(folder.path(), 1, entries_of(90));
  const std::string good = testing::content_of(run_path(folder.path(), 1));
  for (std::size_t size = 0; size < good.size(); size += 7) {
    testing::write_content(run_path(folder.path(), 1), good.substr(0, size));
    ASSERT_FALSE(read_run(folder.path(), 1)) << "cut to " << size;
  }
}

TEST(RunTest, run_of_another_id_is_refused) {
  const testing::TempFolder folder;
  write_run(folder.path(), 1, entries_of(3));
  std::filesystem::rename(run_path(folder.path(), 1), run_path(folder.path(), 2));
  const auto reader = RunReader::open(folder.path(), 2, 0);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().text.find("expected run 2, found run 1"), std::string::npos) << reader.error().text;
}

}  // namespace
}  // namespace gantry::delay
