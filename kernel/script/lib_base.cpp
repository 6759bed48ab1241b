// The functions of the language itself. What is not named here does not exist for scripts: load, require, io, os,
// debug, collectgarbage, xpcall (its handler would run without a deadline) and the like.

#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"

#include <lua.hpp>

namespace gantry::script {
namespace {

constexpr const char* allowed[] = {"assert", "error",  "getmetatable", "ipairs", "next",     "pairs", "rawequal",
                                   "rawget", "rawlen", "rawset",       "select", "tostring", "type",  "_VERSION"};

int finish_pcall(lua_State* lua, int status, lua_KContext) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(lua);
  Machine& machine = Machine::of(lua);
  if (status == LUA_ERRMEM) machine.note_memory_error();
  machine.raise_if_cut(lua);
  lua_pushboolean(lua, 0);
  lua_insert(lua, -2);
  return 2;
}

int safe_pcall(lua_State* lua) {
  luaL_checkany(lua, 1);
  lua_pushboolean(lua, 1);
  lua_insert(lua, 1);
  const int status = lua_pcallk(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0, 0, &finish_pcall);
  return finish_pcall(lua, status, 0);
}

// tonumber, the most frequent call of filters: a few decimal digits are read here, all else by Lua's own, the upvalue.
int quick_tonumber(lua_State* lua) {
  constexpr std::size_t digits_max = 18;  // fit 64 bits
  if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING) {
    std::size_t size = 0;
    const char* const text = lua_tolstring(lua, 1, &size);
    lua_Integer value = 0;
    std::size_t at = 0;
    for (; at < size && at < digits_max; ++at) {
      const unsigned digit = static_cast<unsigned char>(text[at]) - unsigned{'0'};
      if (digit > 9) break;
      value = value * 10 + static_cast<lua_Integer>(digit);
    }
    if (at == size && size > 0) {
      lua_pushinteger(lua, value);
      return 1;
    }
  }
  return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

// Finalizers run where hooks are off, so there are none.
int safe_setmetatable(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  const int type = lua_type(lua, 2);
  luaL_argexpected(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(lua, 1, "__metatable") != LUA_TNIL)
    return luaL_error(lua, "cannot change a protected metatable");
  if (type == LUA_TTABLE) {
    lua_pushliteral(lua, "__gc");
    if (lua_rawget(lua, 2) != LUA_TNIL) return luaL_error(lua, "finalizers (__gc) are not offered to scripts");
    lua_pop(lua, 1);
  }
  lua_settop(lua, 2);
  lua_setmetatable(lua, 1);
  return 1;
}

}  // namespace

void push_library(lua_State* lua, const char* name) {
  if (lua_getglobal(lua, name) == LUA_TTABLE) return;
  lua_pop(lua, 1);
  lua_newtable(lua);
  lua_pushvalue(lua, -1);
  lua_setglobal(lua, name);
}

std::string_view check_text(lua_State* lua, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(lua, index, &size);
  return {text, size};
}

void push_text(lua_State* lua, std::string_view text) { lua_pushlstring(lua, text.data(), text.size()); }

void open_base(lua_State* lua) {
  luaL_requiref(lua, "_G", luaopen_base, 0);
  lua_newtable(lua);
  for (const char* name : allowed) {
    lua_getfield(lua, -2, name);
    lua_setfield(lua, -2, name);
  }
  lua_getfield(lua, -2, "tonumber");
  lua_pushcclosure(lua, &quick_tonumber, 1);
  lua_setfield(lua, -2, "tonumber");
  lua_pushcfunction(lua, &safe_pcall);
  lua_setfield(lua, -2, "pcall");
  lua_pushcfunction(lua, &safe_setmetatable);
  lua_setfield(lua, -2, "setmetatable");
  lua_pushvalue(lua, -1);
  lua_setfield(lua, -2, "_G");
  lua_rawseti(lua, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pop(lua, 1);
  luaL_requiref(lua, LUA_MATHLIBNAME, luaopen_math, 0);
  lua_setglobal(lua, LUA_MATHLIBNAME);
}

}  // namespace gantry::script
