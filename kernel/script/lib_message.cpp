// gantry.msg: one object per state that shows whatever message is being handled. Fields are read when asked for; it
// costs nothing to hand it to a hook, and a script that keeps it sees the message of the call, never an old one.

#include "kernel/script/call.hpp"
#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"
#include "kernel/script/property_cache.hpp"
#include "protocol/compression.hpp"
#include "protocol/host.hpp"
#include "protocol/sys_flag.hpp"

#include <limits>
#include <lua.hpp>

namespace gantry::script {
namespace {

using namespace std::string_view_literals;

enum Field : int {
  topic = 1,
  tags,
  keys,
  id,
  body,
  body_size,
  group,
  born_ms,
  store_ms,
  queue_id,
  queue_count,
  queue_offset,
  flag,
  sys_flag,
  reconsume_count,
  born_host,
};
constexpr const char* field_names[] = {
    "topic",    "tags",     "keys",        "id",           "body", "body_size", "group",           "born_ms",
    "store_ms", "queue_id", "queue_count", "queue_offset", "flag", "sys_flag",  "reconsume_count", "born_host"};

Call& current(lua_State* lua) {
  auto* call = static_cast<Call*>(Machine::of(lua).context);
  if (call == nullptr || call->message == nullptr) luaL_error(lua, "there is no message outside of a hook");
  return *call;
}

int push_or_nil(lua_State* lua, std::string_view text) {
  if (text.empty()) {
    lua_pushnil(lua);
  } else {
    push_text(lua, text);
  }
  return 1;
}

int push_body(lua_State* lua, const Message::Fields& fields) {
  Machine& machine = Machine::of(lua);
  if (fields.body.size() > body_bytes_max) {
    return luaL_error(lua, "the body has %d bytes; scripts read at most %d", static_cast<int>(fields.body.size()),
                      static_cast<int>(body_bytes_max));
  }
  machine.charge(lua, fields.body.size());
  if ((fields.sys_flag & protocol::sys_flag::compressed) == 0) {
    push_text(lua, fields.body);
    return 1;
  }
  protocol::ByteBuffer plain;
  const Status inflated = protocol::zlib_inflate(protocol::as_bytes(fields.body), body_bytes_max, plain);
  if (!inflated) return luaL_error(lua, "the body cannot be decompressed: %s", inflated.error().text.c_str());
  machine.charge(lua, plain.size() * 8);  // inflating costs more than copying
  push_text(lua, plain.text());
  return 1;
}

int unknown_field(lua_State* lua) {
  return luaL_error(lua, "a message has no field '%s'; its fields are documented in docs/lua-api.md",
                    lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : luaL_typename(lua, 2));
}

/// The number of the field that is named at index 2; 0 when there is none.
int field_at_2(lua_State* lua) {
  lua_pushvalue(lua, 2);
  lua_rawget(lua, lua_upvalueindex(1));
  const int field = static_cast<int>(lua_tointeger(lua, -1));
  lua_pop(lua, 1);
  return field;
}

int get_field(lua_State* lua) {
  const int field = field_at_2(lua);
  Message& message = *current(lua).message;
  switch (field) {
    case tags: return push_or_nil(lua, message.property(protocol::property::tags));
    case keys: return push_or_nil(lua, message.property(protocol::property::keys));
    case id: return push_or_nil(lua, message.property(protocol::property::uniq_key));
    case group: return push_or_nil(lua, message.group());
    case 0: return unknown_field(lua);
    default: break;
  }
  const Message::Fields& fields = message.fields();
  switch (field) {
    case topic: push_text(lua, fields.topic); break;
    case body: return push_body(lua, fields);
    case body_size: lua_pushinteger(lua, static_cast<lua_Integer>(fields.body.size())); break;
    case born_ms: lua_pushinteger(lua, fields.born_ms); break;
    case store_ms: lua_pushinteger(lua, fields.store_ms); break;
    case queue_id: lua_pushinteger(lua, fields.queue_id); break;
    case queue_count: lua_pushinteger(lua, fields.queue_count); break;
    case queue_offset: lua_pushinteger(lua, fields.queue_offset); break;
    case flag: lua_pushinteger(lua, fields.flag); break;
    case sys_flag: lua_pushinteger(lua, fields.sys_flag); break;
    case reconsume_count: lua_pushinteger(lua, fields.reconsume_count); break;
    case born_host: push_text(lua, protocol::to_string(protocol::host_of(fields.born_host))); break;
    default: return unknown_field(lua);
  }
  return 1;
}

void check_writable(lua_State* lua, const Call& call) {
  if (call.kind == HookKind::on_publish || call.kind == HookKind::on_send_back) return;
  luaL_error(lua, "a %s hook may read the message, not change it", std::string(to_string(call.kind)).c_str());
}

std::int32_t check_int32(lua_State* lua, int index) {
  const lua_Integer value = luaL_checkinteger(lua, index);
  if (value != static_cast<std::int32_t>(value)) luaL_argerror(lua, index, "expected a 32-bit integer");
  return static_cast<std::int32_t>(value);
}

void set_property(lua_State* lua, Message& message, std::string_view name, int value_index) {
  const std::string_view value = lua_isnil(lua, value_index) ? std::string_view() : check_text(lua, value_index);
  Machine::of(lua).charge(lua, message.properties().size() + value.size());
  if (!message.set_property(name, value)) {
    luaL_error(lua, "a property's name is not empty, and neither name nor value hold the bytes 1 and 2");
  }
  if (message.properties().size() > protocol::properties_size_max) {
    luaL_error(lua, "the properties of a message have at most %d bytes in all",
               static_cast<int>(protocol::properties_size_max));
  }
}

int set_field(lua_State* lua) {
  Call& call = current(lua);
  check_writable(lua, call);
  Message& message = *call.message;
  switch (field_at_2(lua)) {
    case topic: message.set_topic(check_text(lua, 3)); return 0;
    case tags: set_property(lua, message, protocol::property::tags, 3); return 0;
    case keys: set_property(lua, message, protocol::property::keys, 3); return 0;
    case body: {
      const std::string_view text = check_text(lua, 3);
      luaL_argcheck(lua, !text.empty() && text.size() <= body_bytes_max, 3, "expected 1 byte to 4 MiB as a body");
      Machine::of(lua).charge(lua, text.size());
      message.set_body(text, message.fields().sys_flag & ~protocol::sys_flag::compressed);
      return 0;
    }
    case flag: message.set_flag(check_int32(lua, 3)); return 0;
    case queue_id: message.set_queue(check_int32(lua, 3)); return 0;
    case 0: return unknown_field(lua);
    default: return luaL_error(lua, "the field '%s' of a message cannot be changed", lua_tostring(lua, 2));
  }
}

int get_property(lua_State* lua) {
  Call& call = current(lua);
  const bool is_text = lua_type(lua, 2) == LUA_TSTRING;  // and not a number, which the next line makes one
  std::size_t size = 0;
  const char* name = lua_tolstring(lua, 2, &size);
  if (name == nullptr) return 0;
  if (call.cache != nullptr && is_text) {
    if (call.cache->knows(name)) return 0;
    call.cache->learn(lua, 2);
  }
  return push_or_nil(lua, call.message->property({name, size}));
}

int put_property(lua_State* lua) {
  Call& call = current(lua);
  check_writable(lua, call);
  set_property(lua, *call.message, check_text(lua, 2), 3);
  return 0;
}

// pairs(msg.properties): over a copy, so that the loop may change them.
int pairs_of_properties(lua_State* lua) {
  Message& message = *current(lua).message;
  Machine::of(lua).charge(lua, message.properties().size());
  lua_getglobal(lua, "next");
  lua_newtable(lua);
  for (const protocol::Property& property : protocol::PropertyRange(message.properties())) {
    push_text(lua, property.name);
    push_text(lua, property.value);
    lua_rawset(lua, -3);
  }
  lua_pushnil(lua);
  return 3;
}

void protect(lua_State* lua, const char* what) {
  lua_pushstring(lua, what);
  lua_setfield(lua, -2, "__metatable");
  lua_pushstring(lua, what);
  lua_setfield(lua, -2, "__name");
}

void push_field_numbers(lua_State* lua) {
  lua_newtable(lua);
  int number = 1;
  for (const char* name : field_names) {
    lua_pushinteger(lua, number++);
    lua_setfield(lua, -2, name);
  }
}

}  // namespace

std::span<const char* const> message_fields() noexcept { return field_names; }

void open_message(lua_State* lua) {
  static_assert(std::size(field_names) == born_host);
  push_library(lua, "gantry");
  lua_newuserdatauv(lua, 0, 0);  // gantry.msg
  lua_newtable(lua);             // its metatable
  protect(lua, "message");
  push_field_numbers(lua);
  lua_pushvalue(lua, -1);
  lua_pushcclosure(lua, &set_field, 1);
  lua_setfield(lua, -3, "__newindex");

  // What is looked up first holds the properties themselves, which saves the most frequent access a call.
  lua_newtable(lua);
  lua_newuserdatauv(lua, 0, 0);
  lua_newtable(lua);
  protect(lua, "properties");
  PropertyCache::push_table(lua);
  lua_newtable(lua);
  lua_pushcfunction(lua, &get_property);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, &put_property);
  lua_setfield(lua, -2, "__newindex");
  lua_pushcfunction(lua, &pairs_of_properties);
  lua_setfield(lua, -2, "__pairs");
  lua_setmetatable(lua, -2);
  lua_setfield(lua, -2, "properties");
  lua_newtable(lua);
  lua_pushvalue(lua, -3);
  lua_pushcclosure(lua, &get_field, 1);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_setfield(lua, -3, "__index");
  lua_pop(lua, 1);  // the numbers

  lua_setmetatable(lua, -2);
  lua_setfield(lua, -2, "msg");
  lua_pop(lua, 1);
}

}  // namespace gantry::script
