// Concern: misspelled and leaking globals are found with their line, and nothing else is. Method: small scripts.

#include "kernel/script/lint.hpp"

#include <gtest/gtest.h>

namespace gantry::script {
namespace {

std::string found(const std::string& source) {
  const auto findings = lint(source, "s.lua");
  if (!findings) return findings.error().text;
  std::string all;
  for (const LintFinding& finding : *findings) all += std::to_string(finding.line) + ": " + finding.text + "\n";
  return all;
}

TEST(Lint, clean_scripts_have_no_findings) {
  EXPECT_EQ(found("local a = 1\nshared = {}\nlocal function f() return shared, tonumber(a), gantry.msg end\nreturn f"),
            "");
  EXPECT_EQ(found(""), "");
}

TEST(Lint, misspelled_names_are_found_where_they_are_used) {
  EXPECT_EQ(found("local function f()\n\n  return tonumbr('1')\nend\nreturn f"),
            "3: the global 'tonumbr' is read, but nothing makes it\n");
  std::string far;
  for (int i = 0; i < 300; ++i) far += "\n";
  EXPECT_EQ(found("local a = 1" + far + "print(gantri)"), "301: the global 'gantri' is read, but nothing makes it\n");
}

TEST(Lint, forgotten_locals_are_found) {
  EXPECT_EQ(found("local function f()\n  count = 1\nend\nreturn f"),
            "2: the global 'count' is written by a function; is a local missing?\n");
  EXPECT_EQ(found("print = nil"), "1: 'print' is replaced, which the host provides\n");
}

TEST(Lint, what_does_not_compile_is_an_error) { EXPECT_NE(found("x = = 1").find("s.lua:1:"), std::string::npos); }

TEST(Lint, many_globals_and_deep_functions_do_not_confuse_it) {
  std::string source;
  for (int i = 0; i < 400; ++i) source += "g" + std::to_string(i) + " = " + std::to_string(i) + "\n";
  for (int i = 0; i < 50; ++i) source += "local function f() ";
  source += "return missing";
  for (int i = 0; i < 50; ++i) source += " end";
  EXPECT_NE(found(source).find("'missing' is read"), std::string::npos);
}

}  // namespace
}  // namespace gantry::script
