// Concern: scripts in a real broker: they refuse, rewrite and filter what clients send and receive, hostile ones are
// put aside while others' traffic goes on, and a thousand reloads under load lose and double nothing. Method: the
// `gantry` program with a watched folder, our own client, and the store in memory.

#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "client/remoting_client.hpp"
#include "protocol/codes.hpp"
#include "protocol/pull_header.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/command.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

namespace gantry {
namespace {

client::Message order(const std::string& body) {
  client::Message message;
  message.topic = "orders";
  message.body = body;
  return message;
}

class ScriptE2e : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder.path() / "scripts"); }
  void start(const std::string& extra = {}, std::vector<std::string> plugins = {}) {
    testing::BrokerSettings settings;
    settings.store = "storage-memory";
    settings.plugins = std::move(plugins);
    settings.extra_toml =
        "[scripts]\ndir = \"" + (folder.path() / "scripts").string() + "\"\npoll_interval = \"20ms\"\n" + extra;
    auto started = testing::BrokerProcess::start(folder, settings);
    ASSERT_TRUE(started) << started.error().text;
    broker = *std::move(started);
    cluster = " -n " + broker->name_servers()[0];
    ASSERT_EQ(testing::run_gantry("topic create orders --queues 2" + cluster).status, 0);
    client::ProducerOptions producing;
    producing.name_servers = broker->name_servers();
    auto made = client::Producer::start(producing);
    ASSERT_TRUE(made);
    producer = *std::move(made);
    client::PullConsumerOptions reading;
    reading.name_servers = broker->name_servers();
    reading.group = "readers";
    auto reads = client::PullConsumer::start(reading);
    ASSERT_TRUE(reads);
    consumer = *std::move(reads);
    auto asks = client::RemotingClient::start({});
    ASSERT_TRUE(asks);
    remoting = *std::move(asks);
  }
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder.path() / "scripts" / name;
    std::ofstream(path.string() + ".new") << text;
    std::filesystem::rename(path.string() + ".new", path);
  }
  std::string ask(protocol::RequestCode code) {
    const auto reply = remoting->call(broker->broker_address(), code, client::NoFields{});
    return reply ? reply->body : reply.error().text;
  }
  bool log_says(const std::string& text) {
    return testing::eventually([&] { return broker->log().find(text) != std::string::npos; });
  }
  /// Bodies of all messages of all queues of the topic, in the order of each queue.
  std::vector<client::ReceivedMessage> read_all(const std::string& expression = "*", const std::string& type = "TAG",
                                                const std::string& topic = "orders") {
    std::vector<client::ReceivedMessage> all;
    const auto queues = consumer->queues(topic);
    EXPECT_TRUE(queues);
    for (const client::MessageQueue& queue : *queues) {
      const auto end = consumer->max_offset(queue);
      EXPECT_TRUE(end);
      for (std::int64_t at = 0; at < *end;) {
        client::PullRequest request;
        request.queue = queue;
        request.offset = at;
        request.expression = expression;
        request.expression_type = type;
        auto pulled = consumer->pull(request);
        EXPECT_TRUE(pulled) << pulled.error().text;
        if (!pulled || pulled->next_offset <= at) break;
        at = pulled->next_offset;
        for (auto& message : pulled->messages) all.push_back(std::move(message));
      }
    }
    return all;
  }

  testing::TempFolder folder;
  std::unique_ptr<testing::BrokerProcess> broker;
  std::unique_ptr<client::Producer> producer;
  std::unique_ptr<client::PullConsumer> consumer;
  std::unique_ptr<client::RemotingClient> remoting;
  std::string cluster;
};

TEST_F(ScriptE2e, scripts_refuse_rewrite_and_filter) {
  write("orders.lua", R"(
gantry.hook{name = "orders", version = "7", on = "on_publish", topics = "orders", run = function(msg)
  if not msg.properties.tenant then return false, "every order needs the property tenant" end
  msg.body = msg.body .. "!"
  msg.properties.lane = "fast"
end}
gantry.hook{name = "mine", on = "filter", topics = "orders", groups = "readers", run = function(msg)
  return msg.properties.tenant ~= "other"
end}
gantry.hook{name = "least", on = "filter", run = function(msg, least) return tonumber(msg.properties.n) >= least end}
)");
  start();
  const auto refused = producer->send(order("a"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("every order needs the property tenant"), std::string::npos)
      << refused.error().text;
  for (int n = 0; n < 10; ++n) {
    client::Message message = order("b");
    message.properties = {{"tenant", n % 2 == 0 ? "mine" : "other"}, {"n", std::to_string(n)}};
    ASSERT_TRUE(producer->send(message));
  }
  const auto all = read_all();
  ASSERT_EQ(all.size(), 5U);
  for (const auto& message : all) {
    EXPECT_EQ(message.body, "b!");
    EXPECT_EQ(message.properties.at("lane"), "fast");
    EXPECT_EQ(message.properties.at("tenant"), "mine");
  }
  EXPECT_EQ(read_all("lua:least(6)", "SQL92").size(), 2U);
  client::PullRequest wrong;
  wrong.queue = (*consumer->queues("orders"))[0];
  wrong.expression = "lua:most(1)";
  wrong.expression_type = "SQL92";
  const auto answer = consumer->pull(wrong);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().text.find("least"), std::string::npos) << answer.error().text;
  const std::string status = ask(protocol::RequestCode::script_status);
  EXPECT_NE(status.find("\"version\":\"7+"), std::string::npos) << status;
  const auto shown = testing::run_gantry("script status" + cluster);
  EXPECT_EQ(shown.status, 0);
  EXPECT_NE(shown.text.find("orders"), std::string::npos) << shown.text;
}

