// Concern: what the README promises for the command line works, with the commands as they are written there.
// Method: the `gantry` program against a real broker.

#include "tests/support/broker_process.hpp"
#include "tests/support/command.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace gantry {
namespace {

using testing::Outcome;
Outcome run(const std::string& arguments) { return testing::run_gantry(arguments); }

class Quickstart : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = testing::BrokerProcess::start(folder);
    ASSERT_TRUE(started) << started.error().text;
    broker = *std::move(started);
    cluster = " -n " + broker->name_servers()[0];
  }
  testing::TempFolder folder;
  std::unique_ptr<testing::BrokerProcess> broker;
  std::string cluster;
};

TEST_F(Quickstart, what_is_produced_is_consumed) {
  const Outcome produced = run("produce greetings --body 'hello, world'" + cluster);
  ASSERT_EQ(produced.status, 0) << produced.text;
  const Outcome consumed = run("consume greetings --group demo --from first --count 1 --timeout 30s" + cluster);
  ASSERT_EQ(consumed.status, 0) << consumed.text;
  EXPECT_NE(consumed.text.find("hello, world"), std::string::npos) << consumed.text;
}

TEST_F(Quickstart, ten_thousand_messages_arrive_and_the_group_goes_on_where_it_was) {
  ASSERT_EQ(run("topic create many --queues 4" + cluster).status, 0);
  const Outcome produced = run("produce many --body m --count 10000 --json" + cluster);
  ASSERT_EQ(produced.status, 0) << produced.text;
  EXPECT_NE(produced.text.find("\"stored\":10000"), std::string::npos) << produced.text;
  const Outcome consumed = run("consume many -g readers --from first --count 10000 --timeout 60s --quiet" + cluster);
  ASSERT_EQ(consumed.status, 0) << consumed.text;
  ASSERT_EQ(run("produce many --body last" + cluster).status, 0);
  const Outcome rest = run("consume many -g readers --count 1 --timeout 30s" + cluster);
  ASSERT_EQ(rest.status, 0) << rest.text;
  EXPECT_NE(rest.text.find("last"), std::string::npos) << rest.text;
}

TEST_F(Quickstart, tags_are_filtered) {
  ASSERT_EQ(run("produce tagged --body one --tag A" + cluster).status, 0);
  ASSERT_EQ(run("produce tagged --body two --tag B" + cluster).status, 0);
  ASSERT_EQ(run("produce tagged --body three --tag C" + cluster).status, 0);
  const Outcome consumed = run("consume tagged -g t --from first --tags 'A||C' --count 2 --timeout 30s" + cluster);
  ASSERT_EQ(consumed.status, 0) << consumed.text;
  EXPECT_NE(consumed.text.find("one"), std::string::npos);
  EXPECT_EQ(consumed.text.find("two"), std::string::npos);
  EXPECT_NE(consumed.text.find("three"), std::string::npos);
}

TEST_F(Quickstart, topics_are_created_shown_listed_and_deleted) {
  ASSERT_EQ(run("topic create orders --queues 6" + cluster).status, 0);
  EXPECT_NE(run("topic list" + cluster).text.find("orders\n"), std::string::npos);
  const Outcome shown = run("topic show orders --json" + cluster);
  EXPECT_EQ(shown.status, 0) << shown.text;
  EXPECT_NE(shown.text.find("\"write_queues\":6"), std::string::npos) << shown.text;
  EXPECT_NE(run("topic delete orders" + cluster).status, 0) << "deleting needs --yes";
  ASSERT_EQ(run("topic delete orders --yes" + cluster).status, 0);
  EXPECT_EQ(run("topic list" + cluster).text.find("orders\n"), std::string::npos);
  const Outcome gone = run("topic show orders" + cluster);
  EXPECT_NE(gone.status, 0);
  EXPECT_NE(gone.text.find("orders"), std::string::npos) << gone.text;
}

TEST_F(Quickstart, groups_are_shown_and_moved) {
  ASSERT_EQ(run("topic create bills --queues 1" + cluster).status, 0);
  ASSERT_EQ(run("produce bills --body b --count 10" + cluster).status, 0);
  ASSERT_EQ(run("consume bills -g clerks --from first --count 10 --timeout 30s --quiet" + cluster).status, 0);
  EXPECT_NE(run("group list" + cluster).text.find("clerks\n"), std::string::npos);
  const Outcome done = run("group show clerks --json" + cluster);
  EXPECT_EQ(done.status, 0) << done.text;
  EXPECT_NE(done.text.find("\"lag\":0"), std::string::npos) << done.text;

  const Outcome back = run("replay clerks bills --queue 0 --offset 4 --json" + cluster);
  EXPECT_NE(back.text.find("\"offset\":4"), std::string::npos) << back.text;
  const Outcome lag = run("lag clerks --json" + cluster);
  EXPECT_NE(lag.text.find("\"lag\":6"), std::string::npos) << lag.text;
  EXPECT_NE(lag.text.find("\"oldest_waiting_ms\":"), std::string::npos) << lag.text;
  EXPECT_EQ(run("consume bills -g clerks --count 6 --timeout 30s --quiet" + cluster).status, 0);
  EXPECT_EQ(run("replay clerks bills --to earliest" + cluster).status, 0);
  EXPECT_NE(run("lag --json" + cluster).text.find("\"lag\":10"), std::string::npos);
  EXPECT_EQ(run("replay clerks bills --to latest" + cluster).status, 0);

  const Outcome beyond = run("replay clerks bills --queue 0 --offset 11" + cluster);
  EXPECT_EQ(beyond.status, 1);
  EXPECT_NE(beyond.text.find("0 to 10"), std::string::npos) << beyond.text;
  EXPECT_EQ(run("replay clerks bills" + cluster).status, 2) << "it has to be told where to";
  EXPECT_NE(run("group show nobody" + cluster).text.find("nobody"), std::string::npos);

  ASSERT_EQ(run("group create auditors --retries 3" + cluster).status, 0);
  EXPECT_NE(run("group show auditors" + cluster).text.find("3 retries"), std::string::npos);
  EXPECT_NE(run("group delete auditors" + cluster).status, 0) << "deleting needs --yes";
  EXPECT_EQ(run("group delete auditors --yes" + cluster).status, 0);
  EXPECT_EQ(run("group list" + cluster).text.find("auditors\n"), std::string::npos);
}

