#include "kernel/routing/persistence.hpp"

#include "kernel/base/log.hpp"
#include "kernel/env/clock.hpp"
#include "kernel/routing/testing/fake_store.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace gantry::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeStore;

/// A broker's tables over one store; made again, it is the broker after a restart.
struct Node {
  Node(FakeStore& store, const Clock& clock, PersistenceOptions options = {})
      : topics(TopicOptions{}, clock),
        groups(GroupOptions{}, clock),
        offsets(clock),
        persistence(store, topics, groups, offsets, clock, options) {}

  void add_topic(std::string name) {
    TopicRequest request;
    request.config.topic_name = std::move(name);
    ASSERT_TRUE(topics.put(request));
  }

  TopicTable topics;
  GroupTable groups;
  OffsetTable offsets;
  Persistence persistence;
};

struct PersistenceTest : ::testing::Test {
  void settle(Node& node) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(node.persistence.save_due());
      clock.advance(seconds(6));
    }
    ASSERT_TRUE(node.persistence.save_due());
    store.saves = 0;
  }

  FakeClock clock;
  FakeStore store;
};

// ---- damaged files ----

TEST_F(PersistenceTest, a_damaged_file_without_a_backup_stops_the_boot) {
  for (const std::string_view name : {Persistence::topics_blob, Persistence::groups_blob, Persistence::offsets_blob}) {
    for (const char* content : {"", "{\"dataVersion\":", "not json", "[1,2]"}) {
      FakeStore damaged;
      damaged.put(name, content);
      Node node(damaged, clock);
      const Status loaded = node.persistence.load();
      ASSERT_FALSE(loaded) << name << " " << content;
      EXPECT_EQ(loaded.error().code, Errc::corrupt);
      EXPECT_NE(loaded.error().text.find(std::string(name)), std::string::npos) << loaded.error().text;
      EXPECT_NE(loaded.error().text.find("delete it"), std::string::npos) << loaded.error().text;
    }
  }
}

TEST_F(PersistenceTest, a_damaged_file_is_replaced_by_its_backup) {
  {
    Node node(store, clock);
    node.add_topic("A");
    ASSERT_TRUE(node.persistence.save_all());
  }
  FakeStore::Blob& blob = store.blobs[std::string(Persistence::topics_blob)];
  blob.backup = blob.newest;
  blob.has_backup = true;
  blob.newest.resize(blob.newest.size() / 2);
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.load());
  EXPECT_TRUE(node.topics.find("A"));
  blob.backup.clear();
  Node again(store, clock);
  EXPECT_EQ(again.persistence.load().error().code, Errc::corrupt);
}

TEST_F(PersistenceTest, a_missing_file_with_a_backup_is_loaded_from_it) {
  FakeStore::Blob& blob = store.blobs[std::string(Persistence::topics_blob)];
  blob.has_backup = true;
  blob.backup = R"({"topicConfigTable":{"A":{"topicName":"A","readQueueNums":3}}})";
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.load());
  EXPECT_EQ(node.topics.find("A")->read_queues(), 3);
}

TEST_F(PersistenceTest, a_disk_that_does_not_answer_stops_the_boot) {
  store.load_error = Errc::io;
  Node node(store, clock);
  EXPECT_EQ(node.persistence.load().error().code, Errc::io);
}

TEST_F(PersistenceTest, an_empty_store_is_a_fresh_start) {
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.load());
  EXPECT_EQ(node.topics.size(), 13u);
}

TEST_F(PersistenceTest, a_fresh_start_writes_every_file_soon_and_once) {
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.load());
  ASSERT_TRUE(node.persistence.save_due());
  clock.advance(milliseconds(200));
  ASSERT_TRUE(node.persistence.save_due());
  for (const std::string_view name : {Persistence::topics_blob, Persistence::groups_blob, Persistence::offsets_blob}) {
    EXPECT_TRUE(store.blobs.contains(name)) << name;
  }
  clock.advance(seconds(60));
  ASSERT_TRUE(node.persistence.save_due());
  ASSERT_TRUE(node.persistence.save_all());
  EXPECT_EQ(store.saves, 3);
}

TEST_F(PersistenceTest, files_that_are_missing_beside_messages_are_named_and_others_are_not) {
  const auto warned = [this](std::string_view name) {
    const LogCapture capture;
    Node node(store, clock, {.folder = "/data/config"});
    EXPECT_TRUE(node.persistence.load());
    return capture.contains("persistence.file_missing") && capture.contains("/data/config/" + std::string(name));
  };
  for (const std::string_view name : {Persistence::topics_blob, Persistence::groups_blob, Persistence::offsets_blob}) {
    store.log_end = 0;
    EXPECT_FALSE(warned(name)) << "an empty store is new";
    store.log_end = 100;
    EXPECT_TRUE(warned(name));
  }
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.save_all());
  for (const std::string_view name : {Persistence::topics_blob, Persistence::groups_blob, Persistence::offsets_blob}) {
    EXPECT_FALSE(warned(name)) << "it is there, although nobody put anything into it";
  }
}

