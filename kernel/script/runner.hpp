#pragma once
// A script that is loaded in one thread: its hooks as functions of C++.

#include "gantry/sdk/result.hpp"
#include "kernel/script/call.hpp"
#include "kernel/script/machine.hpp"
#include "kernel/script/message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gantry::script {

/// The text of a script, and what it is called.
struct Source {
  std::string name;  ///< of the script, in configuration, logs and metrics
  std::string file;  ///< as errors name it
  std::string text;
};

/// A value that crosses between a script and an expression.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// What became of one case of a script's tests.
struct CaseResult {
  std::string name;
  bool passed = false;
  std::string text;  ///< why not, with file and line
};

/// Thread: one at a time, and the same for all calls that belong together. Owns its Lua state.
class Runner {
 public:
  static constexpr std::size_t argument_count_max = 16;

  /// Compiles the script and runs its top level, which declares the hooks. The error names file, line and reason.
  /// `services` outlives the runner.
  static Result<std::unique_ptr<Runner>> load(const Source& source, const Limits& limits, const Services& services);
  ~Runner();

  /// See Machine::watch().
  void watch(WatchSlot& slot) noexcept { machine_.watch(slot); }
  [[nodiscard]] const std::vector<Declaration>& declarations() const noexcept { return declarations_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return machine_.memory_bytes(); }
  /// What happened in the last call that failed: reason, file, line, traceback.
  [[nodiscard]] const std::string& fault_text() const noexcept { return machine_.fault_text(); }

  /// Runs a hook of any kind but `function`. `verdict` is as after clear() when it fails; what the hook changed is in
  /// `message`. `arguments` follow the message.
  Fault run(std::size_t hook, Message& message, Verdict& verdict, std::span<const Value> arguments = {});
  /// Calls an exported function. `message` may be nullptr.
  Fault call(std::size_t hook, std::span<const Value> arguments, Message* message, Value& result);

  /// Runs what the script registered with gantry.self_test. The error is that of the first one that fails.
  Status run_self_tests();
  /// Runs the cases of a test file beside the script.
  Result<std::vector<CaseResult>> run_tests(std::string_view text, const std::string& file);

 private:
  Runner(const Limits& limits, const Services& services);
  Status load_source(const Source& source);
  Fault read_verdict(HookKind kind, const Message& message, Verdict& verdict);
  bool push_value(const Value& value);
  void push_test_library();
  static int test_case(lua_State* lua);
  static int test_run(lua_State* lua);
  static int test_call(lua_State* lua);
  [[nodiscard]] std::size_t find(std::string_view name, bool function) const noexcept;

  Machine machine_;
  const Services& services_;
  std::vector<Declaration> declarations_;
  std::vector<int> functions_;   // registry references, as declarations_
  std::vector<int> self_tests_;  // registry references
  std::vector<std::pair<std::string, int>> cases_;
  Call call_;
};

}  // namespace gantry::script
