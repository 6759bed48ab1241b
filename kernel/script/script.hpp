#pragma once
// A loaded script, what the configuration says about it, and how it fares.

#include "kernel/base/metrics.hpp"
#include "kernel/script/call.hpp"
#include "kernel/script/limits.hpp"
#include "kernel/script/runner.hpp"
#include "kernel/script/seen_window.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::script {

/// What becomes of a message whose hook failed, or is put aside.
enum class OnError : std::uint8_t {
  accept,      ///< it goes on as if the hook were not there
  reject,      ///< it is refused (publishing) or not delivered (filters)
  quarantine,  ///< as accept, and the first fault already puts the script aside
};
constexpr std::string_view to_string(OnError policy) noexcept {
  constexpr std::string_view names[] = {"accept", "reject", "quarantine"};
  return names[static_cast<std::size_t>(policy)];
}

/// What the configuration says about one script. A value.
struct ScriptSpec {
  std::string name = {};
  std::string file = {};       ///< empty: there is only a candidate
  std::string candidate = {};  ///< another file that runs in its shadow: seen, counted, without effect; empty: none
  std::vector<std::string> topics = {};  ///< narrows what its hooks declare; binds those that declare nothing
  std::vector<std::string> groups = {};
  OnError on_error = OnError::accept;
  Limits limits = {};
};

/// How many faults within which time put a script aside.
struct FaultLimits {
  std::int64_t faults_max = 20;
  std::chrono::milliseconds window{10'000};
};

/// Whether a version of a script may run. [any-thread]
class Health {
 public:
  [[nodiscard]] bool quarantined() const noexcept { return quarantined_.load(std::memory_order_relaxed); }

  struct Note {
    bool put_aside = false;  ///< this fault was one too many
    bool log = false;        ///< worth a line: the first one, then one every five seconds
    std::uint64_t suppressed = 0;
  };
  /// A call failed. Running out of time or memory counts as several faults: others pay for it.
  Note failed(Fault fault, OnError policy, const FaultLimits& limits, std::int64_t now_ns);
  void release();

 private:
  std::atomic<bool> quarantined_{false};
  std::mutex mutex_;
  std::deque<std::pair<std::int64_t, std::int64_t>> faults_;  // guarded by mutex_: time and weight; at most faults_max
  std::int64_t logged_ns_ = 0;                                // guarded by mutex_
  std::uint64_t suppressed_ = 0;                              // guarded by mutex_
};

/// Counted under the script's name, over all its versions. Names are API.
struct ScriptMetrics {
  ScriptMetrics(MetricsRegistry& metrics, const std::string& script);
  Counter& calls;
  Counter& errors;
  Counter& rejected;
  Counter& changed;
  Counter& differences;
  Histogram& call_ns;
  Gauge& memory_bytes;
  Gauge& quarantined;
};

/// What all versions of a script of one name share. Lives as long as the host.
struct ScriptIdentity {
  ScriptIdentity(MetricsRegistry& metrics, const std::string& script) : counts(metrics, script) {}
  ScriptMetrics counts;
  SeenWindow seen;
  std::atomic<std::int64_t> log_second{0};
  std::atomic<std::uint32_t> log_lines{0};
};

/// One version of a script. Immutable but for its health. [any-thread]
struct Script {
  /// Compiles it, runs its top level and its self-tests, on the caller's thread. The error names file, line and reason.
  static Result<std::shared_ptr<const Script>> load(const ScriptSpec& spec, Source source,
                                                    std::shared_ptr<ScriptIdentity> identity, const Clock& clock);

  /// A new runner of this version for the calling thread.
  [[nodiscard]] Result<std::unique_ptr<Runner>> make_runner() const;

  /// Whether a hook is bound to that topic and group, by what it declares and what the configuration adds.
  [[nodiscard]] bool binds(std::size_t hook, std::string_view topic, std::string_view group) const noexcept;
  /// Whether anything binds it at all.
  [[nodiscard]] bool is_bound(std::size_t hook) const noexcept;

  ScriptSpec spec;
  Source source;
  std::uint64_t hash = 0;  ///< of the text
  std::vector<Declaration> hooks;
  std::shared_ptr<ScriptIdentity> identity;
  Services services;
  mutable Health health;
};

/// "1.2+3f9a0c11d2e4b5a6": the version that its hooks declare, and the hash of its text.
std::string version_of(const Script& script);

/// One hook, and the hook that runs in its shadow.
struct Binding {
  const Script* live = nullptr;  ///< nullptr: there is only a candidate
  std::size_t hook = 0;
  const Script* candidate = nullptr;
  std::size_t candidate_hook = 0;

  [[nodiscard]] bool binds(std::string_view topic, std::string_view group) const noexcept {
    return live != nullptr ? live->binds(hook, topic, group) : candidate->binds(candidate_hook, topic, group);
  }
};

/// All scripts at one time. Immutable.
struct ScriptSet {
  struct Entry {
    std::shared_ptr<const Script> live;
    std::shared_ptr<const Script> candidate;
  };
  std::map<std::string, Entry, std::less<>> scripts;  ///< by name, which is the order in which they run
  std::array<std::vector<Binding>, hook_kind_count> bound;
  std::map<std::string, Binding, std::less<>> filters;    ///< by the hook's name
  std::map<std::string, Binding, std::less<>> functions;  ///< by the hook's name

  [[nodiscard]] const std::vector<Binding>& of(HookKind kind) const noexcept {
    return bound[static_cast<std::size_t>(kind)];
  }
  /// Adds a script. Error: it declares a filter or a function under a name that another one has.
  Status add(const std::string& name, Entry entry);
};

}  // namespace gantry::script