TEST_F(PersistenceTest, entries_that_make_no_sense_are_counted_in_one_line_that_names_the_file) {
  store.put(Persistence::topics_blob, R"({"topicConfigTable":{"A":{"topicName":"A","readQueueNums":-3}}})");
  store.put(Persistence::groups_blob, R"({"subscriptionGroupTable":{"g":{"groupName":"g","retryQueueNums":-1}}})");
  store.put(Persistence::offsets_blob, R"({"offsetTable":{"A@g":{0:-99999999999,1:-1,-2:5,2:7}}})");
  const LogCapture capture;
  Node node(store, clock, {.folder = "/data/config"});
  ASSERT_TRUE(node.persistence.load());
  for (const std::string_view name : {Persistence::topics_blob, Persistence::groups_blob, Persistence::offsets_blob}) {
    EXPECT_TRUE(capture.contains("/data/config/" + std::string(name))) << name;
  }
  EXPECT_TRUE(capture.contains("entries=3")) << "three offsets";
  EXPECT_EQ(node.offsets.queues_of("g", "A"), (OffsetTable::QueueOffsets{{2, 7}}));
}

TEST_F(PersistenceTest, errors_say_where_the_file_is_when_there_is_one) {
  store.put(Persistence::topics_blob, "garbage");
  Node with_files(store, clock, {.folder = "/data/config"});
  EXPECT_NE(with_files.persistence.load().error().text.find("loading /data/config/topics.json"), std::string::npos);
  store.failing_saves = 1;
  Node saving(store, clock, {.folder = "/data/config"});
  EXPECT_NE(saving.persistence.save_all().error().text.find("saving /data/config/topics.json"), std::string::npos);
  Node without(store, clock);
  EXPECT_NE(without.persistence.load().error().text.find("loading topics.json"), std::string::npos);
}

// ---- what Java wrote ----

TEST_F(PersistenceTest, reads_the_files_of_a_java_broker) {
  store.put(
      Persistence::topics_blob,
      "{\n\t\"dataVersion\":{\n\t\t\"counter\":12,\n\t\t\"stateVersion\":0,\n\t\t\"timestamp\":1700000000000\n\t},\n"
      "\t\"topicConfigTable\":{\n\t\t\"orders\":{\n\t\t\t\"attributes\":{\"+message.type\":\"FIFO\"},\n"
      "\t\t\t\"order\":true,\n\t\t\t\"perm\":6,\n\t\t\t\"readQueueNums\":5,\n\t\t\t\"topicFilterType\":"
      "\"SINGLE_TAG\",\n\t\t\t\"topicName\":\"orders\",\n\t\t\t\"topicSysFlag\":0,\n\t\t\t\"writeQueueNums\":4\n"
      "\t\t}\n\t}\n}");
  store.put(Persistence::groups_blob,
            "{\"dataVersion\":{\"counter\":1},\"forbiddenTable\":{\"g\":{\"orders\":4}},\"subscriptionGroupTable\":{"
            "\"g\":{\"groupName\":\"g\",\"retryMaxTimes\":3}}}");
  store.put(Persistence::offsets_blob,
            "{\"dataVersion\":{\"counter\":2},\"groupTopicMap\":{\"g\":[\"orders\"]},\"offsetTable\":{\"orders@g\":{"
            "0:5,1:7},\"%RETRY%g@g\":{\"0\":1}}}");
  Node node(store, clock);
  const Status loaded = node.persistence.load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(node.topics.find("orders")->read_queues(), 5);
  EXPECT_TRUE(node.topics.find("orders")->config().order);
  EXPECT_EQ(node.topics.data_version().counter, 12);
  EXPECT_EQ(node.groups.find("g")->config().retry_count_max, 3);
  EXPECT_FALSE(node.groups.find("g")->may_read("orders"));
  EXPECT_EQ(node.offsets.queues_of("g", "orders"), (OffsetTable::QueueOffsets{{0, 5}, {1, 7}}));
  EXPECT_EQ(node.offsets.find({"g", "%RETRY%g", 0}), 1);
}

TEST_F(PersistenceTest, writes_offsets_with_bare_queue_ids_as_java_does) {
  Node node(store, clock);
  node.offsets.set({"g", "T", 2}, 9);
  ASSERT_TRUE(node.persistence.save_all());
  const std::string& text = store.blobs[std::string(Persistence::offsets_blob)].newest;
  EXPECT_NE(text.find("\"T@g\":{"), std::string::npos) << text;
  EXPECT_NE(text.find("2:9"), std::string::npos) << text;
  EXPECT_EQ(text.find("\"2\""), std::string::npos) << text;
}

// ---- saving ----

