// Concern: what an expression means, in RocketMQ's dialect, and what its errors say. Each surprising rule has a test of
// its own; tests/golden/filter has thousands of pairs with RocketMQ's answers.
#include "plugins/filter-sql92/testing/expressions.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::filter_sql92 {
namespace {

using testing::error_of;
using testing::evaluate;
using testing::evaluate_raw;

constexpr Dialect strict{.strict = true};

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (; times > 0; --times) out += text;
  return out;
}

// ---- three-valued logic ----

TEST(Logic, is_three_valued_and_false_or_true_decides_alone) {
  EXPECT_EQ(evaluate("missing = 1"), "null");
  EXPECT_EQ(evaluate("missing = 1 AND a = 2", {{"a", "1"}}), "false");
  EXPECT_EQ(evaluate("missing = 1 AND a = 1", {{"a", "1"}}), "null");
  EXPECT_EQ(evaluate("missing = 1 OR a = 1", {{"a", "1"}}), "true");
  EXPECT_EQ(evaluate("missing = 1 OR a = 2", {{"a", "1"}}), "null");
  EXPECT_EQ(evaluate("NOT (missing = 1)"), "null");
}

TEST(Logic, binds_and_tighter_than_or) {
  EXPECT_EQ(evaluate("a = 1 OR a = 2 AND a = 3", {{"a", "1"}}), "true");
  EXPECT_EQ(evaluate("(a = 1 OR a = 2) AND a = 3", {{"a", "1"}}), "false");
}

TEST(Logic, does_not_evaluate_the_right_side_once_it_is_decided) {
  EXPECT_EQ(evaluate("b = 'x' OR a = 1", {{"a", "x"}, {"b", "x"}}), "true");
  EXPECT_EQ(evaluate("a = 1 OR b = 'x'", {{"a", "x"}, {"b", "x"}}), "fails");
  EXPECT_EQ(evaluate("b = 'y' AND a = 1", {{"a", "x"}, {"b", "x"}}), "false");
  EXPECT_EQ(evaluate("missing > -(a = 1) OR TRUE", {{"a", "x"}}), "true");
  EXPECT_EQ(evaluate("missing = -(a = 1) OR TRUE", {{"a", "x"}}), "fails");
}

TEST(Logic, of_thousands_of_terms_needs_no_deep_stack) {
  EXPECT_EQ(evaluate("a=1" + repeat(" OR a=1", 9000), {{"a", "2"}}), "false");
}

// ---- comparisons ----

TEST(Equality, of_missing_properties_depends_on_the_side) {
  EXPECT_EQ(evaluate("a = b"), "true");
  EXPECT_EQ(evaluate("a = 'x'"), "null");
  EXPECT_EQ(evaluate("a <> 'x'"), "null");
  EXPECT_EQ(evaluate("'x' = a"), "false");
  EXPECT_EQ(evaluate("'x' <> a"), "true");
}

TEST(Comparison, reads_a_text_as_the_class_of_the_number_beside_it) {
  EXPECT_EQ(evaluate("a > 5", {{"a", "10.5"}}), "fails");
  EXPECT_EQ(evaluate("a > 5.0", {{"a", "10.5"}}), "true");
  EXPECT_EQ(evaluate("a > 100", {{"a", "2147483649"}}), "fails");
  EXPECT_EQ(evaluate("a > 2147483648", {{"a", "2147483649"}}), "true");
  EXPECT_EQ(evaluate("a = 1", {{"a", "1.0"}}), "fails");
  EXPECT_EQ(evaluate("a = 1.0", {{"a", "1"}}), "true");
  EXPECT_EQ(evaluate("5 < a", {{"a", "+6"}}), "true");
}

TEST(Comparison, of_two_texts_is_by_bytes_for_equality_and_by_number_for_order) {
  EXPECT_EQ(evaluate("a = b", {{"a", "1.0"}, {"b", "1"}}), "false");
  EXPECT_EQ(evaluate("a >= b", {{"a", "1.0"}, {"b", "1"}}), "true");
  EXPECT_EQ(evaluate("a > b", {{"a", "z"}, {"b", "y"}}), "fails");
  EXPECT_EQ(evaluate("a > b", {{"a", "NaN"}, {"b", "Infinity"}}), "true");
}

TEST(Comparison, with_a_truth_value_reads_a_text_on_the_left_only) {
  EXPECT_EQ(evaluate("a = TRUE", {{"a", "tRUE"}}), "true");
  EXPECT_EQ(evaluate("a = FALSE", {{"a", "anything"}}), "true");
  EXPECT_EQ(evaluate("TRUE = a", {{"a", "true"}}), "fails");
  EXPECT_EQ(evaluate("TRUE = a"), "false");
  EXPECT_EQ(evaluate("5 = TRUE"), "false");
}

TEST(Property, by_itself_is_never_true) {
  EXPECT_EQ(evaluate("a", {{"a", "true"}}), "false");
  EXPECT_EQ(evaluate("NOT a", {{"a", "true"}}), "true");
  EXPECT_EQ(evaluate("a"), "null");
}

