// Concern: declarations are checked when they are added, values when they are read, and the nearest key is found.
#include "kernel/config/option_spec.hpp"

#include <gtest/gtest.h>

namespace gantry::config {
namespace {

OptionSpec spec(OptionType type, std::string fallback) {
  return {.key = "key", .type = type, .fallback = std::move(fallback), .sentence = "What it does."};
}

std::string refusal(const OptionSpec& of, std::string_view text) {
  const auto value = parse_option_text(of, text);
  return value ? "" : value.error().text;
}

TEST(OptionTablesTest, refuses_a_default_out_of_bounds) {
  OptionTables tables;
  OptionSpec bad = spec(OptionType::integer, "11");
  bad.minimum = 1;
  bad.maximum = 10;
  const Status added = tables.add({"plugins.x", "Test.", {bad}});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().text,
            "declaring option \"key\" of [plugins.x]: its default is not valid: expected 1 to 10, found 11");
}

TEST(OptionTablesTest, refuses_contradictory_declarations) {
  OptionTables tables;
  EXPECT_FALSE(tables.add({"s", "Test.", {spec(OptionType::choice, "a")}}));
  EXPECT_FALSE(tables.add({"s", "Test.", {spec(OptionType::duration, "5")}}));
  EXPECT_FALSE(tables.add({"s", "Test.", {{.key = "mute", .fallback = "", .sentence = ""}}}));
  EXPECT_FALSE(tables.add({"s", "Test.", {{.key = "Bad Key", .fallback = "", .sentence = "x"}}}));
  EXPECT_FALSE(tables.add({"Bad Path", "Test.", {}}));
  OptionSpec reversed = spec(OptionType::integer, "0");
  reversed.minimum = 5;
  reversed.maximum = 1;
  EXPECT_FALSE(tables.add({"s", "Test.", {reversed}}));
}

TEST(OptionTablesTest, a_refused_section_leaves_no_trace) {
  OptionTables tables;
  EXPECT_FALSE(tables.add({"s", "Test.", {spec(OptionType::text, ""), spec(OptionType::text, "")}}));
  EXPECT_EQ(tables.find("s.key"), nullptr);
  EXPECT_TRUE(tables.add({"s", "Test.", {spec(OptionType::text, "")}}));
  EXPECT_EQ(tables.add({"s", "Again.", {}}).error().code, Errc::already_exists);
}

TEST(OptionTablesTest, finds_the_nearest_key) {
  OptionTables tables;
  ASSERT_TRUE(tables.add(
      {"broker", "Test.", {{.key = "auto_create_topics", .sentence = "x"}, {.key = "name", .sentence = "x"}}}));
  ASSERT_TRUE(tables.add({"listen", "Test.", {{.key = "port", .sentence = "x"}}}));
  EXPECT_EQ(tables.nearest("broker.auto_create_topic"), "broker.auto_create_topics");
  EXPECT_EQ(tables.nearest("broker.nmae"), "broker.name");
  EXPECT_EQ(tables.nearest("broker.port"), "listen.port");  // right key, wrong section
  EXPECT_EQ(tables.nearest("lisen"), "listen");
  EXPECT_EQ(tables.nearest("completely.different.thing"), std::nullopt);
  EXPECT_EQ(tables.nearest(std::string(100'000, 'x')), std::nullopt);
}

TEST(OptionValueTest, errors_say_expected_and_found) {
  EXPECT_EQ(refusal(spec(OptionType::boolean, "true"), "yes"), "expected true or false, found \"yes\"");
  EXPECT_EQ(refusal(spec(OptionType::integer, "1"), "1x"), "expected a whole number, found \"1x\"");
  EXPECT_EQ(refusal(spec(OptionType::integer, "1"), ""), "expected a whole number, found \"\"");
  EXPECT_EQ(refusal(spec(OptionType::integer, "1"), "99999999999999999999"),
            "expected a whole number, found \"99999999999999999999\"");
  OptionSpec duration = spec(OptionType::duration, "5s");
  duration.minimum = 1'000;
  duration.maximum = 60'000;
  EXPECT_EQ(refusal(duration, "2m"), "expected 1s to 1m, found 2m");
  EXPECT_NE(refusal(duration, "5"), "");
  OptionSpec choice = spec(OptionType::choice, "a");
  choice.choices = {"a", "b"};
  EXPECT_EQ(refusal(choice, "c"), "expected one of \"a\", \"b\", found \"c\"");
}

TEST(OptionValueTest, lists_come_from_commas_or_brackets) {
  const OptionSpec list = spec(OptionType::text_list, "");
  const std::vector<std::string> expected{"a", "b c"};
  EXPECT_EQ(std::get<4>(*parse_option_text(list, "a, b c")), expected);
  EXPECT_EQ(std::get<4>(*parse_option_text(list, R"(["a", "b c"])")), expected);
  EXPECT_TRUE(std::get<4>(*parse_option_text(list, "")).empty());
  EXPECT_TRUE(std::get<4>(*parse_option_text(list, "[]")).empty());
}

TEST(OptionValueTest, list_entries_are_checked) {
  EXPECT_NE(refusal(spec(OptionType::address_list, ""), "good:1, bad"), "");
  EXPECT_NE(refusal(spec(OptionType::cidr_list, ""), "10.0.0.0/99"), "");
  EXPECT_EQ(refusal(spec(OptionType::cidr_list, ""), "loopback, 10.0.0.0/8"), "");
}

TEST(OptionValueTest, every_default_reads_back_as_it_is_written) {
  for (const auto& [type, text, toml] : std::vector<std::tuple<OptionType, std::string, std::string>>{
           {OptionType::boolean, "true", "true"},
           {OptionType::integer, "-5", "-5"},
           {OptionType::real, "2", "2.0"},
           {OptionType::text, "a \"b\"", "\"a \\\"b\\\"\""},
           {OptionType::duration, "90s", "\"90s\""},
           {OptionType::bytes, "65536", "\"64KiB\""},
           {OptionType::text_list, "a,b", "[\"a\", \"b\"]"}}) {
    EXPECT_EQ(format_option_value(spec(type, text), fallback_value(spec(type, text))), toml);
  }
}

TEST(AddressTest, accepts_hosts_and_bracketed_v6) {
  for (const auto* good : {"localhost:1", "10.0.0.1:9876", "[::1]:65535", "a-b.c_d:80"})
    EXPECT_TRUE(check_address(good)) << good;
}

TEST(AddressTest, refuses_what_cannot_be_connected_to) {
  for (const auto* bad :
       {"", "host", ":1", "host:", "host:0", "host:65536", "host:-1", "::1:80", "ho st:1", "[]:1", "http://x:1"}) {
    EXPECT_FALSE(check_address(bad)) << bad;
  }
}

}  // namespace
}  // namespace gantry::config
