// Concern: what goes beyond RocketMQ and is off unless somebody asks for it: LIKE, arithmetic, calls of functions.
#include "plugins/filter-sql92/testing/expressions.hpp"

#include "gantry/sdk/testing.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace gantry::filter_sql92 {
namespace {

using testing::error_of;
using testing::Properties;

constexpr Dialect extended{.extended = true};

std::string evaluate(std::string_view expression, Properties properties = {}) {
  return testing::evaluate(expression, properties, extended);
}

TEST(Like, matches_whole_texts) {
  EXPECT_EQ(evaluate("a LIKE 'ab%'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a LIKE '%bc'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a LIKE 'b%'", {{"a", "abc"}}), "false");
  EXPECT_EQ(evaluate("a LIKE 'a_c'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a LIKE 'a_c'", {{"a",
                                       "a\xC3\xA9"
                                       "c"}}),
            "true")
      << "'_' is a character, not a byte";
  EXPECT_EQ(evaluate("a LIKE '%'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a LIKE '%a%a%b%'", {{"a", "xaxaxb"}}), "true");
  EXPECT_EQ(evaluate("a LIKE '%a%b%a%'", {{"a", "xaxaxb"}}), "false");
  EXPECT_EQ(evaluate("a NOT LIKE 'x%'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a like 'ABC'", {{"a", "abc"}}), "false") << "texts are compared as they are";
}

TEST(Like, of_a_missing_property_is_null) {
  EXPECT_EQ(evaluate("a LIKE '%'"), "null");
  EXPECT_EQ(evaluate("a NOT LIKE '%'"), "null");
}

TEST(Like, has_an_escape_character) {
  EXPECT_EQ(evaluate("a LIKE '100!%' ESCAPE '!'", {{"a", "100%"}}), "true");
  EXPECT_EQ(evaluate("a LIKE '100!%' ESCAPE '!'", {{"a", "1000"}}), "false");
  EXPECT_EQ(evaluate("a LIKE '!!_' ESCAPE '!'", {{"a", "!x"}}), "true");
  EXPECT_NE(error_of("a LIKE '!x' ESCAPE '!'", extended).find("column 8: expected '%', '_' or '!'"), std::string::npos);
  EXPECT_NE(error_of("a LIKE 'x' ESCAPE '!!'", extended).find("one character behind ESCAPE"), std::string::npos);
  EXPECT_NE(error_of("a LIKE 'x' ESCAPE ''", extended).find("one character behind ESCAPE"), std::string::npos);
}

TEST(Like, bounds_its_pattern_and_leaves_the_names_of_properties) {
  EXPECT_NE(error_of("a LIKE '" + std::string(513, '_') + "'", extended).find("at most 512 bytes"), std::string::npos);
  EXPECT_EQ(evaluate("like = 1 AND escape LIKE '2'", {{"like", "1"}, {"escape", "2"}}), "true");
}

TEST(Arithmetic, binds_as_everywhere) {
  EXPECT_EQ(evaluate("1 + 2 * 3 = 7"), "true");
  EXPECT_EQ(evaluate("(1 + 2) * 3 = 9"), "true");
  EXPECT_EQ(evaluate("10 - 4 - 3 = 3"), "true");
  EXPECT_EQ(evaluate("2 * -3 = -6"), "true");
  EXPECT_EQ(evaluate("a + 1 BETWEEN b - 1 AND b + 1", {{"a", "5"}, {"b", "6"}}), "true");
}

TEST(Arithmetic, reads_texts_as_numbers_where_they_are_some) {
  EXPECT_EQ(evaluate("price * count > 100", {{"price", "10.5"}, {"count", "10"}}), "true");
  EXPECT_EQ(evaluate("a + 1 = 6", {{"a", "5"}}), "true");
  EXPECT_EQ(evaluate("-a = -5", {{"a", "5"}}), "true");
  EXPECT_EQ(evaluate("a + 1 = 6", {{"a", "five"}}), "null");
  EXPECT_EQ(evaluate("a + 1 = 6"), "null");
}

TEST(Arithmetic, is_exact_in_64_bits_and_null_beyond) {
  EXPECT_EQ(evaluate("a + 1 = 9223372036854775807", {{"a", "9223372036854775806"}}), "true");
  EXPECT_EQ(evaluate("a + 1 IS NULL", {{"a", "9223372036854775807"}}), "true");
  EXPECT_EQ(evaluate("a * a IS NULL", {{"a", "9223372036854775807"}}), "true");
  EXPECT_EQ(evaluate("a / -1 IS NULL", {{"a", "-9223372036854775808"}}), "true");
  EXPECT_EQ(evaluate("a % -1 = 0", {{"a", "-9223372036854775808"}}), "true");
}

TEST(Arithmetic, divides_integers_to_integers_and_nothing_by_zero) {
  EXPECT_EQ(evaluate("7 / 2 = 3"), "true");
  EXPECT_EQ(evaluate("-7 / 2 = -3"), "true");
  EXPECT_EQ(evaluate("-7 % 3 = -1"), "true");
  EXPECT_EQ(evaluate("7 / 2.0 = 3.5"), "true");
  EXPECT_EQ(evaluate("a / 0 IS NULL", {{"a", "1"}}), "true");
  EXPECT_EQ(evaluate("a % 0 IS NULL", {{"a", "1.5"}}), "true");
}

TEST(Arithmetic, of_many_signs_takes_no_time_to_compile) {
  std::string expression = "a";
  while (expression.size() < 65'000) expression += "--1";  // no comment: no line ends
  EXPECT_EQ(evaluate(expression + " = 21668", {{"a", "1"}}), "true");
}

TEST(Arithmetic, refuses_what_is_no_number_on_sight) {
  EXPECT_NE(error_of("'x' + 1 = 2", extended).find("beside an arithmetic operator"), std::string::npos);
  EXPECT_NE(error_of("(a = 1) + 1 = 2", extended).find("beside an arithmetic operator"), std::string::npos);
  EXPECT_NE(error_of("a + 1", extended).find("expected a condition"), std::string::npos);
}

class Functions : public ::testing::Test {
 protected:
  Functions() {
    functions_
        .add("risk", 1,
             [this](auto arguments) -> std::optional<gantry_value> {
               seen_.push_back(arguments[0].kind);
               if (arguments[0].kind != GANTRY_VALUE_TEXT) return std::nullopt;
               return sdk::integer_value(static_cast<std::int64_t>(arguments[0].text.size));
             })
        .add("yes", 0, [](auto) { return std::optional(sdk::boolean_value(true)); })
        .add("name", 1,
             [this](auto arguments) -> std::optional<gantry_value> {
               text_ = "n" + std::to_string(arguments[0].integer);  // overwritten by the next call, as the seam allows
               return sdk::text_value(text_);
             })
        .add("long_text", 0, [this](auto) -> std::optional<gantry_value> {
          text_.assign(3000, 'x');
          return sdk::text_value(text_);
        });
    host_.provide(functions_);
  }
  std::string evaluate(std::string_view expression, Properties properties = {}) {
    return testing::evaluate(expression, properties, extended, host_.host().functions());
  }

  sdk::testing::TestFunctions functions_;
  sdk::testing::TestHost host_;
  std::vector<std::uint32_t> seen_;
  std::string text_;
};

TEST_F(Functions, are_values_like_others) {
  EXPECT_EQ(evaluate("amount > 100 AND risk(country) < 3", {{"amount", "101"}, {"country", "de"}}), "true");
  EXPECT_EQ(evaluate("amount > 100 AND risk(country) < 3", {{"amount", "101"}, {"country", "nowhere"}}), "false");
  EXPECT_EQ(evaluate("risk(country) + 1 = 3", {{"country", "de"}}), "true");
  EXPECT_EQ(evaluate("yes()"), "true");
  EXPECT_EQ(evaluate("NOT yes() OR yes() = TRUE"), "true");
  EXPECT_EQ(evaluate("yes() > 0"), "null") << "a truth value has no order";
}

TEST_F(Functions, are_not_called_where_the_answer_is_known) {
  EXPECT_EQ(evaluate("amount > 100 AND risk(country) < 3", {{"amount", "99"}, {"country", "de"}}), "false");
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Functions, that_fail_are_null) {
  EXPECT_EQ(evaluate("risk(missing) IS NULL"), "true");
  EXPECT_EQ(evaluate("risk(5) < 3"), "null");
  EXPECT_EQ(evaluate("risk(a = 5) < 3", {{"a", "5"}}), "null");
  EXPECT_EQ(seen_, (std::vector<std::uint32_t>{GANTRY_VALUE_NULL, GANTRY_VALUE_INT64, GANTRY_VALUE_BOOL}));
}

TEST_F(Functions, keep_their_texts_apart_and_in_bounds) {
  EXPECT_EQ(evaluate("name(1) = name(2)"), "false");
  EXPECT_EQ(evaluate("name(1) = 'n1' AND name(2) CONTAINS '2'"), "true");
  EXPECT_EQ(evaluate("long_text() IS NOT NULL AND long_text() IS NULL"), "true");
}

TEST_F(Functions, that_do_not_exist_are_an_error_that_says_what_is_missing) {
  const auto compiled = compile("rusk(a) > 1", extended, host_.host().functions());
  ASSERT_FALSE(compiled);
  EXPECT_EQ(
      compiled.error().text,
      "SQL92, line 1, column 1: expected a function that can be called, found 'rusk': there is no function 'rusk' of "
      "1 arguments");
  EXPECT_EQ(
      error_of("risk(a) > 1", extended),
      "SQL92, line 1, column 1: expected a function that can be called, found 'risk': this broker has no provider of "
      "functions");
  EXPECT_NE(error_of("f(1,)", extended).find("an argument behind ','"), std::string::npos);
  EXPECT_NE(error_of("f(1 2)", extended).find("',' or ')' behind an argument"), std::string::npos);
  EXPECT_NE(error_of("f(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17)", extended).find("at most 16 arguments"),
            std::string::npos);
}

}  // namespace
}  // namespace gantry::filter_sql92
