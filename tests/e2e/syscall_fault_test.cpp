// Concern: no system call that fails or falls short in the real process costs an acknowledged message; a failed sync
// stops the node.
// Method: a real broker runs with tests/fault/preload, which makes the Nth call below its data folder fail (EIO,
// ENOSPC) or fall short. Scenario: start, publish with acknowledgement from disk, make a topic, publish to it, stop;
// then start without faults and read everything back. GANTRY_FAULT_STRIDE takes every n-th N (`./dev soak syscalls`:
// all); a quick run takes a few, spread over the scenario.

#include "client/admin.hpp"
#include "tests/fault/preload/fault_control.h"
#include "tests/support/acknowledged.hpp"
#include "tests/support/broker_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace gantry {
namespace {

using testing::AckLedger;
using testing::BrokerProcess;

constexpr std::int64_t shorten = 0;

/// The mapped file through which a test and the library in the broken process talk.
class FaultControl {
 public:
  explicit FaultControl(const std::filesystem::path& path) : path_(path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof(gantry_fault_control)) != 0) std::abort();
    void* map = mmap(nullptr, sizeof(gantry_fault_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) std::abort();
    shared_ = static_cast<gantry_fault_control*>(map);
    store(shared_->kinds, GANTRY_FAULT_EVERYTHING);
  }
  ~FaultControl() { munmap(shared_, sizeof *shared_); }
  FaultControl(const FaultControl&) = delete;
  FaultControl& operator=(const FaultControl&) = delete;

  /// Counts calls of these kinds from zero; the `number`th (0: none) fails, and the `count` - 1 behind it.
  void arm(std::int64_t kinds, std::int64_t number, std::int64_t error_number, std::int64_t count = 1) {
    store(shared_->fail_from, 0);
    store(shared_->kinds, kinds);
    store(shared_->calls, 0);
    store(shared_->failed, 0);
    store(shared_->error_number, error_number);
    store(shared_->fail_until, number + count);
    store(shared_->fail_from, number);
  }
  [[nodiscard]] std::int64_t calls() const { return __atomic_load_n(&shared_->calls, __ATOMIC_SEQ_CST); }
  [[nodiscard]] std::int64_t failed() const { return __atomic_load_n(&shared_->failed, __ATOMIC_SEQ_CST); }
  [[nodiscard]] std::string last() const {
    return std::string(shared_->last, strnlen(shared_->last, sizeof shared_->last));
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  static void store(std::int64_t& to, std::int64_t value) { __atomic_store_n(&to, value, __ATOMIC_SEQ_CST); }

  const std::filesystem::path path_;
  gantry_fault_control* shared_ = nullptr;
};

class SyscallFault : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's own library must come first in the process";
#endif
    faulty_.ack = "disk";
    faulty_.extra_toml = sound_.extra_toml =
        "[plugins.storage-mmap]\nsegment_size = \"1MiB\"\ncheckpoint_interval = \"50ms\"\n";
    sound_.ack = "disk";
  }

  /// A folder of its own with a control file beside the data.
  struct Place {
    testing::TempFolder folder;
    FaultControl control{folder.path() / "control"};
  };

  testing::BrokerSettings faulty_settings(const Place& place) const {
    auto settings = faulty_;
    settings.environment = {{"LD_PRELOAD", (testing::build_folder() / "lib" / "libgantry_fault_preload.so").string()},
                            {"GANTRY_FAULT_ROOT", (place.folder.path() / "store").string()},
                            {"GANTRY_FAULT_CONTROL", place.control.path().string()}};
    return settings;
  }

  /// Publishes one after the other until one is refused; acknowledged ones are in the ledger.
  static void publish(client::Producer& producer, AckLedger& ledger, const std::string& topic, int count) {
    for (int i = 0; i < count; ++i) {
      client::Message message;
      message.topic = topic;
      message.keys = "key-" + std::to_string(i);
      message.body = topic + " " + std::to_string(i) + std::string(3000, 'x');
      const auto sent = producer.send(message);
      if (!sent) return;
      if (sent->status == client::SendStatus::stored) ledger.acknowledged(*sent, message.body);
    }
  }

  static std::unique_ptr<client::Producer> producer_of(const BrokerProcess& broker) {
    client::ProducerOptions options;
    options.name_servers = broker.name_servers();
    options.attempts_max = 1;
    options.timeout = std::chrono::milliseconds(2000);
    auto producer = client::Producer::start(options);
    return producer ? *std::move(producer) : nullptr;
  }

  static Status make_topic(const BrokerProcess& broker, const std::string& topic) {
    client::AdminOptions options;
    options.name_servers = broker.name_servers();
    GANTRY_ASSIGN(const auto admin, client::Admin::start(options));
    client::TopicSettings settings;
    settings.topic = topic;
    settings.read_queues = settings.write_queues = 2;
    return admin->create_topic(settings);
  }

  /// The scenario with the `number`th call failing; how many calls there were.
  std::int64_t survive(std::int64_t number, std::int64_t error_number) {
    Place place;
    AckLedger ledger;
    bool topic_was_made = false;
    place.control.arm(GANTRY_FAULT_EVERYTHING, number, error_number);
    auto settings = faulty_settings(place);
    if (auto broker = BrokerProcess::start(place.folder, settings)) {
      auto producer = producer_of(**broker);
      publish(*producer, ledger, "auto-made", 12);
      topic_was_made = make_topic(**broker, "made").has_value();
      publish(*producer, ledger, "made", 12);
      const int status = (*broker)->stop();
      EXPECT_TRUE(status == 0 || status == 1) << "it ended with " << status << " after " << place.control.last() << "\n"
                                              << (*broker)->log();
    } else {
      EXPECT_NE(broker.error().text.find("exit status 1"), std::string::npos) << broker.error().text;
    }
    const auto calls = place.control.calls();
    const auto trace = "after: " + place.control.last();
    auto survivor = BrokerProcess::start(place.folder, sound_);
    EXPECT_TRUE(survivor) << trace << "\n" << survivor.error().text;
    if (!survivor) return calls;
    const auto checked = testing::check_acknowledged(**survivor, ledger);
    EXPECT_TRUE(checked) << trace << "\n" << checked.error().text << "\n" << (*survivor)->log();
    EXPECT_TRUE(!topic_was_made || has_topic(**survivor, "made")) << trace;
    EXPECT_EQ((*survivor)->stop(), 0) << trace << "\n" << (*survivor)->log();
    return calls;
  }

  static bool has_topic(const BrokerProcess& broker, const std::string& topic) {
    client::AdminOptions options;
    options.name_servers = broker.name_servers();
    const auto admin = client::Admin::start(options);
    if (!admin) return false;
    const auto topics = (*admin)->topics();
    return topics && std::find(topics->begin(), topics->end(), topic) != topics->end();
  }

  void walk(std::int64_t error_number) {
    const auto calls = survive(0, error_number);
    ASSERT_GT(calls, 20) << "the library was not loaded";
    constexpr std::int64_t quick_rounds = 8;
    const char* given = std::getenv("GANTRY_FAULT_STRIDE");
    const auto stride = given != nullptr ? std::max<std::int64_t>(std::atoll(given), 1) : calls / quick_rounds + 1;
    std::int64_t rounds = 0;
    for (std::int64_t number = 1; number <= calls && !HasFailure(); number += stride, ++rounds) {
      SCOPED_TRACE("call " + std::to_string(number) + " of about " + std::to_string(calls));
      survive(number, error_number);
    }
    std::printf("%lld rounds over about %lld calls\n", static_cast<long long>(rounds), static_cast<long long>(calls));
  }

  testing::BrokerSettings faulty_;
  testing::BrokerSettings sound_;
};

