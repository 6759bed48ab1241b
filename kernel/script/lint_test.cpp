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

TEST(Lint, members_that_do_not_exist_are_found_with_the_one_that_was_meant) {
  EXPECT_EQ(found("local function f(msg)\n  return msg.topci == 'a' and msg.properties.topci\nend\nreturn f"),
            "2: a message has no field 'topci'; did you mean 'topic'?\n");
  EXPECT_EQ(found("print(gantry.msg.Tags)"), "1: a message has no field 'Tags'; did you mean 'tags'?\n");
  EXPECT_EQ(found("print(gantry.buckt('a', 2), text.trimm('a'), math.floor(1))"),
            "1: gantry has no member 'buckt'; did you mean 'bucket'?\n"
            "1: text has no member 'trimm'; did you mean 'trim'?\n");
  EXPECT_EQ(found("print(string.uppr)"), "1: string has no member 'uppr'; did you mean 'upper'?\n");
  EXPECT_NE(found("return function(msg) return msg.unheard_of end").find("; there are: body, body_size, "),
            std::string::npos);
}

TEST(Lint, what_only_looks_like_a_member_is_none) {
  for (const char* clean :
       {"local msg = {topci = 1}\nreturn msg.topci", "-- msg.topci\nreturn function(msg) return msg.topic end",
        "return function(msg) return 'msg.topci' .. [[msg.topci]] .. \"\\\"msg.topci\" end",
        "--[==[ msg.topci\n]] ]==]\nreturn function(msg) return msg.keys..msg.tags end",
        "local text = {}\nreturn text.own", "return function(m) local t = {msg = m} return t.msg.topci end",
        "return function(msg) msg = msg.properties return msg.topci end"}) {
    EXPECT_EQ(found(clean), "") << clean;
  }
}

TEST(Lint, fields_of_hooks_are_checked) {
  EXPECT_EQ(found("gantry.hook{name = 'a', on = 'filter',\n  topic = 'x', run = function(msg) local name = 1 local t = "
                  "{a = 2, b = 3} "
                  "if name then return t end end,\n  grous = 'g'}"),
            "2: gantry.hook knows no field 'topic'; did you mean 'topics'?\n"
            "3: gantry.hook knows no field 'grous'; did you mean 'groups'?\n");
  EXPECT_EQ(found("gantry.hook({\nname = 5,\nversion = 5,\ntopics = true, groups = {'a'},\nrun = 'f'})"),
            "2: gantry.hook expects a text as name, found a number\n"
            "4: gantry.hook expects a text or a list of texts as topics, found a boolean\n"
            "5: gantry.hook expects a function as run, found a text\n");
  EXPECT_EQ(found("local run = print\ngantry.hook{name = 'a' .. 'b', on = 'filter', version = 1 .. '', run = run}"),
            "");
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
