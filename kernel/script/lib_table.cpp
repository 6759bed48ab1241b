// Tables: the functions of Lua's library, without metamethods (which could make a loop in C endless) and charged for
// the entries that they move.

#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"

#include <lua.hpp>

namespace gantry::script {
namespace {

constexpr std::size_t entry_cost = 16;
constexpr lua_Integer unpack_max = 250;

std::size_t cost_of(lua_Integer entries) { return static_cast<std::size_t>(entries > 0 ? entries : 0) * entry_cost; }

lua_Integer size_of(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  return static_cast<lua_Integer>(lua_rawlen(lua, 1));
}

int insert(lua_State* lua) {
  const lua_Integer size = size_of(lua);
  switch (lua_gettop(lua)) {
    case 2: lua_rawseti(lua, 1, size + 1); return 0;
    case 3: {
      const lua_Integer at = luaL_checkinteger(lua, 2);
      luaL_argcheck(lua, at >= 1 && at <= size + 1, 2, "position out of bounds");
      Machine::of(lua).charge(lua, cost_of(size - at));
      for (lua_Integer i = size + 1; i > at; --i) {
        lua_rawgeti(lua, 1, i - 1);
        lua_rawseti(lua, 1, i);
      }
      lua_rawseti(lua, 1, at);
      return 0;
    }
    default: return luaL_error(lua, "wrong number of arguments to 'insert'");
  }
}

int remove(lua_State* lua) {
  const lua_Integer size = size_of(lua);
  const lua_Integer at = luaL_optinteger(lua, 2, size);
  luaL_argcheck(lua, size + 1 == at || (at >= 1 && at <= size + 1) || (size == 0 && at == 0), 2,
                "position out of bounds");
  Machine::of(lua).charge(lua, cost_of(size - at));
  lua_rawgeti(lua, 1, at);
  for (lua_Integer i = at; i < size; ++i) {
    lua_rawgeti(lua, 1, i + 1);
    lua_rawseti(lua, 1, i);
  }
  if (at <= size && at >= 1) {
    lua_pushnil(lua);
    lua_rawseti(lua, 1, size);
  }
  return 1;
}

int concat(lua_State* lua) {
  const lua_Integer size = size_of(lua);
  std::size_t separator_size = 0;
  const char* separator = luaL_optlstring(lua, 2, "", &separator_size);
  const lua_Integer from = luaL_optinteger(lua, 3, 1);
  const lua_Integer to = luaL_optinteger(lua, 4, size);
  luaL_argcheck(lua, from >= 1 && to <= size, 3, "range exceeds the list");
  Machine& machine = Machine::of(lua);
  luaL_Buffer buffer;
  luaL_buffinit(lua, &buffer);
  for (lua_Integer i = from; i <= to; ++i) {
    machine.charge(lua, entry_cost + separator_size);
    const int type = lua_rawgeti(lua, 1, i);
    if (type != LUA_TSTRING && type != LUA_TNUMBER) {
      return luaL_error(lua, "invalid value (at index %I in table for 'concat')", static_cast<LUAI_UACINT>(i));
    }
    luaL_addvalue(&buffer);
    if (i != to) luaL_addlstring(&buffer, separator, separator_size);
  }
  luaL_pushresult(&buffer);
  return 1;
}

int pack(lua_State* lua) {
  const int count = lua_gettop(lua);
  lua_createtable(lua, count, 1);
  lua_insert(lua, 1);
  for (int i = count; i >= 1; --i) lua_rawseti(lua, 1, i);
  lua_pushinteger(lua, count);
  lua_setfield(lua, 1, "n");
  return 1;
}

int unpack(lua_State* lua) {
  const lua_Integer size = size_of(lua);
  const lua_Integer from = luaL_optinteger(lua, 2, 1);
  const lua_Integer to = luaL_optinteger(lua, 3, size);
  if (from > to) return 0;
  if (static_cast<lua_Unsigned>(to) - static_cast<lua_Unsigned>(from) >= static_cast<lua_Unsigned>(unpack_max)) {
    return luaL_error(lua, "expected at most %d values to unpack", static_cast<int>(unpack_max));
  }
  const int count = static_cast<int>(to - from) + 1;
  luaL_checkstack(lua, count, "too many results to unpack");
  for (int i = 0; i < count; ++i) lua_rawgeti(lua, 1, from + i);
  return count;
}

// In Lua, so that the deadline holds between any two comparisons. A merge sort: stable, and no order function, however
// wrong, makes it go astray.
constexpr const char* sort_source = R"lua(
local function less_than(a, b) return a < b end
local function sort(list, less)
  less = less or less_than
  local from, to, size, width = list, {}, #list, 1
  while width < size do
    for low = 1, size, 2 * width do
      local a, a_end = low, low + width
      if a_end > size + 1 then a_end = size + 1 end
      local b, b_end = a_end, low + 2 * width
      if b_end > size + 1 then b_end = size + 1 end
      for at = low, b_end - 1 do
        if a < a_end and (b >= b_end or not less(from[b], from[a])) then
          to[at] = from[a]
          a = a + 1
        else
          to[at] = from[b]
          b = b + 1
        end
      end
    end
    from, to = to, from
    width = 2 * width
  end
  if from ~= list then
    for i = 1, size do list[i] = from[i] end
  end
end
return sort
)lua";

constexpr luaL_Reg functions[] = {{"concat", &concat}, {"insert", &insert}, {"pack", &pack},
                                  {"remove", &remove}, {"unpack", &unpack}, {nullptr, nullptr}};

}  // namespace

void open_table(lua_State* lua) {
  luaL_newlib(lua, functions);
  if (luaL_loadstring(lua, sort_source) != LUA_OK) lua_error(lua);
  lua_call(lua, 0, 1);
  lua_setfield(lua, -2, "sort");
  lua_setglobal(lua, "table");
}

}  // namespace gantry::script
