// Concern: what the documentation says runs, and the shipped scripts pass their own tests. Method: every Lua block of
// docs/lua-api.md is a script; every file of scripts/ is loaded and its *_test.lua run.

#include "kernel/env/files.hpp"
#include "kernel/script/lint.hpp"
#include "kernel/script/testing.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace gantry::script {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  auto text = read_file(path, 1024 * 1024);
  EXPECT_TRUE(text) << path;
  return text ? *text : std::string();
}

TEST(Documents, examples_of_the_reference_run) {
  const std::string page = content(fs::path(GANTRY_SOURCE_FOLDER) / "docs" / "lua-api.md");
  const std::string fence = "```lua\n";
  int examples = 0;
  for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    const std::size_t end = page.find("```", at);
    ASSERT_NE(end, std::string::npos);
    const std::string example = page.substr(at, end - at);
    at = end;
    testing::World world;
    const auto lines = std::count(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    const auto runner = world.load(example);
    ASSERT_TRUE(runner) << "docs/lua-api.md, example that ends in line " << lines + 1 << ": " << runner.error().text;
    const Status tested = (*runner)->run_self_tests();
    EXPECT_TRUE(tested) << "docs/lua-api.md, example that ends in line " << lines + 1 << ": " << tested.error().text;
    const auto findings = lint(example, "example");
    ASSERT_TRUE(findings);
    for (const LintFinding& finding : *findings) ADD_FAILURE() << "line " << finding.line << ": " << finding.text;
    ++examples;
  }
  EXPECT_GE(examples, 15);
}

TEST(Documents, shipped_scripts_pass_their_tests) {
  int scripts = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(GANTRY_SOURCE_FOLDER) / "scripts")) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".lua" || stem.ends_with("_test") || stem == "gantry.d") continue;
    ++scripts;
    const std::string text = content(entry.path());
    testing::World world;
    const auto runner = world.load(text);
    ASSERT_TRUE(runner) << stem << ": " << runner.error().text;
    const Status tested = (*runner)->run_self_tests();
    EXPECT_TRUE(tested) << stem << ": " << tested.error().text;
    const fs::path tests = entry.path().parent_path() / (stem + "_test.lua");
    const auto cases = (*runner)->run_tests(content(tests), tests.string());
    ASSERT_TRUE(cases) << cases.error().text;
    EXPECT_GE(cases->size(), 2U) << stem;
    for (const CaseResult& each : *cases) EXPECT_TRUE(each.passed) << stem << ": " << each.name << "\n" << each.text;
    const auto findings = lint(text, stem);
    ASSERT_TRUE(findings) << findings.error().text;
    for (const LintFinding& finding : *findings) ADD_FAILURE() << stem << ":" << finding.line << ": " << finding.text;
  }
  EXPECT_GE(scripts, 8);
}

TEST(Documents, stubs_for_editors_are_lua) {
  const auto findings = lint(content(fs::path(GANTRY_SOURCE_FOLDER) / "scripts" / "gantry.d.lua"), "gantry.d.lua");
  EXPECT_TRUE(findings) << findings.error().text;
}

}  // namespace
}  // namespace gantry::script
