// Loads whatever bytes as a script and runs what it declares, over a message made of the same bytes, with little time
// and memory. Nothing of it may crash, hang or stay in the way of the next one; the linter reads the same bytes.
#include "kernel/script/lint.hpp"
#include "kernel/script/runner.hpp"
#include "kernel/script/seen_window.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>
#include <string>

using namespace gantry::script;
using gantry::fuzz::check;

namespace {

class StandingClock final : public gantry::Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return 1'700'000'000'000; }
  [[nodiscard]] std::int64_t steady_ns() const noexcept override { return 0; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const StandingClock clock;
  SeenWindow seen;
  const Services services{&clock, &seen, {}};
  Limits limits;
  limits.deadline = std::chrono::milliseconds(2);
  limits.memory_bytes_max = 512 * 1024;
  (void)lint(bytes.substr(0, 4096), "fuzz.lua");
  auto runner = Runner::load({"fuzz", "fuzz.lua", std::string(bytes)}, limits, services);
  if (!runner) return 0;
  (void)(*runner)->run_self_tests();
  Message message;
  Verdict verdict;
  Message::Fields fields;
  fields.topic = "topic";
  fields.properties = bytes;
  fields.body = bytes;
  fields.queue_count = 4;
  for (std::size_t i = 0; i < (*runner)->declarations().size(); ++i) {
    message.show(fields);
    if ((*runner)->declarations()[i].kind == HookKind::function) {
      const Value arguments[] = {std::string(bytes.substr(0, 64)), std::int64_t{1}};
      Value result;
      (void)(*runner)->call(i, arguments, &message, result);
    } else if ((*runner)->run(i, message, verdict) != Fault::none) {
      check(verdict.accepted && verdict.queue == -1);
    }
    check((*runner)->memory_bytes() <= limits.memory_bytes_max);
  }
  return 0;
}
