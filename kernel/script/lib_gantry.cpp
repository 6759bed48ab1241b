// The table `gantry`: declaring hooks, and the little that scripts may know and do beyond the message.

#include "kernel/script/call.hpp"
#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"
#include "kernel/script/seen_window.hpp"

#include <lua.hpp>
#include <string>

namespace gantry::script {
namespace {

constexpr std::size_t name_size_max = 128;
constexpr std::size_t log_size_max = 1024;
constexpr std::string_view known_fields[] = {"name", "version", "on", "topics", "groups", "when", "run"};

Call& current(lua_State* lua) {
  auto* call = static_cast<Call*>(Machine::of(lua).context);
  if (call == nullptr || call->services == nullptr) luaL_error(lua, "this cannot be called here");
  return *call;
}

HookKind kind_of(lua_State* lua, std::string_view name) {
  for (std::size_t i = 0; i < hook_kind_count; ++i) {
    if (to_string(static_cast<HookKind>(i)) == name) return static_cast<HookKind>(i);
  }
  luaL_error(
      lua,
      "gantry.hook: expected on = \"filter\", \"on_publish\", \"select_queue\", \"on_deliver\", \"on_send_back\" "
      "or \"function\", found \"%s\"",
      std::string(name.substr(0, name_size_max)).c_str());
  return HookKind::filter;
}

/// The text of field `name` of the table at 1; empty when it is absent.
std::string text_field(lua_State* lua, const char* name) {
  const int type = lua_getfield(lua, 1, name);
  if (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TNUMBER) {
    luaL_error(lua, "gantry.hook: expected a text as %s, found a %s", name, luaL_typename(lua, -1));
  }
  std::string value = type == LUA_TNIL ? std::string() : std::string(check_text(lua, -1));
  lua_pop(lua, 1);
  if (value.size() > name_size_max) luaL_error(lua, "gantry.hook: expected at most 128 bytes as %s", name);
  return value;
}

/// The patterns of field `name`: a text or a list of texts.
std::vector<std::string> pattern_field(lua_State* lua, const char* name) {
  std::vector<std::string> patterns;
  const int type = lua_getfield(lua, 1, name);
  const auto add = [&] {
    if (lua_type(lua, -1) != LUA_TSTRING || lua_rawlen(lua, -1) == 0 || lua_rawlen(lua, -1) > name_size_max) {
      luaL_error(lua, "gantry.hook: expected patterns of 1 to 128 bytes in %s, such as \"orders*\"", name);
    }
    patterns.emplace_back(check_text(lua, -1));
  };
  if (type == LUA_TTABLE) {
    const std::size_t size = lua_rawlen(lua, -1);
    if (size == 0 || size > patterns_per_hook_max)
      luaL_error(lua, "gantry.hook: expected 1 to 64 patterns in %s", name);
    for (std::size_t i = 1; i <= size; ++i) {
      lua_rawgeti(lua, -1, static_cast<lua_Integer>(i));
      add();
      lua_pop(lua, 1);
    }
  } else if (type != LUA_TNIL) {
    add();
  }
  lua_pop(lua, 1);
  return patterns;
}

void check_fields(lua_State* lua) {
  for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1)) {
    bool found = false;
    if (lua_type(lua, -2) == LUA_TSTRING) {
      for (const std::string_view name : known_fields) found = found || name == check_text(lua, -2);
    }
    if (found) continue;
    lua_pushvalue(lua, -2);
    luaL_error(lua, "gantry.hook: unknown field '%s'; known are name, version, on, topics, groups, when and run",
               lua_tostring(lua, -1));
  }
}

int hook(lua_State* lua) {
  Call& call = current(lua);
  if (call.declares == nullptr)
    return luaL_error(lua, "gantry.hook declares hooks while the script is loaded, not later");
  luaL_checktype(lua, 1, LUA_TTABLE);
  check_fields(lua);
  if (call.declares->size() >= hooks_per_script_max) return luaL_error(lua, "gantry.hook: expected at most 64 hooks");
  Declaration made;
  made.name = text_field(lua, "name");
  if (made.name.empty()) return luaL_error(lua, "gantry.hook: expected a name, such as name = \"tenant-routing\"");
  made.version = text_field(lua, "version");
  made.kind = kind_of(lua, text_field(lua, "on"));
  made.topics = pattern_field(lua, "topics");
  made.groups = pattern_field(lua, "groups");
  const std::string when = text_field(lua, "when");
  if (!when.empty() && (made.kind != HookKind::select_queue || (when != "open" && when != "always"))) {
    return luaL_error(lua, "gantry.hook: expected when = \"open\" or \"always\", of a select_queue hook");
  }
  made.always = when == "always";
  for (const Declaration& other : *call.declares) {
    if (other.name == made.name && other.kind == made.kind) {
      return luaL_error(lua, "gantry.hook: there are two %s hooks named '%s'",
                        std::string(to_string(made.kind)).c_str(), made.name.c_str());
    }
  }
  if (lua_getfield(lua, 1, "run") != LUA_TFUNCTION) {
    return luaL_error(lua, "gantry.hook: expected a function as run, found a %s", luaL_typename(lua, -1));
  }
  call.functions->push_back(luaL_ref(lua, LUA_REGISTRYINDEX));
  call.declares->push_back(std::move(made));
  return 0;
}

