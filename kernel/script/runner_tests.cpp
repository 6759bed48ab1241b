// The part of Runner that tests scripts: gantry.self_test, and the files *_test.lua beside scripts. Both get the table
// `test`, which runs hooks of the script with messages that the test makes up.

#include "kernel/base/scope_guard.hpp"
#include "kernel/script/library.hpp"
#include "kernel/script/runner.hpp"
#include "protocol/properties.hpp"

#include <chrono>
#include <lua.hpp>
#include <utility>

namespace gantry::script {
namespace {

constexpr std::size_t cases_max = 1000;
constexpr std::chrono::seconds case_deadline{2};

/// What a test made up. Owns its texts.
struct MadeMessage {
  std::string topic, body, group;
  protocol::ByteBuffer properties;
  Message::Fields fields;
};

std::string text_of(lua_State* lua, int table, const char* name, const char* fallback) {
  const int type = lua_getfield(lua, table, name);
  std::string text = fallback;
  if (type != LUA_TNIL) {
    if (type != LUA_TSTRING) luaL_error(lua, "test: expected a text as %s, found a %s", name, luaL_typename(lua, -1));
    text = check_text(lua, -1);
  }
  lua_pop(lua, 1);
  return text;
}

std::int64_t number_of(lua_State* lua, int table, const char* name, std::int64_t fallback) {
  const int type = lua_getfield(lua, table, name);
  std::int64_t number = fallback;
  if (type != LUA_TNIL) {
    if (lua_isinteger(lua, -1) == 0) luaL_error(lua, "test: expected an integer as %s", name);
    number = lua_tointeger(lua, -1);
  }
  lua_pop(lua, 1);
  return number;
}

void read_message(lua_State* lua, int table, MadeMessage& made) {
  luaL_checktype(lua, table, LUA_TTABLE);
  made.topic = text_of(lua, table, "topic", "test-topic");
  made.body = text_of(lua, table, "body", "body");
  made.group = text_of(lua, table, "group", "test-group");
  const auto put = [&](const char* field, std::string_view property) {
    protocol::append_property(made.properties, property, text_of(lua, table, field, ""));
  };
  put("tags", protocol::property::tags);
  put("keys", protocol::property::keys);
  put("id", protocol::property::uniq_key);
  const int type = lua_getfield(lua, table, "properties");
  if (type == LUA_TTABLE) {
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
      if (lua_type(lua, -2) != LUA_TSTRING || lua_type(lua, -1) != LUA_TSTRING) {
        luaL_error(lua, "test: properties are texts under names that are texts");
      }
      if (!protocol::append_property(made.properties, check_text(lua, -2), check_text(lua, -1))) {
        luaL_error(lua, "test: no message can have a property '%s' with that value", lua_tostring(lua, -2));
      }
    }
  } else if (type != LUA_TNIL) {
    luaL_error(lua, "test: expected a table as properties");
  }
  lua_pop(lua, 1);
  made.fields.topic = made.topic;
  made.fields.body = made.body;
  made.fields.group = made.group;
  made.fields.properties = made.properties.text();
  made.fields.born_ms = number_of(lua, table, "born_ms", 1'700'000'000'000);
  made.fields.store_ms = number_of(lua, table, "store_ms", 0);
  made.fields.queue_offset = number_of(lua, table, "queue_offset", 0);
  made.fields.queue_id = static_cast<std::int32_t>(number_of(lua, table, "queue_id", 0));
  made.fields.queue_count = static_cast<std::int32_t>(number_of(lua, table, "queue_count", 8));
  made.fields.flag = static_cast<std::int32_t>(number_of(lua, table, "flag", 0));
  made.fields.reconsume_count = static_cast<std::int32_t>(number_of(lua, table, "reconsume_count", 0));
  made.fields.born_host.ip_size = 4;
}

void push_outcome(lua_State* lua, Message& message, const Verdict& verdict) {
  lua_newtable(lua);
  const auto set = [&](const char* name) { lua_setfield(lua, -2, name); };
  lua_pushboolean(lua, verdict.accepted ? 1 : 0);
  set("accepted");
  if (!verdict.accepted && !verdict.reason.empty()) {
    push_text(lua, verdict.reason);
    set("reason");
  }
  if (verdict.code != 0) {
    lua_pushinteger(lua, verdict.code);
    set("code");
  }
  if (verdict.queue >= 0) {
    lua_pushinteger(lua, verdict.queue);
    set("queue");
  }
  const Message::Fields& fields = message.fields();
  push_text(lua, fields.topic);
  set("topic");
  push_text(lua, fields.body);
  set("body");
  lua_pushinteger(lua, fields.flag);
  set("flag");
  lua_pushinteger(lua, fields.queue_id);
  set("queue_id");
  lua_pushboolean(lua, message.changed().any() ? 1 : 0);
  set("changed");
  lua_newtable(lua);
  for (const protocol::Property& property : protocol::PropertyRange(message.properties())) {
    push_text(lua, property.name);
    push_text(lua, property.value);
    lua_rawset(lua, -3);
  }
  set("properties");
}

int equal(lua_State* lua) {
  luaL_checkany(lua, 2);
  if (lua_compare(lua, 1, 2, LUA_OPEQ) != 0) return 0;
  const char* expected = luaL_tolstring(lua, 1, nullptr);
  const char* found = luaL_tolstring(lua, 2, nullptr);
  return luaL_error(lua, "expected %s, found %s", expected, found);
}

Runner& runner_of(lua_State* lua) { return *static_cast<Runner*>(lua_touserdata(lua, lua_upvalueindex(1))); }

}  // namespace

