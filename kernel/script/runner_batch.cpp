// A filter over many messages in one protected call: entering Lua costs as much as a short filter does.

#include "kernel/script/library.hpp"
#include "kernel/script/runner.hpp"

#include <algorithm>
#include <lua.hpp>

namespace gantry::script {
namespace {

constexpr std::size_t worth_learning = 4;  // messages; for fewer the long way is the shorter one

struct Batch {
  Runner& runner;
  std::span<const gantry_filter_message> messages;
  std::span<const Value> arguments;
  std::string_view group;
  std::uint8_t* verdicts;
  Runner::Progress& done;
  int function;
};

}  // namespace

// On the stack: the batch and the message object, then the hook, the cache (two places), and the arguments.
int Runner::filter_all(lua_State* lua) {
  const Batch& batch = *static_cast<const Batch*>(lua_touserdata(lua, 1));
  Runner& self = batch.runner;
  Progress& done = batch.done;
  Message& view = *self.call_.message;
  const int count = static_cast<int>(batch.arguments.size());
  const bool nil_passes = self.call_.kind == HookKind::on_deliver;
  constexpr int hook = 3;
  constexpr int cache = 4;
  constexpr int first_argument = 6;
  luaL_checkstack(lua, 2 * static_cast<int>(argument_count_max) + 16, nullptr);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, batch.function);
  PropertyCache::push(lua);
  for (const Value& value : batch.arguments) push_argument(lua, value);
  bool is_first = true;
  for (; done.at < batch.messages.size(); ++done.at) {
    std::uint8_t& verdict = batch.verdicts[done.at];
    if (verdict == 0) continue;
    ++done.calls;
    view.show(batch.messages[done.at], batch.group);
    if (is_first) {
      is_first = false;
      if (batch.messages.size() - done.at >= worth_learning) self.cache_.start();
    } else {
      self.machine_.begin_next();
      self.cache_.fill(lua, cache, view);
    }
    lua_pushvalue(lua, hook);
    lua_pushvalue(lua, message_index);
    for (int i = 0; i < count; ++i) lua_pushvalue(lua, first_argument + i);
    lua_call(lua, count + 1, 1);
    if (lua_toboolean(lua, -1) == 0 && !(nil_passes && lua_isnil(lua, -1))) {
      verdict = 0;
      ++done.rejected;
    }
    lua_pop(lua, 1);
  }
  return 0;
}

Fault Runner::filter(std::size_t hook, Message& view, std::span<const gantry_filter_message> messages,
                     std::string_view group, std::span<const Value> arguments, std::uint8_t* verdicts, Progress& done) {
  lua_State* lua = machine_.lua();
  call_.message = &view;
  call_.kind = declarations_[hook].kind;
  call_.cache = &cache_;
  // So that even a fault ahead of the hook is that of a message that was asked for.
  while (done.at < messages.size() && verdicts[done.at] == 0) ++done.at;
  Batch batch{*this,           messages, arguments.first(std::min(arguments.size(), argument_count_max - 1)),
              group,           verdicts, done,
              functions_[hook]};
  Fault fault = Fault::none;
  if (done.at < messages.size()) {
    lua_pushcfunction(lua, &Runner::filter_all);
    lua_pushlightuserdata(lua, &batch);
    lua_pushvalue(lua, message_index);
    fault = machine_.call(2, 0);
    cache_.clear(lua);
  }
  call_.cache = nullptr;
  call_.message = nullptr;
  call_.kind = HookKind::function;
  return fault;
}

}  // namespace gantry::script
