// Concern: check finds every kind of damage, names its place, and says nothing about a store that is whole.
// Method: small stores written by the real store, closed, crashed or open; bytes of each file are changed by hand.

#include "plugins/storage-mmap/tools/testing/tools_fixture.hpp"

#include "protocol/bytes.hpp"
#include "protocol/crc32.hpp"

namespace gantry::storage_mmap::tools {
namespace {

using sdk::FindingSeverity;

class CheckTest : public ToolsTest {
 protected:
  void SetUp() override {
    open();
    append(600);
  }
};

TEST_F(CheckTest, a_store_that_was_closed_is_clean_and_counted) {
  close();
  const auto report = check();
  EXPECT_TRUE(report.findings.empty()) << report.text();
  EXPECT_EQ(report.number("log/records"), 600);
  EXPECT_EQ(report.number("queues/entries"), 600);
  EXPECT_EQ(report.number("queues/queues"), 6);
  EXPECT_EQ(report.number("queues/entries to come"), 0);
  EXPECT_GT(report.number("log/files"), 3);
  EXPECT_EQ(report.facts.at("store/state"), "closed in order");
  EXPECT_EQ(report.number("log/end"), stored.back().log_offset + stored.back().size);
}

TEST_F(CheckTest, the_quick_check_of_a_closed_store_is_clean_too) {
  close();
  const auto report = check(GANTRY_TOOLS_QUICK);
  EXPECT_TRUE(report.findings.empty()) << report.text();
  EXPECT_EQ(report.number("log/end"), stored.back().log_offset + stored.back().size);
}

TEST_F(CheckTest, a_store_that_is_open_is_clean_and_what_comes_later_is_not_missed) {
  const auto report = check();
  EXPECT_TRUE(report.findings.empty()) << report.text();
  EXPECT_EQ(report.number("log/records"), 600);
  EXPECT_EQ(report.number("queues/entries") + report.number("queues/entries to come"), 600);
  EXPECT_EQ(report.facts.at("store/state").substr(0, 8), "open by ");
  append(10);
  close();
}

TEST_F(CheckTest, a_crash_is_no_damage) {
  crash();
  const auto report = check();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_EQ(report.facts.at("store/state"), "closed by a crash");
}

TEST_F(CheckTest, a_flipped_bit_in_a_body_is_found_at_its_record_and_the_rest_is_still_read) {
  close();
  const auto& victim = stored[100];
  poke(segment_of(victim), position_of(victim) + 120, "?");
  const auto report = check();
  const auto* said = report.at(segment_of(victim), position_of(victim));
  ASSERT_NE(said, nullptr) << report.text();
  EXPECT_EQ(said->severity, FindingSeverity::error);
  EXPECT_NE(said->found.find("crc_mismatch"), std::string::npos) << said->found;
  EXPECT_FALSE(said->remedy.empty());
  EXPECT_EQ(report.number("log/records"), 599);
  EXPECT_EQ(report.number("log/damaged parts"), 1);
  EXPECT_EQ(report.number("log/damaged bytes"), victim.size);
}

TEST_F(CheckTest, damage_in_the_last_file_is_not_taken_for_the_end_of_the_log) {
  close();
  const auto& victim = stored[stored.size() - 3];
  ASSERT_EQ(segment_of(victim), segment_of(stored.back())) << "the test needs them in one file";
  poke(segment_of(victim), position_of(victim), std::string(8, '\xff'));
  const auto report = check();
  ASSERT_NE(report.at(segment_of(victim), position_of(victim)), nullptr) << report.text();
  EXPECT_EQ(report.number("log/records"), 599);
  EXPECT_EQ(report.number("log/end"), stored.back().log_offset + stored.back().size);
}

TEST_F(CheckTest, zeros_in_the_middle_of_the_log_are_damage) {
  close();
  const auto& victim = stored[50];
  poke(segment_of(victim), position_of(victim), std::string(victim.size, '\0'));
  const auto report = check();
  const auto* said = report.at(segment_of(victim), position_of(victim));
  ASSERT_NE(said, nullptr) << report.text();
  EXPECT_EQ(said->found.substr(0, 5), "zeros");
}

TEST_F(CheckTest, a_record_that_names_another_position_is_damage) {
  close();
  const auto& victim = stored[7];
  poke(segment_of(victim), position_of(victim) + 28, std::string(8, '\x01'));
  const auto report = check();
  const auto* said = report.at(segment_of(victim), position_of(victim));
  ASSERT_NE(said, nullptr) << report.text();
  EXPECT_NE(said->expected.find(std::to_string(victim.log_offset)), std::string::npos) << said->expected;
}

TEST_F(CheckTest, a_wrong_blank_record_is_found) {
  close();
  const auto size = static_cast<std::int64_t>(harness.options.segment_size);
  std::size_t last = 0;
  while (stored[last + 1].log_offset < size) ++last;
  const auto end = stored[last].log_offset + stored[last].size;
  poke("commitlog/" + offset_name(0), end, std::string("\0\0\0\x09", 4));
  const auto report = check();
  const auto* said = report.at("commitlog/" + offset_name(0), end);
  ASSERT_NE(said, nullptr) << report.text();
  EXPECT_NE(said->expected.find("blank"), std::string::npos);
  EXPECT_EQ(report.number("log/records"), 600);
}

TEST_F(CheckTest, a_missing_file_of_the_log_is_found) {
  close();
  const auto name = "commitlog/" + offset_name(static_cast<std::int64_t>(harness.options.segment_size));
  std::filesystem::remove(harness.path(name));
  const auto report = check();
  EXPECT_NE(report.at(name, -1), nullptr) << report.text();
}

TEST_F(CheckTest, foreign_and_short_files_in_the_log_are_found) {
  close();
  std::ofstream(harness.path("commitlog/notes.txt")) << "hello";
  const auto newest = segment_of(stored.back());
  std::filesystem::resize_file(harness.path(newest), 1000);
  const auto report = check();
  EXPECT_NE(report.at("commitlog/notes.txt", -1), nullptr) << report.text();
  const auto* said = report.at(newest, -1);
  ASSERT_NE(said, nullptr) << report.text();
  EXPECT_EQ(said->found, "1000 bytes");
}

TEST_F(CheckTest, bytes_behind_the_log_are_a_warning) {
  close();
  const auto end = position_of(stored.back()) + stored.back().size;
  poke(segment_of(stored.back()), end + 100, "garbage");
  const auto report = check();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  const auto* said = report.at(segment_of(stored.back()), end + 100);
  ASSERT_NE(said, nullptr) << report.text();
  EXPECT_EQ(said->severity, FindingSeverity::warning);
}

TEST_F(CheckTest, each_field_of_a_queue_entry_is_compared_with_its_record) {
  close();
  const auto& victim = stored[200];
  const auto good = peek(queue_file_of(victim), queue_position_of(victim), 20);
  for (const int field : {7, 11, 19}) {  // the lowest byte of log offset, size, tag code
    poke(queue_file_of(victim), queue_position_of(victim) + field,
         std::string(1, static_cast<char>(good[static_cast<std::size_t>(field)] ^ 1)));
    const auto report = check();
    EXPECT_GE(report.errors(), 1u) << "byte " << field;
    EXPECT_NE(report.at(queue_file_of(victim), queue_position_of(victim)), nullptr) << "byte " << field << "\n"
                                                                                    << report.text();
    poke(queue_file_of(victim), queue_position_of(victim), good);
  }
  EXPECT_TRUE(check().findings.empty());
}

TEST_F(CheckTest, a_hole_in_a_queue_is_found) {
  close();
  const auto& victim = stored[200];
  poke(queue_file_of(victim), queue_position_of(victim), std::string(20, '\0'));
  const auto report = check();
  EXPECT_NE(report.at(queue_file_of(victim), queue_position_of(victim) + 20), nullptr) << report.text();
  EXPECT_NE(report.at(queue_file_of(victim), queue_position_of(victim)), nullptr) << report.text();
}

TEST_F(CheckTest, entries_that_are_swapped_are_found) {
  close();
  const auto& victim = stored[200];
  const auto& next = stored[206];
  ASSERT_EQ(queue_file_of(victim), queue_file_of(next));
  const auto a = peek(queue_file_of(victim), queue_position_of(victim), 20);
  const auto b = peek(queue_file_of(next), queue_position_of(next), 20);
  poke(queue_file_of(victim), queue_position_of(victim), b);
  poke(queue_file_of(next), queue_position_of(next), a);
  EXPECT_GE(check().errors(), 2u);
}

TEST_F(CheckTest, a_removed_queue_and_a_removed_file_are_found_with_what_they_held) {
  close();
  std::filesystem::remove_all(harness.path("consumequeue/topic-1/1"));
  std::filesystem::remove(harness.path("consumequeue/topic-2/0/" + offset_name(0)));
  const auto report = check();
  EXPECT_GE(report.errors(), 2u) << report.text();
  const auto* queue = report.at("consumequeue/topic-1/1/" + offset_name(0), 0);
  ASSERT_NE(queue, nullptr) << report.text();
  EXPECT_EQ(queue->found, "no folder for the queue");
  EXPECT_NE(queue->expected.find("the 100 records"), std::string::npos) << queue->expected;
  EXPECT_NE(report.at("consumequeue/topic-2/0/" + offset_name(0), 0), nullptr) << report.text();
}

TEST_F(CheckTest, queues_that_rocketmq_deleted_are_no_damage) {
  append(1);  // to topic-0/0, which stays: what is behind every queue's last record is made again at a start
  ASSERT_TRUE(probe->store().save_blob("topics.json", R"({"topicConfigTable":{
      "topic-0":{"topicName":"topic-0","readQueueNums":2,"writeQueueNums":2},
      "topic-2":{"topicName":"topic-2","readQueueNums":1,"writeQueueNums":1}}})"));
  close();
  // RocketMQ's directory: it deleted topic-1, made topic-2 again with one queue less, and topic-0 (or lost its folder).
  std::filesystem::remove_all(harness.path("gantry"));
  std::filesystem::remove_all(harness.path("consumequeue/topic-1"));
  std::filesystem::remove_all(harness.path("consumequeue/topic-2/1"));
  std::filesystem::remove_all(harness.path("consumequeue/topic-0/1"));
  const auto expect_no_errors = [&] {
    const auto report = check();
    EXPECT_EQ(report.errors(), 0u) << report.text();
    ASSERT_EQ(report.count(FindingSeverity::warning), 1u) << report.text();
    EXPECT_NE(report.text().find("1 of the queues are in config/topics.json"), std::string::npos) << report.text();
    EXPECT_EQ(report.count(FindingSeverity::note), 2u) << report.text();
  };
  expect_no_errors();
  open();  // Gantry takes the directory over: its ledger does not name those queues
  close();
  expect_no_errors();
}

TEST_F(CheckTest, a_longer_past_of_a_topic_that_rocketmq_deleted_and_made_again_is_no_damage) {
  close();
  std::filesystem::remove_all(harness.path("gantry"));
  std::filesystem::remove_all(harness.path("consumequeue/topic-1"));
  open();
  append(30);
  ASSERT_EQ(stored.back().queue_offset, 104);  // topic-2
  ASSERT_EQ(stored[stored.size() - 2].topic, "topic-1");
  ASSERT_EQ(stored[stored.size() - 2].queue_offset, 4);
  close();
  const auto report = check();
  EXPECT_EQ(report.errors(), 0u) << report.text();
}

TEST_F(CheckTest, an_entry_behind_the_log_is_found) {
  close();
  const auto& victim = stored.back();
  std::string entry(20, '\0');
  protocol::store_big_endian<std::int64_t>(entry.data(), victim.log_offset + 1'000'000);
  protocol::store_big_endian<std::int32_t>(entry.data() + 8, 100);
  poke(queue_file_of(victim), queue_position_of(victim) + 20, entry);
  const auto report = check();
  EXPECT_NE(report.at(queue_file_of(victim), queue_position_of(victim) + 20), nullptr) << report.text();
}

TEST_F(CheckTest, a_table_that_is_no_json_is_found_and_its_backup_named) {
  ASSERT_TRUE(probe->store().save_blob("topics.json", R"({"topicConfigTable":{}})"));
  ASSERT_TRUE(probe->store().save_blob("topics.json", R"({"topicConfigTable":{} })"));
  close();
  poke("config/topics.json", 0, "\x01");
  const auto report = check();
  const auto said = std::find_if(report.findings.begin(), report.findings.end(), [](const auto& each) {
    return each.file == "config/topics.json" && each.severity == FindingSeverity::error;
  });
  ASSERT_NE(said, report.findings.end()) << report.text();
  EXPECT_NE(said->remedy.find(".bak"), std::string::npos) << said->remedy;
}

TEST_F(CheckTest, offsets_beyond_their_queue_and_topics_without_configuration_are_found) {
  ASSERT_TRUE(probe->store().save_blob(
      "topics.json", R"({"topicConfigTable":{"topic-0":{"topicName":"topic-0"},"topic-1":{"topicName":"topic-1"}}})"));
  ASSERT_TRUE(probe->store().save_blob("consumerOffset.json", R"({"offsetTable":{"topic-0@group":{0:100,1:100000}}})"));
  close();
  const auto report = check();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_EQ(report.count(FindingSeverity::warning), 2u) << report.text();
  EXPECT_NE(report.text().find("topic-2"), std::string::npos) << report.text();
  EXPECT_NE(report.text().find("100000"), std::string::npos) << report.text();
}

TEST_F(CheckTest, a_checkpoint_from_the_future_is_found) {
  close();
  std::string time(8, '\0');
  protocol::store_big_endian<std::int64_t>(time.data(), stored.back().store_ms + 5);
  poke("checkpoint", 8, time);
  const auto report = check();
  EXPECT_NE(report.at("checkpoint", 8), nullptr) << report.text();
}

TEST_F(CheckTest, no_single_flipped_byte_ends_the_check) {
  close();
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(harness.options.path)) {
    if (entry.is_regular_file() && entry.file_size() > 0)
      names.push_back(std::filesystem::relative(entry.path(), harness.options.path).string());
  }
  ASSERT_GT(names.size(), 10u);
  std::uint32_t random = 20261125;
  for (int i = 0; i < 150; ++i) {
    random = random * 1664525 + 1013904223;
    const auto& name = names[random % names.size()];
    const auto size = std::filesystem::file_size(harness.path(name));
    random = random * 1664525 + 1013904223;
    const auto position = static_cast<std::int64_t>(random % std::min<std::uint64_t>(size, 40'000));
    const auto good = peek(name, position, 1);
    poke(name, position, std::string(1, static_cast<char>(good[0] ^ static_cast<char>(1 << (random >> 20 & 7)))));
    (void)check();
    (void)check(GANTRY_TOOLS_QUICK);
    poke(name, position, good);
  }
}

TEST_F(CheckTest, findings_of_a_kind_are_bounded_and_the_rest_is_counted) {
  close();
  for (int i = 0; i < 60; ++i) {
    poke("consumequeue/topic-0/0/" + offset_name(0), i * 20 + 12, std::string(8, '\x05'));
  }
  const auto report = check();
  EXPECT_LT(report.findings.size(), 25u);
  EXPECT_NE(report.text().find("another "), std::string::npos) << report.text();
}

TEST_F(CheckTest, the_caller_can_stop_it) {
  close();
  RecordingReport report;
  report.stop = true;
  const auto done = tools().check({}, report);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::unavailable);
}

TEST_F(CheckTest, sizes_can_be_taken_from_the_files) {
  close();
  harness.options.segment_size = 1 << 20;
  harness.options.queue_file_entries = 300'000;
  EXPECT_GT(check().errors(), 0u);
  const auto report = check(GANTRY_TOOLS_FILE_SIZES);
  EXPECT_TRUE(report.findings.empty()) << report.text();
  EXPECT_EQ(report.number("log/records"), 600);
}

TEST(Check, a_folder_without_a_store_is_refused) {
  TemporaryFolder folder;
  StoreOptions options;
  options.path = folder.path();
  RecordingReport report;
  const auto done = MmapTools(options, {}).check({}, report);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
  EXPECT_NE(done.error().text.find(folder.path()), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "a look must not write";
}

}  // namespace
}  // namespace gantry::storage_mmap::tools
