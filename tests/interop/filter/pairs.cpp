// Pairs of an expression and a message's properties, with the answer of our evaluator: what RocketMQ's is asked about.
//
//   filter_pairs random COUNT SEED     random ones, mostly well-formed, with odd numbers and texts in them
//   filter_pairs corpus                the fixed set behind tests/golden/filter/sql92.tsv
//
// A line is "answer TAB expression TAB properties"; Evaluate.java says the rest.
#include "plugins/filter-sql92/compiler.hpp"

#include "gantry/abi/filter.h"
#include "tests/interop/filter/random_pairs.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace gantry;

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= ' ' && c != '\\' && c != '\x7F') {
      out.push_back(c);
      continue;
    }
    char hex[5];
    std::snprintf(hex, sizeof hex, "\\x%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += hex;
  }
  return out;
}

char answer(std::string_view expression, std::string_view properties) {
  const auto compiled = filter_sql92::compile(expression, {}, sdk::Functions(nullptr));
  if (!compiled) return 'E';
  const gantry_filter_message message{sdk::detail::to_bytes(properties), {}, 0};
  constexpr char letters[] = {'F', 'T', 'N', 'X'};
  return letters[static_cast<std::size_t>(compiled->program->evaluate(sdk::FilterMessage(message)))];
}

void print(std::string_view expression, std::string_view properties) {
  std::printf("%c\t%s\t%s\n", answer(expression, properties), escape(expression).c_str(), escape(properties).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "random" && argc == 4) {
    interop::RandomPairs random(std::strtoull(argv[3], nullptr, 10));
    const long count = std::strtol(argv[2], nullptr, 10);
    for (long i = 0; i < count; ++i) print(random.expression(), random.properties());
    return 0;
  }
  if (what == "corpus") {
    for (const std::string_view expression : interop::fixed_expressions()) {
      for (const std::string_view properties : interop::fixed_properties()) print(expression, properties);
    }
    interop::RandomPairs random(92);
    for (int i = 0; i < 1500; ++i) print(random.expression(), random.properties());
    return 0;
  }
  std::fputs("usage: filter_pairs random COUNT SEED | filter_pairs corpus\n", stderr);
  return 2;
}
