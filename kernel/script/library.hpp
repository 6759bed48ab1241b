#pragma once
// What scripts may call. Each function fills its part of the globals of a new state; nothing else is reachable. For the
// files of this room that know Lua.

#include <span>
#include <string_view>

struct lua_State;

namespace gantry::script {

/// assert, error, pcall, pairs, tonumber, setmetatable ..., math. Makes the table of globals: call it first.
void open_base(lua_State* lua);
/// table: concat, insert, pack, remove, sort, unpack.
void open_table(lua_State* lua);
/// string (the parts whose time is linear), text, utf8.
void open_text(lua_State* lua);
/// coroutine: create, resume, running, status, wrap, yield, isyieldable.
void open_coroutine(lua_State* lua);
/// gantry.json.
void open_json(lua_State* lua);
/// gantry.hook, log, hash, bucket, now_ms, seen ...
void open_gantry(lua_State* lua);
/// gantry.msg: the message that a hook sees.
void open_message(lua_State* lua);

/// The names of a message's fields, but for `properties`; and of the fields that gantry.hook takes.
std::span<const char* const> message_fields() noexcept;
std::span<const std::string_view> hook_fields() noexcept;

/// Leaves the global table `name` on the stack, made when new.
void push_library(lua_State* lua, const char* name);
/// The text at `index`; raises a script error when it is none.
std::string_view check_text(lua_State* lua, int index);
void push_text(lua_State* lua, std::string_view text);

}  // namespace gantry::script
