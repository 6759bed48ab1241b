// Index files byte by byte, against a writer that adds one entry at a time as RocketMQ does, and on damaged bytes.
#include "plugins/storage-mmap/index_file.hpp"

#include "plugins/storage-mmap/index_keys.hpp"
#include "plugins/storage-mmap/index_mark.hpp"
#include "plugins/storage-mmap/testing/rocketmq_index.hpp"
#include "plugins/storage-mmap/testing/store_harness.hpp"

#include "protocol/java_hash.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace gantry::storage_mmap {
namespace {

using protocol::load_big_endian;

constexpr std::int64_t any_begin = 0;
constexpr std::int64_t any_end = INT64_MAX;

class IndexFileTest : public testing::Test {
 protected:
  static constexpr IndexGeometry small{7, 100};

  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  IndexFile::Opened make(const std::string& name, IndexGeometry geometry = small, const IndexHeader& before = {}) {
    auto made = IndexFile::create(disk_, folder_.path(), name, geometry, before);
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  IndexFile::Opened reopen(const std::string& name, IndexGeometry geometry = small) {
    auto opened = IndexFile::open(disk_, folder_.path(), name, geometry);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  static std::vector<std::int64_t> found(const IndexFile& file, const IndexHeader& header, std::int32_t hash,
                                         std::int64_t begin_ms = any_begin, std::int64_t end_ms = any_end) {
    std::vector<std::int64_t> offsets;
    EXPECT_TRUE(file.find(header, hash, begin_ms, end_ms, [&](std::int64_t offset) {
      offsets.push_back(offset);
      return true;
    }));
    return offsets;
  }
  std::string content(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void poke(const std::string& name, std::uint64_t at, std::int64_t value, std::size_t size) {
    std::fstream out(path(name), std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    for (std::size_t i = size; i-- > 0;) out.put(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
  /// Keys of few hashes, two for some records, seconds apart.
  static std::vector<IndexKey> some_keys(std::size_t count, std::uint32_t seed, std::int32_t hash_max) {
    std::mt19937 random(seed);
    std::vector<IndexKey> keys;
    std::int64_t offset = 1000;
    std::int64_t ms = 1'700'000'000'000;
    while (keys.size() < count) {
      const auto hash = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(hash_max));
      keys.push_back({offset, ms, hash});
      if (random() % 3 == 0) continue;
      offset += 100 + static_cast<std::int64_t>(random() % 50);
      ms += static_cast<std::int64_t>(random() % 3000);
    }
    keys.resize(count);
    return keys;
  }

  TemporaryFolder folder_;
  QuickDisk disk_;
};

TEST_F(IndexFileTest, hashes_as_rocketmq_does) {
  EXPECT_EQ(index_hash("TopicTest", "key1"), 1655984460);
  EXPECT_EQ(index_hash("TopicTest", "key1") % 5'000'000, 984460);
  EXPECT_EQ(index_hash("\xE4\xB8\xAD", "\xE6\x96\x87"), 19259569);
  // "polygenelubricants" has the hash INT_MIN, which has no absolute value in Java.
  EXPECT_EQ(protocol::java_hash("polygenelubricants"), INT32_MIN);
  EXPECT_EQ(index_hash(IndexSeed{0}, "polygenelubricants"), 0);
}

TEST_F(IndexFileTest, the_hash_of_parts_is_that_of_the_whole) {
  const std::string text =
      "TopicTest#0123456789abcdef\xE4\xB8\xAD\xF0\x9F\x98\x80/7F000001000018B4AAC2208D9B9E0000\xFFx";
  std::uint32_t plain = 0;
  for (const char c : std::string_view("TopicTest#0123456789abcdef"))
    plain = plain * 31 + static_cast<unsigned char>(c);
  EXPECT_EQ(static_cast<std::uint32_t>(protocol::java_hash("TopicTest#0123456789abcdef")), plain);
  for (const std::size_t cut : {0, 1, 7, 8, 9, 16, 26, 29, 33, 34, 42}) {
    const auto head = protocol::java_hash_continue(0, std::string_view(text).substr(0, cut));
    EXPECT_EQ(static_cast<std::int32_t>(protocol::java_hash_continue(head, std::string_view(text).substr(cut))),
              protocol::java_hash(text))
        << cut;
  }
}

TEST_F(IndexFileTest, has_rocketmqs_bytes_at_rocketmqs_size) {
  const IndexGeometry full;
  auto made = make("20240102030405678", full);
  EXPECT_EQ(std::filesystem::file_size(path("20240102030405678")), 420'000'040u);
  const auto hash = index_hash("TopicTest", "key1");
  const auto after = made.file->insert(
      made.header, std::vector<IndexKey>{{1024, 1'700'000'000'123, hash}, {2048, 1'700'000'061'122, hash}});
  ASSERT_TRUE(after);
  const auto file = disk_.open(path("20240102030405678"), OpenMode::read);
  ASSERT_TRUE(file);
  const auto bytes = [&](std::uint64_t at, std::size_t size) {
    std::vector<std::byte> raw(size);
    EXPECT_TRUE(disk_.read(*file, raw, at));
    std::string hex;
    for (const auto byte : raw) {
      constexpr char digits[] = "0123456789abcdef";
      hex += digits[std::to_integer<unsigned>(byte) >> 4];
      hex += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return hex;
  };
  EXPECT_EQ(bytes(0, 40),
            "0000018bcfe5687b"  // first store time
            "0000018bcfe656c2"  // last store time
            "0000000000000400"  // first log offset
            "0000000000000800"  // last log offset
            "00000001"          // slots in use
            "00000003");        // number of the next entry
  EXPECT_EQ(bytes(3'937'880 - 4, 12), "000000000000000200000000") << "slot 984460 and its neighbours";
  EXPECT_EQ(bytes(20'000'040, 60), std::string(40, '0') +  // entry 0 is not used
                                       "62b4514c"
                                       "0000000000000400"
                                       "00000000"
                                       "00000000" +
                                       "62b4514c"
                                       "0000000000000800"
                                       "0000003c"
                                       "00000001");
  EXPECT_EQ(found(*made.file, *after, hash), (std::vector<std::int64_t>{2048, 1024}));
}

TEST_F(IndexFileTest, a_batch_gives_the_bytes_that_rocketmq_writes_one_by_one) {
  for (const std::int32_t hash_max : {1, 3, 50, 1'000'000}) {
    const auto keys = some_keys(99, static_cast<std::uint32_t>(hash_max), hash_max);
    testing_support::RocketmqIndexFile java(path("java"), small.slots, small.entries);
    for (const auto& key : keys) ASSERT_TRUE(java.put(key.hash, key.log_offset, key.store_ms));
    ASSERT_FALSE(java.put(1, 1, 1)) << "full";
    java.save();
    for (const std::size_t step : {1, 2, 13, 99}) {
      auto made = make("ours");
      auto header = made.header;
      for (std::size_t i = 0; i < keys.size(); i += step) {
        const auto part = std::span(keys).subspan(i, std::min(step, keys.size() - i));
        const auto after = made.file->insert(header, part);
        ASSERT_TRUE(after);
        header = *after;
      }
      EXPECT_TRUE(made.file->is_full(header));
      EXPECT_TRUE(content("ours") == content("java")) << "hashes below " << hash_max << " in batches of " << step;
      const auto opened = reopen("ours");
      EXPECT_EQ(opened.damage, "");
      EXPECT_EQ(opened.header, header);
      std::filesystem::remove(path("ours"));
    }
    std::filesystem::remove(path("java"));
  }
}

TEST_F(IndexFileTest, slots_of_many_pages_are_read_and_written_whole) {
  const IndexGeometry wide{50'000, 4'000};
  const auto keys = some_keys(3'999, 5, 10'000'000);
  testing_support::RocketmqIndexFile java(path("java"), wide.slots, wide.entries);
  for (const auto& key : keys) ASSERT_TRUE(java.put(key.hash, key.log_offset, key.store_ms));
  java.save();
  auto made = make("ours", wide);
  const auto first = made.file->insert(made.header, std::span(keys).first(3'000));
  ASSERT_TRUE(first);
  ASSERT_TRUE(made.file->insert(*first, std::span(keys).subspan(3'000)));
  EXPECT_TRUE(content("ours") == content("java"));
}

TEST_F(IndexFileTest, more_keys_than_there_is_room_are_refused) {
  auto made = make("ours");
  EXPECT_EQ(made.file->room(made.header), 99u);
  const auto refused = made.file->insert(made.header, some_keys(100, 1, 5));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
}

TEST_F(IndexFileTest, a_new_file_carries_the_end_of_the_one_before) {
  const IndexHeader before{10, 20, 30, 40, 5, 6};
  auto made = make("ours", small, before);
  const auto opened = reopen("ours");
  EXPECT_EQ(opened.header, (IndexHeader{20, 20, 40, 40, 0, 1}));
  EXPECT_EQ(opened.damage, "");
  const auto after = made.file->insert(made.header, std::vector<IndexKey>{{77, 5'000, 1}});
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, (IndexHeader{5'000, 5'000, 77, 77, 1, 2}));
}

TEST_F(IndexFileTest, times_select_to_a_second) {
  auto made = make("ours");
  std::vector<IndexKey> keys;
  for (std::int64_t i = 0; i < 10; ++i) keys.push_back({100 + i, 1'000'000 + i * 10'000, 3});
  const auto header = made.file->insert(made.header, keys);
  ASSERT_TRUE(header);
  EXPECT_EQ(found(*made.file, *header, 3, 1'020'000, 1'040'000), (std::vector<std::int64_t>{104, 103, 102}));
  EXPECT_EQ(found(*made.file, *header, 3, 1'020'999, 1'021'000), (std::vector<std::int64_t>{102})) << "of that second";
  EXPECT_TRUE(found(*made.file, *header, 3, 1'021'000, 1'029'999).empty());
  EXPECT_TRUE(found(*made.file, *header, 10).empty()) << "the same slot, another hash";
}

TEST_F(IndexFileTest, the_first_entry_of_rocketmqs_next_file_has_its_own_time) {
  testing_support::RocketmqIndexFile java(path("java"), small.slots, small.entries);
  java.continue_from(1'000'000, 50);
  ASSERT_TRUE(java.put(3, 100, 1'090'000));
  java.save();
  const auto opened = reopen("java");
  ASSERT_EQ(opened.damage, "");
  EXPECT_EQ(found(*opened.file, opened.header, 3, 1'090'000, 1'090'500), (std::vector<std::int64_t>{100}));
}

TEST_F(IndexFileTest, finding_stops_when_the_visitor_has_enough) {
  auto made = make("ours");
  const auto header = made.file->insert(made.header, some_keys(50, 1, 1));
  ASSERT_TRUE(header);
  int visits = 0;
  const auto goes_on = made.file->find(*header, 0, any_begin, any_end, [&](std::int64_t) { return ++visits < 3; });
  ASSERT_TRUE(goes_on);
  EXPECT_FALSE(*goes_on);
  EXPECT_EQ(visits, 3);
}

TEST_F(IndexFileTest, a_file_that_is_too_short_is_brought_to_its_size) {
  {
    std::ofstream out(path("short"), std::ios::binary);
    out << std::string(40, '\0');
  }
  const auto opened = reopen("short");
  EXPECT_EQ(opened.damage, "");
  EXPECT_EQ(opened.header, IndexHeader{});
  EXPECT_EQ(std::filesystem::file_size(path("short")), index_layout::file_size(small));
}

TEST_F(IndexFileTest, rewinding_gives_the_file_as_it_was) {
  const auto keys = some_keys(99, 3, 20);
  auto made = make("ours");
  const auto half = made.file->insert(made.header, std::span(keys).first(40));
  ASSERT_TRUE(half);
  const auto entries_end = index_layout::entry_at(small, 40 + 1);
  const auto before = content("ours").substr(0, entries_end);
  ASSERT_TRUE(made.file->insert(*half, std::span(keys).subspan(40)));
  // The reader that still has the old header finds what it found.
  for (std::int32_t hash = 0; hash < 20; ++hash) {
    std::vector<std::int64_t> expected;
    for (std::size_t i = 40; i-- > 0;) {
      if (keys[i].hash == hash && (expected.empty() || expected.back() != keys[i].log_offset)) {
        expected.push_back(keys[i].log_offset);
      }
    }
    EXPECT_EQ(found(*made.file, *half, hash), expected);
  }
  ASSERT_TRUE(made.file->rewind(*half));
  EXPECT_TRUE(content("ours").substr(0, entries_end) == before);
  ASSERT_TRUE(made.file->rewind(IndexHeader{}));
  EXPECT_EQ(content("ours").substr(0, index_layout::slot_at(small.slots)).find_first_not_of('\0'), 39u) << "count 1";
}

TEST_F(IndexFileTest, rewinding_a_file_that_does_not_hold_together_is_refused) {
  const auto keys = some_keys(60, 3, 20);
  auto made = make("ours");
  const auto half = made.file->insert(made.header, std::span(keys).first(40));
  const auto all = made.file->insert(*half, std::span(keys).subspan(40));
  ASSERT_TRUE(all);
  poke("ours", index_layout::entry_at(small, 60) + 16, 60, 4);  // leads to itself
  const auto refused = made.file->rewind(*half);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
}

TEST_F(IndexFileTest, headers_that_contradict_themselves_are_named) {
  const auto keys = some_keys(50, 3, 20);
  auto made = make("ours");
  ASSERT_TRUE(made.file->insert(made.header, keys));
  const auto good = content("ours");
  const auto damage = [&](std::uint64_t at, std::int64_t value, std::size_t size) {
    { std::ofstream(path("ours"), std::ios::binary) << good; }
    poke("ours", at, value, size);
    return reopen("ours").damage;
  };
  EXPECT_EQ(damage(36, 51, 4), "");
  EXPECT_NE(damage(36, -1, 4), "");
  EXPECT_NE(damage(36, 101, 4), "") << "more than fit";
  EXPECT_NE(damage(36, 52, 4), "") << "an entry that is not there";
  EXPECT_NE(damage(36, 40, 4), "") << "fewer than the end says";
  EXPECT_NE(damage(32, -1, 4), "");
  EXPECT_NE(damage(32, 51, 4), "");
  EXPECT_NE(damage(0, -1, 8), "");
  EXPECT_NE(damage(8, 1, 8), "") << "ends before it begins";
  EXPECT_NE(damage(16, 1'000'000, 8), "");
  EXPECT_NE(damage(24, 7, 8), "");
  { std::ofstream(path("ours"), std::ios::binary) << good + "x"; }
  EXPECT_NE(reopen("ours").damage, "") << "longer than it may be";
}

TEST_F(IndexFileTest, random_damage_never_loops_or_invents_places) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto keys = some_keys(99, 3, 8);
  auto made = make("ours");
  ASSERT_TRUE(made.file->insert(made.header, keys));
  const auto good = content("ours");
  for (int round = 0; round < 3'000; ++round) {
    auto bad = good;
    for (auto flips = 1 + random() % 20; flips > 0; --flips) {
      const auto at = random() % bad.size();
      bad[at] = static_cast<char>(random() % 4 == 0 ? random() : random() % 100);
    }
    { std::ofstream(path("ours"), std::ios::binary) << bad; }
    const auto opened = reopen("ours");
    if (!opened.damage.empty()) continue;
    for (std::int32_t hash = 0; hash < 8; ++hash) {
      const auto offsets = found(*opened.file, opened.header, hash);
      EXPECT_LE(offsets.size(), 99u);
      for (const auto offset : offsets) {
        EXPECT_GE(offset, opened.header.begin_offset);
        EXPECT_LE(offset, opened.header.end_offset);
      }
    }
    const auto rewound =
        opened.file->rewind({opened.header.begin_ms, opened.header.end_ms, opened.header.begin_offset,
                             opened.header.end_offset, 1, 1 + static_cast<std::int32_t>(random() % 90)});
    EXPECT_TRUE(rewound || rewound.error().code == Errc::corrupt);
  }
}

TEST_F(IndexFileTest, names_rise_whatever_the_clock_does) {
  const auto name = index_file_name(1'700'000'000'123, "");
  EXPECT_EQ(name.size(), 17u);
  EXPECT_TRUE(name.ends_with("123"));
  EXPECT_TRUE(is_index_file_name(name));
  EXPECT_GT(index_file_name(1'700'000'000'123, name), name);
  EXPECT_GT(index_file_name(1, name), name);
  EXPECT_EQ(index_file_name(0, "20240101000000999"), "20240101000001000");
  EXPECT_FALSE(is_index_file_name("20240101.tmp"));
  EXPECT_FALSE(is_index_file_name(""));
}

TEST_F(IndexFileTest, names_are_in_the_local_time_zone) {
  ::setenv("TZ", "Asia/Shanghai", 1);
  ::tzset();
  const auto east = index_file_name(1'700'000'000'123, "");
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(index_file_name(1'700'000'000'123, ""), "20231114221320123");
  // Without zone data the system takes the name for UTC.
  EXPECT_TRUE(east == "20231115061320123" || !std::filesystem::exists("/usr/share/zoneinfo/Asia/Shanghai")) << east;
}

TEST_F(IndexFileTest, a_torn_mark_leaves_the_one_before) {
  IndexMarkFile marks(disk_, folder_.path());
  ASSERT_TRUE(marks.load());
  const IndexMark first{100, small, "20240101000000000", {1, 2, 3, 4, 5, 6}, false, false};
  auto second = first;
  second.written_end = 200;
  second.clean = second.complete = true;
  ASSERT_TRUE(marks.save(first));
  ASSERT_TRUE(marks.save(second));
  const auto load = [&] {
    IndexMarkFile again(disk_, folder_.path());
    const auto loaded = again.load();
    EXPECT_TRUE(loaded);
    return *loaded;
  };
  EXPECT_EQ(load(), second);
  poke("index", 20, 0x55, 1);  // the slot of the second: sequences are even there
  EXPECT_EQ(load(), first);
  poke("index", 512 + 20, 0x55, 1);
  EXPECT_FALSE(load().has_value());
}

// ---- keys of a record ----

std::vector<std::int32_t> keys_of(std::string_view properties, std::string_view more = {}, std::int32_t sys_flag = 0) {
  std::vector<std::int32_t> hashes;
  record_keys("T", properties, more, sys_flag, hashes);
  return hashes;
}

std::vector<std::int32_t> hashes_of(std::initializer_list<const char*> keys) {
  std::vector<std::int32_t> hashes;
  for (const auto* key : keys) hashes.push_back(index_hash("T", key));
  return hashes;
}

TEST(RecordKeysTest, are_the_unique_key_and_the_words_of_keys) {
  EXPECT_EQ(keys_of("TAGS\x01x\x02KEYS\x01"
                    "a b\x02UNIQ_KEY\x01u\x02"),
            hashes_of({"u", "a", "b"}));
  EXPECT_EQ(keys_of("KEYS\x01  a   b \x02"), hashes_of({"a", "b"}));
  EXPECT_EQ(keys_of("KEYS\x01"
                    "a"),
            hashes_of({"a"}))
      << "the last separator may be missing";
  EXPECT_TRUE(keys_of("").empty());
  EXPECT_TRUE(keys_of("KEYS\x01 \x02").empty());
  EXPECT_TRUE(keys_of("KEYS\x01\x02KEYSX\x01"
                      "a\x02XKEYS\x01"
                      "b\x02KEY\x01"
                      "c\x02KEYS\x02")
                  .empty());
}

TEST(RecordKeysTest, of_equal_names_the_last_one_counts) {
  EXPECT_EQ(keys_of("KEYS\x01"
                    "a\x02KEYS\x01"
                    "b\x02KEYS\x01\x02"),
            hashes_of({"b"}));
  EXPECT_EQ(keys_of("KEYS\x01"
                    "a\x02",
                    "KEYS\x01"
                    "b\x02UNIQ_KEY\x01u\x02"),
            hashes_of({"u", "b"}));
  EXPECT_EQ(keys_of("KEYS\x01"
                    "a",
                    "x y\x02UNIQ_KEY\x01u"),
            hashes_of({"u", "ax", "y"}))
      << "the second text goes on where the first one ends";
}

TEST(RecordKeysTest, of_transactions_only_a_rollback_has_none) {
  const std::string_view properties = "UNIQ_KEY\x01u\x02";
  EXPECT_EQ(keys_of(properties, {}, 0x4).size(), 1u);
  EXPECT_EQ(keys_of(properties, {}, 0x8).size(), 1u);
  EXPECT_TRUE(keys_of(properties, {}, 0xC).empty());
}

}  // namespace
}  // namespace gantry::storage_mmap
