// Concern: a file is replaced as a whole or not at all, and reads are bounded.
#include "kernel/env/files.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

TEST(FilesTest, reading_an_absent_file_is_not_found_and_names_it) {
  const TempDir dir;
  const auto content = read_file(dir / "absent", 10);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Errc::not_found);
  EXPECT_NE(content.error().text.find("absent"), std::string::npos);
}

TEST(FilesTest, reading_stops_at_the_bound) {
  const TempDir dir;
  ASSERT_TRUE(write_file_atomically(dir / "f", std::string(11, 'x')));
  EXPECT_EQ(read_file(dir / "f", 10).error().code, Errc::too_large);
  EXPECT_EQ(read_file(dir / "f", 11)->size(), 11U);
  EXPECT_EQ(read_file("/dev/zero", 100'000).error().code, Errc::too_large);
}

TEST(FilesTest, reads_files_that_hide_their_size) {
  EXPECT_FALSE(read_file("/proc/self/status", 1 << 20)->empty());
  EXPECT_TRUE(read_file("/dev/null", 0)->empty());
}

TEST(FilesTest, reading_a_folder_fails) {
  const TempDir dir;
  EXPECT_EQ(read_file(dir.path(), 10).error().code, Errc::io);
}

TEST(FilesTest, a_failed_write_leaves_the_old_content_and_no_temporary) {
  const TempDir dir;
  ASSERT_TRUE(write_file_atomically(dir / "f", "old"));
  ASSERT_TRUE(make_folders(dir / "f.tmp"));  // the temporary cannot be created over a folder
  EXPECT_FALSE(write_file_atomically(dir / "f", "new"));
  EXPECT_EQ(*read_file(dir / "f", 10), "old");
  EXPECT_FALSE(write_file_atomically(dir / "no" / "f", "new"));
}

TEST(FilesTest, replacing_over_a_folder_removes_the_temporary) {
  const TempDir dir;
  ASSERT_TRUE(make_folders(dir / "taken"));
  EXPECT_FALSE(write_file_atomically(dir / "taken", "x"));
  EXPECT_FALSE(fs::exists(dir / "taken.tmp"));
}

TEST(FilesTest, replaces_content_as_a_whole) {
  const TempDir dir;
  ASSERT_TRUE(write_file_atomically(dir / "f", "a long first content"));
  ASSERT_TRUE(write_file_atomically(dir / "f", std::string_view("\0b", 2)));
  EXPECT_EQ(*read_file(dir / "f", 100), std::string("\0b", 2));
  EXPECT_FALSE(fs::exists(dir / "f.tmp"));
}

TEST(FilesTest, folders_are_made_with_their_parents_and_again_without_complaint) {
  const TempDir dir;
  ASSERT_TRUE(make_folders(dir / "a/b/c"));
  ASSERT_TRUE(make_folders(dir / "a/b/c"));
  ASSERT_TRUE(write_file_atomically(dir / "a/file", ""));
  EXPECT_FALSE(make_folders(dir / "a/file"));
  EXPECT_FALSE(make_folders(dir / "a/file/below"));
}

TEST(FilesTest, temporary_folder_goes_with_its_content) {
  fs::path path;
  {
    const TempDir dir;
    path = dir.path();
    ASSERT_TRUE(make_folders(dir / "x/y"));
    ASSERT_TRUE(write_file_atomically(dir / "x/y/z", "z"));
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace gantry
