// Concern: `gantry message` finds what was produced, says everything about it, and says what to do when it finds
// nothing. Method: the `gantry` program against a real broker with the store in memory, which finds messages by key at
// once.

#include "tests/support/broker_process.hpp"
#include "tests/support/command.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace gantry {
namespace {

using testing::Outcome;

/// The text of a JSON line's member, without quotes; empty when there is none.
std::string member(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  auto begin = line.find(key);
  if (begin == std::string::npos) return {};
  begin += key.size();
  if (line[begin] == '"') {
    ++begin;
    return line.substr(begin, line.find('"', begin) - begin);
  }
  return line.substr(begin, line.find_first_of(",}", begin) - begin);
}

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class MessageCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::BrokerSettings settings;
    settings.store = "storage-memory";
    auto started = testing::BrokerProcess::start(folder, settings);
    ASSERT_TRUE(started) << started.error().text;
    broker = *std::move(started);
    cluster = " -n " + broker->name_servers()[0];
    ASSERT_EQ(run("topic create orders --queues 1").status, 0);
  }
  Outcome run(const std::string& arguments) { return testing::run_gantry(arguments + cluster); }
  /// Publishes one message; its line as `gantry message find` shows it.
  std::string produce(const std::string& key, const std::string& body) {
    const Outcome produced = run("produce orders --key '" + key + "' --tag T --body '" + body + "'");
    EXPECT_EQ(produced.status, 0) << produced.text;
    const Outcome found = run("message find orders --json --max 1 --key '" + key.substr(0, key.find(' ')) + "'");
    EXPECT_EQ(found.status, 0) << found.text;
    return found.text;
  }

  testing::TempFolder folder;
  std::unique_ptr<testing::BrokerProcess> broker;
  std::string cluster;
};

TEST_F(MessageCommand, finds_by_key_with_everything_there_is_to_know) {
  const std::string line = produce("k1 shared", "first");
  produce("k2 shared", "second");
  EXPECT_EQ(member(line, "topic"), "orders");
  EXPECT_EQ(member(line, "broker"), "broker-a");
  EXPECT_EQ(member(line, "queue"), "0");
  EXPECT_EQ(member(line, "offset"), "0");
  EXPECT_EQ(member(line, "log_offset"), "0");
  EXPECT_EQ(member(line, "keys"), "k1 shared");
  EXPECT_EQ(member(line, "tags"), "T");
  EXPECT_EQ(member(line, "body"), "first");
  EXPECT_EQ(member(line, "body_size"), "5");
  EXPECT_EQ(member(line, "UNIQ_KEY"), member(line, "id"));
  EXPECT_EQ(member(line, "store_host"), broker->broker_address());
  EXPECT_EQ(member(line, "born_host").substr(0, 10), "127.0.0.1:");
  EXPECT_EQ(line_count(run("message find orders --json --key shared").text), 2U);
  EXPECT_EQ(line_count(run("message find orders --json --key shared --max 1").text), 1U);
  const Outcome table = run("message find orders --key shared");
  EXPECT_EQ(line_count(table.text), 3U) << table.text;
  EXPECT_NE(table.text.find("second"), std::string::npos) << table.text;
}

TEST_F(MessageCommand, finds_by_unique_key_only_when_asked_to) {
  const std::string line = produce("k1", "first");
  const std::string id = member(line, "id");
  produce("k2 " + id, "second");
  EXPECT_EQ(line_count(run("message find orders --json --key " + id).text), 2U);
  const Outcome unique = run("message find orders --json --unique --key " + id);
  EXPECT_EQ(unique.text, line);
  EXPECT_EQ(run("message find orders --unique --key k1").status, 1);
}

TEST_F(MessageCommand, a_time_range_holds_both_its_ends) {
  const std::string stored = member(produce("k1", "first"), "store_ms");
  const std::string before = std::to_string(std::stoll(stored) - 1);
  const std::string after = std::to_string(std::stoll(stored) + 1);
  const auto found = [&](const std::string& from, const std::string& to) {
    return run("message find orders --key k1 --from " + from + " --to " + to).status == 0;
  };
  EXPECT_TRUE(found(stored, stored));
  EXPECT_TRUE(found(before, after));
  EXPECT_FALSE(found(before, before));
  EXPECT_FALSE(found(after, after));
  EXPECT_EQ(run("message find orders --key k1 --from '2026-01-31 10:00:00.123'").status, 0);
}

