// Concern: scripts are bound to what they should be, faults follow their policy, a reload is whole or not at all, and a
// candidate changes nothing. Method: a ScriptHost over files in a temporary folder, with a clock that stands.

#include "kernel/script/host.hpp"

#include "kernel/env/files.hpp"
#include "kernel/script/testing.hpp"
#include "protocol/stored_record.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <thread>

namespace gantry::script {
namespace {

class HostTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder / name;
    std::ofstream(path) << text;
    // A rewrite within one tick of the file system's clock is a change all the same.
    std::filesystem::last_write_time(path,
                                     std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++writes));
    return path.string();
  }
  ScriptHost& start(HostOptions options = {}) {
    options.folder = folder.path().string();
    host = std::make_unique<ScriptHost>(std::move(options), clock, metrics);
    return *host;
  }
  ScriptHost::Report load(std::vector<ScriptSpec> listed = {}) {
    if (!host) start();
    return host->load(listed);
  }
  void load_ok(const std::string& script) {
    write("s.lua", script);
    const auto report = load();
    for (const Error& refusal : report.refusals) ADD_FAILURE() << refusal.text;
  }

  struct Sent {
    std::string topic = "orders";
    std::string properties = {};
    std::string body = "hello";
    std::string group = "producers";
    std::int32_t queue = 0;
    bool open = false;
  };
  gantry_publishing publish(const Sent& sent) {
    kept.push_back(sent);
    const Sent& one = kept.back();
    gantry_publishing message{};
    message.struct_size = sizeof message;
    message.topic = {one.topic.data(), one.topic.size()};
    message.properties = {one.properties.data(), one.properties.size()};
    message.body = {one.body.data(), one.body.size()};
    message.producer_group = {one.group.data(), one.group.size()};
    message.queue_id = one.queue;
    message.queue_count = 8;
    const std::uint8_t open = one.open ? 1 : 0;
    host->publish(std::span(&message, 1), std::span(&open, 1), scratch);
    return message;
  }
  static std::string_view text(const gantry_bytes& bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

  /// Whether a stored message with these properties passes.
  bool passes(const Filter& filter, std::string_view properties, std::string_view topic = "orders") {
    protocol::RecordSource source;
    source.topic = topic;
    source.body = protocol::as_bytes(std::string_view("hello"));
    source.properties = properties;
    std::string record(*protocol::record_size(source), '\0');
    protocol::encode_record(source, reinterpret_cast<std::byte*>(record.data()));
    const gantry_filter_message message{{properties.data(), properties.size()}, {record.data(), record.size()}, 0};
    std::uint8_t verdict = 7;
    filter.match(std::span(&message, 1), &verdict);
    EXPECT_LE(verdict, 1);
    return verdict == 1;
  }
  std::uint64_t count(const std::string& name) {
    for (const MetricSample& sample : metrics.snapshot()) {
      if (sample.name == "gantry_script_" + name) return static_cast<std::uint64_t>(sample.value);
    }
    return 0;
  }

  TempDir folder;
  int writes = 0;
  testing::StandingClock clock;
  MetricsRegistry metrics;
  std::unique_ptr<ScriptHost> host;
  std::deque<Sent> kept;
  std::deque<std::string> memory;
  gantry_scratch scratch{&memory, [](void* context, std::uint64_t size) -> void* {
                           return static_cast<std::deque<std::string>*>(context)->emplace_back(size, '\0').data();
                         }};
};

const std::string reject_all =
    "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function() return false, 'no' end}";

TEST_F(HostTest, nothing_loaded_is_nothing_to_do) {
  load();
  EXPECT_FALSE(host->intercepts_publish());
  EXPECT_FALSE(host->binds_pulls());
  EXPECT_FALSE(host->intercepts_send_back());
  EXPECT_EQ(host->bound_filter("orders", "g"), nullptr);
}

TEST_F(HostTest, publishing_hooks_see_what_they_are_bound_to) {
  load_ok(
      "gantry.hook{name = 'h', on = 'on_publish', topics = 'ord*', groups = {'producers'}, run = function(msg) "
      "msg.properties.seen = 'yes' end}");
  EXPECT_TRUE(host->intercepts_publish());
  EXPECT_EQ(text(publish({}).properties), "seen\x01yes\x02");
  EXPECT_EQ(text(publish({.topic = "other"}).properties), "");
  EXPECT_EQ(text(publish({.group = "others"}).properties), "");
  EXPECT_EQ(text(publish({.topic = "%RETRY%ord"}).properties), "");
  EXPECT_EQ(count("calls_total"), 1U);
  EXPECT_EQ(count("changed_total"), 1U);
}

