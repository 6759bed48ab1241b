// gantry.json: decode (Boost.JSON, through protocol/json_events.hpp) and encode.

#include "kernel/script/library.hpp"
#include "kernel/script/machine.hpp"
#include "protocol/buffer.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/json_events.hpp"

#include <charconv>
#include <cmath>
#include <lua.hpp>

namespace gantry::script {
namespace {

constexpr int depth_max = protocol::json_events_depth_max;
const char null_mark = 0;

void push_null(lua_State* lua) { lua_pushlightuserdata(lua, const_cast<char*>(&null_mark)); }

/// Builds the values on the stack: what is open lies below what is being added to it.
class Builder final : public protocol::JsonEvents {
 public:
  explicit Builder(lua_State* lua) : lua_(lua) {}

  void null_value() override {
    push_null(lua_);
    add();
  }
  void boolean(bool value) override {
    lua_pushboolean(lua_, value ? 1 : 0);
    add();
  }
  void integer(std::int64_t value) override {
    lua_pushinteger(lua_, value);
    add();
  }
  void real(double value) override {
    lua_pushnumber(lua_, value);
    add();
  }
  void text(std::string_view value) override {
    push_text(lua_, value);
    add();
  }
  void key(std::string_view name) override { push_text(lua_, name); }
  void object_begin() override { open(-1); }
  void array_begin() override { open(0); }
  void object_end() override { close(); }
  void array_end() override { close(); }

 private:
  void open(lua_Integer size) {
    luaL_checkstack(lua_, 4, "JSON is nested too deeply");
    lua_newtable(lua_);
    sizes_[depth_++] = size;
  }
  void close() {
    --depth_;
    add();
  }
  void add() {
    Machine::of(lua_).charge(lua_, 64);
    if (depth_ == 0) return;
    lua_Integer& size = sizes_[depth_ - 1];
    if (size < 0) {
      lua_rawset(lua_, -3);
    } else {
      lua_rawseti(lua_, -2, ++size);
    }
  }

  lua_State* lua_;
  int depth_ = 0;
  lua_Integer sizes_[depth_max + 1] = {};  // entries of open arrays; -1 for objects
};

// decode(text): the value; or nil and why not.
int decode(lua_State* lua) {
  const std::string_view json = check_text(lua, 1);
  Machine::of(lua).charge(lua, json.size() * 4);
  lua_settop(lua, 1);
  luaL_checkstack(lua, 8, nullptr);
  Builder builder(lua);
  const Status read = protocol::read_json(json, builder);
  if (read) return 1;
  lua_settop(lua, 1);
  lua_pushnil(lua);
  push_text(lua, read.error().text);
  return 2;
}

class Encoder {
 public:
  explicit Encoder(lua_State* lua) : lua_(lua) {}

  void value(int depth) {
    switch (lua_type(lua_, -1)) {
      case LUA_TNIL: out_.append(std::string_view("null")); break;
      case LUA_TBOOLEAN: out_.append(std::string_view(lua_toboolean(lua_, -1) != 0 ? "true" : "false")); break;
      case LUA_TNUMBER: number(); break;
      case LUA_TSTRING: text(); break;
      case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(lua_, -1) == &null_mark) {
          out_.append(std::string_view("null"));
          break;
        }
        [[fallthrough]];
      default:
        if (lua_type(lua_, -1) != LUA_TTABLE) {
          luaL_error(lua_, "a %s has no form in JSON", luaL_typename(lua_, -1));
        }
        if (depth >= depth_max) luaL_error(lua_, "JSON is nested more than %d deep", depth_max);
        table(depth);
    }
    if (out_.size() > body_bytes_max) luaL_error(lua_, "the JSON would exceed 4 MiB");
  }
  [[nodiscard]] std::string_view result() const { return out_.text(); }

 private:
  void number() {
    char digits[32];
    std::to_chars_result end{};
    if (lua_isinteger(lua_, -1) != 0) {
      end = std::to_chars(digits, digits + sizeof digits, lua_tointeger(lua_, -1));
    } else {
      const double value = lua_tonumber(lua_, -1);
      if (!std::isfinite(value)) luaL_error(lua_, "JSON has no form for infinite numbers and NaN");
      end = std::to_chars(digits, digits + sizeof digits, value);
    }
    out_.append(std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
  }
  void text() {
    std::size_t size = 0;
    const char* bytes = lua_tolstring(lua_, -1, &size);
    Machine::of(lua_).charge(lua_, size);
    out_.push_back('"');
    protocol::append_escaped_json(out_, {bytes, size});
    out_.push_back('"');
  }
  // A table with entries at 1 to n and no others is an array, and so is an empty one.
  void table(int depth) {
    luaL_checkstack(lua_, 6, "JSON is nested too deeply");
    const auto size = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
    lua_Integer entries = 0;
    for (lua_pushnil(lua_); lua_next(lua_, -2) != 0; lua_pop(lua_, 1)) {
      Machine::of(lua_).charge(lua_, 32);
      ++entries;
    }
    if (entries == size) {
      out_.push_back('[');
      for (lua_Integer i = 1; i <= size; ++i) {
        if (i > 1) out_.push_back(',');
        lua_rawgeti(lua_, -1, i);
        value(depth + 1);
        lua_pop(lua_, 1);
      }
      out_.push_back(']');
      return;
    }
    char separator = '{';
    for (lua_pushnil(lua_); lua_next(lua_, -2) != 0; lua_pop(lua_, 1)) {
      if (lua_type(lua_, -2) != LUA_TSTRING) {
        luaL_error(lua_, "keys of a JSON object are texts; found a %s", luaL_typename(lua_, -2));
      }
      out_.push_back(separator);
      separator = ',';
      lua_pushvalue(lua_, -2);
      text();
      lua_pop(lua_, 1);
      out_.push_back(':');
      value(depth + 1);
    }
    out_.push_back('}');
  }

  lua_State* lua_;
  protocol::ByteBuffer out_;
};

int encode(lua_State* lua) {
  luaL_checkany(lua, 1);
  lua_settop(lua, 1);
  Encoder encoder(lua);
  encoder.value(0);
  push_text(lua, encoder.result());
  return 1;
}

constexpr luaL_Reg functions[] = {{"decode", &decode}, {"encode", &encode}, {nullptr, nullptr}};

}  // namespace

void open_json(lua_State* lua) {
  push_library(lua, "gantry");
  luaL_newlib(lua, functions);
  push_null(lua);
  lua_setfield(lua, -2, "null");
  lua_setfield(lua, -2, "json");
  lua_pop(lua, 1);
}

}  // namespace gantry::script
