// Concern: transactions survive the end of the broker at any moment, and stores that RocketMQ left or will take over.
// Method: runs of the plugin over one store in memory, cut off after a given number of stored messages; RocketMQ's part
// is played by records as it writes them, and by its rule of which half messages are open.

#include "tests/plugins/txn/rig.hpp"

#include <set>

namespace gantry::txn {
namespace {

using testing::FailingStore;
using testing::Sent;

constexpr std::int32_t success = 0;
constexpr std::int32_t illegal_operation = 604;

class TxnRecovery : public testing::Rig {
 public:
  /// The half offsets that RocketMQ would ask about if it took over now.
  std::set<std::int64_t> open_to_rocketmq() {
    const std::int64_t half = broker.find_offset(progress_group, half_topic, 0).value_or(0);
    const std::int64_t op = broker.find_offset(progress_group, op_topic, 0).value_or(0);
    std::set<std::int64_t> open;
    for (const auto& message : broker.stored(half_topic, 0)) {
      if (message.record.queue_offset >= half) open.insert(message.record.queue_offset);
    }
    for (const auto& message : broker.stored(op_topic, 0)) {
      if (message.record.queue_offset < op || message.property("TAGS") != "d") continue;
      std::string rest(message.body());
      for (std::size_t comma = rest.find(','); !rest.empty(); comma = rest.find(',')) {
        open.erase(parse_number(rest.substr(0, comma)).value_or(-1));
        rest = comma == std::string::npos ? std::string() : rest.substr(comma + 1);
      }
    }
    return open;
  }
  std::set<std::int64_t> open_to_us() {
    std::set<std::int64_t> open;
    for (const Transaction& each : txn->context().ledger.first_open(1'000)) open.insert(each.half_offset);
    return open;
  }

  /// A half message as RocketMQ stores it.
  Sent put_rocketmq_half(const std::string& id, std::int32_t checks = 0) {
    std::string properties = "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01" + id + "\x02__transactionId__\x01" +
                             id +
                             "\x02REAL_TOPIC\x01orders\x02REAL_QID\x01"
                             "1\x02";
    if (checks > 0) properties += "TRANSACTION_CHECK_TIMES\x01" + std::to_string(checks) + "\x02";
    const auto put = broker.put(half_topic, 0, "body of " + id, properties, host.now_ms);
    return {id, "pg", put.queue_offset, put.log_offset};
  }
  void put_rocketmq_op(const std::string& offsets) {
    broker.put(op_topic, 0, offsets,
               "TAGS\x01"
               "d\x02");
  }
};

TEST_F(TxnRecovery, open_transactions_are_asked_about_and_completed_by_the_next_run) {
  const auto first = prepare("K1");
  const auto second = prepare("K2");
  const auto third = prepare("K3");
  ASSERT_EQ(commit(*second), success);
  restart();
  EXPECT_EQ(open_count(), 2u);
  EXPECT_EQ(commit(*first), success);
  tick(6'000);
  const auto asked = questions();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].id, "K3");
  EXPECT_EQ(rollback(asked[0]), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(visible("K2"), 1u);
  EXPECT_EQ(visible("K3"), 0u);
}

TEST_F(TxnRecovery, an_end_at_any_moment_of_any_step_completes_every_transaction_once) {
  for (int appends = 0; appends <= 14; ++appends) {
    SCOPED_TRACE("cut after " + std::to_string(appends));
    const std::string n = std::to_string(appends);
    const auto commits = prepare("commits-" + n);
    const auto rolls_back = prepare("rolls-back-" + n);
    const auto late = prepare("late-" + n);
    ASSERT_TRUE(prepare("never-" + n));
    tick(1'000);
    store.appends_left = appends;
    commit(*commits);
    rollback(*rolls_back);
    tick(6'000);
    questions();
    commit(*late);
    tick(30'000);
    questions();
    restart();
    for (int i = 0; i < 20; ++i) {
      tick(30'000);
      for (const Sent& asked : questions()) {
        if (asked.id.starts_with("commits") || asked.id.starts_with("late")) commit(asked);
        if (asked.id.starts_with("rolls-back")) rollback(asked);
      }
    }
    EXPECT_EQ(visible("commits-" + n), 1u);
    EXPECT_EQ(visible("rolls-back-" + n), 0u);
    EXPECT_EQ(visible("late-" + n), 1u);
    EXPECT_EQ(visible("never-" + n), 0u);
    EXPECT_EQ(open_count(), 0u);
    EXPECT_EQ(open_to_rocketmq(), std::set<std::int64_t>{});
  }
}

TEST_F(TxnRecovery, a_message_without_its_op_record_is_found_before_anybody_is_asked) {
  const auto sent = prepare("K1");
  store.appends_left = 1;
  commit(*sent);
  ASSERT_EQ(visible("K1"), 1u);
  ASSERT_TRUE(broker.stored(op_topic, 0).empty());
  restart();
  store.has_index_gap = true;  // the index has to catch up first
  tick(6'000);
  EXPECT_TRUE(questions().empty());
  EXPECT_EQ(open_count(), 1u);
  store.has_index_gap = false;
  tick(6'000);
  EXPECT_TRUE(questions().empty());
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(broker.stored(op_topic, 0).size(), 1u);
}

TEST_F(TxnRecovery, a_message_without_its_op_record_is_not_committed_again_by_a_late_decision) {
  const auto sent = prepare("K1");
  store.appends_left = 1;
  commit(*sent);
  restart();
  EXPECT_EQ(rollback(*sent), illegal_operation);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(open_count(), 0u);
}

TEST_F(TxnRecovery, a_decision_that_cannot_be_judged_yet_is_put_off) {
  const auto sent = prepare("K1");
  restart();
  store.has_index_gap = true;
  EXPECT_EQ(commit(*sent), 2);
  EXPECT_EQ(visible("K1"), 0u);
  store.has_index_gap = false;
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(TxnRecovery, a_store_without_an_index_of_keys_asks_and_commits) {
  const auto sent = prepare("K1");
  const auto other = prepare("K2");
  store.has_query = false;
  restart();
  EXPECT_EQ(commit(*sent), success);
  tick(6'000);
  const auto asked = questions();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(commit(asked[0]), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(visible("K2"), 1u);
}

TEST_F(TxnRecovery, decisions_about_what_ended_in_earlier_runs_are_answered_from_the_store) {
  const auto committed = prepare("K1");
  const auto rolled_back = prepare("K2");
  ASSERT_EQ(commit(*committed), success);
  ASSERT_EQ(rollback(*rolled_back), success);
  for (int runs = 0; runs < 3; ++runs) {  // in the later ones their op records are not read any more
    EXPECT_EQ(commit(*committed), success);
    EXPECT_EQ(rollback(*committed), illegal_operation);
    EXPECT_EQ(rollback(*rolled_back), success);
    EXPECT_EQ(commit(*rolled_back), illegal_operation);
    tick(1'000);
    restart();
  }
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(visible("K2"), 0u);
  EXPECT_EQ(broker.stored(op_topic, 0).size(), 2u);
}

TEST_F(TxnRecovery, decisions_wait_until_the_last_run_is_read) {
  const auto sent = prepare("K1");
  txn.reset();
  start(false);
  EXPECT_EQ(commit(*sent), unanswered);
  const auto ticket = last_ticket();
  for (std::size_t i = 1; i < Decisions::waiting_max; ++i) ASSERT_EQ(rollback({"x", "pg", 0, 0}), unanswered);
  EXPECT_EQ(commit(*sent), 2);
  ASSERT_TRUE(txn->recover());
  EXPECT_EQ(answer_of(ticket), success);
  EXPECT_EQ(visible("K1"), 1u);
}

// ---- RocketMQ ----

TEST_F(TxnRecovery, what_rocketmq_left_open_is_checked_back_and_completed) {
  std::vector<Sent> sent;
  for (int i = 0; i < 8; ++i) sent.push_back(put_rocketmq_half("A" + std::to_string(i), i == 6 ? 14 : 0));
  put_rocketmq_op("0");     // RocketMQ 4
  put_rocketmq_op("2,3,");  // RocketMQ 5
  put_rocketmq_op("5,");
  put_rocketmq_op("junk,,7,99999999999999999999999,");
  broker.put(op_topic, 0, "1", "TAGS\x01x\x02");  // no op record
  restart();
  EXPECT_EQ(open_to_us(), (std::set<std::int64_t>{1, 4, 6}));
  EXPECT_EQ(open_to_us(), open_to_rocketmq());
  EXPECT_EQ(commit(sent[1]), success);
  EXPECT_EQ(commit(sent[2]), illegal_operation);
  EXPECT_EQ(rollback(sent[3]), success);
  tick(30'000);
  const auto asked = questions();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(commit(asked[0]), success);
  EXPECT_EQ(open_to_us(), open_to_rocketmq());
  tick(30'000);
  EXPECT_TRUE(questions().empty()) << "its 15th question was the last";
  EXPECT_EQ(visible("A1"), 1u);
  EXPECT_EQ(visible("A4"), 1u);
  EXPECT_EQ(broker.stored(discard_topic, 0).size(), 1u);
  EXPECT_EQ(open_to_rocketmq(), std::set<std::int64_t>{});
}

TEST_F(TxnRecovery, reading_begins_at_rocketmqs_offsets) {
  for (int i = 0; i < 4; ++i) put_rocketmq_half("A" + std::to_string(i));
  put_rocketmq_op("2,");
  txn.reset();
  ASSERT_TRUE(sdk::Broker(host.host().raw()).set_offset(progress_group, half_topic, 0, 2));
  start();
  EXPECT_EQ(open_to_us(), (std::set<std::int64_t>{3}));
}

TEST_F(TxnRecovery, an_offset_beyond_the_queue_is_not_believed) {
  put_rocketmq_half("A0");
  txn.reset();
  ASSERT_TRUE(sdk::Broker(host.host().raw()).set_offset(progress_group, half_topic, 0, 1'000));
  start();
  EXPECT_EQ(open_to_us(), (std::set<std::int64_t>{0}));
}

TEST_F(TxnRecovery, records_in_the_half_topic_that_are_none_are_passed_over) {
  broker.put(half_topic, 0, "no half message", "KEYS\x01k\x02");
  broker.put(half_topic, 0, "bad queue", "REAL_TOPIC\x01orders\x02REAL_QID\x01-7\x02");
  const auto sent = put_rocketmq_half("A0");
  restart();
  EXPECT_EQ(open_to_us(), (std::set<std::int64_t>{2}));
  EXPECT_EQ(commit(sent), success);
  tick(1'000);
  EXPECT_EQ(broker.find_offset(progress_group, half_topic, 0), 3);
}

// RocketMQ may have committed a transaction by a decision that quoted an earlier copy: its op record names that one.
TEST_F(TxnRecovery, the_newest_copy_of_what_rocketmq_committed_by_an_earlier_one_is_not_committed_again) {
  const auto first = put_rocketmq_half("A0");
  broker.put(topic, 1, "body of A0",
             "PGROUP\x01pg\x02UNIQ_KEY\x01"
             "A0\x02",
             host.now_ms, 8);
  put_rocketmq_half("A0", 1);
  put_rocketmq_op("0,");
  restart();
  tick(60'000);
  EXPECT_TRUE(questions().empty());
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(commit(first), success);
  EXPECT_EQ(visible("A0"), 1u);
}

TEST_F(TxnRecovery, rocketmq_sees_the_same_open_transactions_after_questions) {
  ASSERT_TRUE(prepare("K1", {{"CHECK_IMMUNITY_TIME_IN_SECONDS", "3600"}}));
  const auto second = prepare("K2");
  ASSERT_TRUE(prepare("K3"));
  for (int i = 0; i < 4; ++i) {
    tick(30'000);
    EXPECT_EQ(open_to_us(), open_to_rocketmq());
    EXPECT_EQ(open_to_us().size(), 3u);
  }
  ASSERT_EQ(commit(*second), success);
  tick(1'000);
  EXPECT_EQ(open_to_us(), open_to_rocketmq());
  restart();
  EXPECT_EQ(open_to_us(), open_to_rocketmq());
  EXPECT_EQ(open_to_us().size(), 2u);
}

TEST_F(TxnRecovery, progress_reaches_the_end_when_everything_is_decided) {
  for (int i = 0; i < 100; ++i) {
    const auto sent = prepare("K" + std::to_string(i));
    i % 2 == 0 ? commit(*sent) : rollback(*sent);
  }
  tick(1'000);
  EXPECT_EQ(broker.find_offset(progress_group, half_topic, 0), 100);
  EXPECT_EQ(broker.find_offset(progress_group, op_topic, 0), 100);
}

}  // namespace
}  // namespace gantry::txn
