// Concern: a file, the environment and the command line become values; everything wrong is found, with its place.
#include "kernel/config/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gantry::config {
namespace {

using namespace std::chrono_literals;

OptionTables tables() {
  OptionTables tables;
  const Status server = tables.add(
      {"server",
       "The server.",
       {{.key = "name", .type = OptionType::text, .fallback = "a", .sentence = "Its name."},
        {.key = "port",
         .type = OptionType::integer,
         .fallback = "80",
         .minimum = 1,
         .maximum = 65'535,
         .sentence = "Its port."},
        {.key = "wait",
         .type = OptionType::duration,
         .fallback = "5s",
         .minimum = 100,
         .maximum = 60'000,
         .live = true,
         .sentence = "How long | it waits."},
        {.key = "buffer",
         .type = OptionType::bytes,
         .fallback = "4KiB",
         .live = true,
         .operator_sees = false,
         .sentence = "Its buffer."},
        {.key = "fast", .type = OptionType::boolean, .fallback = "false", .sentence = "Whether it hurries."},
        {.key = "share",
         .type = OptionType::real,
         .fallback = "0.5",
         .minimum = 0,
         .maximum = 1,
         .sentence = "Its share."},
        {.key = "mode", .type = OptionType::choice, .fallback = "x", .choices = {"x", "y"}, .sentence = "Its mode."},
        {.key = "peers", .type = OptionType::address_list, .fallback = "", .sentence = "Its peers."}}});
  EXPECT_TRUE(server);
  EXPECT_TRUE(tables.add(
      {"plugins", "Plugins.", {{.key = "load", .type = OptionType::text_list, .fallback = "", .sentence = "Which."}}}));
  EXPECT_TRUE(tables.add({"plugins.known",
                          "A plugin.",
                          {{.key = "depth", .type = OptionType::integer, .fallback = "3", .sentence = "How deep."}}}));
  return tables;
}

Resolution resolve_text(std::string_view toml, const Overrides& overrides = {},
                        UndeclaredPlugins undeclared = UndeclaredPlugins::warn) {
  auto [document, findings] = parse_document(toml, "f.toml");
  EXPECT_TRUE(findings.empty()) << to_string(findings);
  return resolve(document, tables(), overrides, undeclared);
}

std::string findings_of(std::string_view toml) { return to_string(resolve_text(toml).findings); }

TEST(DocumentTest, syntax_error_has_its_place) {
  const auto [document, findings] = parse_document("[server]\nname = \n", "f.toml");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].line, 2U);
  EXPECT_GT(findings[0].column, 0U);
  EXPECT_TRUE(to_string(findings[0]).starts_with("f.toml:2:"));
}

