// Concern: a hostile script is cut in time, keeps within its memory and reaches nothing but what it is given. Method:
// scripts that try, in a real Machine with small limits; the time is the thread's own, so a busy machine changes
// nothing.

#include "kernel/script/machine.hpp"

#include "kernel/script/testing.hpp"
#include "kernel/script/watchdog.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <lua.hpp>
#include <vector>

namespace gantry::script {
namespace {

using std::chrono::milliseconds;

struct Outcome {
  Fault fault = Fault::none;
  std::string text;
  std::int64_t used_ms = 0;
};

std::int64_t cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}
std::int64_t cpu_ms() { return cpu_us() / 1000; }

constexpr milliseconds deadline{5};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::int64_t over_max_ms = 200;
#else
constexpr std::int64_t over_max_ms = 10;
#endif

enum class Watched : std::uint8_t { no, yes };

/// Runs the text as a hook's body would run: loaded before, then called under the limits.
Outcome attack(const std::string& body, Watched watched = Watched::no) {
  static Watchdog watchdog;
  WatchSlot slot;
  Machine machine({deadline, 8 * 1024 * 1024});
  EXPECT_TRUE(machine.usable());
  Outcome outcome;
  outcome.fault = machine.compile(body, "@attack.lua");
  if (watched == Watched::yes) {
    watchdog.add(slot);
    machine.watch(slot);
  }
  if (outcome.fault == Fault::none) {
    const std::int64_t began = cpu_ms();
    outcome.fault = machine.call(0, 0);
    outcome.used_ms = cpu_ms() - began;
  }
  outcome.text = machine.fault_text();
  // Whatever it did, the machine still works.
  EXPECT_EQ(machine.compile("return 1", "@after.lua"), Fault::none) << machine.fault_text();
  EXPECT_EQ(machine.call(0, 1), Fault::none) << machine.fault_text();
  if (watched == Watched::yes) watchdog.remove(slot);
  return outcome;
}

std::string many(std::size_t count, std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

void expect_cut_in_time(const std::string& body) {
  for (const Watched watched : {Watched::no, Watched::yes}) {
    const Outcome outcome = attack(body, watched);
    EXPECT_NE(outcome.fault, Fault::none) << body;
    // The watchdog is a thread like others: on a machine with more to do than cores it has its turn later.
    const std::int64_t turn_ms = watched == Watched::yes ? 40 : 0;
    EXPECT_LE(outcome.used_ms, deadline.count() + over_max_ms + turn_ms) << body << "\n" << outcome.text;
  }
}

TEST(Machine, endless_loops_are_cut_and_named) {
  const Outcome outcome = attack("while true do end");
  EXPECT_EQ(outcome.fault, Fault::deadline);
  EXPECT_LE(outcome.used_ms, deadline.count() + over_max_ms);
  EXPECT_NE(outcome.text.find("its time was up"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("attack.lua:1"), std::string::npos) << outcome.text;
  for (const char* body : {
           "for i = 1, math.huge do end",
           "repeat until false",
           "::top:: goto top",
           "local function f() return f() end f()",
           "while true do pcall(error) end",
           "while true do pcall(function() while true do end end) end",
           "local function f() pcall(f) end while true do f() end",
           "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) local function f() return t[1] "
           "end "
           "while true do pcall(f) end",
           "for _ in function() return 1 end do end",
           "local s = 'x' while true do s = ('x'):rep(100000) end",
           "local s = ('x'):rep(1000000) local t = ('x'):rep(1000000) while true do local x = s == t end",
           "local s = ('x'):rep(1000000) .. 'y' while true do text.find(s, ('x'):rep(1000) .. 'z') end",
           "local s = ('ab'):rep(500000) while true do text.replace(s, 'a', '') end",
           "local s = ('a,'):rep(4000) while true do text.split(s, ',') end",
           "local s = ('a'):rep(60000) while true do text.glob(s, '*a*a*a*a*a*a*a*b') end",
           "local t = {} for i = 1, 100000 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end",
           "local t = {} for i = 1, 200000 do t[i] = 200000 - i end while true do table.sort(t) end",
           "table.sort({3, 2, 1, 5, 4}, function() while true do end end)",
           "local t = {} for i = 1, 200 do t[i] = 'x' end while true do table.concat(t) end",
           "local j = '[' .. ('1,'):rep(20000) .. '1]' while true do gantry.json.decode(j) end",
           "local d = ('['):rep(60) .. (']'):rep(60) while true do gantry.json.decode(d) end",
           "local t = {} for i = 1, 10000 do t[i] = i end while true do gantry.json.encode(t) end",
           "local s = ('x'):rep(1000000) while true do gantry.hash(s) end",
           "local t = {} for i = 1, 300000 do t[i] = i end for i = 1, 299999 do t[i] = nil end while true do next(t) "
           "end",
           "while true do string.format('%s', setmetatable({}, {__tostring = function() return 'x' end})) end",
       }) {
    expect_cut_in_time(body);
  }
}

// How far a call exceeds its deadline when only the watchdog can notice it, as in the broker. The figures of a busy
// machine are in docs/adr/0007-lua-host.md; the bounds here are for a busy one.
TEST(Machine, the_watchdog_is_in_time) {
  constexpr std::size_t run_count = 200;
  Watchdog watchdog;
  WatchSlot slot;
  watchdog.add(slot);
  std::vector<double> over_ms;
  {
    Machine machine({deadline, 1024 * 1024});
    machine.watch(slot);
    for (std::size_t i = 0; i < run_count; ++i) {
      ASSERT_EQ(machine.compile("while true do end", "@loop.lua"), Fault::none);
      const std::int64_t began_us = cpu_us();
      ASSERT_EQ(machine.call(0, 0), Fault::deadline);
      over_ms.push_back(static_cast<double>(cpu_us() - began_us) / 1000 - static_cast<double>(deadline.count()));
    }
  }
  watchdog.remove(slot);
  std::sort(over_ms.begin(), over_ms.end());
  const auto quantile = [&](double part) { return over_ms[static_cast<std::size_t>(part * (run_count - 1))]; };
  std::printf("over the deadline, of %zu calls: p50 %.2f ms, p99 %.2f ms, most %.2f ms\n", run_count, quantile(0.5),
              quantile(0.99), over_ms.back());
  EXPECT_GE(over_ms.front(), 0);
  EXPECT_LE(quantile(0.5), over_max_ms);
  EXPECT_LE(quantile(0.99), over_max_ms + 40);
}

TEST(Machine, coroutines_hold_nothing_back) {
  for (const char* body : {
           "coroutine.wrap(function() while true do end end)()",
           "while true do pcall(coroutine.wrap(function() while true do end end)) end",
           "local function f() while true do coroutine.resume(coroutine.create(f)) end end f()",
           "local function f() while true do pcall(coroutine.wrap(f)) end end f()",
           "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
           "local list = {} while true do list[#list + 1] = coroutine.create(function() end) end",
           "coroutine.wrap(function() local s = ('x'):rep(1000000) local t = ('x'):rep(1000000) "
           "while true do local x = s == t end end)()",
           "local x <close> = setmetatable({}, {__close = function() while true do end end})",
           "local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x')",
           "pcall(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) "
           "while true do end end) while true do end",
       }) {
    expect_cut_in_time(body);
  }
}

TEST(Machine, memory_bombs_end_at_the_cap_and_cannot_be_caught) {
  for (const char* body : {
           "local t = {} for i = 1, math.huge do t[i] = ('x'):rep(1000) .. i end",
           "local s = 'x' while true do s = s .. s end",
           "local t = {} while true do t = {t} end",
           "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end",
           "local function f(...) return f(1, ...) end f()",
           "local function f() return 1 + f() end f()",
           "coroutine.wrap(function() local t = {} while true do t[#t + 1] = {} end end)()",
       }) {
    Machine machine({milliseconds(1000), 1024 * 1024});
    ASSERT_EQ(machine.compile(body, "@bomb.lua"), Fault::none);
    const Fault fault = machine.call(0, 0);
    // Deep recursion may meet the interpreter's own bound first.
    EXPECT_TRUE(fault == Fault::memory || fault == Fault::error) << body << machine.fault_text();
    EXPECT_LE(machine.memory_bytes(), 1024U * 1024U);
    EXPECT_EQ(machine.compile("return 1", "@after.lua"), Fault::none) << body << machine.fault_text();
  }
}

TEST(Machine, deep_recursion_is_an_error_and_no_crash) {
  for (const char* body : {
           "local function f() return (f()) end f()",
           "local t = setmetatable({}, {}) getmetatable(t).__index = t local x = t.a",
           "local t = {} for i = 1, 1000 do t = setmetatable({}, {__index = t}) end local x = t.a "
           "local s = ('('):rep(10) error(s)",
           "local f f = function(a, b) return string.format('%s', setmetatable({}, {__tostring = f})) end f()",
           "local mt = {} mt.__eq = function(a, b) return a == b end local a, b = setmetatable({}, mt), "
           "setmetatable({}, mt) "
           "local x = a == b",
           "local mt = {} mt.__concat = function(a, b) return a .. b end local a = setmetatable({}, mt) local x = a .. "
           "'x'",
           "local t = {} for i = 1, 1000 do t = {t} end gantry.json.encode(t)",
           "local t = {} t[1] = t gantry.json.encode(t)",
       }) {
    const Outcome outcome = attack(body);
    EXPECT_NE(outcome.fault, Fault::none) << body;
  }
  // The parser's own recursion.
  Machine machine({milliseconds(100), 8 * 1024 * 1024});
  EXPECT_EQ(machine.compile("return " + std::string(100'000, '('), "@deep.lua"), Fault::error);
  EXPECT_EQ(machine.compile("x = " + std::string(100'000, '{'), "@deep.lua"), Fault::error);
  EXPECT_EQ(machine.compile("return " + many(100'000, "not ") + "1", "@deep.lua"), Fault::error);
}

TEST(Machine, the_host_is_out_of_reach) {
  for (const char* name : {"io", "os", "debug", "package", "require", "load", "loadstring", "loadfile", "dofile",
                           "collectgarbage", "xpcall", "warn", "string.dump", "coroutine.close", "table.move",
                           "gantry.msg.__index", "getmetatable(gantry.msg).__index", "getmetatable('').__index"}) {
    Machine machine({milliseconds(100), 8 * 1024 * 1024});
    ASSERT_EQ(machine.compile("local ok, value = pcall(function() return " + std::string(name) +
                                  " end) if ok and value ~= nil then error('reached') end",
                              "@escape.lua"),
              Fault::none);
    EXPECT_EQ(machine.call(0, 0), Fault::none) << name << ": " << machine.fault_text();
  }
  for (const char* body : {
           "setmetatable({}, {__gc = function() end})",
           "getmetatable('').__index = nil",
           "setmetatable(gantry.msg, {})",
           "rawset(gantry.msg, 'topic', 'x')",
           "gantry.hook{name = 'late', on = 'filter', run = function() end}",
           "('x'):gsub('x', 'y')",
           "string.find('x', 'x')",
           "return gantry.msg.topic",
       }) {
    EXPECT_EQ(attack(body).fault, Fault::error) << body;
  }
}

TEST(Machine, byte_code_is_refused) {
  Machine machine({milliseconds(100), 8 * 1024 * 1024});
  EXPECT_EQ(machine.compile("\x1bLua", "@binary.lua"), Fault::error);
  EXPECT_NE(machine.fault_text().find("attempt to load a binary chunk"), std::string::npos) << machine.fault_text();
}

TEST(Machine, errors_carry_file_line_and_traceback) {
  const Outcome outcome = attack("local function inner()\n  error('no such tenant')\nend\n\ninner()\n");
  EXPECT_EQ(outcome.fault, Fault::error);
  EXPECT_NE(outcome.text.find("attack.lua:2: no such tenant"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("stack traceback"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("attack.lua:5"), std::string::npos) << outcome.text;
  EXPECT_NE(attack("error({})").text.find("a table, not a text"), std::string::npos);
}

TEST(Machine, too_little_memory_is_no_crash) {
  for (std::size_t memory = 0; memory < 200'000; memory += 997) {
    Machine machine({milliseconds(100), memory});
    if (machine.usable()) (void)machine.compile("x = {1, 2, 3}", "@small.lua");
  }
}

}  // namespace
}  // namespace gantry::script
