#pragma once
// The properties that a script reads of every message of a batch, fetched before it asks. For the files of this room.

#include "kernel/script/message.hpp"

#include <array>
#include <cstddef>
#include <string_view>

struct lua_State;

namespace gantry::script {

/// A filter reads the same properties of every message, and for each of them Lua calls the host: more than the look-up
/// itself costs. So the first message of a batch shows which ones it reads, and for the others these lie in a table
/// that Lua looks into before it calls. What a message lacks, and what is read of few messages, goes the long way.
///
/// Thread: that of its state. Everything but clear() may raise errors of Lua: inside of a protected call only. The
/// table is empty outside of batches; inside, the message must not be changed.
class PropertyCache {
 public:
  /// Leaves the table on the stack, made when new. Its metatable is the caller's.
  static void push_table(lua_State* lua);
  /// Leaves the table and, behind it, its list of names on the stack.
  static void push(lua_State* lua);

  /// A batch begins: from now on learn() notes.
  void start() noexcept {
    count_ = 0;
    learning_ = true;
    filled_ = false;
  }
  /// The name at that index of the stack, a text, is asked for, and not in the table.
  void learn(lua_State* lua, int index);
  /// Of a name that is not in the table: whether that means that the message lacks it. `name` is Lua's own text.
  [[nodiscard]] bool knows(const char* name) const noexcept {
    if (!filled_) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      if (names_[i].data() == name) return true;
    }
    return false;
  }
  /// Puts what was learnt of `message` into the table, which push() left at `table` on the stack.
  void fill(lua_State* lua, int table, Message& message);
  /// Empties the table; needs no memory. Nothing is known from here on.
  void clear(lua_State* lua) noexcept;

 private:
  static constexpr std::size_t names_max = 8;
  static constexpr std::size_t name_bytes_max = 40;  // up to here Lua keeps equal texts once, so pointers tell

  std::size_t count_ = 0;
  bool learning_ = false;
  bool filled_ = false;
  // Lua's texts, which the registry and the table hold.
  std::array<std::string_view, names_max> names_;
  std::array<std::string_view, names_max> values_;
};

}  // namespace gantry::script
