// Concern: stat, dump, locate, rebuild and copy tell and make what they promise.
// Method: small stores written by the real store; copies and rebuilt stores are opened by it again.

#include "plugins/storage-mmap/tools/testing/tools_fixture.hpp"

#include "protocol/bytes.hpp"
#include "protocol/crc32.hpp"

#include <atomic>
#include <sys/stat.h>
#include <thread>

namespace gantry::storage_mmap::tools {
namespace {

class OtherTools : public ToolsTest {
 protected:
  void SetUp() override {
    open();
    append(600);
  }
  RecordingReport dump(sdk::StoreQuestion question) {
    RecordingReport report;
    const auto done = tools().dump(question, report);
    EXPECT_TRUE(done) << (done ? "" : done.error().text);
    EXPECT_TRUE(report.findings.empty()) << report.text();
    return report;
  }
  RecordingReport locate(sdk::StoreQuestion question) {
    RecordingReport report;
    const auto done = tools().locate(question, report);
    EXPECT_TRUE(done) << (done ? "" : done.error().text);
    return report;
  }
};

TEST_F(OtherTools, stat_counts_by_the_queues_and_by_the_log) {
  close();
  for (const std::uint32_t options : {0u, GANTRY_TOOLS_DEEP}) {
    RecordingReport report;
    sdk::StoreQuestion question;
    question.options = options;
    ASSERT_TRUE(tools().stat(question, report));
    EXPECT_EQ(report.number("queues/queues"), 6);
    EXPECT_EQ(report.number("queues/messages"), 600);
    EXPECT_EQ(report.number("topics/topic-1/messages"), 200);
    EXPECT_EQ(report.number("topics/topic-1/queues"), 2);
    EXPECT_EQ(report.number("log/end"), stored.back().log_offset + stored.back().size);
    EXPECT_EQ(report.facts.at("store/state"), "closed in order");
    if (options == 0) continue;
    std::int64_t bytes = 0;
    for (const auto& message : stored) bytes += message.topic == "topic-1" ? message.size : 0;
    EXPECT_EQ(report.number("topics/topic-1/bytes"), bytes);
  }
}

TEST_F(OtherTools, dump_gives_every_message_in_order) {
  close();
  const auto report = dump({});
  ASSERT_EQ(report.records.size(), stored.size());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    ASSERT_EQ(report.records[i].log_offset, stored[i].log_offset);
    ASSERT_EQ(report.records[i].body, stored[i].body);
  }
}

TEST_F(OtherTools, dump_filters_by_topic_queue_offset_key_range_and_count) {
  const auto bodies = [&](const sdk::StoreQuestion& question) {
    std::vector<std::string> found;
    for (const auto& record : dump(question).records) found.push_back(record.body);
    return found;
  };
  const auto expected = [&](auto&& wanted) {
    std::vector<std::string> found;
    for (const auto& message : stored) {
      if (wanted(message)) found.push_back(message.body);
    }
    return found;
  };
  // While the store is open as well as afterwards: what the queue's files lack comes from the log.
  for (const bool closed : {false, true}) {
    if (closed) close();
    EXPECT_EQ(bodies({.topic = "topic-2"}), expected([](const Stored& m) { return m.topic == "topic-2"; }));
    EXPECT_EQ(bodies({.topic = "topic-2", .queue_id = 1}),
              expected([](const Stored& m) { return m.topic == "topic-2" && m.queue == 1; }));
    EXPECT_EQ(bodies({.topic = "topic-2", .queue_id = 1, .offset_begin = 10, .offset_end = 20}),
              expected([](const Stored& m) {
                return m.topic == "topic-2" && m.queue == 1 && m.queue_offset >= 10 && m.queue_offset < 20;
              }));
    EXPECT_EQ(bodies({.topic = "topic-2", .queue_id = 1, .count_max = 3}).size(), 3u);
    EXPECT_EQ(bodies({.key = "key-77"}), std::vector{stored[77].body});
    EXPECT_EQ(bodies({.key = "unique-78"}), std::vector{stored[78].body});
    EXPECT_EQ(bodies({.log_begin = stored[300].log_offset, .log_end = stored[303].log_offset}),
              (std::vector{stored[300].body, stored[301].body, stored[302].body}));
    EXPECT_EQ(bodies({.time_begin = stored.back().store_ms + 1}).size(), 0u);
    EXPECT_EQ(bodies({.time_end = stored.back().store_ms + 1}).size(), stored.size());
  }
}

TEST_F(OtherTools, locate_names_the_record_and_what_refers_to_it) {
  close();
  const auto& message = stored[200];
  const auto item = "records/" + std::to_string(message.log_offset) + "/";
  for (const auto& question :
       {sdk::StoreQuestion{.log_begin = message.log_offset + 50, .log_end = message.log_offset + 51},
        sdk::StoreQuestion{.file = "x", .position = 0}, sdk::StoreQuestion{.file = "y", .position = 0}}) {
    auto asked = question;
    const auto segment = harness.path(segment_of(message));
    const auto queue = queue_file_of(message);
    if (question.file == "x") {
      asked.file = segment;
      asked.position = position_of(message) + 3;
    } else if (question.file == "y") {
      asked.file = queue;
      asked.position = queue_position_of(message) + 15;
    }
    const auto report = locate(asked);
    ASSERT_TRUE(report.facts.contains(item + "topic")) << question.file;
    EXPECT_EQ(report.facts.at(item + "topic"), message.topic);
    EXPECT_EQ(report.number(item + "queue"), message.queue);
    EXPECT_EQ(report.number(item + "offset"), message.queue_offset);
    EXPECT_EQ(report.facts.at(item + "file"), segment_of(message));
    EXPECT_EQ(report.number(item + "position"), position_of(message));
    EXPECT_EQ(report.facts.at(item + "queue file"), queue_file_of(message));
    EXPECT_EQ(report.number(item + "queue position"), queue_position_of(message));
    EXPECT_EQ(report.facts.at(item + "queue entry"), "points here");
    EXPECT_EQ(report.facts.at(item + "keys"), "key-200");
  }
  const auto behind =
      locate({.log_begin = stored.back().log_offset + 5000, .log_end = stored.back().log_offset + 5001});
  EXPECT_EQ(behind.facts.at("place/is"), "behind the log's end");
}

TEST_F(OtherTools, rebuild_makes_the_queues_again) {
  close();
  for (const std::string topic : {"", "topic-1"}) {
    std::filesystem::remove_all(harness.path("consumequeue/topic-1/0"));
    poke("consumequeue/topic-1/1/" + offset_name(0), 0, std::string(100, '\x11'));
    ASSERT_GT(check().errors(), 0u);
    RecordingReport report;
    sdk::StoreQuestion question;
    question.options = GANTRY_TOOLS_QUEUES;
    question.topic = topic;
    const auto done = tools().rebuild(question, report);
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_EQ(report.errors(), 0u) << report.text();
    const auto after = check();
    EXPECT_TRUE(after.findings.empty()) << after.text();
    EXPECT_EQ(after.number("queues/entries"), 600);
    const auto kept = harness.path(report.facts.at("kept/folder"));
    EXPECT_TRUE(std::filesystem::exists(kept + "/consumequeue/topic-1/1"));
    std::filesystem::remove_all(kept);
  }
}

TEST_F(OtherTools, rebuild_refuses_a_store_that_is_open) {
  RecordingReport report;
  sdk::StoreQuestion question;
  question.options = GANTRY_TOOLS_QUEUES;
  const auto done = tools().rebuild(question, report);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::busy);
  EXPECT_TRUE(report.facts.empty()) << "nothing was moved";
  close();
  EXPECT_TRUE(check().findings.empty());
}

