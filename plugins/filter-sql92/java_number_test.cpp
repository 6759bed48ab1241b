// Concern: texts as numbers, where Java's rules differ from everyone else's. The golden corpus has them through whole
// expressions; here are the edges by name.
#include "plugins/filter-sql92/java_number.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace gantry::filter_sql92 {
namespace {

TEST(JavaInteger, is_a_sign_and_digits_and_nothing_else) {
  EXPECT_EQ(parse_int32("5"), 5);
  EXPECT_EQ(parse_int32("+5"), 5);
  EXPECT_EQ(parse_int32("-5"), -5);
  EXPECT_EQ(parse_int32("007"), 7);
  EXPECT_EQ(parse_int32("-0"), 0);
  for (const char* text : {"", "+", "-", " 5", "5 ", "5.0", "1e3", "0x5", "5L", "--5", "+-5", "five", "1_000"}) {
    EXPECT_EQ(parse_int32(text), std::nullopt) << text;
  }
}

TEST(JavaInteger, ends_where_its_class_ends) {
  EXPECT_EQ(parse_int32("2147483647"), std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(parse_int32("2147483648"), std::nullopt);
  EXPECT_EQ(parse_int32("-2147483648"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(parse_int32("-2147483649"), std::nullopt);
  EXPECT_EQ(parse_int64("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_int64("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_int64("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_int64("-9223372036854775809"), std::nullopt);
  EXPECT_EQ(parse_int64("00000000000000000000000000000001"), 1);
}

TEST(JavaInteger, takes_the_digits_of_other_scripts) {
  EXPECT_EQ(parse_int32("\xD9\xA1\xD9\xA2"), 12);            // Arabic-Indic
  EXPECT_EQ(parse_int32("\xEF\xBC\x95"), 5);                 // fullwidth
  EXPECT_EQ(parse_int32("1\xE0\xA5\xA7"), 11);               // Devanagari behind ASCII
  EXPECT_EQ(parse_int32("\xC3\xA9"), std::nullopt);          // a letter
  EXPECT_EQ(parse_int32("\xF0\x9D\x9F\x8F"), std::nullopt);  // beyond U+FFFF parseInt does not look
  EXPECT_EQ(parse_int32("\xD9"), std::nullopt);              // half a character
  EXPECT_EQ(parse_double("\xD9\xA1"), std::nullopt);         // doubles have ASCII digits only
}

TEST(JavaDouble, takes_blanks_signs_exponents_and_suffixes) {
  EXPECT_EQ(parse_double(" \t5\n"), 5.0);
  EXPECT_EQ(parse_double("5."), 5.0);
  EXPECT_EQ(parse_double(".5"), 0.5);
  EXPECT_EQ(parse_double("1E-2"), 0.01);
  EXPECT_EQ(parse_double("+1e+2d"), 100.0);
  EXPECT_EQ(parse_double("1.5f"), 1.5);
  for (const char* text : {"", " ", ".", "e5", "1e", "1e+", "1 2", "5L", "5dd", "1,5", "- 5", "f", "0x", "infinity"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  }
}

TEST(JavaDouble, takes_the_names_of_what_is_no_number_in_their_case_only) {
  EXPECT_TRUE(std::isnan(*parse_double("NaN")));
  EXPECT_TRUE(std::isnan(*parse_double("-NaN")));
  EXPECT_EQ(parse_double("-Infinity"), -std::numeric_limits<double>::infinity());
  for (const char* text : {"nan", "NAN", "inf", "Inf", "NaNd", "Infinityf"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  }
}

TEST(JavaDouble, is_infinite_or_zero_out_of_its_range) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(parse_double("1e309"), infinite);
  EXPECT_EQ(parse_double("-1e999999999999"), -infinite);
  EXPECT_EQ(parse_double("1e-400"), 0.0);
  EXPECT_EQ(parse_double("1e-999999999999"), 0.0);
  EXPECT_EQ(parse_double("0e999999999999"), 0.0);
  EXPECT_EQ(parse_double("0." + std::string(400, '0') + "1e401"), 1.0);
  EXPECT_EQ(parse_double("1" + std::string(400, '0')), infinite);
  EXPECT_EQ(parse_double("0x1p1024"), infinite);
  EXPECT_EQ(parse_double("0x1p-1080"), 0.0);
}

TEST(JavaDouble, takes_hexadecimal_with_a_binary_exponent) {
  EXPECT_EQ(parse_double("0x1p3"), 8.0);
  EXPECT_EQ(parse_double("-0X.8P1f"), -1.0);
  EXPECT_EQ(parse_double("0x1.p0"), 1.0);
  EXPECT_EQ(parse_double("0x0p5"), 0.0);
  EXPECT_EQ(parse_double("0x1p-1074"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parse_double("0x10"), std::nullopt);
  EXPECT_EQ(parse_double("0x.p1"), std::nullopt);
  EXPECT_EQ(parse_double("0xgp1"), std::nullopt);
}

TEST(JavaBoolean, is_true_in_any_case_and_false_else) {
  for (const char* text : {"true", "TRUE", "tRuE"}) EXPECT_TRUE(parse_boolean(text)) << text;
  for (const char* text : {"", "false", "yes", "1", "true ", "truE!"}) EXPECT_FALSE(parse_boolean(text)) << text;
}

TEST(JavaCompare, orders_zeros_and_puts_nan_above_all) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_LT(compare_doubles(-0.0, 0.0), 0);
  EXPECT_GT(compare_doubles(nan, std::numeric_limits<double>::infinity()), 0);
  EXPECT_EQ(compare_doubles(nan, -nan), 0);
  EXPECT_EQ(compare_doubles(1.5, 1.5), 0);
}

}  // namespace
}  // namespace gantry::filter_sql92
