// Concern: the kernel's declarations are sound, and the typed form says what the values say.
#include "kernel/config/kernel_options.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gantry::config {
namespace {

using namespace std::chrono_literals;

Resolution resolve_text(std::string_view toml) {
  const auto [document, findings] = parse_document(toml, "f.toml");
  EXPECT_TRUE(findings.empty()) << to_string(findings);
  return resolve(document, kernel_option_tables(), {}, UndeclaredPlugins::warn);
}

KernelOptions options_of(std::string_view toml) {
  const auto resolution = resolve_text(toml);
  EXPECT_TRUE(resolution.findings.empty()) << to_string(resolution.findings);
  return read_kernel_options(resolution.values);
}

std::string complaints(std::string_view toml) { return to_string(check_kernel_options(options_of(toml))); }

TEST(KernelOptionsTest, defaults_are_those_of_a_local_standalone_node) {
  const KernelOptions options;
  EXPECT_EQ(options.broker.cluster, "DefaultCluster");
  EXPECT_EQ(options.broker.permission, 6);
  EXPECT_EQ(options.broker.ack, AckPromise::memory);
  EXPECT_EQ(options.broker.sync_flush_timeout, 5s);
  EXPECT_EQ(options.broker.message_bytes_max, 4 << 20);
  EXPECT_EQ(options.listen.host, "127.0.0.1");
  EXPECT_EQ(options.listen.port, 10911);
  EXPECT_EQ(options.listen.fast_port, 10909);
  EXPECT_EQ(options.listen.tls, TlsMode::disabled);
  EXPECT_EQ(options.nameserver.port, 9876);
  EXPECT_EQ(options.plugins.load, (std::vector<std::string>{"storage-mmap", "filter-sql92", "delay", "txn"}));
  EXPECT_EQ(options.log.level, LogLevel::info);
  EXPECT_TRUE(check_kernel_options(options).empty());
}

TEST(KernelOptionsTest, nobody_from_outside_is_trusted_by_default) {
  const KernelOptions options;
  constexpr std::array<std::uint8_t, 4> outside{10, 0, 0, 1};
  constexpr std::array<std::uint8_t, 4> loopback{127, 0, 0, 1};
  EXPECT_FALSE(options.admin.allow_from.contains(outside));
  EXPECT_FALSE(options.nameserver.trusted.contains(outside));
  EXPECT_TRUE(options.admin.allow_from.contains(loopback));
}

TEST(KernelOptionsTest, every_kind_of_field_is_filled_from_its_key) {
  const KernelOptions options = options_of(
      "[broker]\npermission = \"r\"\nack = \"disk\"\nid = 3\nenabled = false\n"
      "[listen]\nread_chunk = \"64KiB\"\ntls_client_auth = \"require\"\nfast_port = -1\n"
      "[nameserver]\naddresses = [\"a:1\", \"b:2\"]\ntrusted = [\"any\"]\n"
      "[log]\nlevel = \"error\"\nformat = \"json\"\n"
      "[shutdown]\ndrain = \"1s\"\n");
  EXPECT_EQ(options.broker.permission, 4);
  EXPECT_EQ(options.broker.ack, AckPromise::disk);
  EXPECT_EQ(options.broker.id, 3);
  EXPECT_FALSE(options.broker.enabled);
  EXPECT_EQ(options.listen.read_chunk, 65'536);
  EXPECT_EQ(options.listen.tls_client_auth, TlsClientAuth::require);
  EXPECT_EQ(options.listen.fast_port, -1);
  EXPECT_EQ(options.nameserver.addresses.size(), 2U);
  EXPECT_TRUE(options.nameserver.trusted.contains(std::array<std::uint8_t, 4>{8, 8, 8, 8}));
  EXPECT_EQ(options.log.level, LogLevel::error);
  EXPECT_EQ(options.log.format, LogFormat::json);
  EXPECT_EQ(options.shutdown.drain, 1s);
}

TEST(KernelOptionsTest, contradictions_between_options_are_found) {
  EXPECT_NE(complaints("[broker]\nenabled = false\n[nameserver]\nenabled = false\n"), "");
  EXPECT_NE(complaints("[listen]\ntls = \"enforcing\"\n"), "");
  EXPECT_NE(complaints("[listen]\ntls_client_auth = \"require\"\n"), "");
  EXPECT_NE(complaints("[listen]\nport = 10909\n"), "");
  EXPECT_NE(complaints("[nameserver]\nport = 10911\n"), "");
  EXPECT_NE(complaints("[broker]\nmessage_bytes_max = \"32MiB\"\n"), "");
  EXPECT_NE(complaints("[broker]\nname = \"\"\n"), "");
}

TEST(KernelOptionsTest, free_ports_do_not_collide) {
  EXPECT_EQ(complaints("[listen]\nport = 0\nfast_port = 0\n[nameserver]\nport = 0\n"), "");
}

TEST(KernelOptionsTest, an_unusual_fast_port_is_a_warning) {
  const auto findings = check_kernel_options(options_of("[listen]\nport = 20911\n"));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::warning);
}

TEST(KernelOptionsTest, a_broker_that_cannot_delay_is_a_warning_that_says_what_does_not_work) {
  const auto findings = check_kernel_options(options_of("[plugins]\nload = [\"storage-mmap\"]\n"));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::warning);
  EXPECT_NE(findings[0].text.find("not retried"), std::string::npos) << findings[0].text;
  EXPECT_TRUE(check_kernel_options(options_of("[plugins]\nload = [\"storage-mmap\", \"delay\"]\n")).empty());
}