/// The messages of a store in this folder, read by the real store.
std::map<std::string, std::string> read_all(const StoreOptions& like, const std::string& path) {
  MmapHarness harness;
  harness.options = like;
  harness.options.path = path;
  std::map<std::string, std::string> bodies;
  auto probe = check::StoreProbe::open(harness);
  EXPECT_TRUE(probe) << (probe ? "" : probe.error().text);
  if (!probe) return bodies;
  for (const std::string topic : {"topic-0", "topic-1", "topic-2"}) {
    for (std::int32_t id = 0; id < 2; ++id) {
      const auto queue = (*probe)->queue(topic, id);
      std::int64_t offset = (*probe)->store().bounds(*queue).min;
      while (offset < (*probe)->store().bounds(*queue).max) {
        const auto read = (*probe)->read(*queue, offset);
        EXPECT_TRUE(read);
        if (!read || read->records.empty()) return bodies;
        for (const auto& record : read->records) {
          bodies[topic + "/" + std::to_string(id) + "/" + std::to_string(record.queue_offset)] = record.body;
        }
        offset = read->next_offset;
      }
    }
  }
  probe->reset();
  EXPECT_TRUE(harness.close());
  return bodies;
}

TEST_F(OtherTools, a_copy_of_a_closed_store_holds_everything) {
  ASSERT_TRUE(probe->store().save_blob("topics.json", R"({"topicConfigTable":{"topic-0":{"topicName":"topic-0"}}})"));
  close();
  TemporaryFolder folder;
  const auto target = folder.path() + "/copy";
  RecordingReport report;
  const auto done = tools().copy({.target = target}, report);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_TRUE(std::filesystem::exists(target + "/abort"));
  EXPECT_TRUE(std::filesystem::exists(target + "/config/topics.json"));
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(harness.path(segment_of(stored[0])).c_str(), &before), 0);
  ASSERT_EQ(::stat((target + "/" + segment_of(stored[0])).c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  const auto bodies = read_all(harness.options, target);
  EXPECT_EQ(bodies.size(), stored.size());
  for (const auto& message : stored) {
    EXPECT_EQ(
        bodies.at(message.topic + "/" + std::to_string(message.queue) + "/" + std::to_string(message.queue_offset)),
        message.body);
  }
}

TEST_F(OtherTools, a_copy_never_writes_over_something) {
  close();
  TemporaryFolder folder;
  std::ofstream(folder.path() + "/precious") << "mine";
  RecordingReport report;
  const auto full = tools().copy({.target = folder.path()}, report);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::already_exists);
  const auto inside = harness.path("copy");
  const auto within = tools().copy({.target = inside}, report);
  ASSERT_FALSE(within);
  EXPECT_EQ(within.error().code, Errc::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(inside));
}