TEST_F(HostTest, a_hook_without_patterns_is_bound_by_the_configuration) {
  const std::string file =
      write("elsewhere.txt", "gantry.hook{name = 'h', on = 'on_publish', run = function() return false end}");
  load({{.name = "x", .file = file}});
  EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_ACCEPT);
  load({{.name = "x", .file = file, .topics = {"orders"}}});
  EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_REJECT);
  EXPECT_EQ(publish({.topic = "other"}).verdict, GANTRY_VERDICT_ACCEPT);
}

TEST_F(HostTest, rejecting_names_the_reason_and_later_hooks_see_nothing_of_it) {
  write("a.lua",
        "gantry.hook{name = 'a', on = 'on_publish', topics = '*', run = function() return false, 'no tenant', 16 end}");
  write("b.lua",
        "gantry.hook{name = 'b', on = 'on_publish', topics = '*', run = function(msg) msg.body = 'changed' end}");
  load();
  const auto message = publish({});
  EXPECT_EQ(message.verdict, GANTRY_VERDICT_REJECT);
  EXPECT_EQ(message.reject_code, 16);
  EXPECT_EQ(text(message.reject_reason), "no tenant");
  EXPECT_EQ(text(message.body), "hello");
}

TEST_F(HostTest, scripts_run_in_the_order_of_their_names) {
  write("10-a.lua",
        "gantry.hook{name = 'a', on = 'on_publish', topics = '*', run = function(msg) msg.body = msg.body .. 'a' end}");
  write("20-b.lua",
        "gantry.hook{name = 'b', on = 'on_publish', topics = '*', run = function(msg) msg.body = msg.body .. 'b' end}");
  load();
  EXPECT_EQ(text(publish({}).body), "helloab");
}

TEST_F(HostTest, another_topic_leaves_the_queue_to_the_broker) {
  load_ok(
      "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) msg.topic = 'b' "
      "if msg.tags then msg.queue_id = 2 end end}");
  EXPECT_EQ(publish({.queue = 5}).queue_id, -1);
  EXPECT_EQ(publish({.properties = "TAGS\x01x\x02", .queue = 5}).queue_id, 2);
}

TEST_F(HostTest, selectors_choose_where_the_producer_did_not) {
  load_ok("gantry.hook{name = 'h', on = 'select_queue', topics = '*', run = function(msg) return 3 end}");
  EXPECT_EQ(publish({.queue = 1, .open = true}).queue_id, 3);
  EXPECT_EQ(publish({.queue = 1, .open = false}).queue_id, 1);
  load_ok(
      "gantry.hook{name = 'h', on = 'select_queue', when = 'always', topics = '*', run = function(msg) return 3 end}");
  EXPECT_EQ(publish({.queue = 1, .open = false}).queue_id, 3);
  load_ok("gantry.hook{name = 'h', on = 'select_queue', topics = '*', run = function(msg) return 8 end}");
  EXPECT_EQ(publish({.queue = 1, .open = true}).queue_id, 1);
  EXPECT_EQ(count("errors_total"), 1U);
}

TEST_F(HostTest, faults_follow_the_policy) {
  const std::string failing =
      "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) msg.body = 'x' error('broken') end}"
      "gantry.hook{name = 'f', on = 'filter', topics = '*', run = function(msg) error('broken') end}";
  const std::string file = write("f.txt", failing);
  load({{.name = "x", .file = file, .on_error = OnError::accept}});
  EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_ACCEPT);
  EXPECT_EQ(text(publish({}).body), "hello");
  EXPECT_TRUE(passes(*host->bound_filter("orders", "g"), ""));
  load({{.name = "x", .file = file, .on_error = OnError::reject}});
  const auto refused = publish({});
  EXPECT_EQ(refused.verdict, GANTRY_VERDICT_REJECT);
  EXPECT_EQ(refused.reject_code, 1);
  EXPECT_FALSE(passes(*host->bound_filter("orders", "g"), ""));
  load({{.name = "x", .file = file, .on_error = OnError::quarantine}});
  EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_ACCEPT);
  EXPECT_NE(host->status().find("\"state\":\"quarantined\""), std::string::npos) << host->status();
}