TEST(DocumentTest, hostile_text_is_refused_without_harm) {
  EXPECT_FALSE(parse_document(std::string(document_bytes_max + 1, '#'), "f").second.empty());
  EXPECT_FALSE(parse_document("a = " + std::string(100'000, '['), "f").second.empty());
  EXPECT_FALSE(parse_document(std::string("a = \"\xff\xfe\"\n"), "f").second.empty());
  EXPECT_FALSE(parse_document(std::string("\0\0", 2), "f").second.empty());
  EXPECT_FALSE(parse_document("a = 1\na = 2\n", "f").second.empty());
  for (const auto* broken :
       {"[.a]", "[[.a]]", "[\"]", "a.", "a. = 1", "[a", "a = [", "a = {", "=", "[]", "\\", "a = '''"}) {
    EXPECT_FALSE(parse_document(broken, "f").second.empty()) << broken;
  }
}

TEST(DocumentTest, absent_file_and_folder_are_findings) {
  EXPECT_EQ(load_document("/nonexistent/gantry.toml").second.size(), 1U);
  EXPECT_EQ(load_document("/").second.size(), 1U);
}

TEST(ResolveTest, unknown_key_names_the_nearest_one) {
  EXPECT_EQ(findings_of("[server]\nprot = 1\n"),
            "f.toml:2:8: error: unknown option server.prot; did you mean server.port?\n");
  EXPECT_EQ(findings_of("[sevrer]\n"), "f.toml:1:1: error: unknown section [sevrer]; did you mean server?\n");
}

TEST(ResolveTest, all_errors_are_found_at_once_in_the_order_of_the_file) {
  const auto resolution = resolve_text(
      "[server]\n"
      "port = \"80\"\n"
      "wait = 5\n"
      "fast = 1\n"
      "buffer = \"4 potatoes\"\n"
      "name = 7\n"
      "mode = \"z\"\n"
      "share = 1.5\n"
      "peers = [\"nowhere\"]\n");
  ASSERT_EQ(resolution.findings.size(), 8U) << to_string(resolution.findings);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(resolution.findings[i].line, i + 2);
  EXPECT_EQ(resolution.findings[0].text, "server.port: expected a whole number, found the text \"80\"");
  EXPECT_EQ(resolution.findings[1].text,
            "server.wait: expected a duration in quotes (such as \"500ms\", \"5s\", \"1h\"), found the number 5");
  EXPECT_FALSE(resolution.ok());
}

TEST(ResolveTest, odd_kinds_are_refused_by_name) {
  EXPECT_NE(findings_of("[server]\nname = 1979-05-27\n").find("found a date"), std::string::npos);
  EXPECT_NE(findings_of("[server]\npeers = [1, 2]\n").find("found a list whose entries are not all texts"),
            std::string::npos);
  EXPECT_NE(findings_of("[server.name]\n").find("found a table"), std::string::npos);
  EXPECT_NE(findings_of("[server.name]\nx = 1\n").find("unknown option server.name.x"), std::string::npos);
  EXPECT_NE(findings_of("[[server]]\nname = \"x\"\n").find("expected the section [server]"), std::string::npos);
  EXPECT_NE(findings_of("server = 5\n").find("expected the section [server]"), std::string::npos);
  EXPECT_NE(findings_of("\"server.port\" = 5\n").find("unknown option"), std::string::npos);
}

TEST(ResolveTest, bounds_hold_at_both_ends) {
  EXPECT_EQ(findings_of("[server]\nport = 1\n"), "");
  EXPECT_EQ(findings_of("[server]\nport = 65535\n"), "");
  EXPECT_NE(findings_of("[server]\nport = 0\n"), "");
  EXPECT_NE(findings_of("[server]\nport = 65536\n"), "");
}

TEST(ResolveTest, an_empty_file_gives_the_defaults) {
  const auto resolution = resolve_text("");
  ASSERT_TRUE(resolution.ok());
  const Values& values = resolution.values;
  EXPECT_EQ(values.text("server.name"), "a");
  EXPECT_EQ(values.integer("server.port"), 80);
  EXPECT_EQ(values.duration("server.wait"), 5s);
  EXPECT_EQ(values.bytes("server.buffer"), 4096);
  EXPECT_FALSE(values.boolean("server.fast"));
  EXPECT_EQ(values.real("server.share"), 0.5);
  EXPECT_EQ(values.text("server.mode"), "x");
  EXPECT_TRUE(values.list("server.peers").empty());
  EXPECT_EQ(to_string(values.origin("server.name")), "default");
}

TEST(ResolveTest, file_values_are_typed_and_remember_their_place) {
  const auto values = resolve_text("[server]\nwait = \"1m\"\nbuffer = \"1MiB\"\nshare = 1\npeers = [\"h:1\"]\n").values;
  EXPECT_EQ(values.duration("server.wait"), 1min);
  EXPECT_EQ(values.bytes("server.buffer"), 1 << 20);
  EXPECT_EQ(values.real("server.share"), 1.0);
  EXPECT_EQ(values.list("server.peers").size(), 1U);
  EXPECT_EQ(to_string(values.origin("server.wait")), "f.toml:2");
}

TEST(ResolveTest, command_line_wins_over_environment_over_file) {
  const Overrides overrides{.from_command_line = {{"server.name", "cli"}},
                            .from_environment = {{"server.name", "env"}, {"server.port", "82"}}};
  const auto resolution = resolve_text("[server]\nname = \"file\"\nport = 81\nfast = true\n", overrides);
  ASSERT_TRUE(resolution.ok()) << to_string(resolution.findings);
  EXPECT_EQ(resolution.values.text("server.name"), "cli");
  EXPECT_EQ(resolution.values.integer("server.port"), 82);
  EXPECT_TRUE(resolution.values.boolean("server.fast"));
  EXPECT_EQ(to_string(resolution.values.origin("server.port")), "environment GANTRY_SERVER_PORT");
  EXPECT_EQ(to_string(resolution.values.origin("server.name")), "--set");
}

TEST(ResolveTest, bad_overrides_are_findings) {
  const Overrides overrides{.from_command_line = {{"server.nam", "x"}, {"server.port", "many"}},
                            .from_environment = {}};
  const auto resolution = resolve_text("", overrides);
  EXPECT_EQ(to_string(resolution.findings),
            "--set: error: unknown option server.nam; did you mean server.name?\n"
            "--set: error: server.port: expected a whole number, found \"many\"\n");
}

TEST(ResolveTest, sections_of_plugins_that_are_not_loaded_warn_once) {
  constexpr std::string_view toml = "[plugins.other]\na = 1\nb = 2\n[plugins.known]\ndepth = 4\n";
  const auto resolution = resolve_text(toml);
  ASSERT_EQ(resolution.findings.size(), 1U) << to_string(resolution.findings);
  EXPECT_EQ(resolution.findings[0].severity, Severity::warning);
  EXPECT_TRUE(resolution.ok());
  EXPECT_EQ(resolution.values.integer("plugins.known.depth"), 4);
  EXPECT_TRUE(resolve_text(toml, {}, UndeclaredPlugins::accept).findings.empty());
}

TEST(ResolveTest, misspelled_keys_in_plugin_sections_are_errors) {
  EXPECT_NE(findings_of("[plugins.known]\ndepht = 1\n").find("did you mean plugins.known.depth?"), std::string::npos);
  EXPECT_NE(findings_of("[plugins]\nlaod = []\n").find("did you mean plugins.load?"), std::string::npos);
}

TEST(OverrideTest, splits_at_the_first_equals_sign) {
  EXPECT_EQ(parse_override("a.b=c=d")->second, "c=d");
  EXPECT_EQ(parse_override("a=")->second, "");
  EXPECT_FALSE(parse_override("a"));
  EXPECT_FALSE(parse_override("=a"));
}

TEST(OverrideTest, environment_names_declared_options_only) {
  const auto found = environment_overrides(tables(), {"PATH=/bin", "GANTRY_SERVER_PORT=1", "GANTRY_UNRELATED=2",
                                                      "GANTRY_PLUGINS_KNOWN_DEPTH=9", "GANTRY_SERVER_NAME"});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], (std::pair<std::string, std::string>("server.port", "1")));
  EXPECT_EQ(found[1], (std::pair<std::string, std::string>("plugins.known.depth", "9")));
}

TEST(ReloadTest, applies_live_keys_and_lists_the_rest) {
  const Values before = resolve_text("").values;
  const Values after = resolve_text("[server]\nwait = \"9s\"\nport = 99\nname = \"a\"\n").values;
  const Reload reload = plan_reload(before, after);
  ASSERT_EQ(reload.applied.size(), 1U);
  EXPECT_EQ(reload.applied[0].key, "server.wait");
  EXPECT_EQ(reload.applied[0].before, "\"5s\"");
  ASSERT_EQ(reload.needs_restart.size(), 1U);
  EXPECT_EQ(reload.needs_restart[0].key, "server.port");
  EXPECT_EQ(reload.values.duration("server.wait"), 9s);
  EXPECT_EQ(reload.values.integer("server.port"), 80);
}

TEST(ReloadTest, nothing_changed_is_nothing_to_do) {
  const Values values = resolve_text("[server]\nport = 5\n").values;
  EXPECT_TRUE(diff(values, values).empty());
}

TEST(ValuesDeathTest, undeclared_keys_and_wrong_types_are_our_own_fault) {
  const Values values(tables());
  EXPECT_DEATH((void)values.integer("server.nonsense"), "server.nonsense");
  EXPECT_DEATH((void)values.integer("server.wait"), "server.wait");
}

TEST(ExplainTest, tells_value_origin_default_and_sentence) {
  const auto values = resolve_text("[server]\nwait = \"9s\"\n").values;
  EXPECT_EQ(*explain(values, "server.wait"),
            "server.wait = \"9s\"\n"
            "  from     f.toml:2\n"
            "  default  \"5s\"\n"
            "  type     a duration in quotes (such as \"500ms\", \"5s\", \"1h\")\n"
            "  allowed  100ms to 1m\n"
            "  applies  at reload\n"
            "  How long | it waits.\n");
}

TEST(ExplainTest, a_section_explains_all_of_its_options) {
  const auto text = explain(Values(tables()), "server");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("server.name ="), std::string::npos);
  EXPECT_NE(text->find("server.peers ="), std::string::npos);
}

TEST(ExplainTest, unknown_key_names_the_nearest) {
  EXPECT_NE(explain(Values(tables()), "server.wiat").error().text.find("did you mean server.wait?"), std::string::npos);
}

TEST(GeneratedTest, markdown_has_one_escaped_row_per_option) {
  const std::string text = generate_markdown(tables());
  EXPECT_NE(text.find("| `wait` | duration | `\"5s\"` | 100ms to 1m | reload | How long \\| it waits. |\n"),
            std::string::npos);
  EXPECT_EQ(text, generate_markdown(tables()));
}

TEST(GeneratedTest, sample_reads_back_as_all_defaults) {
  const std::string sample = generate_sample(tables());
  EXPECT_EQ(sample.find("buffer"), std::string::npos);  // not for operators
  const auto resolution = resolve_text(sample);
  EXPECT_TRUE(resolution.findings.empty()) << to_string(resolution.findings);
  EXPECT_TRUE(diff(Values(tables()), resolution.values).empty());
}

}  // namespace
}  // namespace gantry::config
