// Concern: expressions mean what they mean to RocketMQ. filter/sql92.tsv holds pairs of an expression and a message's
// properties with the answers of RocketMQ's evaluator; tests/interop/filter.py records it anew.
#include "plugins/filter-sql92/testing/expressions.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace gantry {
namespace {

// Control characters and backslashes are written as \xHH.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16)));
    i += 3;
  }
  return out;
}

TEST(GoldenFilter, every_answer_is_that_of_rocketmq) {
  std::ifstream file(GANTRY_GOLDEN_FILTER);
  ASSERT_TRUE(file) << GANTRY_GOLDEN_FILTER;
  const std::map<std::string, char> letters = {{"true", 'T'}, {"false", 'F'}, {"null", 'N'}, {"fails", 'X'}};
  std::map<char, std::size_t> counts;
  for (std::string line; std::getline(file, line);) {
    const std::size_t middle = line.find('\t', 2);
    ASSERT_EQ(line.find('\t'), 1U) << line;
    ASSERT_NE(middle, std::string::npos) << line;
    const auto found = letters.find(filter_sql92::testing::evaluate_raw(
        unescape(std::string_view(line).substr(2, middle - 2)), unescape(std::string_view(line).substr(middle + 1))));
    const char answer = found == letters.end() ? 'E' : found->second;
    EXPECT_EQ(answer, line[0]) << line;
    ++counts[answer];
  }
  for (const char answer : {'T', 'F', 'N', 'X', 'E'}) EXPECT_GE(counts[answer], 400U) << answer;
}

}  // namespace
}  // namespace gantry