TEST_F(HostTest, repeated_faults_put_a_script_aside_until_it_is_mended) {
  load_ok("gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) error('broken') end}");
  for (int i = 0; i < 100; ++i) publish({});
  EXPECT_EQ(count("errors_total"), 20U);
  EXPECT_EQ(count("quarantined"), 1U);
  host->release_quarantined();
  publish({});
  EXPECT_EQ(count("errors_total"), 21U);
  load_ok("gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) msg.body = 'ok' end}");
  EXPECT_EQ(text(publish({}).body), "ok");
  EXPECT_EQ(count("quarantined"), 0U);
}

TEST_F(HostTest, an_endless_loop_is_put_aside_after_two_messages) {
  load_ok("gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) while true do end end}");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_ACCEPT);
  EXPECT_EQ(count("errors_total"), 2U);
  EXPECT_EQ(count("quarantined"), 1U);
}

TEST_F(HostTest, threads_that_block_all_signals_are_interrupted_all_the_same) {
  load_ok(
      "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) "
      "coroutine.wrap(function() while true do end end)() end}");
  std::jthread shard([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    for (int i = 0; i < 3; ++i) publish({});
  });
  shard.join();
  EXPECT_EQ(count("errors_total"), 2U);
  EXPECT_EQ(count("quarantined"), 1U);
}

TEST_F(HostTest, a_script_out_of_memory_starts_afresh) {
  const std::string file = write("bomb.txt",
                                 "local kept = {} gantry.hook{name = 'h', on = 'on_publish', topics = '*', "
                                 "run = function(msg) if msg.body == 'bomb' then while true do kept[#kept + 1] = {} "
                                 "end end msg.flag = #kept end}");
  ScriptSpec spec{.name = "x", .file = file};
  spec.limits.memory_bytes_max = 256 * 1024;
  load({spec});
  publish({.body = "bomb"});
  EXPECT_EQ(publish({}).flag, 0);
  EXPECT_EQ(count("errors_total"), 1U);
}

TEST_F(HostTest, filters_are_bound_to_topics_and_groups) {
  load_ok(
      "gantry.hook{name = 'f', on = 'filter', topics = 'ord*', groups = 'g*', run = function(msg) return "
      "msg.properties.region == 'eu' and msg.group == 'g1' and msg.topic == 'orders' end}");
  EXPECT_TRUE(host->binds_pulls());
  EXPECT_EQ(host->bound_filter("other", "g1"), nullptr);
  EXPECT_EQ(host->bound_filter("orders", "x"), nullptr);
  EXPECT_EQ(host->bound_filter("%RETRY%g1", "g1"), nullptr);
  const auto filter = host->bound_filter("orders", "g1");
  ASSERT_NE(filter, nullptr);
  EXPECT_TRUE(passes(*filter,
                     "region\x01"
                     "eu\x02"));
  EXPECT_FALSE(passes(*filter, "region\x01us\x02"));
  // The filter of a held pull follows a reload.
  load_ok(
      "gantry.hook{name = 'f', on = 'filter', topics = 'ord*', groups = 'g*', run = function(msg) return true end}");
  EXPECT_TRUE(passes(*filter, "region\x01us\x02"));
}

// What a filter answers for each message does not depend on what came before it in the same batch.
TEST_F(HostTest, messages_of_a_batch_are_filtered_as_they_are_alone) {
  const std::string file =
      write("f.txt",
            "gantry.hook{name = 'f', on = 'filter', topics = '*', run = function(msg) local p = msg.properties "
            "if p.n == '3' then error('broken') end "
            "if p.n == '6' then return function() end end "
            "return p.kind == 'a' and p.none == nil and (p[5] == 'five') == (p['5'] == 'five') and p.n ~= '9' end}");
  std::vector<std::string> properties;
  for (int i = 0; i < 40; ++i) {
    std::string text = "n\x01" + std::to_string(i) + "\x02";
    if (i % 3 != 0) text += std::string("kind\x01") + (i % 2 == 0 ? "a" : "b") + "\x02";
    if (i % 4 == 0) text += std::string("kind\x01") + "a\x02";  // of equal names the last one counts
    if (i % 5 == 0) text += std::string("5\x01") + "five\x02";
    properties.push_back(text);
  }
  for (const OnError policy : {OnError::accept, OnError::reject}) {
    load({{.name = "x", .file = file, .on_error = policy}});
    const auto filter = host->bound_filter("orders", "g");
    ASSERT_NE(filter, nullptr);
    std::vector<gantry_filter_message> batch;
    for (const std::string& text : properties) batch.push_back({{text.data(), text.size()}, {}, 0});
    const std::uint64_t errors = count("errors_total");
    const std::uint64_t calls = count("calls_total");
    const std::uint64_t rejected = count("rejected_total");
    std::vector<std::uint8_t> verdicts(batch.size(), 7);
    filter->match(batch, verdicts.data());
    EXPECT_EQ(count("errors_total") - errors, 1U);
    EXPECT_EQ(count("calls_total") - calls, batch.size());
    EXPECT_EQ(count("rejected_total") - rejected,
              static_cast<std::uint64_t>(std::count(verdicts.begin(), verdicts.end(), 0)));
    EXPECT_EQ(verdicts[3], policy == OnError::accept ? 1 : 0);
    EXPECT_EQ(verdicts[6], 1);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (i == 3) continue;
      EXPECT_EQ(verdicts[i] == 1, passes(*filter, properties[i])) << i;
    }
  }
}

