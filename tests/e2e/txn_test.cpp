// Concern: transactions of a real broker that is killed again and again end as their producer decided: committed ones
// are in the topic once, rolled back ones never, nothing stays open. And operators see them with `gantry txn`.
// Method: the `gantry` program with the store on disk; the test is a producer that sends half messages, decides most at
// once (some twice, some against its word), leaves the rest to the broker's questions, and is told nothing of kills.
// GANTRY_TXN_CYCLES and GANTRY_TXN_COUNT say how often and how many (`50` and `100000`: the full size);
// GANTRY_TEST_SEED repeats the moments.

#include "client/consumer.hpp"
#include "client/remoting_client.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/fields.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/send_header.hpp"
#include "protocol/sys_flag.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/command.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gantry {
namespace {

using testing::BrokerProcess;
using testing::eventually;
using Clock = std::chrono::steady_clock;

constexpr std::string_view topic = "ledger";
constexpr std::string_view group = "tellers";

std::uint64_t number_in(const char* name, std::uint64_t fallback) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fallback;
}

/// A producer whose mind about each transaction follows from its number, so that it never forgets it.
class Teller {
 public:
  enum class Mind : std::uint8_t { commits, rolls_back };
  static Mind mind_of(std::uint64_t number) { return number % 3 == 0 ? Mind::rolls_back : Mind::commits; }
  static std::string id_of(std::uint64_t number) {
    std::string digits = std::to_string(number);
    return "TXN" + std::string(12 - digits.size(), '0') + digits;
  }
  static std::uint64_t number_of(std::string_view id) {
    return std::strtoull(std::string(id.substr(3)).c_str(), nullptr, 10);
  }

  static Result<std::unique_ptr<Teller>> start(const BrokerProcess& broker, std::uint64_t seed) {
    client::RemotingOptions options;
    options.timeout = std::chrono::seconds(5);
    GANTRY_ASSIGN(auto remoting, client::RemotingClient::start(options));
    auto teller = std::unique_ptr<Teller>(new Teller(broker.broker_address(), std::move(remoting), seed));
    teller->remoting_->on_request(
        [raw = teller.get()](const protocol::HeaderView& header, protocol::ByteView) { raw->answer(header); });
    return teller;
  }

  /// So that the broker knows whom to ask.
  bool heartbeat() {
    protocol::HeartbeatData body;
    body.client_id = "teller@1";
    body.producer_groups = {std::string(group)};
    const auto reply =
        remoting_->call(address_, protocol::RequestCode::heart_beat, client::NoFields{}, protocol::encode_body(body));
    return reply && reply->is_success();
  }

  /// Begins one transaction; what its answer brings is decided on the I/O thread.
  void begin(std::uint64_t number) {
    const std::string id = id_of(number);
    const std::string properties =
        "TRAN_MSG\x01true\x02PGROUP\x01" + std::string(group) + "\x02UNIQ_KEY\x01" + id + "\x02";
    protocol::SendHeader header;
    header.producer_group = group;
    header.topic = topic;
    header.default_topic = "TBW102";
    header.default_topic_queue_count = 4;
    header.queue_id = static_cast<std::int32_t>(number % 4);
    header.sys_flag = protocol::sys_flag::transaction_prepared;
    header.born_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    header.properties = properties;
    const std::string body = "body of " + id;
    std::uint32_t dice = 0;
    {
      const std::lock_guard lock(mutex_);
      dice = static_cast<std::uint32_t>(random_());
    }
    ++under_way_;
    remoting_->call_async(std::chrono::seconds(5), address_, protocol::RequestCode::send_message_v2, header, body,
                          [this, number, dice](Result<client::Reply> reply) {
                            answered(number, dice, reply);
                            --under_way_;
                          });
  }
  [[nodiscard]] std::uint64_t under_way() const { return under_way_; }
  [[nodiscard]] std::uint64_t questions() const { return questions_; }
  /// The transactions whose half message the broker acknowledged.
  std::vector<std::uint64_t> take_begun() {
    const std::lock_guard lock(mutex_);
    return std::exchange(begun_, {});
  }
  std::string last_refusal() {
    const std::lock_guard lock(mutex_);
    return last_refusal_;
  }

 private:
  Teller(std::string address, std::unique_ptr<client::RemotingClient> remoting, std::uint64_t seed)
      : address_(std::move(address)), random_(seed), remoting_(std::move(remoting)) {}

  void answered(std::uint64_t number, std::uint32_t dice, const Result<client::Reply>& reply) {
    if (!reply || !reply->is_success()) {
      const std::lock_guard lock(mutex_);
      last_refusal_ = reply ? reply->remark : reply.error().text;
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      begun_.push_back(number);
    }
    const std::string message_id(reply->field("msgId"));
    const auto log_offset = static_cast<std::int64_t>(std::strtoull(message_id.substr(16).c_str(), nullptr, 16));
    const std::int64_t half_offset = reply->number("queueOffset");
    if (dice % 5 == 0) return;  // the broker will ask
    const Mind mind = mind_of(number);
    end(id_of(number), half_offset, log_offset, mind, false);
    if (dice % 7 == 0) end(id_of(number), half_offset, log_offset, mind, false);
    // Against its word, and too late: must change nothing.
    if (dice % 11 == 0) {
      end(id_of(number), half_offset, log_offset, mind == Mind::commits ? Mind::rolls_back : Mind::commits, false);
    }
  }