TEST(Minus, is_for_literals_and_makes_null_of_properties) {
  EXPECT_EQ(evaluate("a > -5", {{"a", "-4"}}), "true");
  EXPECT_EQ(evaluate("-a < 0", {{"a", "4"}}), "null");
  EXPECT_EQ(evaluate("a = +a", {{"a", "4"}}), "true");
  EXPECT_EQ(evaluate("a = - -5", {{"a", "5"}}), "true");
}

TEST(Between, is_two_comparisons) {
  EXPECT_EQ(evaluate("a BETWEEN 1 AND 5", {{"a", "5"}}), "true");
  EXPECT_EQ(evaluate("a NOT BETWEEN 1 AND 5", {{"a", "6"}}), "true");
  EXPECT_EQ(evaluate("a NOT BETWEEN 5 AND 1", {{"a", "3"}}), "true");
  EXPECT_EQ(evaluate("a BETWEEN 1 AND 5"), "null");
  EXPECT_EQ(evaluate("a BETWEEN b AND c", {{"a", "3"}, {"b", "1"}, {"c", "5.5"}}), "true");
  EXPECT_EQ(evaluate("a BETWEEN 4 AND c", {{"a", "3"}, {"c", "x"}}), "false");
  EXPECT_EQ(evaluate("a BETWEEN 1 AND 5 AND b = 1", {{"a", "3"}, {"b", "1"}}), "true");
  EXPECT_EQ(evaluate("-(-4) BETWEEN 1 AND 5"), "true");
}

TEST(List, is_null_for_a_missing_property_in_both_forms) {
  EXPECT_EQ(evaluate("a IN ('x', 'y')", {{"a", "y"}}), "true");
  EXPECT_EQ(evaluate("a NOT IN ('x', 'y')", {{"a", "y"}}), "false");
  EXPECT_EQ(evaluate("a IN ('x')"), "null");
  EXPECT_EQ(evaluate("a NOT IN ('x')"), "null");
}

TEST(List, finds_every_text_of_a_long_one) {
  std::string expression = "a IN ('0'";
  for (int i = 1; i < 100; ++i) expression += ", '" + std::to_string(i * 7) + "'";
  expression += ")";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(evaluate(expression, {{"a", std::to_string(i * 7)}}), "true") << i;
  EXPECT_EQ(evaluate(expression, {{"a", "8"}}), "false");
}

TEST(Search, finds_nothing_in_what_is_missing_and_does_not_not_find_it_either) {
  EXPECT_EQ(evaluate("a CONTAINS 'b'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a NOT CONTAINS 'b'", {{"a", "abc"}}), "false");
  EXPECT_EQ(evaluate("a STARTSWITH 'ab' AND a ENDSWITH 'bc'", {{"a", "abc"}}), "true");
  EXPECT_EQ(evaluate("a CONTAINS 'b'"), "false");
  EXPECT_EQ(evaluate("a NOT CONTAINS 'b'"), "false");
  EXPECT_EQ(evaluate("NOT (a CONTAINS 'b')"), "true");
  EXPECT_EQ(evaluate("a NOT CONTAINS ''", {{"a", "abc"}}), "false");
}

// ---- properties ----

TEST(Properties, follow_the_rules_of_the_property_string) {
  using namespace std::string_view_literals;
  EXPECT_EQ(evaluate_raw("a = '2'",
                         "a\x01"
                         "1\x02"
                         "a\x01"
                         "2"sv),
            "true")
      << "the last one counts, its end may be missing";
  EXPECT_EQ(evaluate_raw("a IS NULL", "a\x01\x02"sv), "true") << "an empty value is none";
  EXPECT_EQ(evaluate_raw("a CONTAINS 'y'", "a\x01x\x01y\x02"sv), "true") << "a value may hold the other separator";
  EXPECT_EQ(evaluate_raw("a IS NULL",
                         "\x01"
                         "a\x01"
                         "1\x02"sv),
            "true")
      << "an empty name hides its segment";
  EXPECT_EQ(evaluate_raw("a ENDSWITH 'y'",
                         "b\x01z\x02"
                         "a\x01"
                         "x\0y\x02"sv),
            "true");
}

TEST(Properties, are_found_wherever_they_stand) {
  for (std::size_t padding = 0; padding < 40; ++padding) {
    const std::string filler(padding, '\xC3');
    std::string properties = "f\x01" + filler + "\x02wanted\x01" + "7" + "\x02g\x01" + filler + "\x02";
    EXPECT_EQ(evaluate_raw("wanted = 7 AND g IS NULL", properties), padding == 0 ? "true" : "false") << padding;
  }
}

// ---- errors ----