TEST_F(HostTest, each_message_of_a_batch_has_time_of_its_own) {
  load_ok(
      "gantry.hook{name = 'f', on = 'filter', topics = '*', run = function(msg) "
      "if msg.properties.n == '1' then while true do end end "
      "local sum = 0 for i = 1, 40000 do sum = sum + i end return msg.properties.n ~= '2' end}");
  std::vector<std::string> properties;
  std::vector<gantry_filter_message> batch;
  for (int i = 0; i < 40; ++i) properties.push_back("n\x01" + std::to_string(i) + "\x02");
  for (const std::string& text : properties) batch.push_back({{text.data(), text.size()}, {}, 0});
  std::vector<std::uint8_t> verdicts(batch.size(), 7);
  host->bound_filter("orders", "g")->match(batch, verdicts.data());
  // All together take longer than the 5 ms that each of them has.
  EXPECT_EQ(count("errors_total"), 1U);
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(verdicts[i], i == 2 ? 0 : 1) << i;
}

TEST_F(HostTest, on_deliver_withholds_and_passes_by_default) {
  load_ok(
      "gantry.hook{name = 'd', on = 'on_deliver', topics = '*', run = function(msg) if msg.tags == 'debug' then return "
      "false end end}");
  const auto filter = host->bound_filter("orders", "g");
  ASSERT_NE(filter, nullptr);
  EXPECT_TRUE(passes(*filter, ""));
  EXPECT_FALSE(passes(*filter,
                      "TAGS\x01"
                      "debug\x02"));
}

TEST_F(HostTest, subscriptions_name_filters_with_arguments) {
  load_ok(
      "gantry.hook{name = 'least', on = 'filter', run = function(msg, least, word, flag, real, none) "
      "return tonumber(msg.properties.n) >= least and word == \"it's\" and flag == true and real == -1.5 and none == "
      "nil end}");
  EXPECT_EQ(host->bound_filter("orders", "g"), nullptr);
  const auto filter = host->named_filter("least(5, 'it''s', true, -1.5, nil)");
  ASSERT_TRUE(filter) << filter.error().text;
  EXPECT_TRUE(passes(**filter,
                     "n\x01"
                     "7\x02"));
  EXPECT_FALSE(passes(**filter,
                      "n\x01"
                      "4\x02"));
  EXPECT_TRUE(host->named_filter(" least ( ) "));
  const auto error = [&](const std::string& expression) {
    const auto made = host->named_filter(expression);
    return made ? "no error" : made.error().text;
  };
  EXPECT_NE(error("most(1)").find("there are: least"), std::string::npos);
  EXPECT_NE(error("least(1").find("expected \",\" or \")\" at position 12, found the end"), std::string::npos)
      << error("least(1");
  EXPECT_NE(error("least('a").find("a closing quote"), std::string::npos);
  EXPECT_NE(error("least(x)").find("expected a number"), std::string::npos);
  EXPECT_NE(error("least() or a").find("the end of the expression"), std::string::npos);
  EXPECT_NE(error("").find("the name of a filter"), std::string::npos);
}

