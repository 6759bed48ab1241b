#include "kernel/script/machine.hpp"

#include "kernel/script/library.hpp"
#include "kernel/script/watchdog.hpp"

#include <cstdlib>
#include <ctime>
#include <lua.hpp>

namespace gantry::script {
namespace {

// The error value of a script that was cut: needs no memory, and no script can make one.
const char cut_mark = 0;

// ThreadSanitizer holds signals back until the thread calls the C library, which an endless loop never does.
#ifdef __SANITIZE_THREAD__
constexpr bool signals_interrupt = false;
#else
constexpr bool signals_interrupt = true;
#endif

std::int64_t now_ns(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int open_all(lua_State* lua) {
  open_base(lua);
  open_table(lua);
  open_text(lua);
  open_coroutine(lua);
  open_json(lua);
  open_gantry(lua);
  open_message(lua);
  return 0;
}

}  // namespace

Machine::Machine(const Limits& limits) : limits_(limits) {
  lua_ = lua_newstate(&Machine::allocate, this);
  if (lua_ == nullptr) return;
  *static_cast<Machine**>(lua_getextraspace(lua_)) = this;
  running_ = lua_;
  lua_sethook(lua_, &Machine::on_count, LUA_MASKCOUNT, interval());
  // Garbage is collected once there is twice as much as was kept: what a hook makes per message is little and dies at
  // once.
  lua_gc(lua_, LUA_GCINC, 200, 200, 0);
  // Index 1 is the handler of all calls, for the life of the state.
  lua_pushcfunction(lua_, &Machine::on_error);
  const auto deadline = limits_.deadline;
  limits_.deadline = load_deadline;
  lua_pushcfunction(lua_, &open_all);
  usable_ = call(0, 0) == Fault::none;
  limits_.deadline = deadline;
}

Machine::~Machine() {
  if (lua_ != nullptr) lua_close(lua_);
}

Machine& Machine::of(lua_State* lua) noexcept { return **static_cast<Machine**>(lua_getextraspace(lua)); }

void* Machine::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) noexcept {
  Machine& machine = *static_cast<Machine*>(self);
  if (block == nullptr) old_size = 0;  // then it says what the block is for
  if (new_size > old_size && machine.bytes_ - old_size + new_size > machine.limits_.memory_bytes_max) return nullptr;
  void* moved = nullptr;
  if (new_size == 0) {
    std::free(block);
  } else {
    moved = std::realloc(block, new_size);
    if (moved == nullptr) return nullptr;
  }
  machine.bytes_ += new_size - old_size;
  const bool was_large = old_size >= large_block;
  const bool is_large = new_size >= large_block;
  if (was_large != is_large) {
    machine.large_blocks_ += is_large ? 1 : -1;
    // Lua allows to set a hook at any moment, so that signal handlers can; here it is the first large block.
    if (is_large && machine.large_blocks_ == 1 && machine.running_ != nullptr) {
      lua_sethook(machine.running_, &Machine::on_count, LUA_MASKCOUNT, machine.interval());
    }
  }
  return moved;
}

void Machine::on_count(lua_State* lua, lua_Debug*) { of(lua).look_at_clock(lua); }

void Machine::look_at_clock(lua_State* lua) {
  work_ = 0;
  if (cut_ != Fault::none) raise_cut(lua);
  const std::int64_t now = now_ns(CLOCK_MONOTONIC);
  if (ends_ns_ == 0) {
    ends_ns_ = now + limits_.deadline.count();
    cpu_began_ns_ = now_ns(CLOCK_THREAD_CPUTIME_ID);
  } else if (now >= ends_ns_) {
    const std::int64_t left = limits_.deadline.count() - (now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_began_ns_);
    if (left <= 0) {
      cut_ = Fault::deadline;
      raise_cut(lua);
    }
    ends_ns_ = now + left;
  }
  if (lua_gethookcount(lua) != interval()) lua_sethook(lua, &Machine::on_count, LUA_MASKCOUNT, interval());
}

void Machine::raise_cut(lua_State* lua) {
  lua_sethook(lua, &Machine::on_count, LUA_MASKCOUNT, 1);
  lua_pushlightuserdata(lua, const_cast<char*>(&cut_mark));
  lua_error(lua);
  std::abort();  // lua_error does not return
}

// Setting a hook starts its count afresh, so one that is there already stays: turns that change all the time must not
// put it off for ever.
void Machine::enter(lua_State* thread) {
  running_ = thread;
  if (lua_gethookmask(thread) == 0 || lua_gethookcount(thread) != interval()) {
    lua_sethook(thread, &Machine::on_count, LUA_MASKCOUNT, interval());
  }
}

// Whoever gave the turn to a coroutine may have missed an interruption meanwhile.
void Machine::leave(lua_State* to) noexcept {
  running_ = to;
  if (lua_gethookmask(to) == 0) lua_sethook(to, &Machine::on_count, LUA_MASKCOUNT, interval());
}

void Machine::watch(WatchSlot& slot) noexcept {
  slot_ = &slot;
  rest_hook();
}

void Machine::interrupt() noexcept { lua_sethook(running_, &Machine::on_count, LUA_MASKCOUNT, 1); }

// The hook between calls: on, unless a watchdog turns it on when needed. A large block needs it from the beginning.
void Machine::rest_hook() noexcept {
  if (signals_interrupt && slot_ != nullptr && large_blocks_ == 0) {
    if (lua_gethookmask(lua_) != 0) lua_sethook(lua_, nullptr, 0, 0);
  } else if (lua_gethookmask(lua_) == 0 || lua_gethookcount(lua_) != interval()) {
    lua_sethook(lua_, &Machine::on_count, LUA_MASKCOUNT, interval());
  }
}

int Machine::on_error(lua_State* lua) {
  if (lua_touserdata(lua, 1) == &cut_mark) {
    lua_settop(lua, 0);
    luaL_traceback(lua, lua, nullptr, 1);
    return 1;
  }
  const char* text = lua_tostring(lua, 1);
  if (text == nullptr) text = lua_pushfstring(lua, "(the error is a %s, not a text)", luaL_typename(lua, 1));
  luaL_traceback(lua, lua, text, 1);
  return 1;
}

Fault Machine::call(int argument_count, int result_count) {
  cut_ = Fault::none;
  ends_ns_ = 0;
  work_ = 0;
  running_ = lua_;
  int status = LUA_OK;
  if (slot_ == nullptr) {
    status = lua_pcall(lua_, argument_count, result_count, 1);
  } else {
    slot_->begin(*this);
    status = lua_pcall(lua_, argument_count, result_count, 1);
    slot_->end();
    rest_hook();
  }
  if (status == LUA_OK) [[likely]]
    return Fault::none;
  running_ = lua_;
  describe(status);
  const Fault cut = cut_;
  cut_ = Fault::none;
  rest_hook();
  if (cut != Fault::none) return cut;
  return status == LUA_ERRMEM ? Fault::memory : Fault::error;
}

void Machine::begin_next() noexcept {
  ends_ns_ = 0;
  work_ = 0;
  if (slot_ != nullptr) slot_->next();
  rest_hook();
}

// Takes the error off the stack. Its text needs no memory of the script's.
void Machine::describe(int status) {
  if (cut_ == Fault::deadline) {
    fault_text_ = "its time was up: more than " +
                  std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(limits_.deadline).count()) +
                  " us of computing";
  } else if (cut_ == Fault::memory || status == LUA_ERRMEM) {
    fault_text_ = "its memory was used up: more than " + std::to_string(limits_.memory_bytes_max) + " bytes";
  } else {
    fault_text_.clear();
  }
  std::size_t size = 0;
  if (lua_type(lua_, -1) == LUA_TSTRING && status != LUA_ERRMEM) {
    const char* text = lua_tolstring(lua_, -1, &size);
    if (!fault_text_.empty()) fault_text_ += '\n';
    fault_text_.append(text, std::min<std::size_t>(size, 4096));
  } else if (fault_text_.empty()) {
    fault_text_ = "an error without a text";
  }
  lua_pop(lua_, 1);
}

Fault Machine::compile(std::string_view source, const std::string& chunk) {
  struct Text {
    std::string_view source;
    const char* chunk;
  } text{source, chunk.c_str()};
  lua_pushcfunction(lua_, [](lua_State* lua) {
    const auto* given = static_cast<const Text*>(lua_touserdata(lua, 1));
    const int status = luaL_loadbufferx(lua, given->source.data(), given->source.size(), given->chunk, "t");
    if (status != LUA_OK) return lua_error(lua);
    return 1;
  });
  lua_pushlightuserdata(lua_, &text);
  return call(1, 1);
}

}  // namespace gantry::script