TEST_F(SyscallFault, any_failing_call_is_survived) { walk(EIO); }
TEST_F(SyscallFault, any_call_without_space_is_survived) { walk(ENOSPC); }
TEST_F(SyscallFault, any_short_call_is_survived) { walk(shorten); }

TEST_F(SyscallFault, a_failed_sync_stops_the_node_and_nothing_is_acknowledged_afterwards) {
  Place place;
  AckLedger ledger;
  auto broker = BrokerProcess::start(place.folder, faulty_settings(place));
  ASSERT_TRUE(broker) << broker.error().text;
  auto producer = producer_of(**broker);
  ASSERT_NE(producer, nullptr);
  publish(*producer, ledger, "T", 20);
  const auto before = ledger.count();
  ASSERT_EQ(before, 20U) << (*broker)->log();

  // Once: the next sync would say that all is well, and it would be a lie.
  place.control.arm(GANTRY_FAULT_SYNC, 1, EIO);
  for (int i = 0; i < 30; ++i) publish(*producer, ledger, "T", 1);
  ASSERT_EQ(place.control.failed(), 1);
  // The sync that failed may have been one of a queue's file, with a few acknowledged before; then nothing.
  const auto at_most = before + 5;
  EXPECT_LE(ledger.count(), at_most) << "acknowledged after a failed sync";
  EXPECT_EQ((*broker)->wait_for_exit(std::chrono::seconds(20)), 1) << "it should have stopped by itself";
  const auto log = (*broker)->log();
  EXPECT_NE(log.find("storage.failed"), std::string::npos) << log;
  EXPECT_NE(log.find("syncing"), std::string::npos) << "the log does not say what failed: " << log;
  (*broker)->kill();

  auto survivor = BrokerProcess::start(place.folder, sound_);
  ASSERT_TRUE(survivor) << survivor.error().text;
  const auto checked = testing::check_acknowledged(**survivor, ledger);
  EXPECT_TRUE(checked) << checked.error().text << "\n" << (*survivor)->log();
}

}  // namespace
}  // namespace gantry
