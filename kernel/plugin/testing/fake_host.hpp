#pragma once
// A process around a plugin that a test drives by hand: time stands still, posted work waits until it is run.

#include "gantry/sdk/plugin.hpp"
#include "kernel/config/config.hpp"
#include "kernel/plugin/host_backend.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/manifest.hpp"
#include "kernel/plugin/start_order.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gantry::plugin::testing {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return 1'700'000'000'000 + ns / 1'000'000; }
  [[nodiscard]] std::int64_t steady_ns() const noexcept override { return ns; }
  void advance(std::chrono::milliseconds by) { ns += std::chrono::nanoseconds(by).count(); }
  std::int64_t ns = 1;
};

class ManualExecutor final : public Executor {
 public:
  void post(Task task) override { posted.push_back(std::move(task)); }
  [[nodiscard]] bool runs_here() const noexcept override { return here; }
  TimerId call_after(std::chrono::milliseconds delay, Task task) override {
    timers.emplace(++last, std::pair(delay, std::move(task)));
    return last;
  }
  void cancel(TimerId timer) override { timers.erase(timer); }

  void run_posted() {
    const bool before = std::exchange(here, true);
    while (!posted.empty()) {
      Task task = std::move(posted.front());
      posted.pop_front();
      task();
    }
    here = before;
  }
  void ring_all() {
    auto due = std::exchange(timers, {});
    const bool before = std::exchange(here, true);
    for (auto& [id, timer] : due) timer.second();
    here = before;
  }

  bool here = true;
  TimerId last = 0;
  std::deque<Task> posted;
  std::map<TimerId, std::pair<std::chrono::milliseconds, Task>> timers;
};

class FakeHost : public HostBackend {
 public:
  [[nodiscard]] const Clock& clock() const noexcept override { return time; }
  [[nodiscard]] MetricsRegistry& metrics() noexcept override { return registry; }
  [[nodiscard]] std::string_view data_folder() const noexcept override { return "/data"; }
  [[nodiscard]] const gantry_functions* functions() const noexcept override { return expression_functions; }
  [[nodiscard]] Executor& control() noexcept override { return executor; }
  [[nodiscard]] bool run_blocking(UniqueFunction<void()> task) override {
    if (pool_full) return false;
    blocking.push_back(std::move(task));
    return true;
  }
  Status publish(const gantry_outgoing& message, PublishDone done) override {
    if (publish_refusal) return *publish_refusal;
    published_topics.emplace_back(static_cast<const char*>(message.topic.data), message.topic.size);
    publications.push_back(std::move(done));
    return {};
  }
  void answer(std::uint64_t ticket, std::int32_t code, std::string_view remark, std::span<const gantry_bytes> fields,
              std::string_view body) override {
    std::string text = std::to_string(ticket) + " " + std::to_string(code) + " " + std::string(remark);
    for (const gantry_bytes& each : fields) text += " " + std::string(static_cast<const char*>(each.data), each.size);
    answers.push_back(text + " " + std::string(body));
  }
  void fault(std::string_view plugin_id, FaultSeverity severity, std::string_view text) override {
    faults.push_back(std::string(plugin_id) + (severity == FaultSeverity::fatal ? " fatal " : " degraded ") +
                     std::string(text));
  }

  ManualClock time;
  MetricsRegistry registry;
  ManualExecutor executor;
  const gantry_functions* expression_functions = nullptr;
  bool pool_full = false;
  std::deque<UniqueFunction<void()>> blocking;
  std::optional<Error> publish_refusal;
  std::vector<std::string> published_topics;
  std::vector<PublishDone> publications;
  std::vector<std::string> answers;
  std::vector<std::string> faults;
};

/// A plugin as if its table had come from a library.
inline LoadedPlugin loaded(const gantry_plugin_table& table) {
  auto manifest = read_manifest(table, "test/" + std::string(table.id) + ".so", {.id = table.id, .allow_draft = true});
  EXPECT_TRUE(manifest) << (manifest ? "" : manifest.error().text);
  return {*manifest, &table};
}

/// What load_plugins() would make of these.
inline LoadResult load(std::vector<LoadedPlugin> plugins, bool need_store = false) {
  LoadResult result;
  std::vector<const Manifest*> manifests;
  for (const LoadedPlugin& plugin : plugins) manifests.push_back(&plugin.manifest);
  StartOrder order = decide_start_order(manifests, need_store);
  result.start_order = std::move(order.order);
  result.refusals = std::move(order.refusals);
  result.plugins = std::move(plugins);
  return result;
}

/// All options of these plugins at their defaults, except for `overrides` ("plugins.x.key", "value").
inline config::Values values_of(const std::vector<LoadedPlugin>& plugins,
                                std::vector<std::pair<std::string, std::string>> overrides = {}) {
  config::OptionTables tables;
  for (const LoadedPlugin& plugin : plugins) {
    const Status added = tables.add(option_section(plugin.manifest));
    EXPECT_TRUE(added) << (added ? "" : added.error().text);
  }
  auto resolution = config::resolve({}, tables, {.from_command_line = std::move(overrides), .from_environment = {}},
                                    config::UndeclaredPlugins::warn);
  EXPECT_TRUE(resolution.ok()) << to_string(resolution.findings);
  return std::move(resolution.values);
}

}  // namespace gantry::plugin::testing