TEST_F(PersistenceTest, everything_is_there_after_a_restart) {
  {
    Node node(store, clock);
    ASSERT_TRUE(node.persistence.load());
    node.add_topic("A");
    ASSERT_TRUE(node.groups.find_or_create("g"));
    ASSERT_TRUE(node.groups.set_readable("g", "A", false));
    node.offsets.set({"g", "A", 1}, 42);
    ASSERT_TRUE(node.persistence.save_all());
  }
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.load());
  EXPECT_TRUE(node.topics.find("A"));
  EXPECT_FALSE(node.groups.find("g")->may_read("A"));
  EXPECT_EQ(node.offsets.find({"g", "A", 1}), 42);
  store.saves = 0;
  settle(node);
  clock.advance(seconds(60));
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 0);
}

TEST_F(PersistenceTest, nothing_is_written_again_when_nothing_changed_since_the_load) {
  {
    Node node(store, clock);
    ASSERT_TRUE(node.persistence.save_all());
  }
  Node node(store, clock);
  ASSERT_TRUE(node.persistence.load());
  store.saves = 0;
  for (int i = 0; i < 10; ++i) {
    clock.advance(seconds(10));
    ASSERT_TRUE(node.persistence.save_due());
  }
  ASSERT_TRUE(node.persistence.save_all());
  EXPECT_EQ(store.saves, 0);
}

TEST_F(PersistenceTest, many_changes_are_one_save) {
  Node node(store, clock);
  settle(node);
  for (int i = 0; i < 10'000; ++i) {
    node.add_topic("topic-" + std::to_string(i));
    if (i % 1000 == 0) {
      ASSERT_TRUE(node.persistence.save_due());
    }
  }
  EXPECT_EQ(store.saves, 0);
  clock.advance(milliseconds(200));
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 1);
}

TEST_F(PersistenceTest, offsets_are_saved_every_interval_and_only_when_they_changed) {
  Node node(store, clock);
  settle(node);
  node.offsets.set({"g", "T", 0}, 1);
  ASSERT_TRUE(node.persistence.save_due());
  clock.advance(milliseconds(4'999));
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 0);
  clock.advance(milliseconds(1));
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 1);
  clock.advance(seconds(60));
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 1);
}

TEST_F(PersistenceTest, an_answer_waits_until_its_change_is_saved) {
  Node node(store, clock);
  settle(node);
  int woken = 0;
  node.persistence.on_work([&woken] { ++woken; });
  int answered = 0;
  for (int i = 0; i < 50; ++i) {
    node.add_topic("topic-" + std::to_string(i));
    node.persistence.when_saved([&](const Status& saved) {
      EXPECT_TRUE(saved);
      EXPECT_NE(store.blobs[std::string(Persistence::topics_blob)].newest.find("topic-49"), std::string::npos);
      ++answered;
    });
  }
  EXPECT_EQ(woken, 50);
  EXPECT_EQ(answered, 0);
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(answered, 50);
  EXPECT_EQ(store.saves, 1);
  node.persistence.when_saved([&answered](const Status&) { ++answered; });
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(answered, 51);
  EXPECT_EQ(store.saves, 1);
}

TEST_F(PersistenceTest, a_failed_save_is_reported_to_who_waits_and_tried_again) {
  Node node(store, clock);
  settle(node);
  node.add_topic("A");
  store.failing_saves = 1;
  Errc heard = Errc::ok;
  node.persistence.when_saved([&heard](const Status& saved) { heard = saved ? Errc::ok : saved.error().code; });
  const Status failed = node.persistence.save_due();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text.find("topics.json"), std::string::npos);
  EXPECT_EQ(heard, Errc::io);
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 1);
  clock.advance(seconds(1));
  ASSERT_TRUE(node.persistence.save_due());
  EXPECT_EQ(store.saves, 2);
  EXPECT_NE(store.blobs[std::string(Persistence::topics_blob)].newest.find("\"A\""), std::string::npos);
}

TEST_F(PersistenceTest, each_failing_save_is_survived) {
  for (int failing = 1; failing <= 3; ++failing) {
    FakeStore disk;
    Node node(disk, clock);
    node.add_topic("A");
    ASSERT_TRUE(node.groups.find_or_create("g"));
    node.offsets.set({"g", "A", 0}, 1);
    disk.failing_saves = failing;
    EXPECT_FALSE(node.persistence.save_all());
    EXPECT_TRUE(node.persistence.save_all());
    EXPECT_EQ(disk.blobs.size(), 3u);
    EXPECT_EQ(disk.saves, 3 + failing);
  }
}

TEST_F(PersistenceTest, waiters_are_bounded_and_refused_after_the_stop) {
  PersistenceOptions options;
  options.waiters_max = 1;
  Node node(store, clock, options);
  std::vector<Errc> heard;
  const auto listen = [&heard](const Status& saved) { heard.push_back(saved ? Errc::ok : saved.error().code); };
  node.persistence.when_saved(listen);
  node.persistence.when_saved(listen);
  EXPECT_EQ(heard, std::vector<Errc>{Errc::busy});
  ASSERT_TRUE(node.persistence.save_all());
  node.persistence.when_saved(listen);
  EXPECT_EQ(heard, (std::vector<Errc>{Errc::busy, Errc::ok, Errc::unavailable}));
}

}  // namespace
}  // namespace gantry::routing
