// Concern: a full disk refuses messages with the right code and a remedy, loses nothing that was acknowledged, keeps
// serving reads, and goes on by itself once there is space.
// Method: a real broker keeps its data on a small file system of the test's own (tmpfs; an ext4 image on a loop device
// where the system allows that) and is published to at full speed until it refuses; a file of the test's takes and
// gives the space. Skipped by name where mounting is not allowed.

#include "client/admin.hpp"
#include "client/remoting_client.hpp"
#include "protocol/send_header.hpp"
#include "tests/support/acknowledged.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/raw_connection.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace gantry {
namespace {

using testing::AckLedger;
using testing::AckLoad;
using testing::BrokerProcess;

constexpr std::int64_t mib = 1024 * 1024;

/// A file system of its own, unmounted with the object.
class SmallDisk {
 public:
  enum class Kind : std::uint8_t { tmpfs, ext4 };

  SmallDisk(const std::filesystem::path& folder, Kind kind, std::int64_t size) : path_(folder / "disk") {
    std::filesystem::create_directories(path_);
    if (kind == Kind::tmpfs) {
      const auto options = "size=" + std::to_string(size);
      is_mounted_ = ::mount("gantry-test", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
      return;
    }
    const auto image = (folder / "image").string();
    const int fd = ::open(image.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const bool sized = fd >= 0 && ::ftruncate(fd, size) == 0;
    ::close(fd);
    // mount(8) finds a free loop device, which takes more than a system call.
    const auto command = "mkfs.ext4 -q -F -m 0 " + image + " >/dev/null 2>&1 && mount -o loop " + image + " " +
                         path_.string() + " >/dev/null 2>&1";
    is_mounted_ = sized && std::system(command.c_str()) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] std::int64_t free_bytes() const {
    struct statvfs info {};
    if (::statvfs(path_.c_str(), &info) != 0) return 0;
    return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
  }
  /// Takes all space but `left` bytes.
  void fill(std::int64_t left) {
    const int fd = ::open(ballast().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return;
    for (auto step = free_bytes(); step >= 4096; step /= 2) {
      while (free_bytes() - step >= left) {
        if (::posix_fallocate(fd, ::lseek(fd, 0, SEEK_END), step) != 0) break;
      }
    }
    ::close(fd);
  }
  void empty() { ::unlink(ballast().c_str()); }

 private:
  [[nodiscard]] std::string ballast() const { return (path_ / "ballast").string(); }

  std::filesystem::path path_;
  bool is_mounted_ = false;
};

class FullDisk : public ::testing::TestWithParam<SmallDisk::Kind> {
 protected:
  static constexpr std::int64_t disk_size = 300 * mib;

  void SetUp() override {
    if (!disk_.is_mounted()) GTEST_SKIP() << "this system does not let the test mount a file system";
    settings_.data = (disk_.path() / "store").string();
    settings_.extra_toml =
        "[plugins.storage-mmap]\nsegment_size = \"8MiB\"\ndisk_clean_percent = 100\ncheckpoint_interval = \"200ms\"\n";
  }

  void start(const std::string& extra = {}) {
    auto settings = settings_;
    settings.extra_toml += extra;
    auto started = BrokerProcess::start(folder_, settings);
    ASSERT_TRUE(started) << started.error().text;
    broker_ = *std::move(started);
  }

  /// Publishes at full speed until the broker refuses; what it said is in `refusal`.
  void publish_until_refused(std::string& refusal) {
    testing::LoadOptions options;
    options.body_bytes_max = 60'000;
    auto load = AckLoad::start(*broker_, ledger_, options);
    ASSERT_TRUE(load) << load.error().text;
    ASSERT_TRUE(testing::eventually([&] { return (*load)->last_refusal().find("full") != std::string::npos; },
                                    std::chrono::seconds(60)))
        << "free: " << disk_.free_bytes() / mib << " MiB, last refusal: " << (*load)->last_refusal() << "\n"
        << broker_->log();
    refusal = (*load)->last_refusal();
  }

  client::Reply send_one() {
    auto client = client::RemotingClient::start({});
    protocol::SendHeader header;
    header.producer_group = "g";
    header.topic = "load-0";
    header.default_topic = "TBW102";
    header.default_topic_queue_count = 4;
    header.queue_id = 0;
    header.born_ms = 1;
    const auto reply =
        (*client)->call(broker_->broker_address(), protocol::RequestCode::send_message_v2, header, "one more");
    if (reply) return *reply;
    client::Reply none;
    none.code = -1;
    none.remark = reply.error().text;
    return none;
  }

  void expect_refused_with_a_remedy() {
    const auto reply = send_one();
    EXPECT_EQ(reply.code, static_cast<int>(protocol::ResponseCode::service_not_available)) << reply.remark;
    EXPECT_NE(reply.remark.find("disk is full"), std::string::npos) << reply.remark;
    EXPECT_NE(reply.remark.find("delete files"), std::string::npos) << reply.remark;
  }

  void expect_everything_is_there() {
    const auto checked = testing::check_acknowledged(*broker_, ledger_);
    EXPECT_TRUE(checked) << checked.error().text << "\n" << broker_->log();
  }

  void expect_taken_again() {
    EXPECT_TRUE(testing::eventually([&] { return send_one().code == 0; }, std::chrono::seconds(30)))
        << send_one().remark << "\n"
        << broker_->log();
  }

  testing::TempFolder folder_;
  SmallDisk disk_{folder_.path(), GetParam(), disk_size};
  testing::BrokerSettings settings_;
  AckLedger ledger_;
  std::unique_ptr<BrokerProcess> broker_;
};

TEST_P(FullDisk, refuses_with_a_remedy_and_goes_on_by_itself_when_space_returns) {
  settings_.ack = "disk";
  // Nothing may expire: what was acknowledged is looked for.
  disk_.fill(150 * mib);
  ASSERT_NO_FATAL_FAILURE(start("disk_full_percent = 95\n"));
  std::string refusal;
  ASSERT_NO_FATAL_FAILURE(publish_until_refused(refusal));
  expect_refused_with_a_remedy();
  expect_everything_is_there();
  EXPECT_NE(broker_->log().find("storage.full"), std::string::npos) << broker_->log();

  disk_.empty();
  expect_taken_again();
  EXPECT_NE(broker_->log().find("storage.space_returned"), std::string::npos) << broker_->log();
  expect_everything_is_there();
  EXPECT_EQ(broker_->stop(), 0) << broker_->log();
  ASSERT_NO_FATAL_FAILURE(start("disk_full_percent = 95\n"));
  expect_everything_is_there();
}

TEST_P(FullDisk, refuses_by_default_before_the_last_byte_is_gone) {
  // disk_full_percent is 90 unless it is set: the tables, queue files and checkpoints still have room.
  ASSERT_NO_FATAL_FAILURE(start());
  std::string refusal;
  ASSERT_NO_FATAL_FAILURE(publish_until_refused(refusal));
  EXPECT_GE(disk_.free_bytes(), disk_size * 5 / 100);
  expect_refused_with_a_remedy();
  client::AdminOptions options;
  options.name_servers = broker_->name_servers();
  auto admin = client::Admin::start(options);
  ASSERT_TRUE(admin) << admin.error().text;
  client::TopicSettings topic;
  topic.topic = "made-on-a-full-disk";
  EXPECT_TRUE((*admin)->create_topic(topic)) << "there was room for topics.json";
  expect_everything_is_there();
  EXPECT_EQ(broker_->stop(), 0) << broker_->log();
}

TEST_P(FullDisk, survives_a_disk_without_a_free_byte_under_its_tables_and_queue_files) {
  // Somebody else fills the disk to the last byte while topics.json, consumerOffset.json, queue files and checkpoints
  // want to be written.
  ASSERT_NO_FATAL_FAILURE(start("disk_full_percent = 100\n"));
  client::PullConsumerOptions consuming;
  consuming.name_servers = broker_->name_servers();
  auto consumer = client::PullConsumer::start(consuming);
  ASSERT_TRUE(consumer) << consumer.error().text;
  client::MessageQueue queue;
  {
    auto load = AckLoad::start(*broker_, ledger_, {});
    ASSERT_TRUE(load) << load.error().text;
    ASSERT_TRUE(testing::eventually([&] { return ledger_.count() > 500; })) << broker_->log();
    queue = ledger_.queues().begin()->first;
    // The group comes into being with its first pull, which needs room.
    client::PullRequest request;
    request.queue = queue;
    ASSERT_TRUE((*consumer)->pull(request));
    ASSERT_TRUE((*consumer)->commit_offset(queue, 3));
    disk_.fill(0);
    // The space that is reserved ahead runs out, or the queue files find none.
    ASSERT_TRUE(testing::eventually([&] { return (*load)->refused_count() > 0; }, std::chrono::seconds(60)))
        << "free: " << disk_.free_bytes() << "\n"
        << broker_->log();
  }
  EXPECT_TRUE(broker_->is_running()) << broker_->log();
  client::AdminOptions options;
  options.name_servers = broker_->name_servers();
  auto admin = client::Admin::start(options);
  ASSERT_TRUE(admin) << admin.error().text;
  client::TopicSettings topic;
  topic.topic = "no-room-for-this-one";
  const auto made = (*admin)->create_topic(topic);
  EXPECT_FALSE(made) << "a topic was acknowledged that cannot be saved";
  const auto kept = (*consumer)->commit_offset(queue, 7);
  EXPECT_TRUE(kept) << kept.error().text;
  expect_everything_is_there();

  disk_.empty();
  expect_taken_again();
  EXPECT_TRUE((*admin)->create_topic(topic)) << "there is room again\n" << broker_->log();
  EXPECT_EQ(broker_->stop(), 0) << broker_->log();
  ASSERT_NO_FATAL_FAILURE(start());
  expect_everything_is_there();
  auto again = client::PullConsumer::start([&] {
    auto fresh = consuming;
    fresh.name_servers = broker_->name_servers();
    return fresh;
  }());
  ASSERT_TRUE(again) << again.error().text;
  const auto offset = (*again)->committed_offset(queue);
  ASSERT_TRUE(offset) << offset.error().text;
  EXPECT_EQ(*offset, 7);
}

TEST_P(FullDisk, starts_on_a_full_disk_and_serves_what_is_there) {
  ASSERT_NO_FATAL_FAILURE(start());
  {
    auto load = AckLoad::start(*broker_, ledger_, {});
    ASSERT_TRUE(load) << load.error().text;
    ASSERT_TRUE(testing::eventually([&] { return ledger_.count() > 500; })) << broker_->log();
    broker_->kill();
  }
  disk_.fill(0);
  ASSERT_NO_FATAL_FAILURE(start());
  expect_everything_is_there();
  expect_refused_with_a_remedy();
  disk_.empty();
  expect_taken_again();
}

INSTANTIATE_TEST_SUITE_P(FileSystems, FullDisk, ::testing::Values(SmallDisk::Kind::tmpfs, SmallDisk::Kind::ext4),
                         [](const auto& instance) {
                           return instance.param == SmallDisk::Kind::tmpfs ? "tmpfs" : "ext4";
                         });

}  // namespace
}  // namespace gantry
