// Text whose time is linear in what it touches. Lua's patterns are not among it: a pattern of a few characters can take
// hours on a short text, and nothing interrupts it.

#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"
#include "kernel/script/pattern.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <lua.hpp>

namespace gantry::script {
namespace {

constexpr const char* allowed[] = {"byte", "char", "format", "len", "lower", "reverse", "sub", "upper"};
constexpr const char* refused[] = {"find", "gmatch", "gsub", "match"};
constexpr std::size_t parts_max = 10'000;
constexpr std::size_t glob_size_max = 256;

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Where `needle` begins at or behind `from`; npos when nowhere. Linear, whatever the texts are.
std::size_t find_plain(std::string_view text, std::string_view needle, std::size_t from) noexcept {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  const void* at = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (at == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

int refuse_pattern(lua_State* lua) {
  return luaL_error(lua,
                    "string.%s is not offered, because the time of pattern matching has no bound; use text.find, "
                    "text.split, text.replace or text.glob",
                    lua_tostring(lua, lua_upvalueindex(1)));
}

int repeat(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const lua_Integer count = luaL_checkinteger(lua, 2);
  std::size_t separator_size = 0;
  const char* separator = luaL_optlstring(lua, 3, "", &separator_size);
  const std::size_t each = text.size() + separator_size;
  if (count <= 0 || each == 0) {
    lua_pushliteral(lua, "");
    return 1;
  }
  Machine& machine = Machine::of(lua);
  if (static_cast<std::size_t>(count) > machine.limits().memory_bytes_max / each) {
    return luaL_error(lua, "the text would not fit the script's memory");
  }
  luaL_Buffer buffer;
  luaL_buffinitsize(lua, &buffer, each * static_cast<std::size_t>(count));
  for (lua_Integer i = 0; i < count; ++i) {
    machine.charge(lua, each);
    luaL_addlstring(&buffer, text.data(), text.size());
    if (i + 1 < count) luaL_addlstring(&buffer, separator, separator_size);
  }
  luaL_pushresult(&buffer);
  return 1;
}

int find(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view needle = check_text(lua, 2);
  const lua_Integer from = luaL_optinteger(lua, 3, 1);
  luaL_argcheck(lua, from >= 1, 3, "expected a position from 1 on");
  Machine::of(lua).charge(lua, text.size() + needle.size());
  const std::size_t at = find_plain(text, needle, static_cast<std::size_t>(from) - 1);
  if (at == std::string_view::npos) return 0;
  lua_pushinteger(lua, static_cast<lua_Integer>(at) + 1);
  lua_pushinteger(lua, static_cast<lua_Integer>(at + needle.size()));
  return 2;
}

int contains(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view needle = check_text(lua, 2);
  Machine::of(lua).charge(lua, text.size() + needle.size());
  lua_pushboolean(lua, find_plain(text, needle, 0) != std::string_view::npos);
  return 1;
}

int starts_with(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view prefix = check_text(lua, 2);
  Machine::of(lua).charge(lua, prefix.size());
  lua_pushboolean(lua, text.starts_with(prefix));
  return 1;
}

int ends_with(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view suffix = check_text(lua, 2);
  Machine::of(lua).charge(lua, suffix.size());
  lua_pushboolean(lua, text.ends_with(suffix));
  return 1;
}

int trim(lua_State* lua) {
  std::string_view text = check_text(lua, 1);
  Machine::of(lua).charge(lua, text.size());
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  push_text(lua, text);
  return 1;
}

int split(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view separator = check_text(lua, 2);
  luaL_argcheck(lua, !separator.empty(), 2, "expected a separator of at least one byte");
  const lua_Integer most = luaL_optinteger(lua, 3, static_cast<lua_Integer>(parts_max));
  luaL_argcheck(lua, most >= 1 && most <= static_cast<lua_Integer>(parts_max), 3, "expected 1 to 10000 parts");
  Machine& machine = Machine::of(lua);
  machine.charge(lua, text.size());
  lua_newtable(lua);
  std::size_t from = 0;
  for (lua_Integer part = 1;; ++part) {
    machine.charge(lua, 64);
    const std::size_t end = part == most ? std::string_view::npos : find_plain(text, separator, from);
    push_text(lua, text.substr(from, end == std::string_view::npos ? end : end - from));
    lua_rawseti(lua, -2, part);
    if (end == std::string_view::npos) return 1;
    from = end + separator.size();
  }
}

int replace(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view old = check_text(lua, 2);
  const std::string_view fresh = check_text(lua, 3);
  luaL_argcheck(lua, !old.empty(), 2, "expected a text of at least one byte");
  lua_Integer left = luaL_optinteger(lua, 4, std::numeric_limits<lua_Integer>::max());
  Machine& machine = Machine::of(lua);
  machine.charge(lua, text.size());
  luaL_Buffer buffer;
  luaL_buffinit(lua, &buffer);
  std::size_t from = 0;
  lua_Integer count = 0;
  for (; left > 0; --left, ++count) {
    const std::size_t at = find_plain(text, old, from);
    if (at == std::string_view::npos) break;
    machine.charge(lua, 16 + fresh.size());
    luaL_addlstring(&buffer, text.data() + from, at - from);
    luaL_addlstring(&buffer, fresh.data(), fresh.size());
    from = at + old.size();
  }
  luaL_addlstring(&buffer, text.data() + from, text.size() - from);
  luaL_pushresult(&buffer);
  lua_pushinteger(lua, count);
  return 2;
}

int glob(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const std::string_view pattern = check_text(lua, 2);
  luaL_argcheck(lua, pattern.size() <= glob_size_max, 2, "expected a pattern of at most 256 bytes");
  luaL_argcheck(lua, text.size() <= 64 * 1024, 1, "expected a text of at most 64 KiB");
  Machine::of(lua).charge(lua, text.size() * std::max<std::size_t>(pattern.size() / 8, 1));
  lua_pushboolean(lua, matches_glob(text, pattern));
  return 1;
}

int to_hex(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  Machine::of(lua).charge(lua, text.size() * 2);
  luaL_Buffer buffer;
  char* to = luaL_buffinitsize(lua, &buffer, text.size() * 2);
  for (const char c : text) {
    constexpr const char* digits = "0123456789abcdef";
    *to++ = digits[static_cast<unsigned char>(c) >> 4];
    *to++ = digits[static_cast<unsigned char>(c) & 15];
  }
  luaL_pushresultsize(&buffer, text.size() * 2);
  return 1;
}

// Everything but the first and last bytes becomes "*"; all of it when nothing would be hidden.
int mask(lua_State* lua) {
  const std::string_view text = check_text(lua, 1);
  const lua_Integer keep_first = luaL_optinteger(lua, 2, 0);
  const lua_Integer keep_last = luaL_optinteger(lua, 3, 0);
  luaL_argcheck(lua, keep_first >= 0 && keep_last >= 0, 2, "expected how many bytes stay, 0 or more");
  Machine::of(lua).charge(lua, text.size());
  luaL_Buffer buffer;
  char* to = luaL_buffinitsize(lua, &buffer, text.size());
  const auto size = static_cast<lua_Integer>(text.size());
  const bool hides_all = keep_first + keep_last >= size;
  for (lua_Integer i = 0; i < size; ++i) {
    const bool stays = !hides_all && (i < keep_first || i >= size - keep_last);
    to[i] = stays ? text[static_cast<std::size_t>(i)] : '*';
  }
  luaL_pushresultsize(&buffer, text.size());
  return 1;
}

constexpr luaL_Reg functions[] = {{"contains", &contains}, {"ends_with", &ends_with}, {"find", &find},
                                  {"glob", &glob},         {"hex", &to_hex},          {"mask", &mask},
                                  {"replace", &replace},   {"split", &split},         {"starts_with", &starts_with},
                                  {"trim", &trim},         {nullptr, nullptr}};

void open_string(lua_State* lua) {
  luaL_requiref(lua, LUA_STRLIBNAME, luaopen_string, 0);
  lua_newtable(lua);
  for (const char* name : allowed) {
    lua_getfield(lua, -2, name);
    lua_setfield(lua, -2, name);
  }
  lua_pushcfunction(lua, &repeat);
  lua_setfield(lua, -2, "rep");
  for (const char* name : refused) {
    lua_pushstring(lua, name);
    lua_pushcclosure(lua, &refuse_pattern, 1);
    lua_setfield(lua, -2, name);
  }
  // Texts have these as methods. Their metatable cannot be reached.
  lua_pushliteral(lua, "");
  lua_newtable(lua);
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pushliteral(lua, "string");
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  lua_pop(lua, 1);
  lua_setglobal(lua, LUA_STRLIBNAME);
  lua_pop(lua, 1);
}

}  // namespace

void open_text(lua_State* lua) {
  open_string(lua);
  luaL_newlib(lua, functions);
  lua_setglobal(lua, "text");
  luaL_requiref(lua, LUA_UTF8LIBNAME, luaopen_utf8, 0);
  lua_newtable(lua);
  lua_getfield(lua, -2, "char");
  lua_setfield(lua, -2, "char");
  lua_setglobal(lua, LUA_UTF8LIBNAME);
  lua_pop(lua, 1);
}

}  // namespace gantry::script