TEST_F(Quickstart, errors_say_what_to_do) {
  const Outcome nowhere = run("topic list -n 127.0.0.1:1");
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_NE(nowhere.text.find("127.0.0.1:1"), std::string::npos) << nowhere.text;
  const Outcome usage = run("produce somewhere" + cluster);
  EXPECT_EQ(usage.status, 2);
  EXPECT_NE(usage.text.find("--body"), std::string::npos) << usage.text;
}

TEST_F(Quickstart, plugins_and_options_are_listed) {
  const std::string plugins = " --dir " + (testing::build_folder() / "plugins").string();
  const Outcome list = run("plugin list" + plugins);
  EXPECT_EQ(list.status, 0) << list.text;
  for (const char* plugin : {"storage-mmap", "filter-sql92", "delay", "txn"}) {
    EXPECT_NE(list.text.find(plugin), std::string::npos) << list.text;
  }
  const Outcome explained = run("config explain broker.ack");
  EXPECT_EQ(explained.status, 0) << explained.text;
  EXPECT_NE(explained.text.find("memory"), std::string::npos) << explained.text;
}

TEST_F(Quickstart, a_short_bench_runs) {
  const Outcome bench = run("bench --broker " + broker->broker_address() + " --warm-up 100ms --duration 300ms --json");
  EXPECT_EQ(bench.status, 0) << bench.text;
  EXPECT_NE(bench.text.find("\"messages_per_second\":"), std::string::npos) << bench.text;
}

TEST_F(Quickstart, a_spread_load_is_read_back_and_what_is_missing_is_noticed) {
  const std::string at = " --broker " + broker->broker_address() + " --topic spread --topics 20 --queues 3 --json";
  const Outcome topics = run("bench topics --per-request 7" + at);
  ASSERT_EQ(topics.status, 0) << topics.text;
  EXPECT_NE(topics.text.find("\"topics\":20"), std::string::npos) << topics.text;
  const Outcome published = run("bench --random --keys 2 --messages 1000 --size 100 --duration 0s" + at);
  ASSERT_EQ(published.status, 0) << published.text;
  EXPECT_NE(published.text.find("\"acknowledged\":1000"), std::string::npos) << published.text;

  const Outcome right = run("bench read --random --expect 1000 --duration 30s" + at);
  EXPECT_EQ(right.status, 0) << right.text;
  EXPECT_NE(right.text.find("\"queues_done\":60"), std::string::npos) << right.text;
  const Outcome missing = run("bench read --random --expect 1001 --duration 1s" + at);
  EXPECT_EQ(missing.status, 1) << missing.text;
  EXPECT_NE(missing.text.find("\"queues_done\":59"), std::string::npos) << missing.text;
  const Outcome misplaced = run("bench read --expect 1000 --duration 1s" + at);
  EXPECT_EQ(misplaced.status, 1) << misplaced.text;
  EXPECT_NE(misplaced.text.find("belongs elsewhere"), std::string::npos) << misplaced.text;
}

TEST_F(Quickstart, an_open_loop_is_followed_to_its_end) {
  const std::string at = " --broker " + broker->broker_address() + " --topic followed --queues 2 --json";
  ASSERT_EQ(run("bench topics" + at).status, 0);
  Outcome followed;
  // The consumer ends by itself, later than the load: what is sent in the first moments may come before it asks.
  std::thread consumer([&] { followed = run("bench follow --warm-up 0ms --duration 3s" + at); });
  const Outcome published = run("bench --rate 500 --warm-up 100ms --duration 1s" + at);
  consumer.join();
  EXPECT_EQ(published.status, 0) << published.text;
  EXPECT_NE(published.text.find("\"late\":0,\"unanswered\":0"), std::string::npos) << published.text;
  EXPECT_EQ(followed.status, 0) << followed.text;
  EXPECT_NE(followed.text.find("\"without_stamp\":0"), std::string::npos) << followed.text;
}

}  // namespace
}  // namespace gantry
