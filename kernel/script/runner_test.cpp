// Concern: what scripts see of a message and what they can do with it. Method: small scripts, one hook each.

#include "kernel/script/runner.hpp"

#include "kernel/script/testing.hpp"
#include "protocol/compression.hpp"
#include "protocol/sys_flag.hpp"

#include <gtest/gtest.h>

namespace gantry::script {
namespace {

using namespace std::string_literals;

class RunnerTest : public ::testing::Test {
 protected:
  void load(const std::string& text) {
    auto loaded = world.load(text);
    ASSERT_TRUE(loaded) << loaded.error().text;
    runner = *std::move(loaded);
  }
  std::string load_error(const std::string& text) {
    auto loaded = world.load(text);
    return loaded ? "no error" : loaded.error().text;
  }
  /// A hook with that body.
  Fault run(const std::string& kind, const std::string& body) {
    load("gantry.hook{name = 'h', on = '" + kind + "', run = function(msg, ...) " + body + " end}");
    message.show(fields);
    return runner->run(0, message, verdict);
  }
  bool matches(const std::string& expression) {
    EXPECT_EQ(run("filter", "return " + expression), Fault::none) << runner->fault_text();
    return verdict.accepted;
  }

  testing::World world;
  std::unique_ptr<Runner> runner;
  Message message;
  Verdict verdict;
  const std::string properties =
      "TAGS\x01paid\x02KEYS\x01k1 k2\x02region\x01"
      "eu\x02"
      "amount\x01"
      "9007199254740993\x02";
  Message::Fields fields{.topic = "orders",
                         .properties = properties,
                         .body = "hello",
                         .group = "producers",
                         .born_ms = 9'007'199'254'740'993,
                         .queue_id = 3,
                         .queue_count = 8,
                         .flag = -7,
                         .reconsume_count = 2};
};

TEST_F(RunnerTest, every_field_is_there) {
  EXPECT_TRUE(matches("msg.topic == 'orders' and msg.tags == 'paid' and msg.keys == 'k1 k2' and msg.body == 'hello'"));
  EXPECT_TRUE(matches("msg.body_size == 5 and msg.group == 'producers' and msg.id == nil"));
  EXPECT_TRUE(matches("msg.queue_id == 3 and msg.queue_count == 8 and msg.flag == -7 and msg.reconsume_count == 2"));
  EXPECT_TRUE(matches("msg.properties.region == 'eu' and msg.properties.nothing == nil"));
  EXPECT_TRUE(matches("msg == gantry.msg"));
}

TEST_F(RunnerTest, integers_are_exact_beyond_what_doubles_hold) {
  EXPECT_TRUE(matches("msg.born_ms == 9007199254740993 and msg.born_ms ~= 9007199254740992"));
  EXPECT_TRUE(matches("math.tointeger(tonumber(msg.properties.amount)) == 9007199254740993"));
}

TEST_F(RunnerTest, bytes_pass_unharmed) {
  const std::string body("\0\xff\x80 a\r\n", 7);
  fields.body = body;
  EXPECT_TRUE(matches("msg.body == '\\0\\xff\\x80 a\\r\\n' and #msg.body == 7"));
  EXPECT_EQ(run("on_publish", "msg.body = msg.body .. '\\0'"), Fault::none);
  EXPECT_EQ(message.fields().body, body + '\0');
}

TEST_F(RunnerTest, compressed_bodies_are_read_as_they_were_meant) {
  protocol::ByteBuffer packed;
  ASSERT_TRUE(protocol::zlib_deflate(protocol::as_bytes("plain"), 5, packed));
  fields.body = packed.text();
  fields.sys_flag = protocol::sys_flag::compressed;
  EXPECT_TRUE(matches("msg.body == 'plain'"));
  EXPECT_EQ(run("on_publish", "msg.body = 'new'"), Fault::none);
  EXPECT_EQ(message.fields().body, "new");
  EXPECT_EQ(message.fields().sys_flag & protocol::sys_flag::compressed, 0);
  fields.body = "not zlib";
  EXPECT_EQ(run("filter", "return msg.body"), Fault::error);
}

TEST_F(RunnerTest, unknown_fields_are_errors_that_name_them) {
  EXPECT_EQ(run("filter", "return msg.topics"), Fault::error);
  EXPECT_NE(runner->fault_text().find("no field 'topics'"), std::string::npos) << runner->fault_text();
}

TEST_F(RunnerTest, publishing_hooks_rewrite) {
  ASSERT_EQ(run("on_publish",
                "msg.topic = 'other' msg.tags = 'x' msg.keys = nil msg.flag = 9 msg.queue_id = 1 msg.body = 'B' "
                "msg.properties.region = 'us' msg.properties['new one'] = 'v' assert(msg.properties.region == 'us') "
                "assert(msg.topic == 'other')"),
            Fault::none)
      << runner->fault_text();
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(message.fields().topic, "other");
  EXPECT_EQ(message.fields().body, "B");
  EXPECT_EQ(message.fields().flag, 9);
  EXPECT_EQ(message.fields().queue_id, 1);
  EXPECT_EQ(message.property("TAGS"), "x");
  EXPECT_EQ(message.property("KEYS"), "");
  EXPECT_EQ(message.property("region"), "us");
  EXPECT_EQ(message.property("new one"), "v");
  EXPECT_EQ(message.changed(), (Message::Changed{true, true, true, true, true}));
}

TEST_F(RunnerTest, properties_can_be_gone_over_while_they_change) {
  ASSERT_EQ(run("on_publish",
                "for name, value in pairs(msg.properties) do msg.properties[name] = nil "
                "msg.properties['x' .. name] = value end"),
            Fault::none)
      << runner->fault_text();
  EXPECT_EQ(message.property("xregion"), "eu");
  EXPECT_EQ(message.property("region"), "");
}

TEST_F(RunnerTest, what_cannot_be_stored_is_an_error) {
  for (const char* body : {"msg.properties.a = 'x\\1y'", "msg.properties[''] = 'x'",
                           "msg.properties.a = ('x'):rep(40000)", "msg.body = ''", "msg.flag = 2^40",
                           "msg.queue_count = 1", "msg.whatever = 1", "msg.topic = nil", "msg.properties.a = {}"}) {
    EXPECT_EQ(run("on_publish", body), Fault::error) << body;
  }
  EXPECT_EQ(run("filter", "msg.topic = 'x'"), Fault::error);
  EXPECT_NE(runner->fault_text().find("may read the message, not change it"), std::string::npos);
  EXPECT_EQ(run("filter", "msg.properties.a = 'x'"), Fault::error);
}

TEST_F(RunnerTest, verdicts) {
  EXPECT_EQ(run("on_publish", "return false, 'no tenant', 16"), Fault::none);
  EXPECT_FALSE(verdict.accepted);
  EXPECT_EQ(verdict.reason, "no tenant");
  EXPECT_EQ(verdict.code, 16);
  EXPECT_EQ(run("on_publish", ""), Fault::none);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(run("on_publish", "return true"), Fault::none);
  EXPECT_TRUE(verdict.accepted);
  for (const char* body : {"return 1", "return false, {}", "return false, 'x', 'y'", "return false, 'x', -1"}) {
    EXPECT_EQ(run("on_publish", body), Fault::error) << body;
    EXPECT_TRUE(verdict.accepted);
  }
  EXPECT_EQ(run("select_queue", "return 5"), Fault::none);
  EXPECT_EQ(verdict.queue, 5);
  EXPECT_EQ(run("select_queue", ""), Fault::none);
  EXPECT_EQ(verdict.queue, -1);
  EXPECT_EQ(run("select_queue", "return -1"), Fault::error);
  EXPECT_EQ(run("select_queue", "return 1.5"), Fault::error);
  EXPECT_EQ(run("on_deliver", ""), Fault::none);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(run("on_deliver", "return false"), Fault::none);
  EXPECT_FALSE(verdict.accepted);
}

TEST_F(RunnerTest, a_kept_message_shows_nothing_old) {
  load(
      "local kept gantry.hook{name = 'h', on = 'filter', run = function(msg) kept = msg return true end} "
      "gantry.hook{name = 'f', on = 'function', run = function() return kept.topic end}");
  message.show(fields);
  EXPECT_EQ(runner->run(0, message, verdict), Fault::none);
  Value value;
  EXPECT_EQ(runner->call(1, {}, nullptr, value), Fault::error);
  EXPECT_NE(runner->fault_text().find("no message outside of a hook"), std::string::npos) << runner->fault_text();
}

TEST_F(RunnerTest, functions_answer_what_expressions_can_use) {
  load("gantry.hook{name = 'f', on = 'function', run = function(a, b) if b == nil then return a end return a + b end}");
  const auto call = [&](std::vector<Value> arguments) {
    Value value;
    EXPECT_EQ(runner->call(0, arguments, nullptr, value), Fault::none) << runner->fault_text();
    return value;
  };
  EXPECT_EQ(call({}), Value());
  EXPECT_EQ(call({Value("eu"s)}), Value("eu"s));
  EXPECT_EQ(call({Value(std::int64_t{40}), Value(std::int64_t{2})}), Value(std::int64_t{42}));
  EXPECT_EQ(call({Value(1.5), Value(std::int64_t{1})}), Value(2.5));
  EXPECT_EQ(call({Value(true)}), Value(true));
}

TEST_F(RunnerTest, filters_take_arguments) {
  load(
      "gantry.hook{name = 'h', on = 'filter', run = function(msg, least, region) return region == 'eu' and least == 5 "
      "end}");
  message.show(fields);
  const Value arguments[] = {std::int64_t{5}, "eu"s};
  EXPECT_EQ(runner->run(0, message, verdict, arguments), Fault::none);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(runner->run(0, message, verdict), Fault::none);
  EXPECT_FALSE(verdict.accepted);
}

TEST_F(RunnerTest, declarations_are_checked) {
  load("gantry.hook{name = 'h', version = '1.2', on = 'on_publish', topics = {'a*', 'b'}, groups = 'g', run = print}");
  ASSERT_EQ(runner->declarations().size(), 1U);
  const Declaration expected{"h", "1.2", HookKind::on_publish, {"a*", "b"}, {"g"}, false};
  EXPECT_EQ(runner->declarations()[0], expected);
  EXPECT_NE(load_error("gantry.hook{name = 'h', on = 'publish', run = print}").find("found \"publish\""),
            std::string::npos);
  EXPECT_NE(load_error("gantry.hook{nam = 'h'}").find("unknown field 'nam'"), std::string::npos);
  EXPECT_NE(load_error("gantry.hook{on = 'filter', run = print}").find("expected a name"), std::string::npos);
  EXPECT_NE(load_error("gantry.hook{name = 'h', on = 'filter'}").find("expected a function as run"), std::string::npos);
  EXPECT_NE(load_error("gantry.hook{name = 'h', on = 'filter', topics = {}, run = print}").find("1 to 64 patterns"),
            std::string::npos);
  EXPECT_NE(load_error("x = = 1").find("test.lua:1:"), std::string::npos);
  EXPECT_NE(load_error("while true do end").find("its time was up"), std::string::npos);
}

TEST_F(RunnerTest, self_tests_and_test_files_run_hooks) {
  load(
      "gantry.hook{name = 'h', on = 'on_publish', run = function(msg) if msg.tags == 'bad' then return false, 'bad "
      "tag' "
      "end msg.topic = 'x' end} gantry.hook{name = 'twice', on = 'function', run = function(n) return 2 * n end} "
      "gantry.self_test(function(test) assert(test.run('h', {topic = 'a'}).topic == 'x') end)");
  EXPECT_TRUE(runner->run_self_tests());
  const auto results = runner->run_tests(
      "test.case('rejects', function() local r = test.run('h', {tags = 'bad'}) assert(not r.accepted) "
      "test.equal('bad tag', r.reason) end) "
      "test.case('fails', function() test.equal(1, 2) end) "
      "test.case('doubles', function() test.equal(4, test.call('twice', 2)) end)",
      "test_test.lua");
  ASSERT_TRUE(results) << results.error().text;
  ASSERT_EQ(results->size(), 3U);
  EXPECT_TRUE((*results)[0].passed) << (*results)[0].text;
  EXPECT_FALSE((*results)[1].passed);
  EXPECT_NE((*results)[1].text.find("test_test.lua:1: expected 1, found 2"), std::string::npos) << (*results)[1].text;
  EXPECT_TRUE((*results)[2].passed) << (*results)[2].text;
  load("gantry.self_test(function() error('not today') end)");
  const Status failed = runner->run_self_tests();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text.find("not today"), std::string::npos);
}

TEST_F(RunnerTest, json_goes_both_ways) {
  EXPECT_TRUE(matches("gantry.json.decode('{\"a\":[1,2.5,\"x\",true,null]}').a[3] == 'x'"));
  EXPECT_TRUE(matches("gantry.json.decode('9007199254740993') == 9007199254740993"));
  EXPECT_TRUE(matches("gantry.json.decode('[null]')[1] == gantry.json.null"));
  EXPECT_TRUE(matches("gantry.json.encode({1, 'a\"b', {x = true}}) == '[1,\"a\\\\\"b\",{\"x\":true}]'"));
  EXPECT_TRUE(matches("gantry.json.decode('{bad') == nil"));
  EXPECT_TRUE(matches("text.contains(select(2, gantry.json.decode('[1,]')), 'byte 3')"));
  EXPECT_TRUE(matches("gantry.json.decode(('['):rep(70) .. (']'):rep(70)) == nil"));
}

TEST_F(RunnerTest, texts) {
  EXPECT_TRUE(
      matches("text.find('abcabc', 'c') == 3 and text.find('abcabc', 'c', 4) == 6 and text.find('a', 'b') == nil"));
  EXPECT_TRUE(matches("table.concat(text.split('a,b,,c', ','), '|') == 'a|b||c'"));
  EXPECT_TRUE(matches("table.concat(text.split('a,b,c', ',', 2), '|') == 'a|b,c'"));
  EXPECT_TRUE(matches("text.replace('aXbX', 'X', '--') == 'a--b--' and text.replace('aXbX', 'X', '', 1) == 'abX'"));
  EXPECT_TRUE(
      matches("text.trim('  a b \\n') == 'a b' and text.starts_with('abc', 'ab') and text.ends_with('abc', 'bc')"));
  EXPECT_TRUE(matches("text.glob('orders-eu', 'orders-*') and not text.glob('orders', 'order?s')"));
  EXPECT_TRUE(matches("text.mask('4111111111111111', 0, 4) == '************1111' and text.mask('abc', 2, 2) == '***'"));
  EXPECT_TRUE(matches("text.hex('\\0\\255a') == '00ff61' and ('ab'):rep(2, '-') == 'ab-ab' and ('x'):upper() == 'X'"));
  EXPECT_TRUE(matches("gantry.bucket('user-1', 100) == gantry.bucket('user-1', 100)"));
  EXPECT_TRUE(matches("gantry.hash('') == gantry.hash('') and gantry.hash('a') ~= gantry.hash('b')"));
  EXPECT_TRUE(matches("gantry.now_ms() == 1700000000000"));
}

TEST_F(RunnerTest, sorting_is_stable_and_survives_bad_orders) {
  EXPECT_TRUE(matches(
      "(function() local t = {3, 1, 2, 9, 5, 4} table.sort(t) return table.concat(t, ',') end)() == '1,2,3,4,5,9'"));
  EXPECT_TRUE(matches(
      "(function() local t = {} for i = 1, 100 do t[i] = i % 7 end table.sort(t, function(a, b) return true end) "
      "return #t end)() == 100"));
}

TEST_F(RunnerTest, seen_is_for_publishing_and_remembers_for_as_long_as_asked) {
  EXPECT_EQ(run("on_publish", "return not gantry.seen('k', 1000), 'twice'"), Fault::none) << runner->fault_text();
  EXPECT_TRUE(verdict.accepted);
  message.show(fields);
  EXPECT_EQ(runner->run(0, message, verdict), Fault::none);
  EXPECT_FALSE(verdict.accepted);
  world.clock.ms += 1000;
  message.show(fields);
  EXPECT_EQ(runner->run(0, message, verdict), Fault::none);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_EQ(run("filter", "return gantry.seen('k', 1000)"), Fault::error);
}

TEST_F(RunnerTest, log_lines_reach_the_host) {
  EXPECT_EQ(run("filter", "gantry.log('tenant', 7, nil) return true"), Fault::none) << runner->fault_text();
  EXPECT_EQ(world.lines, std::vector<std::string>{"tenant 7 nil"});
}

}  // namespace
}  // namespace gantry::script
