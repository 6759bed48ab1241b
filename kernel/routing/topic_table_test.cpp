#include "kernel/routing/topic_table.hpp"

#include "kernel/env/clock.hpp"
#include "kernel/routing/refusal.hpp"
#include "kernel/routing/testing/fake_store.hpp"
#include "kernel/routing/topic_attributes.hpp"
#include "protocol/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace gantry::routing {
namespace {

using Kind = TopicChange::Kind;

TopicRequest request(std::string name, std::int32_t queues = 4, std::string attributes = {}) {
  TopicRequest made;
  made.config.topic_name = std::move(name);
  made.config.read_queue_count = queues;
  made.config.write_queue_count = queues;
  made.attributes = std::move(attributes);
  return made;
}

class TopicTableTest : public ::testing::Test {
 protected:
  explicit TopicTableTest(TopicOptions options = {}) : table_(std::move(options), clock_) {
    table_.listen([this](const TopicChange& change) { changes_.push_back(change); });
  }
  Errc put_error(const TopicRequest& wanted) {
    const auto put = table_.put(wanted);
    return put ? Errc::ok : put.error().code;
  }

  FakeClock clock_;
  TopicTable table_;
  std::vector<TopicChange> changes_;
};

TEST_F(TopicTableTest, begins_with_the_system_topics) {
  const struct {
    const char* name;
    std::int32_t queues;
    std::int32_t perm;
  } expected[] = {{"TBW102", 8, 7},
                  {"DefaultCluster", 16, 7},
                  {"broker-a", 1, 7},
                  {"SELF_TEST_TOPIC", 1, 6},
                  {"OFFSET_MOVED_EVENT", 1, 6},
                  {"BenchmarkTest", 1024, 6},
                  {"SCHEDULE_TOPIC_XXXX", 18, 6},
                  {"DefaultCluster_REPLY_TOPIC", 1, 6},
                  {"rmq_sys_REVIVE_LOG_DefaultCluster", 8, 6},
                  {"rmq_sys_SYNC_BROKER_MEMBER_broker-a", 1, 1},
                  {"RMQ_SYS_TRANS_HALF_TOPIC", 1, 6},
                  {"RMQ_SYS_TRANS_OP_HALF_TOPIC", 1, 6},
                  {"rmq_sys_wheel_timer", 1, 6}};
  for (const auto& topic : expected) {
    const auto found = table_.find(topic.name);
    ASSERT_TRUE(found) << topic.name;
    EXPECT_EQ(found->read_queues(), topic.queues) << topic.name;
    EXPECT_EQ(found->write_queues(), topic.queues) << topic.name;
    EXPECT_EQ(found->config().perm, topic.perm) << topic.name;
    EXPECT_TRUE(found->traits().system) << topic.name;
  }
  EXPECT_EQ(table_.size(), std::size(expected));
}

TEST(TopicTableOptions, switches_decide_which_system_topics_exist) {
  FakeClock clock;
  TopicOptions options;
  options.auto_create_topics = false;
  options.cluster_topic = false;
  options.broker_topic = false;
  options.benchmark_topic_queues = 0;
  options.trace_topic = true;
  const TopicTable table(options, clock);
  EXPECT_FALSE(table.find("TBW102"));
  EXPECT_FALSE(table.find("BenchmarkTest"));
  EXPECT_TRUE(table.find("RMQ_SYS_TRACE_TOPIC"));
  EXPECT_EQ(table.find("DefaultCluster")->config().perm, 1);
  EXPECT_EQ(table.find("broker-a")->config().perm, 1);
}

// ---- refusals ----

TEST_F(TopicTableTest, refuses_names_counts_and_permissions_that_break_a_rule) {
  EXPECT_EQ(put_error(request("")), Errc::invalid_argument);
  EXPECT_EQ(put_error(request("../../etc/passwd")), Errc::invalid_argument);
  EXPECT_EQ(put_error(request(std::string(128, 'a'))), Errc::invalid_argument);
  EXPECT_EQ(put_error(request("T", 2'147'483'647)), Errc::invalid_argument);
  EXPECT_EQ(put_error(request("T", -1)), Errc::invalid_argument);
  TopicRequest wrong_perm = request("T");
  wrong_perm.config.perm = 8;
  EXPECT_EQ(put_error(wrong_perm), Errc::invalid_argument);
  EXPECT_EQ(put_error(request("T", 4, "+message.type=MIXED")), Errc::invalid_argument);
  EXPECT_FALSE(table_.find("T"));
  EXPECT_TRUE(changes_.empty());
}

TEST_F(TopicTableTest, refuses_to_touch_system_topics) {
  for (const char* name :
       {"TBW102", "BenchmarkTest", "rmq_sys_anything", "DefaultCluster", "broker-a", "DefaultCluster_REPLY_TOPIC"}) {
    EXPECT_EQ(put_error(request(name)), Errc::invalid_argument) << name;
    EXPECT_EQ(table_.remove(name).error().code, Errc::invalid_argument) << name;
  }
  EXPECT_EQ(table_.remove(" ").error().code, Errc::invalid_argument);
  EXPECT_EQ(table_.remove("nowhere").error().code, Errc::not_found);
}

TEST_F(TopicTableTest, errors_become_the_codes_that_clients_know) {
  EXPECT_EQ(topic_refusal(table_.put(request("a/b")).error()), protocol::ResponseCode::invalid_parameter);
  EXPECT_EQ(topic_refusal(table_.put(request("T", 4, "+x=y")).error()), protocol::ResponseCode::system_error);
  EXPECT_EQ(topic_refusal(table_.create_for_send({"T", "none", 4, false}).error()),
            protocol::ResponseCode::topic_not_exist);
  EXPECT_EQ(topic_refusal(Error{Errc::permission_denied, ""}), protocol::ResponseCode::no_permission);
  EXPECT_EQ(topic_refusal(Error{Errc::busy, ""}), protocol::ResponseCode::system_busy);
  EXPECT_EQ(group_refusal(Error{Errc::not_found, ""}), protocol::ResponseCode::subscription_group_not_exist);
}

class FullTopicTableTest : public TopicTableTest {
 protected:
  static TopicOptions options() {
    TopicOptions made;
    made.topics_max = 14;
    return made;
  }
  FullTopicTableTest() : TopicTableTest(options()) {}
};

TEST_F(FullTopicTableTest, refuses_what_goes_beyond_the_bound_but_not_changes) {
  ASSERT_TRUE(table_.put(request("A")));
  EXPECT_EQ(put_error(request("B")), Errc::full);
  EXPECT_EQ(table_.create_for_send({"B", "TBW102", 4, false}).error().code, Errc::full);
  EXPECT_EQ(table_.ensure_retry_topic("g", 1).error().code, Errc::full);
  const std::vector<TopicRequest> list{request("A", 5), request("B")};
  EXPECT_EQ(table_.put_all(list).error().code, Errc::full);
  EXPECT_EQ(table_.find("A")->read_queues(), 4);
  EXPECT_TRUE(table_.put(request("A", 8)));
  ASSERT_TRUE(table_.remove("A"));
  EXPECT_TRUE(table_.put(request("B")));
}

// ---- creating by sending ----

TEST_F(TopicTableTest, a_send_inherits_from_the_default_topic) {
  const auto topic = table_.create_for_send({"orders", "TBW102", 4, false});
  ASSERT_TRUE(topic);
  EXPECT_EQ((*topic)->read_queues(), 4);
  EXPECT_EQ((*topic)->write_queues(), 4);
  EXPECT_EQ((*topic)->config().perm, 6);
  ASSERT_EQ(changes_.size(), 1u);
  EXPECT_EQ(changes_[0].kind, Kind::created);
  EXPECT_EQ(changes_[0].topic, *topic);
}

TEST_F(TopicTableTest, a_send_gets_no_more_queues_than_the_default_topic_has_and_at_least_one) {
  EXPECT_EQ((*table_.create_for_send({"many", "TBW102", 100, false}))->write_queues(), 8);
  EXPECT_EQ((*table_.create_for_send({"none", "TBW102", 0, false}))->write_queues(), 1);
  EXPECT_EQ((*table_.create_for_send({"less", "TBW102", -7, false}))->write_queues(), 1);
}

TEST_F(TopicTableTest, a_send_needs_an_inheritable_default_topic) {
  EXPECT_EQ(table_.create_for_send({"T", "BenchmarkTest", 4, false}).error().code, Errc::not_found);
  EXPECT_EQ(table_.create_for_send({"T", "unknown", 4, false}).error().code, Errc::not_found);
  EXPECT_EQ(table_.create_for_send({"../T", "TBW102", 4, false}).error().code, Errc::invalid_argument);
  EXPECT_EQ(table_.create_for_send({"rmq_sys_new", "TBW102", 4, false}).error().code, Errc::permission_denied);
}

TEST_F(TopicTableTest, a_unit_sender_marks_the_topic) {
  EXPECT_EQ((*table_.create_for_send({"T", "TBW102", 4, true}))->config().topic_sys_flag, 1);
  EXPECT_EQ((*table_.create_for_send({"%RETRY%g", "TBW102", 4, true}))->config().topic_sys_flag, 2);
}

TEST_F(TopicTableTest, a_retry_topic_needs_no_default_topic) {
  const auto topic = table_.create_for_send({"%RETRY%group", "none", 4, false});
  ASSERT_TRUE(topic);
  EXPECT_EQ((*topic)->write_queues(), 1);
  EXPECT_TRUE((*topic)->traits().retry);
}

class ClosedTopicTableTest : public TopicTableTest {
 protected:
  static TopicOptions options() {
    TopicOptions made;
    made.auto_create_topics = false;
    return made;
  }
  ClosedTopicTableTest() : TopicTableTest(options()) {}
};

TEST_F(ClosedTopicTableTest, a_default_topic_from_the_disk_is_not_inherited_when_switched_off) {
  protocol::TopicConfigTable stored;
  stored.topics["TBW102"].topic_name = "TBW102";
  stored.topics["TBW102"].perm = 7;
  const Restored restored = table_.restore(stored);
  EXPECT_EQ(restored.count, 1u);
  EXPECT_EQ(restored.rejected, 0u) << "a setting of ours is no damage: " << restored.first;
  EXPECT_EQ(table_.find("TBW102")->config().perm, 6);
  EXPECT_EQ(table_.create_for_send({"T", "TBW102", 4, false}).error().code, Errc::not_found);
}

TEST_F(TopicTableTest, retry_topics_follow_the_groups_wishes) {
  const bool ordered = true;
  const bool unordered = false;
  EXPECT_EQ((*table_.ensure_retry_topic("g", 3))->read_queues(), 3);
  EXPECT_FALSE((*table_.ensure_retry_topic("g", 3, &unordered))->config().order);
  EXPECT_EQ(changes_.size(), 1u);
  EXPECT_TRUE((*table_.ensure_retry_topic("g", 3, &ordered))->config().order);
  EXPECT_EQ(changes_.size(), 2u);
  EXPECT_TRUE((*table_.ensure_retry_topic("g", 3))->config().order);
  EXPECT_FALSE((*table_.ensure_retry_topic("g", 3, &unordered))->config().order);
  EXPECT_EQ((*table_.ensure_dead_letter_topic("g"))->name(), "%DLQ%g");
  EXPECT_TRUE((*table_.ensure_dead_letter_topic("g"))->traits().dead_letter);
}

// ---- administration ----

TEST_F(TopicTableTest, an_equal_request_changes_nothing) {
  ASSERT_TRUE(table_.put(request("T", 4, "+message.type=FIFO")));
  const auto version = table_.data_version();
  const auto revision = table_.revision();
  ASSERT_TRUE(table_.put(request("T", 4)));
  ASSERT_TRUE(table_.put(request("T", 4, "+message.type=FIFO")));
  EXPECT_EQ(table_.data_version(), version);
  EXPECT_EQ(table_.revision(), revision);
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(TopicTableTest, every_change_advances_the_version) {
  const auto before = table_.data_version();
  clock_.advance(std::chrono::milliseconds(10));
  ASSERT_TRUE(table_.put(request("T")));
  const auto created = table_.data_version();
  EXPECT_EQ(created.counter, before.counter + 1);
  EXPECT_EQ(created.timestamp_ms, clock_.now_ms());
  ASSERT_TRUE(table_.put(request("T", 8)));
  ASSERT_TRUE(table_.remove("T"));
  EXPECT_EQ(table_.data_version().counter, before.counter + 3);
  ASSERT_EQ(changes_.size(), 3u);
  EXPECT_EQ(changes_[1].kind, Kind::updated);
  EXPECT_EQ(changes_[2].kind, Kind::deleted);
  EXPECT_EQ(changes_[2].topic->name(), "T");
}

TEST_F(TopicTableTest, a_list_applies_the_rest_when_one_element_is_unchanged) {
  ASSERT_TRUE(table_.put(request("A")));
  const std::vector<TopicRequest> list{request("A"), request("B"), request("C")};
  ASSERT_TRUE(table_.put_all(list));
  EXPECT_TRUE(table_.find("B"));
  EXPECT_TRUE(table_.find("C"));
}

TEST_F(TopicTableTest, a_bad_element_refuses_the_list) {
  const std::vector<TopicRequest> list{request("B"), request("bad/name")};
  EXPECT_EQ(table_.put_all(list).error().code, Errc::invalid_argument);
  const std::vector<TopicRequest> attributes{request("B"), request("C", 1, "+no=such")};
  EXPECT_EQ(table_.put_all(attributes).error().code, Errc::unsupported);
  EXPECT_FALSE(table_.find("B"));
}

TEST(TopicAttributes, are_added_changed_and_deleted) {
  AttributeMap attributes;
  ASSERT_TRUE(apply_attributes("+message.type=FIFO,+cleanup.policy=DELETE", true, attributes));
  EXPECT_EQ(attributes, (AttributeMap{{"cleanup.policy", "DELETE"}, {"message.type", "FIFO"}}));
  ASSERT_TRUE(apply_attributes("+message.type=DELAY", false, attributes));
  EXPECT_EQ(attributes["message.type"], "DELAY");
  ASSERT_TRUE(apply_attributes("-message.type", false, attributes));
  EXPECT_FALSE(attributes.contains("message.type"));
  EXPECT_TRUE(apply_attributes("", false, attributes));
}

TEST(TopicAttributes, that_break_a_rule_are_refused_and_change_nothing) {
  const AttributeMap before{{"queue.type", "SimpleCQ"}, {"message.type", "FIFO"}};
  for (const char* text :
       {"message.type=FIFO", "+message.type", "-message.type=FIFO", "+unknown=1", "+", "-", "+=", "+message.type=fifo",
        "+message.type=NORMAL,+message.type=FIFO", "-cleanup.policy", "-queue.type", "+queue.type=BatchCQ",
        "+cleanup.policy=COMPACTION", "+reserve.time=1", "++message.type=FIFO", "+message.type=NORMAL,+bad=1"}) {
    AttributeMap attributes = before;
    const Status applied = apply_attributes(text, false, attributes);
    ASSERT_FALSE(applied) << text;
    EXPECT_EQ(applied.error().code, Errc::unsupported) << text;
    EXPECT_EQ(attributes, before) << text;
  }
  AttributeMap created;
  EXPECT_FALSE(apply_attributes("-message.type", true, created));
  EXPECT_FALSE(apply_attributes(std::string(10'000, '+'), true, created));
}

TEST_F(TopicTableTest, an_update_without_attributes_keeps_them) {
  ASSERT_TRUE(table_.put(request("T", 4, "+message.type=FIFO")));
  ASSERT_TRUE(table_.put(request("T", 8)));
  EXPECT_EQ(table_.find("T")->config().attributes.at("message.type"), "FIFO");
}

// ---- queues ----

TEST_F(TopicTableTest, queue_states_keep_their_place_through_changes) {
  ASSERT_TRUE(table_.put(request("T", 4)));
  const auto before = table_.find("T");
  std::vector<QueueState*> states;
  for (std::int32_t id = 0; id < 4; ++id) states.push_back(before->queue(id));
  before->queue(2)->waiting_shards = 5;
  for (const std::int32_t queues : {1000, 2, 4096, 4}) ASSERT_TRUE(table_.put(request("T", queues)));
  const auto after = table_.find("T");
  for (std::int32_t id = 0; id < 4; ++id) EXPECT_EQ(after->queue(id), states[static_cast<std::size_t>(id)]);
  EXPECT_EQ(after->queue(2)->waiting_shards, 5u);
  EXPECT_EQ(after->life(), before->life());
}

TEST_F(TopicTableTest, every_queue_has_a_state_of_its_own) {
  ASSERT_TRUE(table_.put(request("T", 4096)));
  const auto topic = table_.find("T");
  std::set<QueueState*> states;
  for (std::int32_t id = 0; id < 4096; ++id) states.insert(topic->queue(id));
  EXPECT_EQ(states.size(), 4096u);
  EXPECT_EQ(topic->queue(4096), nullptr);
  EXPECT_EQ(topic->queue(-1), nullptr);
}

TEST_F(TopicTableTest, a_topic_that_is_created_anew_begins_a_new_life) {
  ASSERT_TRUE(table_.put(request("T")));
  const auto first = table_.find("T");
  ASSERT_TRUE(table_.remove("T"));
  ASSERT_TRUE(table_.put(request("T")));
  EXPECT_NE(table_.find("T")->life(), first->life());
  EXPECT_NE(table_.find("T")->queue(0), first->queue(0));
}

TEST_F(TopicTableTest, a_queue_is_opened_once) {
  testing::FakeStore store;
  ASSERT_TRUE(table_.put(request("T", 2)));
  const auto topic = table_.find("T");
  gantry_queue* const first = *topic->open(store, 1);
  ASSERT_TRUE(table_.put(request("T", 8)));
  EXPECT_EQ(*table_.find("T")->open(store, 1), first);
  EXPECT_EQ(store.opened, 1);
  EXPECT_NE(*topic->open(store, 0), first);
}

TEST_F(TopicTableTest, senders_without_a_wish_get_each_write_queue_in_turn) {
  TopicRequest wanted = request("T");
  wanted.config.read_queue_count = 8;
  wanted.config.write_queue_count = 3;
  ASSERT_TRUE(table_.put(wanted));
  const auto topic = table_.find("T");
  std::vector<int> counts(3);
  for (int i = 0; i < 300; ++i) ++counts[static_cast<std::size_t>(topic->choose_write_queue())];
  EXPECT_EQ(counts, (std::vector<int>{100, 100, 100}));
  EXPECT_EQ(topic->queue_count(), 8);
}

// ---- readers ----

TEST_F(TopicTableTest, what_a_reader_found_lives_until_its_turn_ends) {
  TopicTable::Reader reader = table_.reader();
  ASSERT_TRUE(table_.put(request("T", 4)));
  const Topic* const found = reader.find("T");
  ASSERT_NE(found, nullptr);
  ASSERT_TRUE(table_.put(request("T", 8)));
  EXPECT_EQ(reader.find("T")->read_queues(), 8);
  EXPECT_EQ(found->read_queues(), 4);
  reader.turn();
  ASSERT_TRUE(table_.remove("T"));
  EXPECT_EQ(reader.find("T"), nullptr);
}

TEST_F(TopicTableTest, shards_may_create_the_same_topics_at_once) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      TopicTable::Reader reader = table_.reader();
      for (int i = 0; i < 500; ++i) {
        const std::string name = "topic-" + std::to_string(i % 100);
        if (reader.find(name) == nullptr) {
          EXPECT_TRUE(table_.create_for_send({name, "TBW102", 4, false}));
        }
        EXPECT_NE(reader.find(name), nullptr);
        reader.turn();
      }
    });
  }
  std::size_t before = 13;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table_.size(), before + 100);
  EXPECT_EQ(table_.data_version().counter, 100);
}

// ---- restoring ----

TEST_F(TopicTableTest, restoring_overrides_system_topics_and_takes_the_version) {
  protocol::TopicConfigTable stored;
  stored.data_version = {3, 1234, 56};
  stored.topics["TBW102"].read_queue_count = 2;
  stored.topics["TBW102"].write_queue_count = 2;
  stored.topics["TBW102"].perm = 7;
  stored.topics["mine"].read_queue_count = 5;
  const Restored restored = table_.restore(stored);
  EXPECT_EQ(restored.count, 2u);
  EXPECT_EQ(restored.rejected, 0u) << restored.first;
  EXPECT_EQ(table_.find("TBW102")->write_queues(), 2);
  EXPECT_EQ(table_.find("mine")->read_queues(), 5);
  EXPECT_EQ(table_.find("mine")->name(), "mine");
  EXPECT_EQ(table_.data_version(), stored.data_version);
}

TEST_F(TopicTableTest, restoring_many_topics_finds_each_of_them_and_keeps_the_queues_of_those_there_were) {
  const std::size_t before = table_.size();
  const auto kept = table_.find("TBW102")->queues();
  protocol::TopicConfigTable stored;
  stored.topics["TBW102"].read_queue_count = 3;
  // Several in each stripe of the table.
  constexpr std::int32_t count = 10'000;
  for (std::int32_t i = 0; i < count; ++i) stored.topics["t" + std::to_string(i)].read_queue_count = 1 + i % 7;
  EXPECT_EQ(table_.restore(stored).count, static_cast<std::size_t>(count) + 1);
  EXPECT_EQ(table_.size(), before + count);
  auto reader = table_.reader();
  for (std::int32_t i = 0; i < count; ++i) {
    const Topic* topic = reader.find("t" + std::to_string(i));
    ASSERT_NE(topic, nullptr) << i;
    ASSERT_EQ(topic->read_queues(), 1 + i % 7);
  }
  EXPECT_EQ(table_.find("TBW102")->read_queues(), 3);
  EXPECT_EQ(table_.find("TBW102")->queues(), kept);
  EXPECT_EQ(table_.find("SELF_TEST_TOPIC")->read_queues(), 1);
  const auto image = table_.image().topics;
  EXPECT_EQ(image.size(), before + count);
  EXPECT_TRUE(
      std::is_sorted(image.begin(), image.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); }));
}

TEST_F(TopicTableTest, restoring_survives_hostile_entries) {
  protocol::TopicConfigTable stored;
  stored.topics["../x"].read_queue_count = 1;
  stored.topics["huge"].read_queue_count = 2'147'483'647;
  stored.topics["huge"].write_queue_count = -5;
  stored.topics["huge"].perm = 255;
  const Restored restored = table_.restore(stored);
  EXPECT_EQ(restored.count, 1u);
  EXPECT_EQ(restored.rejected, 2u);
  EXPECT_NE(restored.first.find("../x"), std::string::npos) << restored.first;
  EXPECT_FALSE(table_.find("../x"));
  EXPECT_EQ(table_.find("huge")->read_queues(), TopicQueues::count_max);
  EXPECT_EQ(table_.find("huge")->write_queues(), 0);
  EXPECT_EQ(table_.find("huge")->config().perm, 7);
}

TEST_F(TopicTableTest, restoring_says_what_it_clamped) {
  for (const auto change : {+[](protocol::TopicConfig& config) { config.read_queue_count = -5; },
                            +[](protocol::TopicConfig& config) { config.write_queue_count = 2'147'483'647; },
                            +[](protocol::TopicConfig& config) { config.perm = -1; }}) {
    protocol::TopicConfigTable stored;
    change(stored.topics["T"]);
    const Restored restored = table_.restore(stored);
    EXPECT_EQ(restored.rejected, 1u);
    EXPECT_NE(restored.first.find("\"T\""), std::string::npos) << restored.first;
    EXPECT_NE(restored.first.find("expected"), std::string::npos) << restored.first;
  }
}

}  // namespace
}  // namespace gantry::routing