  void answer(const protocol::HeaderView& header) {
    if (header.code != static_cast<std::int32_t>(protocol::RequestCode::check_transaction_state)) return;
    protocol::Scratch scratch;
    const auto asked = protocol::decode_fields<protocol::CheckTransactionHeader>(header.ext, scratch);
    if (!asked) return;
    ++questions_;
    const std::uint64_t number = number_of(asked->transaction_id);
    end(asked->transaction_id, asked->half_queue_offset, asked->log_offset, mind_of(number), true);
  }

  void end(std::string_view id, std::int64_t half_offset, std::int64_t log_offset, Mind mind, bool from_check) {
    protocol::EndTransactionHeader header;
    header.producer_group = group;
    header.half_queue_offset = half_offset;
    header.log_offset = log_offset;
    header.commit_or_rollback =
        mind == Mind::commits ? protocol::sys_flag::transaction_commit : protocol::sys_flag::transaction_rollback;
    header.from_check = from_check;
    header.message_id = id;
    header.transaction_id = id;
    remoting_->send_oneway(address_, protocol::RequestCode::end_transaction, header);
  }

  const std::string address_;
  std::atomic<std::uint64_t> under_way_{0};
  std::atomic<std::uint64_t> questions_{0};
  std::mutex mutex_;
  std::mt19937_64 random_;
  std::vector<std::uint64_t> begun_;
  std::string last_refusal_;
  std::unique_ptr<client::RemotingClient> remoting_;  // last: its thread ends first
};

class TxnE2e : public ::testing::Test {
 protected:
  void start() {
    testing::BrokerSettings settings;
    settings.plugins = {"txn"};
    settings.ack = ack;
    settings.extra_toml =
        "[plugins.txn]\ntimeout = \"200ms\"\ncheck_interval = \"500ms\"\ncheck_max = " + std::to_string(check_max) +
        "\n";
    auto started = BrokerProcess::start(folder_, settings);
    ASSERT_TRUE(started) << started.error().text;
    broker_ = *std::move(started);
    cluster_ = " -n " + broker_->name_servers()[0];
  }
  std::string list(const std::string& more = {}) { return testing::run_gantry("txn list" + more + cluster_).text; }

  /// How often each message is in the topic.
  std::map<std::string, int> read_topic() {
    std::map<std::string, int> counts;
    client::PullConsumerOptions options;
    options.name_servers = broker_->name_servers();
    auto consumer = client::PullConsumer::start(options);
    EXPECT_TRUE(consumer);
    const auto queues = (*consumer)->queues(std::string(topic));
    EXPECT_TRUE(queues) << queues.error().text;
    for (const client::MessageQueue& queue : *queues) {
      const auto end = (*consumer)->max_offset(queue);
      EXPECT_TRUE(end);
      for (std::int64_t at = 0; at < *end;) {
        client::PullRequest request;
        request.queue = queue;
        request.offset = at;
        request.message_count_max = 1'000;
        const auto pulled = (*consumer)->pull(request);
        EXPECT_TRUE(pulled) << pulled.error().text;
        if (!pulled || pulled->next_offset <= at) break;
        at = pulled->next_offset;
        for (const auto& message : pulled->messages) ++counts[message.body];
      }
    }
    return counts;
  }

  testing::TempFolder folder_;
  std::unique_ptr<BrokerProcess> broker_;
  std::string cluster_;
  int check_max = 10'000;
  std::string ack = "memory";

  void run();
};