TEST_F(OtherTools, copies_of_a_store_that_is_written_to_hold_what_was_stored_before_they_began) {
  std::atomic<bool> stopping{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    const auto queue = probe->queue("topic-0", 0);
    for (int i = 0; !stopping; ++i) {
      if (probe->append_one(*queue, "more " + std::to_string(i) + std::string(300, 'y'))) ++written;
      // The broker saves offsets all the time; none may name a message that a copy lacks.
      if (i % 50 == 0) {
        const auto max = probe->store().bounds(*queue).max;
        (void)probe->store()
            .save_blob("consumerOffset.json", R"({"offsetTable":{"topic-0@group":{0:)" + std::to_string(max) + "}}}")
            .has_value();
      }
    }
  });
  for (int round = 0; round < 4; ++round) {
    TemporaryFolder folder;
    const auto target = folder.path() + "/copy";
    const int goal = written + 200;
    while (written < goal) std::this_thread::yield();
    const auto promised = probe->store().bounds(*probe->queue("topic-0", 0)).max;
    RecordingReport report;
    const auto done = tools().copy({.target = target}, report);
    EXPECT_TRUE(done) << (done ? "" : done.error().text);
    EXPECT_EQ(report.errors(), 0u) << report.text();
    auto of_copy = harness.options;
    of_copy.path = target;
    RecordingReport checked;
    EXPECT_TRUE(MmapTools(of_copy, {}).check({}, checked));
    EXPECT_EQ(checked.errors(), 0u) << checked.text();
    const auto bodies = read_all(harness.options, target);
    for (std::int64_t offset = 0; offset < promised; ++offset) {
      EXPECT_TRUE(bodies.contains("topic-0/0/" + std::to_string(offset))) << offset << " of " << promised;
    }
    for (const auto& message : stored) {
      const auto key = message.topic + "/" + std::to_string(message.queue) + "/" + std::to_string(message.queue_offset);
      EXPECT_EQ(bodies.count(key), 1u) << key;
    }
    // Closed in order by read_all(): now an offset behind its queue would be a warning.
    RecordingReport after;
    EXPECT_TRUE(MmapTools(of_copy, {}).check({}, after));
    EXPECT_TRUE(after.findings.empty()) << after.text();
  }
  stopping = true;
  writer.join();
  close();
}

}  // namespace
}  // namespace gantry::storage_mmap::tools
