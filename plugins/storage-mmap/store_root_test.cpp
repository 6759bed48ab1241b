#include "plugins/storage-mmap/store_root.hpp"

#include "plugins/storage-mmap/blobs.hpp"
#include "plugins/storage-mmap/testing/store_harness.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::storage_mmap {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class StoreRootTest : public testing::Test {
 protected:
  StoreRootTest() : root_(disk_, folder_.path() + "/store") {}

  TemporaryFolder folder_;
  Disk disk_;
  StoreRoot root_;
};

TEST_F(StoreRootTest, one_process_cannot_open_a_store_twice) {
  ASSERT_TRUE(root_.lock());
  StoreRoot second(disk_, root_.path());
  const auto refused = second.lock();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
  EXPECT_NE(refused.error().text.find("this very process"), std::string::npos) << refused.error().text;
}

TEST_F(StoreRootTest, another_process_is_told_who_holds_the_lock) {
  ASSERT_TRUE(root_.lock());
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  const auto child = ::fork();
  if (child == 0) {
    StoreRoot second(disk_, root_.path());
    const auto refused = second.lock();
    const std::string text = refused ? "locked" : refused.error().text;
    const auto written = ::write(channel[1], text.data(), text.size());
    ::_exit(written > 0 ? 0 : 1);
  }
  ::close(channel[1]);
  std::string text(1000, '\0');
  const auto size = ::read(channel[0], text.data(), text.size());
  ::close(channel[0]);
  ::waitpid(child, nullptr, 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  EXPECT_NE(text.find("process " + std::to_string(::getpid())), std::string::npos) << text;
}

TEST_F(StoreRootTest, the_lock_file_holds_what_rocketmq_writes) {
  ASSERT_TRUE(root_.lock());
  EXPECT_EQ(content_of(root_.path() + "/lock"), "lock");
}

TEST_F(StoreRootTest, the_abort_file_marks_an_open_store) {
  ASSERT_TRUE(root_.lock());
  EXPECT_TRUE(root_.was_closed_in_order());
  ASSERT_TRUE(root_.mark_open());
  EXPECT_FALSE(root_.was_closed_in_order());
  EXPECT_EQ(content_of(root_.path() + "/abort"), std::to_string(::getpid()));
  ASSERT_TRUE(root_.mark_closed());
  EXPECT_TRUE(root_.was_closed_in_order());
}

TEST_F(StoreRootTest, the_checkpoint_has_rocketmqs_layout) {
  ASSERT_TRUE(root_.lock());
  EXPECT_EQ(root_.load_checkpoint()->log_ms, 0);
  ASSERT_TRUE(root_.save_checkpoint({1, 2, 3, 4, 5}));
  const auto bytes = content_of(root_.path() + "/checkpoint");
  ASSERT_EQ(bytes.size(), 4096u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(bytes[i * 8 + 7], static_cast<char>(i + 1));
  EXPECT_EQ(bytes.find_first_not_of('\0', 40), std::string::npos);
  StoreRoot again(disk_, root_.path());
  EXPECT_EQ(again.load_checkpoint()->confirm_offset, 5);
}

TEST_F(StoreRootTest, a_dledger_store_is_refused) {
  std::filesystem::create_directories(root_.path() + "/dledger-n0");
  EXPECT_EQ(root_.check_layout().error().code, Errc::unsupported);
}

TEST_F(StoreRootTest, metadata_in_rocksdb_is_refused) {
  std::filesystem::create_directories(root_.path() + "/config/rdb");
  EXPECT_EQ(root_.check_layout().error().code, Errc::unsupported);
}

class BlobsTest : public StoreRootTest {
 protected:
  BlobsTest() : blobs_(disk_, root_.path(), surroundings_) { EXPECT_TRUE(root_.lock()); }
  std::string path(const std::string& name) const { return root_.path() + "/config/" + name; }
  Surroundings surroundings_;
  Blobs blobs_;
};

TEST_F(BlobsTest, the_files_are_those_of_rocketmq) {
  ASSERT_TRUE(blobs_.save("topics.json", "one"));
  EXPECT_FALSE(std::filesystem::exists(path("topics.json.bak")));
  ASSERT_TRUE(blobs_.save("topics.json", "two"));
  EXPECT_EQ(content_of(path("topics.json")), "two");
  EXPECT_EQ(content_of(path("topics.json.bak")), "one");
  EXPECT_FALSE(std::filesystem::exists(path("topics.json.tmp")));
}

TEST_F(BlobsTest, a_crash_between_the_renames_leaves_the_version_before) {
  ASSERT_TRUE(blobs_.save("topics.json", "one"));
  std::filesystem::rename(path("topics.json"), path("topics.json.bak"));
  std::ofstream(path("topics.json.tmp")) << "two";
  EXPECT_EQ(*blobs_.load("topics.json", sdk::BlobVersion::newest), "one");
}

TEST_F(BlobsTest, names_of_other_versions_are_refused) {
  EXPECT_FALSE(blobs_.save("topics.json.bak", "x"));
  EXPECT_FALSE(blobs_.save("topics.json.tmp", "x"));
}

}  // namespace
}  // namespace gantry::storage_mmap
