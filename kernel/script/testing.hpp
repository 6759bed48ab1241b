#pragma once
// For tests of this room: scripts from text, with a clock that stands.

#include "kernel/script/runner.hpp"
#include "kernel/script/seen_window.hpp"

#include <string>
#include <utility>
#include <vector>

namespace gantry::script::testing {

class StandingClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return ms; }
  [[nodiscard]] std::int64_t steady_ns() const noexcept override { return ms * 1'000'000; }
  std::int64_t ms = 1'700'000'000'000;
};

struct World {
  StandingClock clock;
  SeenWindow seen;
  std::vector<std::string> lines;
  Services services{&clock, &seen, [this](std::string_view, std::string_view text) { lines.emplace_back(text); }};

  Result<std::unique_ptr<Runner>> load(std::string text, Limits limits = {}) {
    return Runner::load({"test", "test.lua", std::move(text)}, limits, services);
  }
};

}  // namespace gantry::script::testing
