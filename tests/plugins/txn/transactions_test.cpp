// Concern: what producers, consumers and operators see of transactions while the broker runs.
// Method: the whole plugin over a store in memory and a clock that the test turns; the test plays the producers.

#include "tests/plugins/txn/rig.hpp"

namespace gantry::txn {
namespace {

using testing::FailingStore;
using testing::Sent;

constexpr std::int32_t success = 0;
constexpr std::int32_t illegal_operation = 604;

class Txn : public testing::Rig {};

// ---- prepare ----

TEST_F(Txn, a_half_message_goes_to_the_half_topic_and_remembers_where_it_was_to_go) {
  const auto sent = prepare("K1");
  ASSERT_TRUE(sent);
  const auto halves = broker.stored(half_topic, 0);
  ASSERT_EQ(halves.size(), 1u);
  EXPECT_EQ(halves[0].property("REAL_TOPIC"), "orders");
  EXPECT_EQ(halves[0].property("REAL_QID"), "2");
  EXPECT_EQ(halves[0].property("__transactionId__"), "K1");
  EXPECT_EQ(halves[0].property("TRAN_MSG"), "true");
  EXPECT_EQ(halves[0].property("TAGS"), "red");
  EXPECT_EQ(halves[0].record.sys_flag & 0xC, 0);
  EXPECT_EQ(visible("K1"), 0u);
}

TEST_F(Txn, a_delayed_half_message_is_refused_and_told_why) {
  for (const char* name : {"DELAY", "TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS"}) {
    EXPECT_FALSE(prepare("K1", {{name, "3"}})) << name;
    EXPECT_EQ(refused_code, 13);
    EXPECT_NE(refused_because.find(name), std::string::npos) << refused_because;
  }
  EXPECT_TRUE(prepare("K2", {{"DELAY", "0"}}));

  // Another plugin has put it aside already.
  sdk::testing::TestMessage parked{"SCHEDULE_TOPIC_XXXX"};
  parked.with_property("TRAN_MSG", "true").with_property("PGROUP", "pg");
  ASSERT_TRUE(parked.view().take(GANTRY_TAKEN_DELAY));
  ASSERT_TRUE(parked.pass(*txn));
  EXPECT_TRUE(parked.is_rejected());
}

TEST_F(Txn, reject_forbids_new_transactions_and_completes_those_under_way) {
  const auto sent = prepare("K1");
  reject = true;
  configure();
  EXPECT_FALSE(prepare("K2"));
  EXPECT_EQ(refused_code, 16);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, beyond_open_max_half_messages_are_refused_as_busy_until_one_ends) {
  open_max = 2;
  configure();
  const auto first = prepare("K1");
  ASSERT_TRUE(prepare("K2"));
  EXPECT_FALSE(prepare("K3"));
  EXPECT_EQ(refused_code, 2);
  tick(100);
  EXPECT_FALSE(prepare("K3"));
  ASSERT_EQ(commit(*first), success);
  EXPECT_TRUE(prepare("K3"));
}

TEST_F(Txn, half_messages_whose_copies_would_not_fit_are_refused) {
  EXPECT_FALSE(prepare("K1", {{"big", std::string(32'400, 'x')}}));
  EXPECT_EQ(refused_code, 13);
  EXPECT_TRUE(prepare("K1", {{"big", std::string(31'000, 'x')}}));
}

TEST_F(Txn, the_group_of_the_request_stands_in_for_a_missing_property_and_none_is_refused) {
  sdk::testing::TestMessage message{"orders"};
  message.with_property("TRAN_MSG", "true");
  ASSERT_TRUE(message.pass(*txn));
  EXPECT_TRUE(message.is_rejected());
  sdk::testing::TestMessage named{"orders"};
  named.with_property("TRAN_MSG", "TRUE");
  named.view().raw().producer_group = sdk::detail::to_bytes("from-request");
  ASSERT_TRUE(named.pass(*txn));
  EXPECT_EQ(named.view().property("PGROUP"), "from-request");
}

TEST_F(Txn, other_messages_and_retries_of_committed_ones_are_left_alone) {
  sdk::testing::TestMessage plain{"orders"};
  plain.with_property("note", "TRAN_MSG").with_property("TRAN_MSG", "false");
  ASSERT_TRUE(plain.pass(*txn));
  EXPECT_EQ(plain.view().topic(), "orders");
  EXPECT_FALSE(plain.view().is_taken(GANTRY_TAKEN_TRANSACTION));

  sdk::testing::TestMessage retry{"%RETRY%g"};
  retry.with_property("TRAN_MSG", "true").with_property("DELAY", "3");
  retry.view().raw().reconsume_count = 1;
  ASSERT_TRUE(retry.pass(*txn));
  EXPECT_EQ(retry.view().topic(), "%RETRY%g");
  EXPECT_TRUE(retry.view().is_taken(GANTRY_TAKEN_TRANSACTION));
}

// ---- decisions ----

TEST_F(Txn, commit_makes_the_message_visible_as_rocketmq_stores_it) {
  const auto sent = prepare("K1", {{"KEYS", "order-7"}});
  EXPECT_EQ(commit(*sent), success);
  const auto messages = broker.stored(topic, 2);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].body(), "body of K1");
  EXPECT_EQ(messages[0].record.sys_flag & 0xC, 8);
  EXPECT_EQ(messages[0].record.prepared_offset, sent->log_offset);
  EXPECT_EQ(messages[0].property("UNIQ_KEY"), "K1");
  EXPECT_EQ(messages[0].property("TRAN_MSG"), "true");
  EXPECT_EQ(messages[0].property("REAL_TOPIC"), "orders");
  EXPECT_EQ(messages[0].property("KEYS"), "order-7");
  const auto ops = broker.stored(op_topic, 0);
  ASSERT_EQ(ops.size(), 1u);
  EXPECT_EQ(ops[0].body(), "0");
  EXPECT_EQ(ops[0].property("TAGS"), "d");
}

TEST_F(Txn, rollback_never_makes_it_visible) {
  const auto sent = prepare("K1");
  EXPECT_EQ(rollback(*sent), success);
  for (int i = 0; i < 40; ++i) tick(30'000);
  EXPECT_EQ(visible("K1"), 0u);
  EXPECT_TRUE(questions().empty());
  EXPECT_EQ(broker.stored(op_topic, 0).size(), 1u);
}

TEST_F(Txn, a_decision_may_come_again_in_any_order_and_counts_once) {
  const auto first = prepare("K1");
  const auto second = prepare("K2");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(commit(*first), success);
    EXPECT_EQ(rollback(*second), success);
    EXPECT_EQ(end(*first, 0), success);
    tick(1'000);
  }
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(visible("K2"), 0u);
  EXPECT_EQ(broker.stored(op_topic, 0).size(), 2u);
}

TEST_F(Txn, a_contradiction_is_refused_and_says_what_holds) {
  const auto first = prepare("K1");
  const auto second = prepare("K2");
  ASSERT_EQ(commit(*first), success);
  ASSERT_EQ(rollback(*second), success);
  EXPECT_EQ(rollback(*first), illegal_operation);
  EXPECT_NE(remark.find("committed already"), std::string::npos) << remark;
  EXPECT_EQ(commit(*second), illegal_operation);
  EXPECT_NE(remark.find("rolled back already"), std::string::npos) << remark;
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(visible("K2"), 0u);
}

TEST_F(Txn, what_is_not_in_memory_is_read_elsewhere) {
  const auto sent = prepare("K1");
  store.is_cold = true;
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, foreign_and_absurd_decisions_are_refused) {
  const auto sent = prepare("K1");
  broker.put(topic, 0, "an ordinary message", "");
  const auto ordinary = broker.stored(topic, 0)[0].record.log_offset;

  EXPECT_EQ(commit({"K1", "other-group", sent->half_offset, sent->log_offset}), 1);
  EXPECT_NE(remark.find("expected pg"), std::string::npos) << remark;
  EXPECT_EQ(commit({"K1", "pg", sent->half_offset + 1, sent->log_offset}), 1);
  EXPECT_EQ(commit({"", "pg", 0, ordinary}), 1);
  EXPECT_NE(remark.find("of topic orders"), std::string::npos) << remark;
  EXPECT_EQ(commit({"", "pg", 0, sent->log_offset + 3}), 1);
  EXPECT_EQ(commit({"", "pg", -1, -1}), 1);
  EXPECT_EQ(commit({"", "pg", 0, INT64_MAX}), 1);
  EXPECT_EQ(request(37, {{"producerGroup", "pg"}, {"commitOrRollback", "8"}}), 1);
  EXPECT_NE(remark.find("tranStateTableOffset"), std::string::npos) << remark;
  EXPECT_EQ(request(37, {{"tranStateTableOffset", "99999999999999999999"}, {"commitLogOffset", "0"}}), 1);
  EXPECT_NE(remark.find("99999999999999999999"), std::string::npos) << remark;
  EXPECT_EQ(visible("K1"), 0u);
  EXPECT_EQ(commit(*sent), success);
}

TEST_F(Txn, a_half_message_that_was_sent_twice_is_one_transaction) {
  const auto lost_answer = prepare("K1");
  const auto retried = prepare("K1");
  tick(1'000);
  EXPECT_EQ(open_count(), 1u);
  EXPECT_EQ(commit(*retried), success);
  EXPECT_EQ(commit(*lost_answer), success);
  for (int i = 0; i < 20; ++i) tick(30'000);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_TRUE(questions().empty());
}

TEST_F(Txn, a_second_copy_that_is_found_after_the_commit_is_closed) {
  const auto first = prepare("K1");
  ASSERT_EQ(commit(*first), success);
  const auto again = prepare("K1");
  tick(1'000);
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(commit(*again), success);
  EXPECT_EQ(visible("K1"), 1u);
  restart();
  EXPECT_EQ(open_count(), 0u);
}

TEST_F(Txn, groups_do_not_share_transactions_even_with_equal_keys) {
  const auto ours = prepare("K1");
  const auto theirs = prepare("K1", {}, "other");
  tick(1'000);
  EXPECT_EQ(open_count(), 2u);
  EXPECT_EQ(commit(*ours), success);
  EXPECT_EQ(rollback(*theirs), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, messages_without_a_key_are_told_apart_by_their_first_offset) {
  const auto first = prepare("");
  const auto second = prepare("");
  tick(6'000);
  EXPECT_EQ(open_count(), 2u);
  EXPECT_EQ(broker.take_asked().size(), 2u);
  EXPECT_EQ(commit(*first), success);  // quotes the copy from before the question
  EXPECT_EQ(rollback(*second), success);
  EXPECT_EQ(open_count(), 0u);
  tick(60'000);
  EXPECT_TRUE(broker.take_asked().empty());
  EXPECT_EQ(broker.stored(topic, 2).size(), 1u);
}

// ---- what cannot be stored ----

TEST_F(Txn, a_commit_that_cannot_be_stored_fails_and_may_be_repeated) {
  const auto sent = prepare("K1");
  broker.refuse_publish = [] { return Status(Error{Errc::busy, "too many"}); };
  EXPECT_EQ(commit(*sent), 2);
  broker.refuse_publish = {};
  store.appends_left = 0;
  EXPECT_EQ(commit(*sent), 2);
  EXPECT_EQ(rollback(*sent), 2);
  store.appends_left = FailingStore::unlimited;
  EXPECT_EQ(open_count(), 1u);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, a_topic_that_is_gone_fails_the_commit_by_name) {
  const auto sent = prepare("K1");
  broker.remove_topic(topic);
  EXPECT_EQ(commit(*sent), 17);
  EXPECT_NE(remark.find("[orders]"), std::string::npos) << remark;
  broker.add_topic(topic, 4);
  EXPECT_EQ(commit(*sent), success);
}

TEST_F(Txn, a_queue_that_is_gone_is_replaced) {
  const auto sent = prepare("K1");
  broker.remove_topic(topic);
  broker.add_topic(topic, 1);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, an_op_record_that_was_refused_is_stored_later) {
  const auto sent = prepare("K1");
  store.refused_topic = op_topic;
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(rollback(*sent), illegal_operation);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(open_count(), 1u);
  tick(2'000);
  EXPECT_EQ(open_count(), 1u);
  store.refused_topic.clear();
  tick(2'000);
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(broker.stored(op_topic, 0).size(), 1u);
  EXPECT_EQ(visible("K1"), 1u);
}

// ---- questions ----

TEST_F(Txn, an_undecided_producer_is_asked_after_the_timeout_then_every_interval) {
  const auto sent = prepare("K1");
  tick(5'999);
  EXPECT_TRUE(questions().empty());
  tick(1);
  ASSERT_EQ(questions().size(), 1u);
  tick(29'999);
  EXPECT_TRUE(questions().empty());
  tick(1);
  const auto asked = questions();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].id, "K1");
  EXPECT_EQ(end(asked[0], 0, true), success);
  tick(30'000);
  const auto again = questions();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(end(again[0], 8, true), success);
  EXPECT_EQ(visible("K1"), 1u);
  tick(600'000);
  EXPECT_TRUE(questions().empty());
}

TEST_F(Txn, a_question_is_what_clients_expect) {
  const auto sent = prepare("K1", {{"KEYS", "order-7"}});
  tick(6'000);
  const auto asked = broker.take_asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].group, "pg");
  EXPECT_EQ(asked[0].code, 39);
  EXPECT_EQ(asked[0].fields.at("msgId"), "K1");
  EXPECT_EQ(asked[0].fields.at("transactionId"), "K1");
  EXPECT_EQ(asked[0].fields.at("tranStateTableOffset"), "1");
  EXPECT_EQ(asked[0].fields.at("bname"), "broker-a");
  const auto record = sdk::read_record(asked[0].body);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->topic, "orders");
  EXPECT_EQ(record->queue_id, 2);
  EXPECT_EQ(record->body, "body of K1");
  EXPECT_EQ(record->queue_offset, 1);
  EXPECT_EQ(std::to_string(record->log_offset), asked[0].fields.at("commitLogOffset"));
  EXPECT_EQ(sdk::find_property(record->properties, "KEYS"), "order-7");
  EXPECT_EQ(sdk::find_property(record->properties, "PGROUP"), "pg");
  EXPECT_EQ(sdk::find_property(record->properties, "TRANSACTION_CHECK_TIMES"), "1");
  EXPECT_EQ(record->born_ms, sent ? host.now_ms - 6'000 : 0);
}

TEST_F(Txn, a_late_decision_that_quotes_an_earlier_copy_closes_the_newest) {
  const auto sent = prepare("K1");
  tick(6'000);
  tick(30'000);
  tick(30'000);
  ASSERT_EQ(questions().size(), 3u);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(open_count(), 0u);
  tick(30'000);
  EXPECT_TRUE(questions().empty());
  restart();
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, a_decision_whose_quoted_copy_is_gone_finds_the_newest_by_its_key) {
  const auto sent = prepare("K1");
  tick(6'000);
  store.gone.insert(sent->log_offset);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(open_count(), 0u);
}

TEST_F(Txn, a_producer_that_never_answers_is_asked_check_max_times_and_then_given_up) {
  const auto sent = prepare("K1");
  std::size_t asked = 0;
  for (int i = 0; i < 40; ++i) {
    tick(10'000 + i * 1'000);
    asked += questions().size();
  }
  EXPECT_EQ(asked, 15u);
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(visible("K1"), 0u);
  const auto discarded = broker.stored(discard_topic, 0);
  ASSERT_EQ(discarded.size(), 1u);
  EXPECT_EQ(discarded[0].body(), "body of K1");
  EXPECT_EQ(discarded[0].property("REAL_TOPIC"), "orders");
  ASSERT_TRUE(discarded[0].property("GANTRY_TXN_DISCARD"));
  EXPECT_NE(discarded[0].property("GANTRY_TXN_DISCARD")->find("15 times"), std::string_view::npos);
  const auto logged = std::find_if(host.log_lines.begin(), host.log_lines.end(),
                                   [](const auto& line) { return line.starts_with("txn.discarded "); });
  ASSERT_NE(logged, host.log_lines.end());
  EXPECT_NE(logged->find("K1"), std::string::npos);
  EXPECT_EQ(commit(*sent), illegal_operation);
  EXPECT_NE(remark.find("discarded"), std::string::npos);
  EXPECT_EQ(rollback(*sent), success);
}

TEST_F(Txn, questions_count_when_nobody_is_there_to_answer) {
  broker.producers.clear();
  ASSERT_TRUE(prepare("K1"));
  for (int i = 0; i < 17; ++i) tick(30'000);
  EXPECT_EQ(host.metrics["unasked"], 15);
  EXPECT_EQ(broker.stored(discard_topic, 0).size(), 1u);
}

TEST_F(Txn, immunity_puts_the_first_question_off) {
  ASSERT_TRUE(prepare("K1", {{"CHECK_IMMUNITY_TIME_IN_SECONDS", "60"}}));
  ASSERT_TRUE(prepare("K2", {{"CHECK_IMMUNITY_TIME_IN_SECONDS", "soon"}}));
  ASSERT_TRUE(prepare("K3", {{"CHECK_IMMUNITY_TIME_IN_SECONDS", "1"}}));
  std::map<std::string, std::int64_t> first_asked;
  for (std::int64_t ms = 0; ms < 100'000; ms += 500) {
    tick(500);
    for (const Sent& asked : questions()) first_asked.emplace(asked.id, ms + 500);
  }
  EXPECT_EQ(first_asked["K1"], 60'000);
  EXPECT_EQ(first_asked["K2"], 6'000);
  EXPECT_EQ(first_asked["K3"], 1'000);
}

TEST_F(Txn, a_long_immunity_does_not_keep_the_queue_from_moving) {
  const auto sent = prepare("K1", {{"CHECK_IMMUNITY_TIME_IN_SECONDS", "86400"}});
  const auto other = prepare("K2");
  ASSERT_EQ(commit(*other), success);
  for (int i = 0; i < 13; ++i) tick(300'000);
  EXPECT_TRUE(questions().empty());
  EXPECT_EQ(half_count(), 3);
  EXPECT_EQ(broker.find_offset(progress_group, half_topic, 0), 2);
  restart();
  EXPECT_EQ(open_count(), 1u);
  tick(86'400'000 - 13 * 300'000 - 1);
  EXPECT_TRUE(questions().empty());
  tick(1);
  EXPECT_EQ(questions().size(), 1u);
  EXPECT_EQ(commit(*sent), success);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, clocks_of_producers_that_are_wrong_do_not_matter) {
  host.now_ms += 1'000'000;
  sdk::testing::TestMessage message{"orders"};
  message.with_property("TRAN_MSG", "true").with_property("PGROUP", "pg").with_property("UNIQ_KEY", "K1");
  ASSERT_TRUE(message.pass(*txn));
  for (const std::int64_t born : {host.now_ms - 900'000, host.now_ms + 900'000}) {
    broker.put(message.view().topic(), 0, "b", message.view().properties(), born);
    tick(5'999);
    EXPECT_TRUE(questions().empty()) << born;
    tick(1);
    ASSERT_EQ(questions().size(), 1u) << born;
    for (int i = 0; i < 20; ++i) tick(30'000);
    questions();
  }
}

TEST_F(Txn, a_copy_that_cannot_be_stored_is_tried_again_without_counting) {
  ASSERT_TRUE(prepare("K1"));
  store.appends_left = 0;
  tick(6'000);
  EXPECT_TRUE(questions().empty());
  EXPECT_EQ(open_count(), 1u);
  store.appends_left = FailingStore::unlimited;
  tick(1'000);
  ASSERT_EQ(questions().size(), 1u);
  EXPECT_EQ(broker.stored(half_topic, 0)[1].property("TRANSACTION_CHECK_TIMES"), "1");
}

TEST_F(Txn, a_half_message_that_is_gone_is_given_up_loudly) {
  const auto sent = prepare("K1");
  tick(1'000);
  store.gone.insert(sent->log_offset);
  tick(6'000);
  EXPECT_EQ(open_count(), 0u);
  EXPECT_TRUE(std::any_of(host.log_lines.begin(), host.log_lines.end(),
                          [](const auto& line) { return line.starts_with("txn.half_gone "); }));
}

TEST_F(Txn, a_pass_asks_about_a_bounded_number) {
  const std::size_t many = Checker::due_max + 10;
  for (std::size_t i = 0; i < many; ++i) ASSERT_TRUE(prepare("K" + std::to_string(i)));
  tick(6'000);
  EXPECT_EQ(questions().size(), Checker::due_max);
  tick(1);
  EXPECT_EQ(questions().size(), 10u);
}

// ---- operators ----

TEST_F(Txn, a_discarded_transaction_can_be_resumed_and_completed_once) {
  check_max = 1;
  configure();
  ASSERT_TRUE(prepare("K1"));
  tick(6'000);
  ASSERT_EQ(questions().size(), 1u);
  tick(30'000);
  EXPECT_EQ(open_count(), 0u);
  EXPECT_EQ(request(30021, {{"state", "discarded"}}), success);
  const std::string mark = "\"message_id\":\"";
  const auto at = body.find(mark);
  ASSERT_NE(at, std::string::npos) << body;
  const std::string id = body.substr(at + mark.size(), 32);

  EXPECT_EQ(request(323, {{"topic", "orders"}, {"msgId", "nonsense"}}), 1);
  EXPECT_EQ(request(323, {{"topic", "orders"}, {"msgId", std::string(16, '0') + "7FFFFFFFFFFFFFFF"}}), 1);
  EXPECT_EQ(request(323, {{"topic", "orders"}, {"msgId", id}}), success) << remark;
  tick(100);
  EXPECT_EQ(open_count(), 1u);
  EXPECT_EQ(request(323, {{"topic", "orders"}, {"msgId", id}}), illegal_operation);
  const auto asked = questions();
  ASSERT_EQ(asked.size(), 1u) << "it is asked about at once";
  restart();
  EXPECT_EQ(open_count(), 1u);
  EXPECT_EQ(commit(asked[0]), success);
  EXPECT_EQ(visible("K1"), 1u);
  EXPECT_EQ(request(323, {{"topic", "orders"}, {"msgId", id}}), illegal_operation);
  EXPECT_EQ(visible("K1"), 1u);
}

TEST_F(Txn, list_filters_and_limits) {
  ASSERT_TRUE(prepare("K1"));
  ASSERT_TRUE(prepare("K2"));
  ASSERT_TRUE(prepare("K3", {}, "other"));
  tick(1'000);
  EXPECT_EQ(request(30021, {}), success);
  EXPECT_NE(body.find("\"open_count\":3"), std::string::npos) << body;
  EXPECT_NE(body.find("\"id\":\"K1\""), std::string::npos);
  EXPECT_NE(body.find("\"discarded\":[]"), std::string::npos);
  EXPECT_EQ(request(30021, {{"group", "other"}, {"state", "open"}}), success);
  EXPECT_EQ(body.find("\"id\":\"K1\""), std::string::npos) << body;
  EXPECT_NE(body.find("\"id\":\"K3\""), std::string::npos);
  EXPECT_EQ(body.find("\"discarded\""), std::string::npos);
  EXPECT_EQ(request(30021, {{"limit", "1"}}), success);
  EXPECT_NE(body.find("\"id\":\"K1\""), std::string::npos);
  EXPECT_EQ(body.find("\"id\":\"K2\""), std::string::npos);
  EXPECT_EQ(request(30021, {{"topic", "elsewhere"}}), success);
  EXPECT_NE(body.find("\"open\":[]"), std::string::npos) << body;
}

TEST_F(Txn, show_tells_what_became_of_a_transaction_after_a_restart_too) {
  const auto committed = prepare("K1");
  const auto rolled_back = prepare("K2");
  ASSERT_TRUE(prepare("K3"));
  ASSERT_EQ(commit(*committed), success);
  ASSERT_EQ(rollback(*rolled_back), success);
  tick(1'000);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(request(30022, {{"transactionId", "K1"}}), success);
    EXPECT_NE(body.find("\"state\":\"committed\""), std::string::npos) << body;
    EXPECT_NE(body.find("committed_log_offset"), std::string::npos) << body;
    EXPECT_EQ(request(30022, {{"halfOffset", "1"}}), success);
    EXPECT_NE(body.find("\"id\":\"K2\""), std::string::npos) << body;
    EXPECT_NE(body.find(round == 0 ? "\"state\":\"rolled_back\"" : "\"state\":\""), std::string::npos) << body;
    EXPECT_EQ(request(30022, {{"transactionId", "K3"}}), success);
    EXPECT_NE(body.find("\"state\":\"open\""), std::string::npos) << body;
    restart();
  }
  EXPECT_EQ(request(30022, {{"transactionId", "unheard-of"}}), success);
  EXPECT_EQ(body, "{\"transactions\":[]}");
}

}  // namespace
}  // namespace gantry::txn
