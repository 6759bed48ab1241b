#include "kernel/script/runner.hpp"

#include "kernel/script/library.hpp"

#include <lua.hpp>
#include <utility>

namespace gantry::script {
namespace {

Error failure(std::string text) { return Error{Errc::invalid_argument, std::move(text)}; }

}  // namespace

Runner::Runner(const Limits& limits, const Services& services) : machine_(limits), services_(services) {
  call_.services = &services_;
  machine_.context = &call_;
}

Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::load(const Source& source, const Limits& limits, const Services& services) {
  if (source.text.size() > source_bytes_max) {
    return failure(source.file + ": expected at most 256 KiB of Lua, found " + std::to_string(source.text.size()) +
                   " bytes");
  }
  std::unique_ptr<Runner> runner(new Runner(limits, services));
  GANTRY_TRY(runner->load_source(source));
  return runner;
}

Status Runner::load_source(const Source& source) {
  lua_State* lua = machine_.lua();
  if (!machine_.usable()) {
    return failure(source.file + ": the script's memory (" + std::to_string(machine_.limits().memory_bytes_max) +
                   " bytes) does not even hold the standard functions; allow at least 256KiB");
  }
  const auto deadline = machine_.limits().deadline;
  machine_.set_deadline(load_deadline);
  call_.declares = &declarations_;
  call_.functions = &functions_;
  call_.self_tests = &self_tests_;
  Fault fault = machine_.compile(source.text, "@" + source.file);
  if (fault == Fault::none) fault = machine_.call(0, 0);
  call_.declares = nullptr;
  call_.functions = nullptr;
  call_.self_tests = nullptr;
  machine_.set_deadline(deadline);
  if (fault != Fault::none) return failure("loading " + source.file + ": " + machine_.fault_text());
  // Room for all that calls push, so that pushing cannot fail outside of a protected call.
  lua_pushcfunction(lua, [](lua_State* state) {
    luaL_checkstack(state, static_cast<int>(argument_count_max) + 16, nullptr);
    lua_getglobal(state, "gantry");
    lua_getfield(state, -1, "msg");
    return 1;
  });
  if (machine_.call(0, 1) != Fault::none || lua_checkstack(lua, static_cast<int>(argument_count_max) + 16) == 0) {
    return failure("loading " + source.file + ": " + machine_.fault_text());
  }
  if (lua_type(lua, message_index) != LUA_TUSERDATA) {
    return failure("loading " + source.file + ": the script replaced gantry.msg, which hooks are called with");
  }
  return {};
}

Fault Runner::run(std::size_t hook, Message& message, Verdict& verdict, std::span<const Value> arguments) {
  lua_State* lua = machine_.lua();
  const HookKind kind = declarations_[hook].kind;
  call_.message = &message;
  call_.kind = kind;
  verdict.clear();
  lua_rawgeti(lua, LUA_REGISTRYINDEX, functions_[hook]);
  lua_pushvalue(lua, message_index);
  int argument_count = 1;
  for (const Value& value : arguments.first(std::min(arguments.size(), argument_count_max))) {
    if (!push_value(value)) lua_pushnil(lua);
    ++argument_count;
  }
  const bool takes_reason = kind == HookKind::on_publish || kind == HookKind::on_send_back;
  const int result_count = takes_reason ? 3 : 1;
  Fault fault = machine_.call(argument_count, result_count);
  if (fault == Fault::none) {
    fault = read_verdict(kind, message, verdict);
    lua_settop(lua, message_index);
  }
  call_.message = nullptr;
  call_.kind = HookKind::function;
  return fault;
}

// Looks at results without converting them: a conversion could fail outside of a protected call.
Fault Runner::read_verdict(HookKind kind, const Message&, Verdict& verdict) {
  lua_State* lua = machine_.lua();
  const auto wrong = [&](const char* expected, int index) {
    machine_.set_fault_text("a " + std::string(to_string(kind)) + " hook answers " + expected + "; found a " +
                            luaL_typename(lua, index));
    verdict.clear();
    return Fault::error;
  };
  switch (kind) {
    case HookKind::filter: verdict.accepted = lua_toboolean(lua, -1) != 0; return Fault::none;
    case HookKind::on_deliver: verdict.accepted = lua_isnil(lua, -1) || lua_toboolean(lua, -1) != 0; return Fault::none;
    case HookKind::select_queue:
      if (lua_isnil(lua, -1)) return Fault::none;
      if (lua_isinteger(lua, -1) == 0) return wrong("the index of a queue, or nil", -1);
      if (const lua_Integer queue = lua_tointeger(lua, -1); queue >= 0 && queue <= 0x7fffffff) {
        verdict.queue = static_cast<std::int32_t>(queue);
        return Fault::none;
      }
      return wrong("the index of a queue (0 to msg.queue_count - 1), or nil", -1);
    default: break;
  }
  if (lua_isnil(lua, -3)) return Fault::none;
  if (lua_type(lua, -3) != LUA_TBOOLEAN) return wrong("nothing, true, or false and a reason", -3);
  verdict.accepted = lua_toboolean(lua, -3) != 0;
  if (verdict.accepted) return Fault::none;
  if (lua_type(lua, -2) == LUA_TSTRING) {
    verdict.reason = check_text(lua, -2).substr(0, 512);
  } else if (!lua_isnil(lua, -2)) {
    return wrong("false and a reason, which is a text", -2);
  }
  if (lua_isinteger(lua, -1) != 0) {
    const lua_Integer code = lua_tointeger(lua, -1);
    if (code < 0 || code > 32767) return wrong("a response code from 1 to 32767 as third value", -1);
    verdict.code = static_cast<std::int32_t>(code);
  } else if (!lua_isnil(lua, -1)) {
    return wrong("a response code as third value", -1);
  }
  return Fault::none;
}

// Texts take memory of the script's, which may be used up: those go through a protected call.
bool Runner::push_value(const Value& value) {
  lua_State* lua = machine_.lua();
  if (!std::holds_alternative<std::string>(value)) {
    push_argument(lua, value);
    return true;
  }
  lua_pushcfunction(lua, [](lua_State* state) {
    push_argument(state, *static_cast<const Value*>(lua_touserdata(state, 1)));
    return 1;
  });
  lua_pushlightuserdata(lua, const_cast<Value*>(&value));
  return machine_.call(1, 1) == Fault::none;
}

void Runner::push_argument(lua_State* lua, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    push_text(lua, *text);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    lua_pushboolean(lua, *flag ? 1 : 0);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    lua_pushinteger(lua, *integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    lua_pushnumber(lua, *number);
  } else {
    lua_pushnil(lua);
  }
}

Fault Runner::call(std::size_t hook, std::span<const Value> arguments, Message* message, Value& result) {
  lua_State* lua = machine_.lua();
  call_.message = message;
  call_.kind = HookKind::function;
  result = std::monostate();
  lua_rawgeti(lua, LUA_REGISTRYINDEX, functions_[hook]);
  arguments = arguments.first(std::min(arguments.size(), argument_count_max));
  for (const Value& value : arguments) {
    if (!push_value(value)) lua_pushnil(lua);
  }
  Fault fault = machine_.call(static_cast<int>(arguments.size()), 1);
  if (fault == Fault::none) {
    switch (lua_type(lua, -1)) {
      case LUA_TNIL: break;
      case LUA_TBOOLEAN: result = lua_toboolean(lua, -1) != 0; break;
      case LUA_TSTRING: result = std::string(check_text(lua, -1)); break;
      case LUA_TNUMBER:
        if (lua_isinteger(lua, -1) != 0) {
          result = std::int64_t{lua_tointeger(lua, -1)};
        } else {
          result = double{lua_tonumber(lua, -1)};
        }
        break;
      default:
        machine_.set_fault_text("an exported function answers nil, a boolean, a number or a text; found a " +
                                std::string(luaL_typename(lua, -1)));
        fault = Fault::error;
    }
    lua_settop(lua, message_index);
  }
  call_.message = nullptr;
  return fault;
}

std::size_t Runner::find(std::string_view name, bool function) const noexcept {
  std::size_t at = 0;
  while (at < declarations_.size() &&
         (declarations_[at].name != name || (declarations_[at].kind == HookKind::function) != function)) {
    ++at;
  }
  return at;
}

}  // namespace gantry::script