void TxnE2e::run() {
  const auto seed = number_in("GANTRY_TEST_SEED", std::random_device()());
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t cycles = number_in("GANTRY_TXN_CYCLES", 4);
  const std::uint64_t count = number_in("GANTRY_TXN_COUNT", 2'000);
  constexpr std::uint64_t under_way_max = 64;

  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_EQ(testing::run_gantry("topic create " + std::string(topic) + " --queues 4" + cluster_).status, 0);
  std::set<std::uint64_t> begun;
  std::uint64_t next = 0;
  std::uint64_t asked = 0;
  for (std::uint64_t cycle = 0; cycle <= cycles; ++cycle) {
    SCOPED_TRACE("cycle " + std::to_string(cycle));
    const bool is_last = cycle == cycles;
    auto teller = Teller::start(*broker_, random());
    ASSERT_TRUE(teller) << teller.error().text;
    ASSERT_TRUE(eventually([&] { return (*teller)->heartbeat(); })) << broker_->log();
    const std::uint64_t until = is_last ? count : std::min(count, next + count / (cycles + 1) + random() % 50);
    // The moment of the kill is anywhere in what this cycle sends.
    const std::uint64_t kill_at = next + random() % (until - next + 1);
    for (; next < until; ++next) {
      if (!is_last && next == kill_at) break;
      (*teller)->begin(next);
      const bool goes_on = eventually([&] { return (*teller)->under_way() < under_way_max; });
      ASSERT_TRUE(goes_on) << (*teller)->last_refusal() << broker_->log();
    }
    if (!is_last) {
      // Sometimes while questions are asked.
      if (random() % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(random() % 700));
      broker_->kill();
    }
    ASSERT_TRUE(eventually([&] { return (*teller)->under_way() == 0; }));
    for (const std::uint64_t number : (*teller)->take_begun()) begun.insert(number);
    if (!is_last) {
      asked += (*teller)->questions();
      teller->reset();
      ASSERT_NO_FATAL_FAILURE(start());
      continue;
    }
    Clock::time_point beat = Clock::now();
    ASSERT_TRUE(eventually(
        [&] {
          if (Clock::now() > beat) {
            EXPECT_TRUE((*teller)->heartbeat());
            beat = Clock::now() + std::chrono::seconds(5);
          }
          return list(" --json").find("\"open_count\":0,") != std::string::npos;
        },
        std::chrono::seconds(120)))
        << list() << broker_->log();
    asked += (*teller)->questions();
  }
  const auto counts = read_topic();
  std::uint64_t committed = 0;
  std::uint64_t doubled = 0;
  for (std::uint64_t number = 0; number < next; ++number) {
    const auto found = counts.find("body of " + Teller::id_of(number));
    const int times = found == counts.end() ? 0 : found->second;
    if (Teller::mind_of(number) == Teller::Mind::rolls_back) {
      EXPECT_EQ(times, 0) << number;
    } else if (begun.contains(number)) {
      EXPECT_GE(times, 1) << number;
      ++committed;
    }
    if (times > 1) ++doubled;
  }
  EXPECT_EQ(doubled, 0u);
  std::printf("%llu transactions, %zu acknowledged, %llu committed, %llu questions, %llu kills, %llu doubled\n",
              static_cast<unsigned long long>(next), begun.size(), static_cast<unsigned long long>(committed),
              static_cast<unsigned long long>(asked), static_cast<unsigned long long>(cycles),
              static_cast<unsigned long long>(doubled));
  EXPECT_EQ(broker_->stop(), 0) << broker_->log();
}

TEST_F(TxnE2e, every_transaction_ends_as_decided_however_often_the_broker_is_killed) { run(); }

TEST_F(TxnE2e, every_transaction_ends_as_decided_when_acknowledgements_wait_for_the_disk) {
  ack = "disk";
  run();
}

TEST_F(TxnE2e, operators_see_open_and_discarded_transactions_and_resume_them) {
  check_max = 2;
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_EQ(testing::run_gantry("topic create " + std::string(topic) + " --queues 4" + cluster_).status, 0);
  auto teller = Teller::start(*broker_, 1);
  ASSERT_TRUE(teller);
  // No heartbeat: nobody can be asked. Of five transactions about one is left undecided by its producer.
  for (std::uint64_t number = 0; number < 40; ++number) (*teller)->begin(number);
  ASSERT_TRUE(eventually([&] { return (*teller)->under_way() == 0; }));
  ASSERT_EQ((*teller)->take_begun().size(), 40u) << (*teller)->last_refusal();
  ASSERT_TRUE(eventually([&] { return list(" --json").find("\"state\":\"discarded\"") != std::string::npos; }));
  ASSERT_TRUE(eventually([&] { return list(" --json").find("\"open_count\":0,") != std::string::npos; }));
  const std::string text = list(" --state discarded");
  EXPECT_NE(text.find("asked 2 times without a decision"), std::string::npos) << text;
  const std::string json = list(" --json --state discarded --limit 1");
  const auto value = [&json](const std::string& key) {
    const auto at = json.find("\"" + key + "\":\"");
    if (at == std::string::npos) return std::string();
    const auto begin = at + key.size() + 4;
    return json.substr(begin, json.find('"', begin) - begin);
  };
  const std::string id = value("id");
  ASSERT_FALSE(id.empty()) << json;
  const auto shown = testing::run_gantry("txn show " + id + cluster_);
  EXPECT_EQ(shown.status, 0);
  EXPECT_NE(shown.text.find("discarded"), std::string::npos) << shown.text;
  EXPECT_NE(testing::run_gantry("txn show TXN-unknown" + cluster_).status, 0);
  EXPECT_EQ(testing::run_gantry("txn show" + cluster_).status, 2);

  ASSERT_TRUE((*teller)->heartbeat());
  const auto resumed = testing::run_gantry("txn resume " + value("message_id") + cluster_);
  EXPECT_EQ(resumed.status, 0) << resumed.text;
  const std::string expected =
      Teller::mind_of(Teller::number_of(id)) == Teller::Mind::commits ? "committed" : "rolled_back";
  EXPECT_TRUE(eventually([&] {
    return testing::run_gantry("txn show " + id + cluster_).text.find(expected) != std::string::npos;
  })) << testing::run_gantry("txn show " + id + cluster_).text
      << broker_->log();
  EXPECT_EQ(broker_->stop(), 0) << broker_->log();
}

}  // namespace
}  // namespace gantry