TEST(KernelOptionsTest, generated_sample_is_valid_and_changes_nothing) {
  const auto resolution = resolve_text(generate_sample(kernel_option_tables()));
  EXPECT_TRUE(resolution.findings.empty()) << to_string(resolution.findings);
  EXPECT_TRUE(diff(Values(kernel_option_tables()), resolution.values).empty());
}

Resolution resolve_scripts(std::string_view toml, const Overrides& overrides = {}) {
  const auto [document, findings] = parse_document(toml, "f.toml");
  EXPECT_TRUE(findings.empty()) << to_string(findings);
  OptionTables tables = kernel_option_tables();
  add_script_sections(document, overrides, tables);
  return resolve(document, tables, overrides, UndeclaredPlugins::warn);
}

TEST(KernelOptionsTest, scripts_have_sections_of_their_own_and_what_they_leave_out_is_that_of_all) {
  Overrides overrides;
  overrides.from_command_line = {{"scripts.third.path", "c.lua"}};
  const auto resolution = resolve_scripts(
      "[scripts]\non_error = \"reject\"\ndeadline = \"9ms\"\n"
      "[scripts.second]\npath = \"b.lua\"\ntopics = [\"orders*\"]\ndeadline = \"2ms\"\nmemory = \"1MiB\"\n"
      "[scripts.first]\ncandidate = \"a.lua\"\non_error = \"quarantine\"\n[scripts.empty]\n",
      overrides);
  ASSERT_TRUE(resolution.findings.empty()) << to_string(resolution.findings);
  const auto entries = read_kernel_options(resolution.values).scripts.entries;
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].name, "empty");
  EXPECT_EQ(entries[1].name, "first");
  EXPECT_EQ(entries[1].candidate, "a.lua");
  EXPECT_EQ(entries[1].on_error, ScriptOnError::quarantine);
  EXPECT_EQ(entries[1].deadline, 9ms);
  EXPECT_EQ(entries[2].on_error, ScriptOnError::reject);
  EXPECT_EQ(entries[2].deadline, 2ms);
  EXPECT_EQ(entries[2].memory, 1 << 20);
  EXPECT_EQ(entries[2].topics, std::vector<std::string>{"orders*"});
  EXPECT_EQ(entries[3].path, "c.lua");
}

TEST(KernelOptionsTest, mistakes_in_sections_of_scripts_are_found) {
  EXPECT_NE(to_string(resolve_scripts("[scripts.a]\npaht = \"a.lua\"\n").findings).find("did you mean scripts.a.path?"),
            std::string::npos);
  for (const char* toml : {"[scripts.Upper]\npath = \"a.lua\"\n", "[scripts.\"a.b\"]\npath = \"a.lua\"\n",
                           "[scripts]\na = 1\n", "[scripts.a]\non_error = \"ignore\"\n"}) {
    EXPECT_FALSE(resolve_scripts(toml).ok()) << toml;
  }
}

TEST(KernelOptionsTest, every_option_is_documented) {
  const OptionTables tables = kernel_option_tables();
  const std::string text = generate_markdown(tables);
  for (const SectionSpec& section : tables.sections()) {
    EXPECT_NE(text.find("## [" + section.path + "]"), std::string::npos);
    for (const OptionSpec& option : section.options)
      EXPECT_NE(text.find("| `" + option.key + "` |"), std::string::npos);
  }
}

}  // namespace
}  // namespace gantry::config