TEST(Error, names_position_expected_and_found) {
  EXPECT_EQ(error_of("a > 1 AND"),
            "SQL92, line 1, column 10: expected a property, a literal, NOT or '(', found the end");
  EXPECT_EQ(
      error_of("a > 1\n  AND b CONTAINS 5"),
      "SQL92, line 2, column 18: expected a text in single quotes behind CONTAINS, STARTSWITH or ENDSWITH, found '5'");
  EXPECT_EQ(error_of("\xC3\xA9"),
            "SQL92, line 1, column 1: expected a property, a literal or an operator, found '\xC3\xA9'");
  EXPECT_EQ(error_of("'\xC3\xA9' IN ('x')"),
            "SQL92, line 1, column 1: expected a property left of IN, found the text '\xC3\xA9'");
  EXPECT_EQ(error_of("a NOT b"),
            "SQL92, line 1, column 7: expected CONTAINS, STARTSWITH, ENDSWITH, BETWEEN or IN behind NOT, found 'b'");
}

TEST(Error, tells_people_of_other_dialects_what_to_write) {
  EXPECT_EQ(
      error_of("a != 1"),
      "SQL92, line 1, column 3: expected a property, a literal or an operator, found '!='; write <> for \"not equal\"");
  EXPECT_NE(error_of("a = 'x").find("the text has no closing quote"), std::string::npos);
  EXPECT_NE(error_of("a = NULL").find("write IS NULL or IS NOT NULL"), std::string::npos);
  EXPECT_NE(error_of("a > 0.0").find("write 0 for zero"), std::string::npos);
  EXPECT_NE(error_of("(a + 1) > 2").find("arithmetic needs the option \"extended\""), std::string::npos);
  EXPECT_NE(error_of("a * 1 > 2").find("arithmetic needs the option \"extended\""), std::string::npos);
  EXPECT_NE(error_of("a > 1 AND (b LIKE 'x')").find("LIKE needs the option \"extended\""), std::string::npos);
  EXPECT_NE(error_of("(risk(a) > 1)").find("function calls need the option \"extended\""), std::string::npos);
}

TEST(Error, is_what_rocketmq_refuses_before_any_message_comes) {
  for (const char* expression : {"",
                                 "5",
                                 "'x'",
                                 "-5",
                                 "a = NULL",
                                 "TRUE = 1",
                                 "a > 'x'",
                                 "a > TRUE",
                                 "a > 1 > 2",
                                 "NOT a > 5",
                                 "a BETWEEN 5 AND 1",
                                 "a BETWEEN 'x' AND 'y'",
                                 "a IN (1)",
                                 "a IN ()",
                                 "a CONTAINS b",
                                 "a = 9223372036854775808",
                                 "a > 0.0",
                                 "a > 1e400",
                                 "a IS b",
                                 "(a = 1",
                                 "a = 1;",
                                 "a = 1 NOT b"}) {
    EXPECT_NE(error_of(expression), "") << expression;
  }
  for (const char* expression : {"NULL", "1 = TRUE", "5 > 3", "a NOT BETWEEN 5 AND 1", "a BETWEEN -1 AND -5", "a",
                                 "'5' IS NULL", "(a) IN ('x')"}) {
    EXPECT_EQ(error_of(expression), "") << expression;
  }
}

TEST(Rest, behind_the_end_of_an_expression_is_ignored_unless_strict) {
  for (const char* expression : {"a = 1 garbage", "a = 1 )", "a = 1 'text", "a = 1 garbage ;"}) {
    const bool reaches = std::string_view(expression).find("'text") != std::string_view::npos;
    EXPECT_EQ(error_of(expression).empty(), !reaches) << expression;
    EXPECT_NE(error_of(expression, strict), "") << expression;
  }
  EXPECT_EQ(evaluate("a + 1 > 2", {{"a", "5"}}), "false") << "means: a";
  EXPECT_EQ(error_of("a = 1 garbage", strict), "SQL92, line 1, column 7: expected AND, OR or the end, found 'garbage'");
  EXPECT_EQ(error_of("a = 1 -- comment\n", strict), "");
}

// ---- bounds ----

TEST(Bounds, of_an_expression_are_refused_by_name) {
  EXPECT_NE(error_of(repeat("(", 201) + "a = 1" + repeat(")", 201)).find("at most 200 levels"), std::string::npos);
  EXPECT_EQ(error_of(repeat("(", 200) + "a = 1" + repeat(")", 200)), "");
  EXPECT_NE(error_of(repeat("NOT ", 60'000 / 4)).find("at most 200 levels"), std::string::npos);
  EXPECT_NE(error_of(repeat("-", 60'000)).find("at most 200 levels"), std::string::npos);
  EXPECT_NE(error_of("a = '" + std::string(64 * 1024, 'x') + "'").find("at most 65536 bytes"), std::string::npos);
  std::string many = "p0 = 1";
  for (int i = 1; i <= 256; ++i) many += " OR p" + std::to_string(i) + " = 1";
  EXPECT_NE(error_of(many).find("at most 256 different properties"), std::string::npos);
}

}  // namespace
}  // namespace gantry::filter_sql92