TEST_F(MessageCommand, shows_one_message_by_either_id) {
  const std::string line = produce("k1", "first");
  EXPECT_EQ(run("message show --json " + member(line, "offset_message_id")).text, line);
  EXPECT_EQ(run("message show --json --topic orders " + member(line, "offset_message_id")).text, line);
  EXPECT_EQ(run("message show --json --topic orders " + member(line, "id")).text, line);
  const Outcome people = run("message show --topic orders " + member(line, "id"));
  EXPECT_EQ(people.status, 0);
  for (const char* part : {"orders", "k1", "127.0.0.1:", "\nfirst\n", "UNIQ_KEY = "}) {
    EXPECT_NE(people.text.find(part), std::string::npos) << part << " in\n" << people.text;
  }
}

TEST_F(MessageCommand, shows_the_message_of_a_time_at_both_boundaries) {
  const std::string first = produce("k1", "first");
  const std::string second = produce("k2", "second");
  const std::int64_t second_ms = std::stoll(member(second, "store_ms"));
  ASSERT_LT(std::stoll(member(first, "store_ms")), second_ms);
  const auto at = [&](std::int64_t ms, const std::string& more) {
    const Outcome answer = run("message at orders --queue 0 --json --time " + std::to_string(ms) + more);
    EXPECT_EQ(answer.status, 0) << answer.text;
    return member(answer.text, "offset");
  };
  EXPECT_EQ(at(second_ms, ""), "1");
  EXPECT_EQ(at(second_ms - 1, ""), "1");
  EXPECT_EQ(at(second_ms + 1, ""), "2");
  EXPECT_EQ(at(second_ms, " --upper"), "1");
  EXPECT_EQ(at(second_ms - 1, " --upper"), "0");
  EXPECT_EQ(at(0, " --upper"), "0");
  const Outcome people = run("message at orders --queue 0 --time " + std::to_string(second_ms));
  EXPECT_NE(people.text.find("offset 1 is the first stored at or after"), std::string::npos) << people.text;
  EXPECT_NE(people.text.find("\nsecond\n"), std::string::npos) << people.text;
}

TEST_F(MessageCommand, errors_say_the_next_step) {
  const std::string line = produce("k1", "first");
  const struct {
    std::string command;
    int status;
    std::string text;
  } cases[] = {
      {"message find orders --key nothing", 1, "no message of orders has the key 'nothing'"},
      {"message find orders --key k1 --to 5", 1, "leave --from and --to away"},
      {"message find orders --key k1 --from 6 --to 5", 2, "exchange them"},
      {"message find orders --key k1 --from soon", 2, "2026-01-31 10:00:00.123"},
      {"message find nowhere --key k1", 1, "nowhere"},
      {"message find orders --key k1 --max 65", 2, "--max"},
      {"message show nonsense", 1, "name its topic"},
      {"message show --topic orders 00000000000000000000000000000000", 1, "may have expired"},
      {"message show " + member(line, "offset_message_id").substr(0, 31) + "1", 1, "no message begins at log offset 1"},
      {"message at orders --queue 7 --time 0", 1, "gantry topic show orders"},
      {"message at orders --queue 0 --time never", 2, "--time"},
      {"message at orders --queue 0 --time 0 --broker other", 1, "broker-a"},
  };
  for (const auto& each : cases) {
    const Outcome outcome = run(each.command);
    EXPECT_EQ(outcome.status, each.status) << each.command << "\n" << outcome.text;
    EXPECT_NE(outcome.text.find(each.text), std::string::npos) << each.command << "\n" << outcome.text;
  }
}

TEST_F(MessageCommand, bodies_that_are_no_text_are_shown_in_base64) {
  const Outcome produced = run("produce orders --key binary --body \"$(printf '\\377\\376')\"");
  ASSERT_EQ(produced.status, 0) << produced.text;
  const Outcome found = run("message find orders --json --key binary");
  EXPECT_EQ(member(found.text, "body_base64"), "//4=") << found.text;
  EXPECT_NE(run("message find orders --key binary").text.find("(binary)"), std::string::npos);
}

}  // namespace
}  // namespace gantry
