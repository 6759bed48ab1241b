#include "tests/interop/filter/random_pairs.hpp"

#include <span>
#include <string_view>

namespace gantry::interop {

std::span<const std::string_view> fixed_properties() {
  using namespace std::string_view_literals;
  static constexpr std::string_view all[] = {
      ""sv,
      "a\x01"
      "1\x02"sv,
      "a\x01"
      "5\x02"
      "b\x01"
      "x\x02"sv,
      "a\x01"
      "10.5\x02"
      "b\x01"
      "5\x02"sv,
      "a\x01"
      "x\x02"
      "b\x01"
      "10\x02"
      "c\x01"
      "true\x02"sv,
      "a\x01"
      "+5\x02"
      "c\x01"
      "TRUE\x02"sv,
      "a\x01"
      "2147483649\x02"
      "b\x01"
      "2147483649\x02"sv,
      "a\x01"
      "1.0\x02"
      "b\x01"
      "1\x02"sv,
      "a\x01"
      "NaN\x02"
      "b\x01"
      "NaN\x02"sv,
      "a\x01"
      "-0.0\x02"
      "b\x01"
      "0.0\x02"sv,
      "a\x01"
      " 5 \x02"
      "c\x01"
      "false\x02"sv,
      "a\x01"
      "5\x02"
      "a\x01"
      "6\x02"
      "b\x01\x02"sv,
      "b\x01"
      "5"sv,
      "TAGS\x01"
      "TagA\x02"
      "KEYS\x01"
      "k1 k2\x02"
      "a\x01"
      "abc\x02"sv,
      "a\x01"
      "0x1p3\x02"
      "b\x01"
      "8\x02"sv,
      "a\x01"
      "\xC3\xA9t\xC3\xA9\x02"
      "b\x01"
      "\xD9\xA5\x02"sv,
  };
  return all;
}

std::span<const std::string_view> fixed_expressions() {
  static constexpr std::string_view all[] = {
      // tokens
      "",
      " ",
      "a",
      "a = 1",
      "a=1",
      "a = 01",
      "a = 5L",
      "a = 5l",
      "a = 0L",
      "a = 007",
      "a = 9223372036854775807",
      "a = 9223372036854775808",
      "a = -9223372036854775808",
      "a > 1.",
      "a > .5",
      "a > 1e1",
      "a > 1.e1",
      "a > 1e",
      "a = 0.0",
      "a > 1e-400",
      "a > 1e400",
      "a > 5e-324",
      "a > 2e-324",
      "a = 'x'",
      "a = ''",
      "a = ''''",
      "a = 'x''y'",
      "a = 'x",
      "a = \"x\"",
      "a != 1",
      "a == 1",
      "a = 1;",
      "a = 1 b ;",
      "a = 1 NOT ;",
      "a = 1 -- end\n AND b = 5",
      "a = 1 -- end",
      "a /* c */ = 1",
      "a /* c = 1",
      "a.b = 1",
      "a-b = 1",
      "_x = 1",
      "$y IS NULL",
      "\xC3\xA9 = 1",
      "A = 1",
      "NULL",
      "TRUE",
      "FALSE",
      "true",
      "not",
      // syntax
      "a = 1 garbage",
      "a = 1 )",
      "a + 1 > 2",
      "a LIKE 'x'",
      "(a = 1",
      "((a = 1))",
      "a = 1 OR",
      "OR a = 1",
      "a AND b",
      "a = 1 OR b = 5 AND c = TRUE",
      "(a = 1 OR b = 5) AND c = TRUE",
      "NOT a = 1",
      "NOT (a = 1)",
      "NOT a > 5",
      "NOT a IN ('x')",
      "a NOT IN ('x')",
      "a NOT b",
      "a IS",
      "a IS b",
      "a IS NULL",
      "a IS NOT NULL",
      "a IS NOT TRUE",
      "NOT a",
      "NOT NOT a",
      "a IS NULL = TRUE",
      "a > 1 > 2",
      "a > 1 = TRUE",
      "a = b = TRUE",
      "a = 1 = 1",
      "5",
      "'x'",
      "-5",
      "-a",
      "+a",
      "+5 = a",
      "(5) = a",
      // constants
      "5 > 3",
      "3 > 5",
      "5 = '5'",
      "'5' = 5",
      "'x' = 5",
      "5 = 'x'",
      "5 = 5.",
      "TRUE = 1",
      "1 = TRUE",
      "'true' = TRUE",
      "TRUE = 'true'",
      "TRUE = TRUE",
      "TRUE <> FALSE",
      "a = NULL",
      "NULL = a",
      "a <> NULL",
      "NULL IS NULL",
      "5 IS NULL",
      "TRUE = a",
      "a = TRUE",
      "a = FALSE",
      "c = TRUE",
      "c = FALSE",
      "c <> TRUE",
      "a > 'x'",
      "a > TRUE",
      "a > NULL",
      "a > (b = 1)",
      "a > -1",
      "a > - 1",
      "a > --1",
      "a > -(-1)",
      "a > -b",
      "-a > 1",
      "a > -(b = 5)",
      "(a > -(b = 5)) OR TRUE",
      "-a IS NULL",
      // comparisons
      "a > 5",
      "a > 5.0",
      "a > 100",
      "a > 2147483648",
      "a >= 5",
      "a < 5",
      "a <= 5",
      "a = 5",
      "a = 5.0",
      "a = 1.0",
      "a <> 5",
      "a > b",
      "a >= b",
      "a < b",
      "a <= b",
      "a = b",
      "a <> b",
      "5 < a",
      "'x' <> a",
      "a <> 'x'",
      "'x' = a",
      "a = 'x' OR b = 5",
      "b = 5 OR a = 'x'",
      "a = 1 OR b = 'x'",
      "b = 'x' OR a = 1",
      "a > 5 AND b > 5",
      "a > 5 OR b > 5",
      "a = 1 AND b = 1",
      "NOT (a > 5)",
      "missing = gone",
      "missing <> gone",
      "a = missing",
      "missing = a",
      "NOT (missing = 1)",
      "missing",
      "NOT missing",
      // BETWEEN, IN, searches
      "a BETWEEN 1 AND 10",
      "a BETWEEN 10 AND 1",
      "a NOT BETWEEN 1 AND 10",
      "a NOT BETWEEN 10 AND 1",
      "a BETWEEN -5 AND -10",
      "a BETWEEN 1 AND 10.5",
      "a BETWEEN 1.5 AND 1",
      "a BETWEEN b AND 10",
      "a BETWEEN 1 AND b",
      "a BETWEEN 'x' AND 'y'",
      "a BETWEEN NULL AND 1",
      "a BETWEEN TRUE AND FALSE",
      "5 BETWEEN 1 AND 10",
      "5 BETWEEN a AND b",
      "a BETWEEN 1 AND 10 AND b = 5",
      "a BETWEEN 1 OR 10",
      "-a BETWEEN 1 AND 2",
      "a BETWEEN -(b = 5) AND 7",
      "a IN ('x')",
      "a IN ('x', '5', 'abc')",
      "a IN ()",
      "a IN (1)",
      "a IN ('x',)",
      "a IN 'x'",
      "'x' IN ('x')",
      "(a) IN ('5')",
      "a NOT IN ('5')",
      "a IN ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14')",
      "a CONTAINS 'x'",
      "a CONTAINS ''",
      "a NOT CONTAINS 'x'",
      "a NOT CONTAINS ''",
      "NOT (a CONTAINS 'x')",
      "a CONTAINS 5",
      "a CONTAINS b",
      "'abc' CONTAINS 'b'",
      "5 CONTAINS '5'",
      "a STARTSWITH 'a'",
      "a NOT STARTSWITH 'a'",
      "a ENDSWITH 'c'",
      "a NOT ENDSWITH 'c'",
      "a CONTAINS '\xC3\xA9'",
      "a CONTAINS 'b' CONTAINS 'b'",
      "(a = 1) CONTAINS ''",
      "a CONTAINS 'b' = TRUE",
      "missing CONTAINS 'x'",
      "missing NOT CONTAINS 'x'",
      "TAGS = 'TagA'",
      "KEYS CONTAINS 'k1'",
      "TAGS IN ('TagA', 'TagB') AND a STARTSWITH 'a'",
  };
  return all;
}

}  // namespace gantry::interop
