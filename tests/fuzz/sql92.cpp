// Compiles an expression and matches it with a property string, in every dialect. The first line of the input is the
// expression, the rest the properties.
//
// Promises: an error has a text; the answer is the same every time; what compiles strictly compiles; what RocketMQ's
// dialect takes to its end means the same when it is strict.
#include "plugins/filter-sql92/compiler.hpp"

#include "gantry/sdk/testing.hpp"
#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

using namespace gantry;
using filter_sql92::Truth;
using gantry::fuzz::check;

namespace {

sdk::Functions functions() {
  static sdk::testing::TestFunctions* const provider = [] {
    auto* made = new sdk::testing::TestFunctions();  // never freed: it serves until the process ends
    made->add("f", 1, [](auto arguments) { return std::optional(arguments[0]); });
    made->add("g", 0, [](auto) { return std::optional<gantry_value>(); });
    return made;
  }();
  return sdk::Functions(provider->table());
}

std::optional<Truth> evaluate(std::string_view expression, const gantry_filter_message& message,
                              filter_sql92::Dialect dialect) {
  const auto compiled = filter_sql92::compile(expression, dialect, functions());
  if (!compiled) {
    check(compiled.error().code == Errc::invalid_argument && !compiled.error().text.empty());
    return std::nullopt;
  }
  const sdk::FilterMessage view(message);
  const Truth truth = compiled->program->evaluate(view);
  check(truth == compiled->program->evaluate(view));
  check(compiled->program->match(view) == (truth == Truth::yes));
  return truth;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view expression = input.substr(0, input.find('\n'));
  const std::string_view properties = input.substr(std::min(expression.size() + 1, input.size()));
  const gantry_filter_message message{sdk::detail::to_bytes(properties), {}, 0};

  const auto plain = evaluate(expression, message, {});
  const auto strict = evaluate(expression, message, {.strict = true});
  check(!strict || plain == strict);
  evaluate(expression, message, {.extended = true});
  evaluate(expression, message, {.extended = true, .strict = true});
  return 0;
}
