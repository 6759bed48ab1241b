#pragma once
// One Lua state that cannot hurt its host: what it may call, how long it may run and how much it may keep is bounded.

#include "kernel/script/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct lua_State;
struct lua_Debug;

namespace gantry::script {

class WatchSlot;

/// A Lua state with an allow-list of functions, a memory cap and a deadline. Each script has one in every thread that
/// runs it, so scripts reach neither each other nor what another thread does.
///
/// Thread: one at a time. Owns all its memory; does not move (Lua refers to it).
///
/// How it holds its bounds:
/// (1) Memory: the allocator refuses what exceeds the cap. The script cannot catch that.
/// (2) Time of Lua code: a hook looks at the clock every so many instructions; with a watchdog, only from when that
/// finds
///     the call to take long (see watch()). Once the time is up it fires at every
///     instruction, and neither pcall nor a coroutine of the script holds the error back.
/// (3) Time of host functions: each is linear in the bytes it touches and charges for them; see charge(). While the
///     script holds a large block (where a single instruction, such as a comparison, takes long) the hook of (2) fires
///     far more often.
/// (4) Nothing of the script runs where hooks are off: no finalizers, no message handlers (xpcall).
class Machine {
 public:
  /// Asserts nothing about `limits`; with too little memory even the first call() fails.
  explicit Machine(const Limits& limits);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// False: there was not even memory for the standard functions. Nothing else may be called then.
  [[nodiscard]] bool usable() const noexcept { return usable_; }
  [[nodiscard]] lua_State* lua() const noexcept { return lua_; }
  static Machine& of(lua_State* lua) noexcept;

  /// Calls the function below its arguments on the stack, under the limits. On success the results are on the stack; on
  /// a fault nothing is, and fault_text() says what happened, with a traceback.
  Fault call(int argument_count, int result_count);
  [[nodiscard]] const std::string& fault_text() const noexcept { return fault_text_; }
  void set_fault_text(std::string text) { fault_text_ = std::move(text); }

  /// Compiles `source` (text, never byte code) and leaves its function on the stack. `chunk` is how errors call it.
  Fault compile(std::string_view source, const std::string& chunk);

  /// From now on calls run without the hook of (2) until the watchdog behind `slot` interrupts them. The slot belongs
  /// to the thread of all further calls and outlives them.
  void watch(WatchSlot& slot) noexcept;
  /// Turns the hook on. Of the calling thread's own machine, during a call; also inside a signal handler.
  void interrupt() noexcept;

  void set_deadline(std::chrono::nanoseconds deadline) noexcept { limits_.deadline = deadline; }
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_; }

  // ---- for host functions, inside call() ----

  /// What follows has time of its own, as if another call() began: for one that goes over many messages.
  void begin_next() noexcept;

  /// Accounts for `bytes` that a host function is about to touch; raises the script's end when its time is up.
  void charge(lua_State* lua, std::size_t bytes) {
    work_ += bytes;
    if (work_ >= work_per_look) look_at_clock(lua);
  }
  /// Raises again what must not be held back: after pcall and coroutines.
  void raise_if_cut(lua_State* lua) {
    if (cut_ != Fault::none) raise_cut(lua);
  }
  void note_memory_error() noexcept {
    if (cut_ == Fault::none) cut_ = Fault::memory;
  }
  /// A coroutine begins or ends to run.
  void enter(lua_State* thread);
  void leave(lua_State* to) noexcept;

  /// What host functions need to know about this call: set by who calls, found by who is called.
  void* context = nullptr;

 private:
  static constexpr std::size_t work_per_look = 256 * 1024;
  static constexpr std::size_t large_block = 64 * 1024;
  static constexpr int instructions_per_look = 1000;
  static constexpr int instructions_per_look_large = 16;

  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) noexcept;
  static void on_count(lua_State* lua, lua_Debug*);
  static int on_error(lua_State* lua);
  void look_at_clock(lua_State* lua);
  [[noreturn]] void raise_cut(lua_State* lua);
  [[nodiscard]] int interval() const noexcept {
    return cut_ != Fault::none ? 1 : large_blocks_ > 0 ? instructions_per_look_large : instructions_per_look;
  }
  void describe(int status);
  void rest_hook() noexcept;

  Limits limits_;
  std::size_t bytes_ = 0;
  std::size_t large_blocks_ = 0;
  std::size_t work_ = 0;
  std::int64_t ends_ns_ = 0;  // on the steady clock; 0: nobody has looked at the clock since the call began
  std::int64_t cpu_began_ns_ = 0;
  Fault cut_ = Fault::none;
  lua_State* lua_ = nullptr;
  lua_State* running_ = nullptr;
  WatchSlot* slot_ = nullptr;  // nullptr: the hook is on in every call
  bool usable_ = false;
  std::string fault_text_;
};

}  // namespace gantry::script
