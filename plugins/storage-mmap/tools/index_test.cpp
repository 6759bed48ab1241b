// Concern: the check of index files finds what does not fit the log, and follows every chain.
// Method: an index file is written here by RocketMQ's rules over the records of a small store, then damaged.

#include "plugins/storage-mmap/tools/index_scan.hpp"
#include "plugins/storage-mmap/tools/testing/tools_fixture.hpp"

#include "protocol/bytes.hpp"

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::uint32_t slots = 50;
constexpr std::uint32_t capacity = 2000;
constexpr std::int64_t entries_at = 40 + slots * 4;

class IndexCheck : public ToolsTest {
 protected:
  void SetUp() override {
    harness.options.index = false;  // this test writes the file itself
    harness.options.index_slots = slots;
    harness.options.index_entries = capacity;
    open();
    append(300);
    close();
    write_index(300);
  }

  void write_index(std::size_t count) {
    std::string file(static_cast<std::size_t>(entries_at + capacity * 20), '\0');
    std::int32_t number = 1;
    std::int32_t used = 0;
    for (std::size_t i = 0; i < count; ++i) {
      for (const auto& key : {"unique-" + std::to_string(i), "key-" + std::to_string(i)}) {
        const auto hash = key_hash(stored[i].topic, key);
        char* const slot = file.data() + 40 + hash % static_cast<std::int32_t>(slots) * 4;
        const auto previous = protocol::load_big_endian<std::int32_t>(slot);
        if (previous == 0) ++used;
        char* const entry = file.data() + entries_at + number * 20;
        protocol::store_big_endian<std::int32_t>(entry, hash);
        protocol::store_big_endian<std::int64_t>(entry + 4, stored[i].log_offset);
        protocol::store_big_endian<std::int32_t>(entry + 16, previous);
        protocol::store_big_endian<std::int32_t>(slot, number++);
      }
    }
    protocol::store_big_endian<std::int64_t>(file.data(), stored.front().store_ms);
    protocol::store_big_endian<std::int64_t>(file.data() + 8, stored[count - 1].store_ms);
    protocol::store_big_endian<std::int64_t>(file.data() + 16, stored.front().log_offset);
    protocol::store_big_endian<std::int64_t>(file.data() + 24, stored[count - 1].log_offset);
    protocol::store_big_endian<std::int32_t>(file.data() + 32, used);
    protocol::store_big_endian<std::int32_t>(file.data() + 36, number);
    std::filesystem::create_directories(harness.path("index"));
    std::ofstream(harness.path(name), std::ios::binary) << file;
  }
  static std::int64_t entry_at(std::int64_t number) { return entries_at + number * 20; }

  const std::string name = "index/20261125185057123";
};

TEST_F(IndexCheck, hashes_are_those_of_rocketmq) {
  EXPECT_EQ(key_hash("TopicTest", "key1"), 1655984460);
  std::vector<std::int32_t> hashes;
  append_key_hashes("TopicTest", check::property("KEYS", "key1  key2") + check::property("UNIQ_KEY", "u"), hashes);
  EXPECT_EQ(hashes,
            (std::vector{key_hash("TopicTest", "u"), key_hash("TopicTest", "key1"), key_hash("TopicTest", "key2")}));
}

TEST_F(IndexCheck, an_index_that_fits_is_clean) {
  const auto report = check();
  EXPECT_TRUE(report.findings.empty()) << report.text();
  EXPECT_EQ(report.number("index/entries"), 600);
  EXPECT_EQ(report.number("index/keys to come"), 0);
}

TEST_F(IndexCheck, records_behind_the_index_are_keys_to_come) {
  write_index(200);
  const auto report = check();
  EXPECT_TRUE(report.findings.empty()) << report.text();
  EXPECT_EQ(report.number("index/entries"), 400);
  EXPECT_EQ(report.number("index/keys to come"), 200);
}

TEST_F(IndexCheck, a_wrong_hash_is_found) {
  poke(name, entry_at(101), std::string("\0\0\0\x07", 4));
  const auto report = check();
  EXPECT_NE(report.at(name, entry_at(101)), nullptr) << report.text();
}

TEST_F(IndexCheck, an_entry_that_points_at_no_record_is_found) {
  std::string offset(8, '\0');
  protocol::store_big_endian<std::int64_t>(offset.data(), stored[50].log_offset + 1);
  poke(name, entry_at(101) + 4, offset);
  const auto report = check();
  EXPECT_NE(report.at(name, entry_at(101)), nullptr) << report.text();
  EXPECT_NE(report.at(segment_of(stored[50]), position_of(stored[50])), nullptr) << "its key is not found any more\n"
                                                                                 << report.text();
}

TEST_F(IndexCheck, a_broken_chain_is_found_at_its_link) {
  poke(name, entry_at(500) + 16, std::string("\0\0\0\x01", 4));
  const auto report = check();
  EXPECT_NE(report.at(name, entry_at(500) + 16), nullptr) << report.text();
}

TEST_F(IndexCheck, a_slot_that_names_an_old_entry_is_found) {
  poke(name, 40 + 7 * 4, std::string("\0\0\0\x01", 4));
  const auto report = check();
  EXPECT_NE(report.at(name, 40 + 7 * 4), nullptr) << report.text();
}

TEST_F(IndexCheck, an_impossible_header_and_a_wrong_size_are_found) {
  poke(name, 36, std::string("\x7f\0\0\0", 4));
  EXPECT_NE(check().at(name, 36), nullptr);
  std::filesystem::resize_file(harness.path(name), 1000);
  const auto report = check();
  EXPECT_NE(report.at(name, -1), nullptr) << report.text();
}

TEST_F(IndexCheck, locate_follows_an_entry_and_names_the_file_that_covers_a_record) {
  RecordingReport report;
  ASSERT_TRUE(tools().locate({.file = name, .position = entry_at(101) + 2}, report));
  EXPECT_EQ(report.number("entry/log offset"), stored[50].log_offset);
  EXPECT_EQ(report.facts.at("records/" + std::to_string(stored[50].log_offset) + "/index file"), name);
}

}  // namespace
}  // namespace gantry::storage_mmap::tools