TEST_F(HostTest, a_named_filter_whose_script_goes_follows_its_policy_and_the_report_names_it) {
  const std::string script =
      "gantry.hook{name = 'f', on = 'filter', run = function(msg) return msg.tags == 'a' end}"
      "gantry.hook{name = 'g', on = 'function', run = function() return 1 end}";
  const std::string file = write("f.txt", script);
  for (const OnError policy : {OnError::reject, OnError::accept}) {
    // The policy counts that the script had last, not the one at the time of the subscription.
    load({{.name = "x", .file = file, .on_error = policy == OnError::accept ? OnError::reject : OnError::accept}});
    const auto filter = host->named_filter("f");
    ASSERT_TRUE(filter) << filter.error().text;
    EXPECT_TRUE(load({{.name = "x", .file = file, .on_error = policy}}).removed.empty());
    EXPECT_FALSE(passes(**filter, ""));
    EXPECT_EQ(load({}).removed, (std::vector<std::string>{"filter f", "function g"}));
    EXPECT_EQ(passes(**filter, ""), policy == OnError::accept);
    EXPECT_FALSE(host->named_filter("f"));
    EXPECT_FALSE(host->call_function("g", {}, nullptr));
    EXPECT_TRUE(load({}).removed.empty());
    // It comes back, and with it what it says.
    load({{.name = "x", .file = file, .on_error = policy}});
    EXPECT_FALSE(passes(**filter, ""));
    EXPECT_TRUE(passes(**filter,
                       "TAGS\x01"
                       "a\x02"));
  }
}

TEST_F(HostTest, functions_are_called_by_name) {
  load_ok("gantry.hook{name = 'risk', on = 'function', run = function(country) return country == 'xx' and 9 or 1 end}");
  EXPECT_TRUE(host->check_function("risk"));
  EXPECT_NE(host->check_function("rsk").error().text.find("there are: risk"), std::string::npos);
  const Value xx[] = {std::string("xx")};
  const auto value = host->call_function("risk", xx, nullptr);
  ASSERT_TRUE(value) << value.error().text;
  EXPECT_EQ(*value, Value(std::int64_t{9}));
  EXPECT_FALSE(host->call_function("rsk", {}, nullptr));
}

TEST_F(HostTest, a_refused_reload_changes_nothing) {
  load_ok(reject_all);
  EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_REJECT);
  for (const char* broken :
       {"this is not Lua", "error('no')", "gantry.hook{}", "local x = 1",
        "gantry.hook{name = 'h', on = 'on_publish', run = print} gantry.self_test(function() error('self') end)"}) {
    write("s.lua", broken);
    EXPECT_TRUE(host->has_changed());
    const auto report = load();
    EXPECT_EQ(report.refusals.size(), 1U) << broken;
    EXPECT_EQ(report.changed.size(), 0U);
    EXPECT_EQ(publish({}).verdict, GANTRY_VERDICT_REJECT) << broken;
    EXPECT_FALSE(host->has_changed());
    EXPECT_NE(host->status().find("s.lua"), std::string::npos);
  }
}

TEST_F(HostTest, files_that_come_and_go_are_noticed) {
  load();
  EXPECT_FALSE(host->has_changed());
  write("s.lua", reject_all);
  write("s_test.lua", "whatever");
  EXPECT_TRUE(host->has_changed());
  EXPECT_EQ(load().live, 1U);
  EXPECT_FALSE(host->has_changed());
  std::filesystem::remove(folder / "s.lua");
  EXPECT_TRUE(host->has_changed());
  EXPECT_EQ(load().live, 0U);
  EXPECT_FALSE(host->intercepts_publish());
}

TEST_F(HostTest, what_did_not_change_keeps_its_state) {
  load_ok(
      "local n = 0 gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) n = n + 1 msg.flag = n "
      "end}");
  publish({});
  write("other.lua", reject_all);
  EXPECT_EQ(load().changed.size(), 1U);
  std::filesystem::remove(folder / "other.lua");
  load();
  EXPECT_EQ(publish({}).flag, 2);
}

TEST_F(HostTest, two_filters_of_one_name_are_refused) {
  write("a.lua", "gantry.hook{name = 'f', on = 'filter', run = print}");
  write("b.lua", "gantry.hook{name = 'f', on = 'filter', run = print}");
  const auto report = load();
  ASSERT_EQ(report.refusals.size(), 1U);
  EXPECT_NE(report.refusals[0].text.find("exists already"), std::string::npos);
  EXPECT_EQ(report.live, 1U);
}

