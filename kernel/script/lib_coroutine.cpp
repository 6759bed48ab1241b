// Coroutines that end with the call that they are part of: a script that was cut is cut in all of them.

#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"

#include <lua.hpp>

namespace gantry::script {
namespace {

constexpr const char* allowed[] = {"create", "isyieldable", "running", "status", "yield"};

/// Runs `thread` with the topmost `count` values. Leaves its results on the stack and returns how many; -1 with the
/// error on the stack when it failed.
int run(lua_State* lua, lua_State* thread, int count) {
  Machine& machine = Machine::of(lua);
  if (lua_checkstack(thread, count) == 0) {
    lua_pushliteral(lua, "too many arguments to resume");
    return -1;
  }
  lua_xmove(lua, thread, count);
  machine.enter(thread);
  int result_count = 0;
  const int status = lua_resume(thread, lua, count, &result_count);
  machine.leave(lua);
  if (status == LUA_ERRMEM) machine.note_memory_error();
  machine.raise_if_cut(lua);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(thread, lua, 1);
    return -1;
  }
  if (lua_checkstack(lua, result_count + 1) == 0) {
    lua_pop(thread, result_count);
    lua_pushliteral(lua, "too many results to resume");
    return -1;
  }
  lua_xmove(thread, lua, result_count);
  return result_count;
}

int resume(lua_State* lua) {
  lua_State* thread = lua_tothread(lua, 1);
  luaL_argexpected(lua, thread != nullptr, 1, "coroutine");
  const int count = run(lua, thread, lua_gettop(lua) - 1);
  lua_pushboolean(lua, count >= 0 ? 1 : 0);
  lua_insert(lua, count >= 0 ? -(count + 1) : -2);
  return (count >= 0 ? count : 1) + 1;
}

int run_wrapped(lua_State* lua) {
  const int count = run(lua, lua_tothread(lua, lua_upvalueindex(1)), lua_gettop(lua));
  return count >= 0 ? count : lua_error(lua);
}

int wrap(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  lua_State* thread = lua_newthread(lua);
  lua_pushvalue(lua, 1);
  lua_xmove(lua, thread, 1);
  lua_pushcclosure(lua, &run_wrapped, 1);
  return 1;
}

}  // namespace

void open_coroutine(lua_State* lua) {
  luaL_requiref(lua, LUA_COLIBNAME, luaopen_coroutine, 0);
  lua_newtable(lua);
  for (const char* name : allowed) {
    lua_getfield(lua, -2, name);
    lua_setfield(lua, -2, name);
  }
  lua_pushcfunction(lua, &resume);
  lua_setfield(lua, -2, "resume");
  lua_pushcfunction(lua, &wrap);
  lua_setfield(lua, -2, "wrap");
  lua_setglobal(lua, LUA_COLIBNAME);
  lua_pop(lua, 1);
}

}  // namespace gantry::script
