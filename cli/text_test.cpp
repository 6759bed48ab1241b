// Concern: what people type as a time and read as a time or a body means what it says.

#include "cli/body_text.hpp"
#include "cli/time_text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace gantry::cli {
namespace {

class TimeText : public ::testing::Test {
 protected:
  TimeText() {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
  }
};

TEST_F(TimeText, milliseconds_and_local_times_are_read) {
  EXPECT_EQ(*parse_time("0"), 0);
  EXPECT_EQ(*parse_time("1767225600123"), 1767225600123);
  EXPECT_EQ(*parse_time("2026-01-31 10:00:00"), 1769850000000);
  EXPECT_EQ(*parse_time("2026-01-31T10:00:00.123"), 1769850000123);
  EXPECT_EQ(*parse_time("2026-01-31 10:00"), 1769850000000);
  EXPECT_EQ(*parse_time("2026-01-31"), 1769814000000);
  EXPECT_EQ(*parse_time("2026-07-01 00:00:00"), 1782856800000) << "summer time";
}

TEST_F(TimeText, what_is_no_time_is_refused_with_the_forms) {
  for (const char* text : {"", "yesterday", "-5", "2026-13-01", "2026-02-30", "2026-01-31 25:00", "2026-01-31 10:60",
                           "2026-1-31", "2026-01-31 10:00:00.12", "2026-01-31 10:00:00.1234", "2026-01-31 ",
                           "99999999999999999999", "2026-01-31 10:00:00Z", "1.5"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_NE(time.error().text.find(text), std::string::npos);
    EXPECT_NE(time.error().text.find("2026-01-31 10:00:00.123"), std::string::npos);
  }
}

TEST_F(TimeText, what_is_written_is_read_back) {
  for (const std::int64_t ms : {0LL, 1LL, 999LL, 1769850000123LL, 1782856800000LL, 4102444799999LL}) {
    EXPECT_EQ(*parse_time(format_time(ms)), ms) << format_time(ms);
  }
  EXPECT_EQ(format_time(1769850000007), "2026-01-31 10:00:00.007");
}

TEST(BodyText, utf8_is_told_from_other_bytes) {
  EXPECT_TRUE(is_text(""));
  EXPECT_TRUE(is_text("plain\n\ttext"));
  EXPECT_TRUE(is_text("\u4f60\u00e9\U0001F600\uFFFF"));
  using namespace std::string_view_literals;
  for (const std::string_view bytes :
       {"a\0b"sv, "\xff"sv, "\xc3"sv, "\xc0\xaf"sv, "\xe0\x80\x80"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv,
        "\xf0\x80\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\x80"sv, "\xe4\xbd"sv, "\xe4\x41\x42"sv}) {
    EXPECT_FALSE(is_text(bytes)) << to_base64(bytes);
  }
}

TEST(BodyText, what_is_no_character_is_replaced) {
  EXPECT_EQ(valid_text("plain \u4f60"), "plain \u4f60");
  EXPECT_EQ(valid_text("a\xff\xc3"), "a\uFFFD\uFFFD");
  EXPECT_EQ(valid_text("\xe4\x41"), "\uFFFDA");
  EXPECT_EQ(valid_text(""), "");
}

TEST(BodyText, base64_is_padded) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(to_base64("\xff\xfe\xfd"), "//79");
}

TEST(BodyText, lines_are_short_and_printable) {
  EXPECT_EQ(one_line("a\nb\x1b[31m", 20), "a.b.[31m");
  EXPECT_EQ(one_line("abcdef", 6), "abcdef");
  EXPECT_EQ(one_line("abcdefg", 6), "abcdef...");
  EXPECT_EQ(one_line("abc\u4f60xyz", 5), "abc...") << "not in the middle of a character";
}

}  // namespace
}  // namespace gantry::cli
