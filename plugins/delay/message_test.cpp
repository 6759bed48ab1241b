// Concern: what messages ask for is understood as RocketMQ does, or refused with the reason; what is written for them
// can be read back, by RocketMQ too. Method: the functions and the interceptor's half alone, with a table of inputs.

#include "plugins/delay/delay_offsets.hpp"
#include "plugins/delay/names.hpp"
#include "plugins/delay/recall_handle.hpp"
#include "plugins/delay/rewriter.hpp"
#include "plugins/delay/takeover.hpp"
#include "plugins/delay/timer_record.hpp"
#include "plugins/delay/wish.hpp"

#include "gantry/sdk/testing.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::delay {
namespace {

using sdk::testing::TestMessage;

constexpr std::int64_t now = 1'700'000'000'000;
constexpr std::int64_t day_ms = 86'400'000;
constexpr WishLimits limits = {.level_count = 18, .horizon_ms = 366 * day_ms};

std::string properties_of(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) text = sdk::with_property(text, name, value);
  return text;
}

Wish wish_of(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  return read_wish(properties_of(pairs), now, limits);
}

TEST(WishTest, precedence_is_rocketmqs) {
  EXPECT_EQ(wish_of({}).kind, Wish::Kind::now);
  EXPECT_FALSE(wish_of({{"TAGS", "DELAY"}}).asks);
  EXPECT_EQ(wish_of({{"TIMER_DELIVER_MS", std::to_string(now + 7)}}).due_ms, now + 7);
  EXPECT_EQ(wish_of({{"TIMER_DELIVER_MS", std::to_string(now + 7)}, {"TIMER_DELAY_MS", "9"}}).due_ms, now + 9);
  EXPECT_EQ(wish_of({{"TIMER_DELAY_MS", "9"}, {"TIMER_DELAY_SEC", "2"}}).due_ms, now + 2'000);
  const Wish level = wish_of({{"TIMER_DELAY_SEC", "2"}, {"DELAY", "4"}});
  EXPECT_EQ(level.kind, Wish::Kind::level);
  EXPECT_EQ(level.level, 4);
  EXPECT_EQ(wish_of({{"DELAY", "99"}}).level, 18);
}

TEST(WishTest, levels_of_nothing_are_no_delay) {
  for (const char* level : {"0", "-1"}) {
    EXPECT_EQ(wish_of({{"DELAY", level}}).kind, Wish::Kind::now) << level;
    EXPECT_TRUE(wish_of({{"DELAY", level}}).asks) << level;
    EXPECT_EQ(wish_of({{"DELAY", level}, {"TIMER_DELAY_MS", "5"}}).kind, Wish::Kind::timer) << level;
  }
}

TEST(WishTest, times_that_are_over_are_no_delay) {
  for (const std::string& time : {std::string("0"), std::to_string(now - 1), std::to_string(now)}) {
    EXPECT_EQ(wish_of({{"TIMER_DELIVER_MS", time}}).kind, Wish::Kind::now) << time;
  }
  EXPECT_EQ(wish_of({{"TIMER_DELAY_MS", "0"}}).kind, Wish::Kind::now);
  EXPECT_EQ(wish_of({{"TIMER_DELAY_MS", "5"}, {"TIMER_OUT_MS", "1"}}).kind, Wish::Kind::now) << "it has been a timer";
}

TEST(WishTest, nonsense_is_refused_with_what_was_found) {
  for (const char* name : {"DELAY", "TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS"}) {
    for (const char* value : {"x", "1x", " 1", "1.5", "+-1", "9223372036854775808", "-9223372036854775809"}) {
      const Wish wish = wish_of({{name, value}});
      ASSERT_EQ(wish.kind, Wish::Kind::refused) << name << " " << value;
      EXPECT_NE(wish.reason.find(name), std::string::npos) << wish.reason;
      EXPECT_NE(wish.reason.find(value), std::string::npos) << wish.reason;
    }
  }
  for (const char* name : {"TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS"}) {
    EXPECT_EQ(wish_of({{name, "-1"}}).kind, Wish::Kind::refused) << name;
    EXPECT_EQ(wish_of({{name, "9223372036854775807"}}).kind, Wish::Kind::refused) << name;
  }
}

TEST(WishTest, the_horizon_is_exact_and_named) {
  EXPECT_EQ(wish_of({{"TIMER_DELAY_MS", std::to_string(limits.horizon_ms)}}).kind, Wish::Kind::timer);
  EXPECT_EQ(wish_of({{"TIMER_DELAY_SEC", std::to_string(limits.horizon_ms / 1'000)}}).kind, Wish::Kind::timer);
  const Wish beyond = wish_of({{"TIMER_DELIVER_MS", std::to_string(now + limits.horizon_ms + 1)}});
  ASSERT_EQ(beyond.kind, Wish::Kind::refused);
  EXPECT_NE(beyond.reason.find(std::to_string(limits.horizon_ms)), std::string::npos) << beyond.reason;
  EXPECT_NE(beyond.reason.find(std::to_string(limits.horizon_ms + 1)), std::string::npos) << beyond.reason;
}

class RewriterTest : public ::testing::Test {
 protected:
  Rewriter::Outcome rewrite(TestMessage& message) {
    sdk::Publishing view = message.view();
    const auto outcome = rewriter.rewrite(view, now);
    EXPECT_TRUE(outcome);
    return outcome ? *outcome : Rewriter::Outcome{};
  }
  const Rewriter rewriter{{.limits = limits, .broker_name = "broker-a", .recall = true}};
};

TEST_F(RewriterTest, ordinary_message_stays_as_it_is) {
  TestMessage message("orders");
  message.with_property("TAGS", "t");
  const std::string before(message.view().properties());
  rewrite(message);
  EXPECT_EQ(message.view().properties(), before);
  EXPECT_EQ(message.view().topic(), "orders");
  EXPECT_FALSE(message.view().is_taken(GANTRY_TAKEN_DELAY));
}

TEST_F(RewriterTest, timer_goes_to_the_timer_topic_with_a_handle) {
  TestMessage message("orders");
  message.with_property("TIMER_DELAY_MS", "1500").with_property("UNIQ_KEY", "u1");
  message.view().set_queue_id(3);
  const auto outcome = rewrite(message);
  EXPECT_TRUE(outcome.is_timer);
  EXPECT_EQ(outcome.due_ms, now + 1'500);
  EXPECT_EQ(message.view().topic(), timer_topic);
  EXPECT_EQ(message.view().queue_id(), 0);
  EXPECT_EQ(message.view().property("REAL_TOPIC"), "orders");
  EXPECT_EQ(message.view().property("REAL_QID"), "3");
  EXPECT_EQ(message.view().property("TIMER_OUT_MS"), std::to_string(now + 1'500));
  EXPECT_EQ(message.view().property("TIMER_DELAY_MS"), "1500");
  EXPECT_TRUE(message.view().is_taken(GANTRY_TAKEN_DELAY));
  const auto handle = decode_handle(sdk::detail::to_view(message.view().raw().recall_handle));
  ASSERT_TRUE(handle) << handle.error().text;
  EXPECT_EQ(handle->topic, "orders");
  EXPECT_EQ(handle->broker_name, "broker-a");
  EXPECT_EQ(handle->due_ms, now + 1'500);
  EXPECT_EQ(handle->unique_key, "u1");
}

TEST_F(RewriterTest, level_goes_to_its_queue_and_drops_timer_properties) {
  TestMessage message("orders");
  message.with_property("DELAY", "40").with_property("TIMER_DELIVER_MS", "5").with_property("REAL_TOPIC", "old");
  message.view().set_queue_id(2);
  rewrite(message);
  EXPECT_EQ(message.view().topic(), level_topic);
  EXPECT_EQ(message.view().queue_id(), 17);
  EXPECT_EQ(message.view().property("DELAY"), "18");
  EXPECT_EQ(message.view().property("REAL_TOPIC"), "orders");
  EXPECT_EQ(message.view().property("REAL_QID"), "2");
  EXPECT_FALSE(message.view().property("TIMER_DELIVER_MS"));
}

TEST_F(RewriterTest, half_message_is_left_to_others) {
  TestMessage message("orders");
  message.with_property("DELAY", "1").with_property("TRAN_MSG", "true");
  rewrite(message);
  EXPECT_EQ(message.view().topic(), "orders");
  EXPECT_FALSE(message.view().is_taken(GANTRY_TAKEN_DELAY));
}

TEST_F(RewriterTest, the_brokers_own_topics_are_refused) {
  for (const std::string_view topic : {timer_topic, level_topic}) {
    TestMessage message{std::string(topic)};
    rewrite(message);
    EXPECT_TRUE(message.is_rejected()) << topic;
  }
}

TEST_F(RewriterTest, cancels_by_property_must_be_for_the_own_topic) {
  for (const auto& [key, accepted] : {std::pair("orders+u1", true), std::pair("order+su1", false),
                                      std::pair("orders+", false), std::pair("orders", false)}) {
    TestMessage message("orders");
    message.with_property("TIMER_DELAY_MS", "5").with_property("TIMER_DEL_UNIQKEY", key);
    rewrite(message);
    EXPECT_EQ(!message.is_rejected(), accepted) << key;
  }
}

TEST(RecallHandleTest, is_rocketmqs) {
  // Made with RocketMQ's rules: Base64 with padding of "v1 T b 1001 K".
  const std::string text = encode_handle({"T", "b", 1'000, "K"});
  EXPECT_EQ(text, "djEgVCBiIDEwMDEgSw==");
  for (const std::string& form : {text, std::string("djEgVCBiIDEwMDEgSw")}) {
    const auto handle = decode_handle(form);
    ASSERT_TRUE(handle) << handle.error().text;
    EXPECT_EQ(handle->due_ms, 1'000);
    EXPECT_EQ(handle->unique_key, "K");
  }
}

TEST(RecallHandleTest, survives_any_damage) {
  const std::string good = encode_handle({"topic", "broker", now, "0123456789ABCDEF"});
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'A', '_', '=', ' ', '\0', '+'}) {
      std::string bad = good;
      bad[at] = c;
      static_cast<void>(decode_handle(bad));
      static_cast<void>(decode_handle(good.substr(0, at)));
    }
  }
  for (const char* bad : {"", "A", "====", "djEgVCBiIDEwMDEgSw===", "djIgVCBiIDEwMDEgSw==", "djEgVCBiIDEwMDE="}) {
    EXPECT_FALSE(decode_handle(bad)) << bad;
  }
}

TEST(DelayOffsetsTest, reads_both_forms_and_writes_rocketmqs) {
  const auto read = decode_delay_offsets(
      R"({ "dataVersion":{"counter":7,"stateVersion":0,"timestamp":1}, "other":{"a":{"b":"c"}}, "offsetTable":{1:5,"18":7} })");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->counter, 7);
  EXPECT_EQ(read->levels, (std::map<std::int32_t, std::int64_t>{{1, 5}, {18, 7}}));
  const std::string written = encode_delay_offsets({{{1, 5}, {3, 9}}, 8}, 99);
  EXPECT_NE(written.find("{1:5,3:9"), std::string::npos) << written;
  const auto again = decode_delay_offsets(written);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(again->levels, (std::map<std::int32_t, std::int64_t>{{1, 5}, {3, 9}}));
  EXPECT_TRUE(decode_delay_offsets(encode_delay_offsets({}, 0)));
  for (const char* bad :
       {"", "{", "[]", "{\"offsetTable\":{1:}}", "{\"offsetTable\":{a:1}}", "{\"offsetTable\":{1:-1}}"}) {
    EXPECT_FALSE(decode_delay_offsets(bad)) << bad;
  }
}

TEST(TakeoverTest, reads_the_checkpoint_of_rocketmq) {
  std::string bytes(4'096, '\0');
  bytes[7] = 5;
  bytes[23] = 9;
  const auto watermark = decode_timer_checkpoint(bytes);
  ASSERT_TRUE(watermark);
  EXPECT_EQ(watermark->due_ms, 5);
  EXPECT_EQ(watermark->queue_offset, 9);
  EXPECT_FALSE(decode_timer_checkpoint(std::string(55, '\0')));
  EXPECT_FALSE(decode_timer_checkpoint(std::string(56, '\xFF')));
}

TimerRecord timer_of(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs,
                     std::int64_t store_ms) {
  static std::string text;
  text = properties_of({{"REAL_TOPIC", "orders"}, {"REAL_QID", "1"}, {"UNIQ_KEY", "u"}});
  for (const auto& [name, value] : pairs) text = sdk::with_property(text, name, value);
  sdk::Record record;
  record.properties = text;
  record.store_ms = store_ms;
  const auto timer = read_timer_record(record, day_ms);
  EXPECT_TRUE(timer);
  return timer ? *timer : TimerRecord{};
}

TEST(TimerRecordTest, ours_are_exact) {
  EXPECT_EQ(timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_EXACT", "1"}, {"TIMER_DELAY_MS", "7"}}, 4'000).due_ms, 5'000);
}

TEST(TimerRecordTest, rocketmqs_were_rounded_down_and_are_never_early) {
  // Asked for 5.500 and 6.000: both stand in the slot of 5.000.
  EXPECT_EQ(timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_DELIVER_MS", "5500"}}, 4'000).due_ms, 5'500);
  EXPECT_EQ(timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_DELIVER_MS", "6000"}}, 4'000).due_ms, 6'000);
  EXPECT_EQ(timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_DELAY_MS", "1500"}}, 4'000).due_ms, 6'000);
  EXPECT_EQ(timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_DELIVER_MS", "77"}}, 4'000).due_ms, 6'000);
}

TEST(TimerRecordTest, cancel_has_the_key_of_what_it_cancels_and_comes_before_it) {
  const Entry timer = timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_DELIVER_MS", "5500"}}, 4'000).entry;
  const Entry cancel = timer_of({{"TIMER_OUT_MS", "5000"}, {"TIMER_DEL_UNIQKEY", "orders+u"}}, 4'500).entry;
  EXPECT_EQ(cancel.kind, EntryKind::cancel);
  EXPECT_EQ(cancel.key_hash, timer.key_hash);
  EXPECT_TRUE(comes_before(cancel, timer));
}

TEST(TimerRecordTest, long_waits_are_rolled_and_the_last_part_is_not) {
  const auto due = std::to_string(10 * day_ms);
  const Entry first = timer_of({{"TIMER_OUT_MS", due}, {"TIMER_EXACT", "1"}}, 0).entry;
  EXPECT_TRUE(first.is_roll);
  EXPECT_EQ(first.action_ms, day_ms);
  const Entry last =
      timer_of({{"TIMER_OUT_MS", due}, {"TIMER_EXACT", "1"}, {"TIMER_ROLL_TIMES", "8"}}, 10 * day_ms - day_ms * 3 / 2)
          .entry;
  EXPECT_FALSE(last.is_roll);
  EXPECT_EQ(last.kind, EntryKind::rolled);
  EXPECT_EQ(last.action_ms, 10 * day_ms);
}

TEST(TimerRecordTest, records_that_are_no_timers_are_refused) {
  for (const auto& [name, value] :
       {std::pair("TIMER_OUT_MS", ""), std::pair("TIMER_OUT_MS", "x"), std::pair("TIMER_OUT_MS", "9223372036854775807"),
        std::pair("REAL_TOPIC", ""), std::pair("REAL_QID", "-1"), std::pair("REAL_QID", "")}) {
    std::string text = properties_of({{"REAL_TOPIC", "orders"}, {"REAL_QID", "1"}, {"TIMER_OUT_MS", "5000"}});
    text = sdk::with_property(text, name, value);
    sdk::Record record;
    record.properties = text;
    EXPECT_FALSE(read_timer_record(record, day_ms)) << name << " " << value;
  }
}

}  // namespace
}  // namespace gantry::delay
