// What an expression costs per message on one core, by the way the broker takes: the plugin's table, in batches of 32,
// over the properties of an ordinary message.
#include "plugins/filter-sql92/compiler.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace gantry;

// What a message of the Java client carries, and four properties of its application.
std::string properties_of(int i) {
  const auto property = [](std::string name, const std::string& value) { return name + '\x01' + value + '\x02'; };
  return property("KEYS", "order-" + std::to_string(1'000'000 + i)) +
         property("UNIQ_KEY", "7F0000010001070DEA4E2F4A5C5E" + std::to_string(1000 + i)) + property("WAIT", "true") +
         property("CLUSTER", "DefaultCluster") + property("TAGS", "Paid") +
         property("country", i % 2 == 0 ? "de" : "nl") + property("amount", std::to_string(50 + i * 7 % 100)) +
         property("vip", i % 3 == 0 ? "true" : "false") + property("channel", "web");
}

void evaluate(benchmark::State& state, const char* expression) {
  const auto compiled = filter_sql92::compile(expression, {.extended = true}, sdk::Functions(nullptr));
  if (!compiled) std::abort();
  constexpr std::size_t batch = 32;
  std::vector<std::string> properties;
  std::array<gantry_filter_message, batch> messages{};
  for (std::size_t i = 0; i < batch; ++i) properties.push_back(properties_of(static_cast<int>(i)));
  for (std::size_t i = 0; i < batch; ++i) messages[i].properties = sdk::detail::to_bytes(properties[i]);
  const sdk::FilterProgram& program = *compiled->program;
  for (auto _ : state) {
    std::size_t matches = 0;
    for (const gantry_filter_message& message : messages) {
      matches += program.match(sdk::FilterMessage(message)) ? 1 : 0;
    }
    benchmark::DoNotOptimize(matches);
  }
  state.counters["per_message"] = benchmark::Counter(
      static_cast<double>(batch), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(evaluate, one_term, "country = 'de'");
BENCHMARK_CAPTURE(evaluate, three_terms, "amount > 100 AND country = 'de' AND vip = TRUE");
BENCHMARK_CAPTURE(evaluate, three_terms_all_evaluated, "amount > 0 AND country <> 'fr' AND channel = 'web'");
BENCHMARK_CAPTURE(evaluate, in_and_between, "country IN ('de', 'nl', 'be') AND amount BETWEEN 20 AND 120");
BENCHMARK_CAPTURE(evaluate, search, "KEYS STARTSWITH 'order-' AND UNIQ_KEY CONTAINS '5E10'");
BENCHMARK_CAPTURE(evaluate, doubles, "amount > 100.5 OR amount < 60.25");
BENCHMARK_CAPTURE(evaluate, arithmetic, "amount * 2 + 1 > 100 AND country LIKE 'd_'");

}  // namespace

BENCHMARK_MAIN();