TEST_F(HostTest, a_candidate_changes_nothing_and_counts_where_it_differs) {
  const std::string live =
      write("live.txt",
            "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) msg.body = 'live' end}"
            "gantry.hook{name = 'f', on = 'filter', topics = '*', run = function(msg) return msg.tags ~= nil end}");
  const std::string next =
      write("next.txt",
            "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) "
            "msg.body = msg.tags and 'next' or 'live' end}"
            "gantry.hook{name = 'f', on = 'filter', topics = '*', run = function(msg) return msg.tags == 'x' end}");
  load({{.name = "x", .file = live, .candidate = next}});
  EXPECT_EQ(text(publish({}).body), "live");
  EXPECT_EQ(count("shadow_differences_total"), 0U);
  EXPECT_EQ(text(publish({.properties = "TAGS\x01y\x02"}).body), "live");
  EXPECT_EQ(count("shadow_differences_total"), 1U);
  const auto filter = host->bound_filter("orders", "g");
  EXPECT_TRUE(passes(*filter, "TAGS\x01x\x02"));
  EXPECT_EQ(count("shadow_differences_total"), 1U);
  EXPECT_TRUE(passes(*filter, "TAGS\x01y\x02"));
  EXPECT_EQ(count("shadow_differences_total"), 2U);
  // Alone, it is compared with nothing being there.
  load({{.name = "x", .candidate = next}});
  EXPECT_EQ(text(publish({}).body), "hello");
  EXPECT_EQ(count("shadow_differences_total"), 3U);
}

// For ThreadSanitizer above all: everything that is [any-thread], while versions come and go.
TEST_F(HostTest, threads_work_on_while_scripts_are_loaded) {
  const auto script = [](int version) {
    return "gantry.hook{name = 'f', version = '" + std::to_string(version) +
           "', on = 'filter', topics = '*', run = function(msg) return msg.properties.a == '1' end}"
           "gantry.hook{name = 'g', on = 'function', run = function(a) return a end}";
  };
  load_ok(script(0));
  const auto named = *host->named_filter("f");
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> batches{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      const std::string one =
          "a\x01"
          "1\x02";
      const std::string two =
          "a\x01"
          "2\x02";
      std::vector<gantry_filter_message> batch;
      for (int i = 0; i < 8; ++i) {
        const std::string& text = i % 2 == 0 ? one : two;
        batch.push_back({{text.data(), text.size()}, {}, 0});
      }
      std::vector<std::uint8_t> verdicts(batch.size());
      while (!stop) {
        const auto bound = host->bound_filter("orders", "g");
        for (const Filter* filter : {bound.get(), named.get()}) {
          ASSERT_NE(filter, nullptr);
          filter->match(batch, verdicts.data());
          for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(verdicts[i], i % 2 == 0 ? 1 : 0);
        }
        const Value argument[] = {std::int64_t{7}};
        const auto answer = host->call_function("g", argument, nullptr);
        EXPECT_TRUE(answer && *answer == Value(std::int64_t{7}));
        (void)host->status();
        ++batches;
      }
    });
  }
  for (int version = 1; version <= 50; ++version) load_ok(script(version));
  while (batches < 50) std::this_thread::yield();
  stop = true;
  threads.clear();
  EXPECT_EQ(count("errors_total"), 0U);
}

TEST_F(HostTest, a_thousand_reloads_grow_nothing) {
  std::vector<std::jthread> threads;
  std::atomic<bool> stop{false};
  load_ok("gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) msg.flag = 1 end}");
  std::atomic<std::uint64_t> wrong{0};
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      std::deque<std::string> own;
      const gantry_scratch mine{&own, scratch.allocate};
      while (!stop.load()) {
        gantry_publishing message{};
        message.topic = {"orders", 6};
        message.queue_count = 8;
        const std::uint8_t open = 0;
        host->publish(std::span(&message, 1), std::span(&open, 1), mine);
        if (message.flag < 1) ++wrong;
      }
    });
  }
  for (int i = 2; i <= 1000; ++i) {
    write("s.lua", "gantry.hook{name = 'h', on = 'on_publish', topics = '*', run = function(msg) msg.flag = " +
                       std::to_string(i) + " end}");
    ASSERT_EQ(load().changed.size(), 1U);
  }
  stop = true;
  threads.clear();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_EQ(publish({}).flag, 1000);
  EXPECT_LT(count("memory_bytes"), 4U * 200'000U);
}

}  // namespace
}  // namespace gantry::script
