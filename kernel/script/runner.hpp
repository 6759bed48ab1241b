#pragma once
// A script that is loaded in one thread: its hooks as functions of C++.

#include "gantry/sdk/result.hpp"
#include "kernel/script/call.hpp"
#include "kernel/script/machine.hpp"
#include "kernel/script/message.hpp"
#include "kernel/script/property_cache.hpp"

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
  struct Progress {
    std::size_t at = 0;  ///< the message that is next; of a fault the one in which it was
    std::uint64_t calls = 0;
    std::uint64_t rejected = 0;
  };
  /// Runs a filter or on_deliver hook over the messages from done.at on whose verdict is 1, and sets it to 0 where the
  /// hook does not let one pass. Each message has time of its own. On a fault messages[done.at] has its verdict as it
  /// was, and those behind it were not looked at; otherwise done.at is messages.size(). `view` shows the messages.
  Fault filter(std::size_t hook, Message& view, std::span<const gantry_filter_message> messages, std::string_view group,
               std::span<const Value> arguments, std::uint8_t* verdicts, Progress& done);
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
  /// Raises an error of Lua when there is no memory: inside of a protected call only.
  static void push_argument(lua_State* lua, const Value& value);
  static int filter_all(lua_State* lua);
  void push_test_library();
  static int test_case(lua_State* lua);
  static int test_run(lua_State* lua);
  static int test_call(lua_State* lua);
  [[nodiscard]] std::size_t find(std::string_view name, bool function) const noexcept;

  // The stack of the state at rest: the error handler, and the message object, which is handed to every hook.
  static constexpr int message_index = 2;

  Machine machine_;
  const Services& services_;
  std::vector<Declaration> declarations_;
  std::vector<int> functions_;   // registry references, as declarations_
  std::vector<int> self_tests_;  // registry references
  std::vector<std::pair<std::string, int>> cases_;
  Call call_;
  PropertyCache cache_;
};

}  // namespace gantry::script
