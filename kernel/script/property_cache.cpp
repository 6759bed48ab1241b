#include "kernel/script/property_cache.hpp"

#include "kernel/script/library.hpp"

#include <lua.hpp>

namespace gantry::script {
namespace {

// Keys of the registry: the table, and the list that holds its names.
const char table_key = 0;
const char names_key = 0;

void push_made(lua_State* lua, const char* key) {
  if (lua_rawgetp(lua, LUA_REGISTRYINDEX, key) == LUA_TTABLE) return;
  lua_pop(lua, 1);
  lua_newtable(lua);
  lua_pushvalue(lua, -1);
  lua_rawsetp(lua, LUA_REGISTRYINDEX, key);
}

// What differs mostly differs in its size or at its end.
bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && (a.empty() || (a.back() == b.back() && a == b));
}

}  // namespace

void PropertyCache::push_table(lua_State* lua) { push_made(lua, &table_key); }

void PropertyCache::push(lua_State* lua) {
  push_table(lua);
  push_made(lua, &names_key);
}

void PropertyCache::learn(lua_State* lua, int index) {
  if (!learning_ || count_ == names_max) return;
  std::size_t size = 0;
  const char* const text = lua_tolstring(lua, index, &size);
  if (size == 0 || size > name_bytes_max) return;
  for (std::size_t i = 0; i < count_; ++i) {
    if (names_[i].data() == text) return;
  }
  lua_pushvalue(lua, index);
  lua_rawgetp(lua, LUA_REGISTRYINDEX, &names_key);
  lua_insert(lua, -2);
  lua_rawseti(lua, -2, static_cast<lua_Integer>(count_) + 1);
  lua_pop(lua, 1);
  values_[count_] = {};
  names_[count_++] = {text, size};
}

void PropertyCache::fill(lua_State* lua, int table, Message& message) {
  learning_ = false;
  filled_ = count_ > 0;
  const int names = table + 1;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::string_view value = message.property(names_[i]);
    if (same(value, values_[i])) continue;
    lua_rawgeti(lua, names, static_cast<lua_Integer>(i) + 1);
    if (value.empty()) {
      lua_pushnil(lua);
      values_[i] = {};
    } else {
      values_[i] = {lua_pushlstring(lua, value.data(), value.size()), value.size()};
    }
    lua_rawset(lua, table);
  }
}

void PropertyCache::clear(lua_State* lua) noexcept {
  if (filled_) {
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &table_key);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &names_key);
    for (std::size_t i = 0; i < count_; ++i) {
      lua_rawgeti(lua, -1, static_cast<lua_Integer>(i) + 1);
      lua_pushnil(lua);
      lua_rawset(lua, -4);  // of an entry that is there, or nothing at all
    }
    lua_pop(lua, 2);
  }
  count_ = 0;
  learning_ = false;
  filled_ = false;
}

}  // namespace gantry::script