int Runner::test_case(lua_State* lua) {
  Runner& runner = runner_of(lua);
  std::string name(check_text(lua, 1));
  luaL_checktype(lua, 2, LUA_TFUNCTION);
  if (runner.cases_.size() >= cases_max) return luaL_error(lua, "expected at most 1000 cases");
  lua_settop(lua, 2);
  runner.cases_.emplace_back(std::move(name), luaL_ref(lua, LUA_REGISTRYINDEX));
  return 0;
}

// test.run(hook, message): what the hook decides about it.
int Runner::test_run(lua_State* lua) {
  Runner& runner = runner_of(lua);
  const std::size_t hook = runner.find(check_text(lua, 1), false);
  if (hook == runner.declarations_.size()) {
    return luaL_error(lua, "the script has no hook named '%s'", lua_tostring(lua, 1));
  }
  MadeMessage made;
  read_message(lua, 2, made);
  Message message;
  message.show(made.fields);
  const Call outer = std::exchange(runner.call_, Call{});
  const ScopeGuard restore([&] { runner.call_ = outer; });
  runner.call_.services = outer.services;
  runner.call_.message = &message;
  runner.call_.kind = runner.declarations_[hook].kind;
  const bool takes_reason = runner.call_.kind == HookKind::on_publish || runner.call_.kind == HookKind::on_send_back;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, runner.functions_[hook]);
  lua_getglobal(lua, "gantry");
  lua_getfield(lua, -1, "msg");
  lua_remove(lua, -2);
  lua_call(lua, 1, takes_reason ? 3 : 1);
  Verdict verdict;
  if (lua == runner.machine_.lua()) {
    if (runner.read_verdict(runner.call_.kind, message, verdict) != Fault::none) {
      return luaL_error(lua, "%s", runner.machine_.fault_text().c_str());
    }
  } else {
    return luaL_error(lua, "test.run belongs into no coroutine");
  }
  push_outcome(lua, message, verdict);
  return 1;
}

// test.call(function, ...): what an exported function answers.
int Runner::test_call(lua_State* lua) {
  Runner& runner = runner_of(lua);
  const std::size_t hook = runner.find(check_text(lua, 1), true);
  if (hook == runner.declarations_.size()) {
    return luaL_error(lua, "the script exports no function named '%s'", lua_tostring(lua, 1));
  }
  lua_rawgeti(lua, LUA_REGISTRYINDEX, runner.functions_[hook]);
  lua_replace(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, 1);
  return 1;
}

/// Inside a protected call: leaves the table on the stack.
void Runner::push_test_library() {
  lua_State* lua = machine_.lua();
  lua_newtable(lua);
  const auto add = [&](const char* name, lua_CFunction function) {
    lua_pushlightuserdata(lua, this);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
  };
  add("case", &Runner::test_case);
  add("run", &Runner::test_run);
  add("call", &Runner::test_call);
  add("equal", &equal);
}

Status Runner::run_self_tests() {
  lua_State* lua = machine_.lua();
  const auto deadline = machine_.limits().deadline;
  machine_.set_deadline(load_deadline);
  const ScopeGuard restore([&] { machine_.set_deadline(deadline); });
  for (const int self_test : self_tests_) {
    lua_pushcfunction(lua, [](lua_State* state) {
      auto* runner = static_cast<Runner*>(lua_touserdata(state, 1));
      lua_rawgeti(state, LUA_REGISTRYINDEX, static_cast<lua_Integer>(lua_tointeger(state, 2)));
      runner->push_test_library();
      lua_call(state, 1, 0);
      return 0;
    });
    lua_pushlightuserdata(lua, this);
    lua_pushinteger(lua, self_test);
    if (machine_.call(2, 0) != Fault::none) {
      return Error{Errc::invalid_argument, "the self-test failed: " + machine_.fault_text()};
    }
  }
  return {};
}

Result<std::vector<CaseResult>> Runner::run_tests(std::string_view text, const std::string& file) {
  lua_State* lua = machine_.lua();
  const auto deadline = machine_.limits().deadline;
  machine_.set_deadline(case_deadline);
  const ScopeGuard restore([&] { machine_.set_deadline(deadline); });
  cases_.clear();
  Fault fault = machine_.compile(text, "@" + file);
  if (fault == Fault::none) {
    // Globals of the test file are its own, and it sees those of the script.
    lua_pushcfunction(lua, [](lua_State* state) {
      auto* runner = static_cast<Runner*>(lua_touserdata(state, 2));
      lua_newtable(state);
      runner->push_test_library();
      lua_setfield(state, -2, "test");
      lua_newtable(state);
      lua_rawgeti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
      lua_setfield(state, -2, "__index");
      lua_setmetatable(state, -2);
      lua_setupvalue(state, 1, 1);
      lua_settop(state, 1);
      lua_call(state, 0, 0);
      return 0;
    });
    lua_insert(lua, -2);
    lua_pushlightuserdata(lua, this);
    fault = machine_.call(2, 0);
  }
  if (fault != Fault::none) return Error{Errc::invalid_argument, "loading " + file + ": " + machine_.fault_text()};
  std::vector<CaseResult> results;
  for (const auto& [name, function] : cases_) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, function);
    const bool passed = machine_.call(0, 0) == Fault::none;
    results.push_back({name, passed, passed ? std::string() : machine_.fault_text()});
  }
  return results;
}

}  // namespace gantry::script