TEST_F(ScriptE2e, functions_of_scripts_are_called_by_sql92_expressions) {
  const auto risk = [](const std::string& body) {
    return "gantry.hook{name = 'risk', on = 'function', run = function(country) return " + body + " end}\n";
  };
  write("geo.lua", risk("country == 'de' and 1 or 9"));
  start("[plugins.filter-sql92]\nextended = true\n", {"filter-sql92"});
  int number = 0;
  for (const char* country : {"de", "xx", "de", "xx"}) {
    client::Message message = order(std::to_string(number));
    message.properties = {{"country", country}, {"amount", number++ < 2 ? "50" : "500"}};
    ASSERT_TRUE(producer->send(message));
  }
  const std::string expression = "amount > 100 AND risk(country) < 3";
  const auto bodies = [&] {
    std::set<std::string> found;
    for (const auto& message : read_all(expression, "SQL92")) found.insert(message.body);
    return found;
  };
  EXPECT_EQ(bodies(), (std::set<std::string>{"2"}));
  // The same subscription follows the script.
  write("geo.lua", risk("country == 'xx' and 1 or 9"));
  EXPECT_TRUE(testing::eventually([&] { return bodies() == std::set<std::string>{"3"}; }));
  // A call that fails is null, and so is one of a function that went: neither true nor false.
  write("geo.lua", risk("country.name.first"));
  EXPECT_TRUE(testing::eventually([&] { return bodies().empty(); }));
  EXPECT_TRUE(log_says("script.failed script=geo"));
  write("geo.lua", "gantry.hook{name = 'other', on = 'function', run = function() return 1 end}\n");
  // The expression that was compiled while the function was there is refused as a new one is.
  EXPECT_TRUE(testing::eventually([&] {
    client::PullRequest request;
    request.queue = (*consumer->queues("orders"))[0];
    request.expression = expression;
    request.expression_type = "SQL92";
    const auto answer = consumer->pull(request);
    return !answer && answer.error().text.find("risk") != std::string::npos &&
           answer.error().text.find("other") != std::string::npos;
  }));
  EXPECT_TRUE(log_says("script.reload.removed names=\"function risk\""));
}

TEST_F(ScriptE2e, mistakes_in_expressions_are_answered_with_position_expected_and_found) {
  write("f.lua", "gantry.hook{name = 'f', on = 'filter', run = function() return true end}\n");
  start({}, {"filter-sql92"});
  const auto refusal = [&](const std::string& expression) {
    protocol::PullHeader header;
    header.consumer_group = "readers";
    header.topic = "orders";
    header.message_count_max = 1;
    header.sys_flag = protocol::PullHeader::subscription_bit;
    header.subscription = expression;
    header.expression_type = "SQL92";
    const auto reply = remoting->call(broker->broker_address(), protocol::RequestCode::pull_message, header);
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply ? reply->code : -1, static_cast<int>(protocol::ResponseCode::subscription_parse_failed))
        << expression;
    return reply ? reply->remark : std::string();
  };
  EXPECT_EQ(refusal("a >"), "SQL92, line 1, column 4: expected a property, a literal, NOT or '(', found the end");
  EXPECT_EQ(
      refusal("a BETWEEN 5 AND 'x'"),
      "SQL92, line 1, column 17: expected a property or a number beside <, <=, >, >= and BETWEEN, found the text 'x'");
  EXPECT_EQ(refusal("a = 1 AND\n b IN (5)"),
            "SQL92, line 2, column 8: expected a text in single quotes in the list of IN, found '5'");
  EXPECT_EQ(refusal("(a LIKE 'x%')"),
            "SQL92, line 1, column 4: expected AND, OR, a comparison or ')', found 'LIKE'; LIKE needs the option "
            "\"extended\" of the plugin filter-sql92; CONTAINS, STARTSWITH and ENDSWITH do not");
  EXPECT_EQ(refusal("(f(a) = 1)"),
            "SQL92, line 1, column 3: expected AND, OR, a comparison or ')', found '('; function calls need the option "
            "\"extended\" of the plugin filter-sql92");
  EXPECT_EQ(refusal("lua:g(1)"),
            "lua:g: expected the name of a script's filter, found none of that name; there are: f");
  EXPECT_EQ(refusal("lua:f(1"), "lua:f(1: expected \",\" or \")\" at position 8, found the end");
}

