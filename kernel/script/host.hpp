#pragma once
// All scripts of a process.

#include "gantry/abi/filter.h"
#include "gantry/abi/interceptor.h"
#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/base/snapshot.hpp"
#include "kernel/script/script.hpp"
#include "kernel/script/watchdog.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::script {

class ThreadRunners;

/// Which stored messages pass, for one pull or one subscription. Immutable; outlived by its host.
class Filter {
 public:
  virtual ~Filter() = default;
  /// [any-thread, concurrently] verdicts[i] = 1: message i passes. Never fails (a script's fault follows its policy)
  /// and never blocks.
  virtual void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const = 0;
};

struct HostOptions {
  std::string folder;   ///< watched: every *.lua in it but *_test.lua is a script; empty: none
  ScriptSpec defaults;  ///< on_error and limits of scripts that the configuration does not name
  FaultLimits fault_limits;
};

/// Loads scripts, binds their hooks to topics and groups, runs them and keeps watch over them.
///
/// Thread: load(), has_changed() and release() on one thread at a time (control); everything else [any-thread]. Each
/// thread has its own Lua state of each script that it runs, made when first needed. A reload swaps the set of scripts;
/// a thread takes the new set over between two batches, so every message is seen by exactly one version.
///
/// Bounds: scripts_max scripts; each thread holds at most one state per live script and candidate.
class ScriptHost {
 public:
  static constexpr std::size_t scripts_max = 256;

  ScriptHost(HostOptions options, const Clock& clock, MetricsRegistry& metrics);
  ~ScriptHost();
  ScriptHost(const ScriptHost&) = delete;
  ScriptHost& operator=(const ScriptHost&) = delete;

  struct Report {
    std::size_t live = 0;
    std::vector<std::string> changed;  ///< "name version", of what was loaded anew
    std::vector<Error> refusals;       ///< what could not be loaded; where there was an old version, it stays
    std::vector<std::string> removed;  ///< "filter f", "function g": there were before, and may still be called
  };
  /// [control] Reads all files again. What did not change is kept, with its state.
  Report load(const std::vector<ScriptSpec>& listed);
  /// [control] Whether a file of the last load() changed, came or went.
  [[nodiscard]] bool has_changed() const;
  /// [control] Lets scripts run again that were put aside.
  void release_quarantined();

  // ---- is there anything to do? One relaxed load each. ----

  [[nodiscard]] bool intercepts_publish() const noexcept { return publishes_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool binds_pulls() const noexcept { return filters_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool intercepts_send_back() const noexcept { return sends_back_.load(std::memory_order_relaxed); }
  /// Grows with every change of the set.
  [[nodiscard]] std::uint64_t version() const noexcept { return set_.version(); }

  // ---- work ----

  /// Runs on_publish and select_queue over messages that are about to be stored. queue_open[i] != 0: the producer left
  /// the queue of message i to the broker. Rewritten bytes come from `scratch`.
  void publish(std::span<gantry_publishing> messages, std::span<const std::uint8_t> queue_open,
               const gantry_scratch& scratch);
  /// Runs on_send_back over a message that its consumer gave up.
  void send_back(gantry_publishing& message, const gantry_scratch& scratch);

  /// What filters and on_deliver hooks that are bound to the topic and group let through; nullptr when none is.
  [[nodiscard]] std::shared_ptr<const Filter> bound_filter(std::string_view topic, std::string_view group);
  /// The filter that a subscription names: `name` or `name(1, 'a', true)`. Errors: invalid_argument with position,
  /// expected and found; not_found names the filters that there are. When its script goes later, what becomes of
  /// messages is what that script's on_error said.
  Result<std::shared_ptr<const Filter>> named_filter(std::string_view expression);

  /// Calls an exported function of the current set. not_found when there is none of that name (any more), internal when
  /// it failed. `message` may be nullptr.
  Result<Value> call_function(std::string_view name, std::span<const Value> arguments,
                              const gantry_filter_message* message);
  /// not_found names what exists.
  Status check_function(std::string_view name) const;

  /// All scripts with their state, as JSON.
  [[nodiscard]] std::string status() const;

 private:
  friend class ThreadRunners;
  class BoundFilter;
  class NamedFilter;

  std::vector<ScriptSpec> wanted(const std::vector<ScriptSpec>& listed, Report& report) const;
  std::shared_ptr<const Script> load_one(const ScriptSpec& spec, const std::string& file,
                                         const std::shared_ptr<const Script>& old, Report& report);
  std::shared_ptr<ScriptIdentity> identity_of(const std::string& name);
  ThreadRunners& here();

  void run_publishing(ThreadRunners& runners, const Binding& binding, std::span<gantry_publishing> messages,
                      const gantry_scratch& scratch);
  void run_selectors(ThreadRunners& runners, const Binding& binding, std::span<gantry_publishing> messages,
                     std::span<std::uint8_t> open);
  void run_filter(ThreadRunners& runners, const Binding& binding, std::span<const gantry_filter_message> messages,
                  std::string_view group, std::span<const Value> arguments, std::uint8_t* verdicts);
  void note_fault(const Script& script, std::size_t hook, Fault fault, const std::string& text,
                  std::string_view message_id, std::string_view topic);

  const HostOptions options_;
  const Clock& clock_;
  MetricsRegistry& metrics_;
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);  // threads see from it that we are gone
  const std::uint64_t id_;
  Watchdog watchdog_;
  SnapshotCell<ScriptSet> set_;
  std::atomic<bool> publishes_{false};
  std::atomic<bool> filters_{false};
  std::atomic<bool> sends_back_{false};

  // control
  std::map<std::string, std::shared_ptr<ScriptIdentity>> identities_;
  std::map<std::string, std::filesystem::file_time_type> files_;
  std::vector<ScriptSpec> listed_;

  mutable std::mutex mutex_;
  std::vector<std::string> refused_;  // guarded by mutex_: of the last load()
};

}  // namespace gantry::script
