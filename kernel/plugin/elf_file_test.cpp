#include "kernel/plugin/elf_file.hpp"

#include "kernel/plugin/library.hpp"
#include "kernel/plugin/manifest.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

/// The running test is a position-independent executable, which to ELF is a shared library like any other.
std::string own_image() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ElfFileTest : public ::testing::Test {
 protected:
  ElfFileTest() : folder_(fs::temp_directory_path() / ("gantry-elf-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~ElfFileTest() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view content) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
    return path;
  }
  std::string refusal_of(std::string_view content) const {
    const Status status = check_shared_library(write("x.so", content));
    return status ? "" : status.error().text;
  }

  const fs::path folder_;
};

TEST_F(ElfFileTest, refuses_what_is_no_elf_file) {
  EXPECT_NE(refusal_of("").find("found an empty file"), std::string::npos);
  EXPECT_NE(refusal_of("#!/bin/sh\necho hello\n").find("found a file of another kind"), std::string::npos);
  EXPECT_NE(refusal_of("\x7f"
                       "ELF")
                .find("truncated or damaged"),
            std::string::npos);
}

TEST_F(ElfFileTest, refuses_a_file_that_is_not_there) {
  EXPECT_FALSE(check_shared_library((folder_ / "missing.so").string()));
}

TEST_F(ElfFileTest, accepts_a_whole_file_and_refuses_every_truncation) {
  const std::string image = own_image();
  EXPECT_EQ(refusal_of(image), "");
  for (std::size_t parts = 1; parts < 16; ++parts) {
    EXPECT_NE(refusal_of(std::string_view(image).substr(0, image.size() * parts / 16)), "") << parts << "/16";
  }
  EXPECT_NE(refusal_of(std::string_view(image).substr(0, image.size() - 1)), "");
}

TEST_F(ElfFileTest, refuses_other_machines_and_kinds) {
  std::string image = own_image();
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof header);
  const auto with = [&image](Elf64_Ehdr changed) {
    std::memcpy(image.data(), &changed, sizeof changed);
    return image;
  };
  Elf64_Ehdr other = header;
  other.e_machine = EM_MIPS;
  EXPECT_NE(refusal_of(with(other)).find("machine 8"), std::string::npos);
  other = header;
  other.e_type = ET_REL;
  EXPECT_NE(refusal_of(with(other)).find("ELF type 1"), std::string::npos);
  other = header;
  other.e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_NE(refusal_of(with(other)).find("word size"), std::string::npos);
}

TEST_F(ElfFileTest, survives_damaged_tables) {
  const std::string image = own_image();
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof header);
  std::minstd_rand random(4711);
  for (int round = 0; round < 100; ++round) {
    std::string damaged = image;
    const bool in_sections = round % 3 != 0;
    const std::size_t begin = in_sections ? header.e_shoff : 0;
    const std::size_t length = in_sections ? header.e_shnum * sizeof(Elf64_Shdr) : 1024;
    for (int i = 0; i < 8; ++i) damaged[begin + random() % length] = static_cast<char>(random());
    // Whatever it answers, it answers: no crash, no endless loop, no huge allocation.
    static_cast<void>(inspect_file(write("damaged.so", damaged)));
  }
}

TEST_F(ElfFileTest, a_library_that_is_no_plugin_is_refused_by_name) {
  const Status status = inspect_file(write("x.so", own_image()));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text.find("a shared library without that section"), std::string::npos)
      << status.error().text;
}

TEST_F(ElfFileTest, only_plain_names_are_looked_for) {
  write("good.so", "x");
  const std::vector<std::string> folders = {folder_.string()};
  EXPECT_TRUE(find_plugin(folders, "good"));
  for (const char* name : {"../good", "good.so", "/etc/passwd", "", "Good", "a/b"}) {
    EXPECT_FALSE(find_plugin(folders, name)) << name;
  }
}

TEST_F(ElfFileTest, a_missing_plugin_is_refused_with_what_there_is) {
  write("good.so", "x");
  const auto missing = find_plugin({folder_.string()}, "goood");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text.find("(available: good)"), std::string::npos) << missing.error().text;
}

TEST_F(ElfFileTest, links_and_folders_are_refused) {
  write("good.so", "x");
  fs::create_symlink(folder_ / "good.so", folder_ / "link.so");
  fs::create_directory(folder_ / "folder.so");
  const auto link = find_plugin({folder_.string()}, "link");
  ASSERT_FALSE(link);
  EXPECT_NE(link.error().text.find("found a symbolic link"), std::string::npos);
  EXPECT_FALSE(find_plugin({folder_.string()}, "folder"));
}

TEST_F(ElfFileTest, a_link_to_the_plugin_folder_itself_is_fine) {
  write("good.so", "x");
  const fs::path alias = folder_ / "alias";
  fs::create_directory_symlink(folder_, alias);
  EXPECT_TRUE(find_plugin({alias.string()}, "good"));
}

TEST_F(ElfFileTest, the_first_folder_that_has_the_name_counts) {
  fs::create_directory(folder_ / "second");
  write("good.so", "x");
  write("second/good.so", "x");
  EXPECT_EQ(*find_plugin({(folder_ / "second").string(), folder_.string()}, "good"),
            (folder_ / "second/good.so").string());
}

TEST_F(ElfFileTest, loading_lists_all_refusals_at_once) {
  write("text.so", "hello");
  const LoadResult result =
      load_plugins({.folders = {folder_.string()}, .load = {"text", "missing", "text", "../x"}, .need_store = true});
  EXPECT_TRUE(result.plugins.empty());
  EXPECT_EQ(result.refusals.size(), 4u) << to_string(result.refusals);
}

}  // namespace
}  // namespace gantry::plugin
