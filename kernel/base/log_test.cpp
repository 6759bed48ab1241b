// Concern: whatever a remote peer sends, a log line stays one line and valid; limits and levels hold.
#include "kernel/base/log.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <vector>

namespace gantry {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t moment_ms = 1'700'000'000'123;  // 2023-11-14T22:13:20.123Z

std::string text_line(std::initializer_list<LogField> fields) {
  return format_log_line(LogFormat::text, moment_ms, LogLevel::warn, "a.b", std::span(fields.begin(), fields.size()));
}
std::string json_line(std::initializer_list<LogField> fields) {
  return format_log_line(LogFormat::json, moment_ms, LogLevel::warn, "a.b", std::span(fields.begin(), fields.size()));
}

TEST(LogFormatTest, text_has_time_level_event_and_fields) {
  EXPECT_EQ(text_line({field("port", 10911), field("name", "broker-a"), field("on", true), field("share", 0.5)}),
            "2023-11-14T22:13:20.123Z WARN  a.b port=10911 name=broker-a on=true share=0.5\n");
}

TEST(LogFormatTest, json_has_the_same_as_members) {
  EXPECT_EQ(json_line({field("port", 10911), field("name", "broker-a"), field("on", false)}),
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\",\"event\":\"a.b\",\"port\":10911,\"name\":"
            "\"broker-a\","
            "\"on\":false}\n");
}

TEST(LogFormatTest, hostile_text_cannot_forge_a_line_or_steer_a_terminal) {
  const std::string line = text_line({field("topic", "x\" level=error\r\n2023 ERROR fake\x1b[2J\x7f")});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_NE(line.find("topic=\"x\\\" level=error\\r\\n2023 ERROR fake\\x1b[2J\\x7f\""), std::string::npos) << line;
  EXPECT_NE(text_line({field("t", "\xc2\x9b")}).find("\\u009b"), std::string::npos);  // CSI in one character
}

TEST(LogFormatTest, broken_utf8_is_escaped_and_good_utf8_is_kept) {
  EXPECT_NE(text_line({field("t", "\xff\xc0\xaf")}).find("t=\"\\xff\\xc0\\xaf\""), std::string::npos);
  EXPECT_NE(text_line({field("t", "\xed\xa0\x80")}).find("\\xed"), std::string::npos);      // a lone surrogate
  EXPECT_NE(text_line({field("t", "\xf4\x90\x80\x80")}).find("\\xf4"), std::string::npos);  // above U+10FFFF
  EXPECT_NE(text_line({field("t", "\xe2\x82")}).find("\\xe2\\x82"), std::string::npos);     // cut off
  EXPECT_NE(text_line({field("t", "订单")}).find("t=\"订单\""), std::string::npos);
  EXPECT_NE(json_line({field("t", "a\xff")}).find("\"a\\ufffd\""), std::string::npos);
}

TEST(LogFormatTest, control_characters_are_json_escapes_in_json) {
  EXPECT_NE(json_line({field("t", std::string_view("\0\x01", 2))}).find("\"\\u0000\\u0001\""), std::string::npos);
}

TEST(LogFormatTest, numbers_that_json_cannot_say_become_text) {
  EXPECT_NE(json_line({field("x", std::numeric_limits<double>::quiet_NaN())}).find("\"x\":\"nan\""), std::string::npos);
  EXPECT_NE(text_line({field("x", std::numeric_limits<double>::infinity())}).find("x=inf"), std::string::npos);
}

TEST(LogFormatTest, long_values_and_lines_are_cut) {
  const std::string big(100'000, 'y');
  EXPECT_LT(text_line({field("v", big)}).size(), 5'000U);
  const std::string line =
      json_line({field("a", big), field("b", big), field("c", big), field("d", big), field("e", big)});
  EXPECT_LT(line.size(), 17'000U);
  EXPECT_TRUE(line.ends_with(",\"cut\":true}\n"));
}

TEST(LogFormatTest, fields_take_ids_durations_errors_and_codes) {
  EXPECT_NE(text_line({field("queue", QueueId(3)), field("took_ms", 2s), field("error", Error{Errc::io, "disk gone"}),
                       field("code", Errc::busy), field("big", std::uint64_t{18'446'744'073'709'551'615U}),
                       field("none", "")})
                .find("queue=3 took_ms=2000 error=\"disk gone\" code=busy big=18446744073709551615 none=\"\""),
            std::string::npos);
}

TEST(LogFormatTest, ready_made_fields_pass_but_stay_on_their_line) {
  EXPECT_NE(text_line({LogField::verbatim("text", "a=1 b=\"x y\"\nnext")}).find(" a=1 b=\"x y\"\\nnext\n"),
            std::string::npos);
  EXPECT_NE(json_line({LogField::verbatim("text", "a=1")}).find("\"text\":\"a=1\""), std::string::npos);
}

TEST(LogLevelTest, names_read_back_and_others_are_refused) {
  for (const auto level :
       {LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error, LogLevel::off}) {
    EXPECT_EQ(*parse_log_level(to_string(level)), level);
  }
  EXPECT_FALSE(parse_log_level("INFO"));
}

TEST(LogLevelTest, fields_of_a_disabled_level_are_not_evaluated) {
  const LogCapture capture;
  set_log_level(LogLevel::info);
  int evaluated = 0;
  GANTRY_LOG(debug, "never", field("x", ++evaluated));
  GANTRY_LOG(info, "always", field("x", ++evaluated));
  GANTRY_LOG(error, "bare");
  EXPECT_EQ(evaluated, 1);
  EXPECT_FALSE(capture.contains("never"));
  EXPECT_TRUE(capture.contains("INFO  always x=1\n"));
  EXPECT_TRUE(capture.contains("ERROR bare\n"));
}

TEST(LogLimiterTest, lets_one_through_per_interval_and_counts_the_rest) {
  LogLimiter limiter(1s);
  const std::chrono::steady_clock::time_point start{};
  EXPECT_TRUE(limiter.admit(start).admitted);
  EXPECT_FALSE(limiter.admit(start + 1ms).admitted);
  EXPECT_FALSE(limiter.admit(start + 999ms).admitted);
  const auto verdict = limiter.admit(start + 1s);
  EXPECT_TRUE(verdict.admitted);
  EXPECT_EQ(verdict.suppressed, 2U);
}

TEST(LogLimiterTest, limited_lines_say_how_many_were_held_back) {
  const LogCapture capture;
  for (int i = 0; i < 5; ++i) GANTRY_LOG_EVERY(1h, warn, "limited", field("i", i));
  EXPECT_TRUE(capture.contains("limited i=0 suppressed=0\n"));
  EXPECT_FALSE(capture.contains("i=1"));
}

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    char pattern[] = "/tmp/gantry-log-XXXXXX";
    const int fd = ::mkstemp(pattern);
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = pattern;
  }
  ~LogFileTest() override {
    stop_log();
    std::remove(path_.c_str());
    std::remove((path_ + ".1").c_str());
  }
  static std::string read(const std::string& path) {
    std::ifstream stream(path);
    std::stringstream content;
    content << stream.rdbuf();
    return content.str();
  }
  std::string path_;
};

TEST_F(LogFileTest, a_file_that_cannot_be_opened_is_an_error_that_names_it) {
  const Status started = start_log({.file = "/nonexistent/x.log"});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text.find("/nonexistent/x.log"), std::string::npos);
}

TEST_F(LogFileTest, lines_of_many_threads_arrive_whole_and_all) {
  ASSERT_TRUE(start_log({.file = path_}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) GANTRY_LOG(info, "line", field("t", t), field("i", i));
    });
  }
  for (auto& thread : threads) thread.join();
  stop_log();
  std::istringstream lines(read(path_));
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    EXPECT_NE(line.find(" INFO  line t="), std::string::npos);
  }
  EXPECT_EQ(count, 800);
}

TEST_F(LogFileTest, lines_over_the_bound_are_dropped_and_counted) {
  const auto before = dropped_log_lines();
  ASSERT_TRUE(start_log({.file = path_, .pending_bytes_max = 10}));
  GANTRY_LOG(info, "too.long.for.ten.bytes");
  stop_log();
  EXPECT_EQ(dropped_log_lines(), before + 1);
}

TEST_F(LogFileTest, reopening_follows_a_rotation) {
  ASSERT_TRUE(start_log({.file = path_}));
  GANTRY_LOG(info, "first");
  stop_log();
  ASSERT_TRUE(start_log({.file = path_}));
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  ASSERT_TRUE(reopen_log());
  GANTRY_LOG(info, "second");
  stop_log();
  EXPECT_NE(read(path_ + ".1").find("first"), std::string::npos);
  EXPECT_NE(read(path_).find("second"), std::string::npos);
}

}  // namespace
}  // namespace gantry