int self_test(lua_State* lua) {
  Call& call = current(lua);
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  if (call.self_tests == nullptr)
    return luaL_error(lua, "gantry.self_test is called while the script is loaded, not later");
  if (call.self_tests->size() >= hooks_per_script_max) return luaL_error(lua, "expected at most 64 self-tests");
  lua_settop(lua, 1);
  call.self_tests->push_back(luaL_ref(lua, LUA_REGISTRYINDEX));
  return 0;
}

void say(lua_State* lua, std::string_view level, int from) {
  Call& call = current(lua);
  std::string line;
  const int last = lua_gettop(lua);
  for (int i = from; i <= last && line.size() < log_size_max; ++i) {
    std::size_t size = 0;
    const char* text = luaL_tolstring(lua, i, &size);
    if (i > from) line += ' ';
    line.append(text, std::min(size, log_size_max));
    lua_pop(lua, 1);
  }
  line.resize(std::min(line.size(), log_size_max));
  if (call.services->log) call.services->log(level, line);
}

int log_info(lua_State* lua) { return say(lua, "info", 1), 0; }
int log_warn(lua_State* lua) { return say(lua, "warn", 1), 0; }

int hash(lua_State* lua) {
  const std::string_view bytes = check_text(lua, 1);
  Machine::of(lua).charge(lua, bytes.size() * 2);
  lua_pushinteger(lua, static_cast<lua_Integer>(stable_hash(bytes)));
  return 1;
}

// bucket(text, count): 0 to count - 1, the same for the same text everywhere.
int bucket(lua_State* lua) {
  const std::string_view bytes = check_text(lua, 1);
  const lua_Integer count = luaL_checkinteger(lua, 2);
  luaL_argcheck(lua, count >= 1, 2, "expected at least one bucket");
  Machine::of(lua).charge(lua, bytes.size() * 2);
  lua_pushinteger(lua, static_cast<lua_Integer>(stable_hash(bytes) % static_cast<std::uint64_t>(count)));
  return 1;
}

int now_ms(lua_State* lua) {
  lua_pushinteger(lua, current(lua).services->clock->now_ms());
  return 1;
}

int seen(lua_State* lua) {
  Call& call = current(lua);
  const std::string_view key = check_text(lua, 1);
  const lua_Integer window_ms = luaL_checkinteger(lua, 2);
  if (call.kind != HookKind::on_publish && call.kind != HookKind::on_send_back) {
    return luaL_error(lua, "gantry.seen belongs into on_publish and on_send_back: other hooks may see a message often");
  }
  luaL_argcheck(lua, window_ms >= 1 && window_ms <= 7 * 24 * 3600 * 1000LL, 2, "expected 1 ms to 7 days");
  if (call.services->seen == nullptr) return luaL_error(lua, "gantry.seen is not offered here");
  Machine::of(lua).charge(lua, key.size() * 2 + 256);
  lua_pushboolean(lua, call.services->seen->seen(key, call.services->clock->now_ms(), window_ms) ? 1 : 0);
  return 1;
}

constexpr luaL_Reg functions[] = {{"hook", &hook},     {"self_test", &self_test}, {"log", &log_info},
                                  {"warn", &log_warn}, {"hash", &hash},           {"bucket", &bucket},
                                  {"now_ms", &now_ms}, {"seen", &seen},           {nullptr, nullptr}};

}  // namespace

std::span<const std::string_view> hook_fields() noexcept { return known_fields; }

void open_gantry(lua_State* lua) {
  push_library(lua, "gantry");
  luaL_setfuncs(lua, functions, 0);
  lua_pushliteral(lua, "1");
  lua_setfield(lua, -2, "api_version");
  lua_pop(lua, 1);
  lua_pushcfunction(lua, &log_info);
  lua_setglobal(lua, "print");
}

}  // namespace gantry::script