TEST_F(ScriptE2e, a_hostile_script_is_put_aside_and_named_while_traffic_goes_on) {
  start();
  write("bad.lua",
        "gantry.hook{name = 'bad', on = 'on_publish', topics = 'orders', run = function() while true do end end}");
  ASSERT_TRUE(log_says("script.loaded script=\"bad"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(producer->send(order("a")));
  EXPECT_TRUE(log_says("script.quarantined script=bad"));
  EXPECT_NE(ask(protocol::RequestCode::script_status).find("\"state\":\"quarantined\""), std::string::npos);
  // A mended file runs again; a broken one changes nothing.
  write("bad.lua",
        "gantry.hook{name = 'bad', on = 'on_publish', topics = 'orders', run = function() return false, 'mended' end}");
  EXPECT_TRUE(testing::eventually([&] { return !producer->send(order("a")); }));
  write("bad.lua", "this is not Lua");
  ASSERT_TRUE(log_says("script.refused"));
  EXPECT_FALSE(producer->send(order("a")));
}

TEST_F(ScriptE2e, a_broken_script_is_refused_at_boot_and_by_config_check) {
  write("bad.lua", "gantry.hook{");
  testing::BrokerSettings settings;
  settings.store = "storage-memory";
  settings.extra_toml = "[scripts]\ndir = \"" + (folder.path() / "scripts").string() + "\"\n";
  settings.start_timeout = std::chrono::seconds(20);
  EXPECT_FALSE(testing::BrokerProcess::start(folder, settings));
  const std::string file = (folder.path() / "check.toml").string();
  std::ofstream(file) << settings.extra_toml;
  const auto checked = testing::run_gantry("config check " + file);
  EXPECT_EQ(checked.status, 1);
  EXPECT_NE(checked.text.find("bad.lua:1:"), std::string::npos) << checked.text;
}

TEST_F(ScriptE2e, a_thousand_reloads_under_load_lose_and_double_nothing) {
  const auto script = [](int version) {
    return "gantry.hook{name = 'marks', version = '" + std::to_string(version) +
           "', on = 'on_publish', topics = 'orders', run = function(msg)\n"
           "  msg.properties.marks = (msg.properties.marks or '') .. 'x'\n"
           "end}\n"
           "gantry.hook{name = 'even', on = 'filter', topics = 'orders', groups = 'readers', run = function(msg)\n"
           "  return tonumber(msg.properties.n) % 2 == 0\n"
           "end}\n";
  };
  write("marks.lua", script(0));
  start();
  std::atomic<bool> stop{false};
  std::atomic<int> next{0};
  std::atomic<int> failed{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        client::Message message = order("b");
        message.properties = {{"n", std::to_string(next++)}};
        if (!producer->send(message)) ++failed;
      }
    });
  }
  // Reads as it is written, through the bound filter.
  std::map<std::string, int> received;
  std::atomic<bool> read_on{true};
  std::jthread reader([&] {
    const auto queues = *consumer->queues("orders");
    std::map<std::int32_t, std::int64_t> at;
    while (true) {
      const bool last_round = !read_on;
      for (const client::MessageQueue& queue : queues) {
        while (true) {
          client::PullRequest request;
          request.queue = queue;
          request.offset = at[queue.queue_id];
          const auto pulled = consumer->pull(request);
          if (!pulled || pulled->next_offset <= request.offset) break;
          at[queue.queue_id] = pulled->next_offset;
          for (const auto& message : pulled->messages) {
            ++received[message.properties.at("n")];
            EXPECT_EQ(message.properties.at("marks"), "x");
          }
        }
      }
      if (last_round) return;
    }
  });
  std::int64_t resident_after_warm_up = 0;
  for (int version = 1; version <= 1000; ++version) {
    write("marks.lua", script(version));
    const std::string answer = ask(protocol::RequestCode::script_reload);
    ASSERT_NE(answer.find("\"refused\":[]"), std::string::npos) << answer;
    if (version == 200) resident_after_warm_up = broker->resident_bytes();
  }
  const std::int64_t resident_at_end = broker->resident_bytes();
  stop = true;
  threads.clear();
  read_on = false;
  reader.join();
  EXPECT_EQ(failed.load(), 0);
  const int sent = next.load();
  EXPECT_GT(sent, 100);
  EXPECT_EQ(received.size(), static_cast<std::size_t>((sent + 1) / 2));
  for (const auto& [n, count] : received) {
    EXPECT_EQ(count, 1) << n;
    EXPECT_EQ(std::stoi(n) % 2, 0) << n;
  }
  // What grows is the store in memory: some 400 bytes a message.
  EXPECT_LT(resident_at_end - resident_after_warm_up, 8 * 1024 * 1024 + sent * std::int64_t{1024});
}

}  // namespace
}  // namespace gantry
