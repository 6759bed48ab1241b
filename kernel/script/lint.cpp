// Finds accesses to globals in the compiled form, where each is one instruction that names its key. The form is that of
// Lua 5.4 (ldump.c); whatever does not look like it ends the search without findings.
#include "kernel/script/lint.hpp"

#include "kernel/script/library.hpp"
#include "kernel/script/lint_members.hpp"
#include "kernel/script/machine.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <lua.hpp>
#include <set>

namespace gantry::script {
namespace {

constexpr int op_get_global = 11;  // OP_GETTABUP
constexpr int op_set_global = 15;  // OP_SETTABUP

struct Access {
  std::string name;
  int line = 0;
  bool writes = false;
  bool in_function = false;
};

/// Reads a dumped chunk. Every read is checked; ok() is false once one went wrong.
class Dump {
 public:
  explicit Dump(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::vector<Access> accesses() {
    constexpr std::size_t header_size = 4 + 1 + 1 + 6 + 3 + 8 + 8;
    skip(header_size + 1);  // and the number of upvalues
    function(0);
    return ok_ ? std::move(found_) : std::vector<Access>();
  }

 private:
  void skip(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) {
      ok_ = false;
      at_ = end_;
    } else {
      at_ += count;
    }
  }
  std::uint8_t byte() {
    if (at_ == end_) return ok_ = false, 0;
    return static_cast<std::uint8_t>(*at_++);
  }
  std::size_t number() {
    std::size_t value = 0;
    for (int i = 0; i < 10; ++i) {
      const std::uint8_t next = byte();
      value = value << 7 | (next & 0x7f);
      if ((next & 0x80) != 0) return value;
    }
    ok_ = false;
    return 0;
  }
  /// A count of things of at least one byte each.
  std::size_t count() {
    const std::size_t value = number();
    if (value > static_cast<std::size_t>(end_ - at_)) return ok_ = false, 0;
    return value;
  }
  std::string text() {
    const std::size_t size = number();
    if (size <= 1) return {};
    if (size - 1 > static_cast<std::size_t>(end_ - at_)) return ok_ = false, std::string();
    std::string value(at_, size - 1);
    at_ += size - 1;
    return value;
  }

  void function(int depth) {
    if (!ok_ || depth > 200) {
      ok_ = false;
      return;
    }
    (void)text();  // source
    const int first_line = static_cast<int>(number());
    (void)number();
    skip(3);
    std::vector<std::uint32_t> code(count());
    for (std::uint32_t& instruction : code) {
      const char* from = at_;
      skip(sizeof instruction);
      if (ok_) std::memcpy(&instruction, from, sizeof instruction);
    }
    std::vector<std::string> constants(count());
    for (std::string& constant : constants) constant = read_constant();
    std::vector<bool> is_env(count());
    for (std::size_t i = 0; i < is_env.size(); ++i) skip(3);
    const std::size_t functions = count();
    for (std::size_t i = 0; i < functions && ok_; ++i) function(depth + 1);
    const std::vector<int> lines = read_lines(first_line);
    const std::size_t locals = count();
    for (std::size_t i = 0; i < locals && ok_; ++i) {
      (void)text();
      (void)number();
      (void)number();
    }
    const std::size_t names = count();
    for (std::size_t i = 0; i < names && ok_; ++i) {
      const bool env = text() == "_ENV";
      if (i < is_env.size()) is_env[i] = env;
    }
    if (ok_) find(code, constants, is_env, lines, depth);
  }

  std::string read_constant() {
    switch (byte()) {
      case 3:
      case 19: skip(8); return {};
      case 4:
      case 20: return text();
      case 0:
      case 1:
      case 17: return {};
      default: ok_ = false; return {};
    }
  }

  /// The line of every instruction.
  std::vector<int> read_lines(int line) {
    constexpr int absolute = -128;
    std::vector<int> deltas(count());
    for (int& delta : deltas) delta = static_cast<std::int8_t>(byte());
    std::vector<std::pair<std::size_t, int>> anchors(count());
    for (auto& [at, value] : anchors) {
      at = number();
      value = static_cast<int>(number());
    }
    std::vector<int> lines;
    std::size_t next = 0;
    for (std::size_t i = 0; i < deltas.size(); ++i) {
      if (deltas[i] != absolute) {
        line += deltas[i];
      } else if (next < anchors.size()) {
        line = anchors[next].second;
      }
      while (next < anchors.size() && anchors[next].first <= i) ++next;
      lines.push_back(line);
    }
    return lines;
  }

  void find(const std::vector<std::uint32_t>& code, const std::vector<std::string>& constants,
            const std::vector<bool>& is_env, const std::vector<int>& lines, int depth) {
    for (std::size_t i = 0; i < code.size(); ++i) {
      const std::uint32_t op = code[i] & 0x7f;
      const std::uint32_t a = code[i] >> 7 & 0xff;
      const std::uint32_t b = code[i] >> 16 & 0xff;
      const std::uint32_t c = code[i] >> 24 & 0xff;
      const bool reads = op == op_get_global;
      if (!reads && op != op_set_global) continue;
      const std::uint32_t table = reads ? b : a;
      const std::uint32_t key = reads ? c : b;
      if (table >= is_env.size() || !is_env[table] || key >= constants.size()) continue;
      found_.push_back({constants[key], i < lines.size() ? lines[i] : 0, !reads, depth > 0});
    }
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
  std::vector<Access> found_;
};

int append(lua_State*, const void* bytes, std::size_t size, void* to) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return 0;
}

std::set<std::string> keys_of_top(lua_State* lua) {
  std::set<std::string> keys;
  for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
    if (lua_type(lua, -2) == LUA_TSTRING) keys.insert(lua_tostring(lua, -2));
  }
  return keys;
}

}  // namespace

Result<std::vector<LintFinding>> lint(std::string_view source, const std::string& file) {
  Machine machine({load_deadline, 64 * 1024 * 1024});
  if (machine.compile(source, "@" + file) != Fault::none) return Error{Errc::invalid_argument, machine.fault_text()};
  lua_State* lua = machine.lua();
  std::string dumped;
  (void)lua_dump(lua, &append, &dumped, 0);
  lua_pop(lua, 1);
  const std::vector<Access> accesses = Dump(dumped).accesses();

  std::set<std::string> known;
  KnownMembers members;
  for (const char* field : message_fields()) members.message.insert(field);
  members.message.insert("properties");
  for (const std::string_view field : hook_fields()) members.hook.emplace(field);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
    if (lua_type(lua, -2) != LUA_TSTRING) continue;
    known.insert(lua_tostring(lua, -2));
    if (lua_istable(lua, -1) && !lua_rawequal(lua, -1, -3)) members.libraries[lua_tostring(lua, -2)] = keys_of_top(lua);
  }
  lua_pop(lua, 1);
  known.insert("test");
  std::set<std::string> made;
  for (const Access& access : accesses) {
    if (access.writes) made.insert(access.name);
  }
  std::vector<LintFinding> findings;
  for (const Access& access : accesses) {
    if (access.writes && known.contains(access.name)) {
      findings.push_back({access.line, "'" + access.name + "' is replaced, which the host provides"});
    } else if (access.writes && access.in_function) {
      findings.push_back(
          {access.line, "the global '" + access.name + "' is written by a function; is a local missing?"});
    } else if (!access.writes && !known.contains(access.name) && !made.contains(access.name)) {
      findings.push_back({access.line, "the global '" + access.name + "' is read, but nothing makes it"});
    }
  }
  for (LintFinding& finding : lint_members(source, members)) findings.push_back(std::move(finding));
  std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return findings;
}

}  // namespace gantry::script
