// Real libraries, built by gcc and clang, good and broken, against the loader.

#include "kernel/base/log.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/plugin_set.hpp"
#include "kernel/plugin/testing/fake_host.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;
using testing::FakeHost;
using testing::values_of;

const std::string fixtures = GANTRY_FIXTURES;

// ---- plugins of any compiler work ----

class GoodPlugins : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = fixtures + "/" + GetParam();
    if (!fs::exists(folder_ + "/cxx-plugin.so")) GTEST_SKIP() << GetParam() << " is not installed";
  }

  void bring_up(std::vector<std::string> load) {
    LoadResult result = load_plugins({.folders = {folder_}, .load = std::move(load), .need_store = false});
    ASSERT_TRUE(result.refusals.empty()) << to_string(result.refusals);
    const auto plugins = result.plugins;
    values_ = values_of(plugins);
    set_ = std::make_unique<PluginSet>(std::move(result), host_);
    Refusals refusals = set_->configure(values_);
    ASSERT_TRUE(refusals.empty()) << to_string(refusals);
    refusals = set_->start();
    ASSERT_TRUE(refusals.empty()) << to_string(refusals);
  }

  /// The topic and flag of a message after the chain, and whether it was rejected.
  gantry_publishing pass(std::string_view topic) {
    gantry_publishing message = {};
    message.struct_size = sizeof message;
    message.topic = {topic.data(), topic.size()};
    set_->interceptors().publish({&message, 1}, scratch_);
    return message;
  }
  static std::string text(gantry_bytes bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

  std::string folder_;
  FakeHost host_;
  config::Values values_;
  std::deque<std::string> blocks_;
  gantry_scratch scratch_{&blocks_, [](void* blocks, std::uint64_t size) -> void* {
                            return static_cast<std::deque<std::string>*>(blocks)->emplace_back(size, '\0').data();
                          }};
  std::unique_ptr<PluginSet> set_;
};

TEST_P(GoodPlugins, load_and_work_in_one_chain) {
  bring_up({"cxx-plugin", "c-plugin"});
  const gantry_publishing message = pass("orders");
  EXPECT_EQ(text(message.topic), "orders!");
  EXPECT_EQ(message.flag, 1000);
  EXPECT_EQ(message.verdict, GANTRY_VERDICT_ACCEPT);
}

TEST_P(GoodPlugins, exceptions_stay_inside_the_library) {
  bring_up({"cxx-plugin"});
  EXPECT_EQ(pass("throw").verdict, GANTRY_VERDICT_REJECT);
  EXPECT_EQ(pass("orders").verdict, GANTRY_VERDICT_ACCEPT);
  const auto program = set_->filter("CONTAINS")->compile("");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().text, "at 1: expected a word, found the end");
}

TEST_P(GoodPlugins, filters_match_in_batches) {
  bring_up({"cxx-plugin"});
  const auto program = set_->filter("CONTAINS")->compile("red");
  ASSERT_TRUE(program);
  const gantry_filter_message messages[] = {{{"red", 3}, {}, 0}, {{"blue", 4}, {}, 0}};
  std::uint8_t verdicts[2] = {9, 9};
  (*program)->match(messages, verdicts);
  EXPECT_EQ(verdicts[0], 1);
  EXPECT_EQ(verdicts[1], 0);
}

TEST_P(GoodPlugins, live_options_change_while_running_and_a_refusal_keeps_the_old) {
  bring_up({"cxx-plugin"});
  const auto listed = load_plugins({.folders = {folder_}, .load = {"cxx-plugin"}, .need_store = false}).plugins;
  const auto changed = values_of(listed, {{"plugins.cxx-plugin.suffix", "?"}});
  ASSERT_TRUE(set_->reconfigure(values_, changed));
  EXPECT_EQ(text(pass("orders").topic), "orders?");
  const auto refused = values_of(listed, {{"plugins.cxx-plugin.suffix", "throw"}});
  const Status status = set_->reconfigure(changed, refused);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text.find("thrown in configure"), std::string::npos);
}

TEST_P(GoodPlugins, are_described_without_being_made) {
  const auto loaded = load_library(folder_ + "/cxx-plugin.so", {.id = "cxx-plugin"});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->manifest.version, "2.0");
  EXPECT_EQ(loaded->manifest.provides, (std::vector<std::string>{"gantry.filter/1", "gantry.interceptor/1"}));
  EXPECT_EQ(loaded->manifest.options.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Compilers, GoodPlugins, ::testing::Values("gcc", "clang"),
                         [](const auto& each) { return std::string(each.param); });

TEST(OlderPlugins, of_every_minor_version_so_far_load) {
  for (const char* id : {"minor-0", "minor-1", "minor-2", "minor-3"}) {
    const auto loaded = load_library(fixtures + "/older/" + id + ".so", {.id = id});
    EXPECT_TRUE(loaded) << loaded.error().text;
  }
  static_assert(GANTRY_ABI_MINOR == 3, "name the new minor version in the list of fixtures, and here");
}

// ---- broken plugins are refused with a clear text ----

std::string path_of(const std::string& id) { return fixtures + "/broken/" + id + ".so"; }

/// What loading these says, without the folder's name, one refusal a line.
std::string refusals_of(std::vector<std::string> load, bool need_store = false) {
  const LoadResult result =
      load_plugins({.folders = {fixtures + "/broken"}, .load = std::move(load), .need_store = need_store});
  std::string text = to_string(result.refusals);
  const std::string folder = fixtures + "/broken/";
  for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
    text.erase(at, folder.size());
  }
  return text;
}

TEST(BrokenPlugin, with_other_magic_bytes) {
  EXPECT_EQ(refusals_of({"wrong-magic"}),
            "wrong-magic.so: expected the magic bytes of a Gantry plugin in its symbol 'gantry_plugin', found other "
            "bytes; build the plugin again with the SDK of this broker");
}

TEST(BrokenPlugin, for_another_major_version_is_refused_before_it_is_loaded) {
  EXPECT_EQ(refusals_of({"wrong-major"}),
            "wrong-major.so: expected plugin ABI major 1, found major 2; build the plugin again with the SDK of this "
            "broker");
}

TEST(BrokenPlugin, for_a_newer_minor_version) {
  EXPECT_EQ(refusals_of({"newer-minor"}),
            "newer-minor.so: expected plugin ABI 1.3 or an earlier minor version, found the newer ABI 1.99; update the "
            "broker, or build the plugin with this broker's SDK");
}

TEST(BrokenPlugin, with_a_table_that_is_too_small) {
  EXPECT_EQ(refusals_of({"small-struct"}),
            "small-struct.so: expected a plugin table of at least 160 bytes, found struct_size 32; build the plugin "
            "again with the SDK of this broker");
}

TEST(BrokenPlugin, without_the_symbol) {
  EXPECT_EQ(refusals_of({"no-symbol"}),
            "no-symbol.so: expected a Gantry plugin (the symbols gantry_plugin and gantry_plugin_abi_1 in the section "
            ".gantry), found no gantry_plugin; build it with gantry_add_plugin() and GANTRY_PLUGIN()");
}

TEST(BrokenPlugin, that_is_no_plugin) {
  EXPECT_EQ(refusals_of({"plain-library"}),
            "plain-library.so: expected a Gantry plugin (the symbols gantry_plugin and gantry_plugin_abi_1 in the "
            "section .gantry), found a shared library without that section; build it with gantry_add_plugin() and "
            "GANTRY_PLUGIN()");
}

TEST(BrokenPlugin, without_a_function) {
  EXPECT_EQ(refusals_of({"null-function"}),
            "null-function.so: expected all functions in the plugin's table, found start() missing; use "
            "GANTRY_PLUGIN(), or fill the table");
}

TEST(BrokenPlugin, that_needs_a_library_that_is_not_there) {
  const std::string text = refusals_of({"needs-more"});
  EXPECT_NE(text.find("needs-more.so: expected a library that can be loaded, found "), std::string::npos) << text;
  EXPECT_NE(text.find("gantry_fixture_needs_this"), std::string::npos) << text;
}

TEST(BrokenPlugin, that_calls_itself_something_else) {
  EXPECT_EQ(refusals_of({"other-name"}),
            "other-name.so: expected the plugin 'other-name', as its file is called, found a plugin that calls itself "
            "'real-name'; rename the file to real-name.so");
}

TEST(BrokenPlugin, for_extension_points_of_another_broker) {
  EXPECT_NE(refusals_of({"unknown-point"}).find("found 'gantry.telepathy/1'"), std::string::npos);
  EXPECT_NE(refusals_of({"needs-unknown"}).find("found 'gantry.telepathy/1'"), std::string::npos);
}

TEST(BrokenPlugin, that_requires_what_nobody_provides) {
  EXPECT_EQ(
      refusals_of({"needs-store"}),
      "needs-store.so: expected another listed plugin that provides gantry.store/1, which 'needs-store' requires, "
      "found none; add one to plugins.load");
}

TEST(BrokenPlugin, that_is_part_of_a_cycle) {
  EXPECT_EQ(refusals_of({"cycle-a", "cycle-b"}),
            "cycle-a.so: expected plugins that can be started one after the other, found a cycle of requirements: "
            "cycle-a -> cycle-b -> cycle-a; remove one of them from plugins.load");
}

TEST(BrokenPlugin, that_is_listed_twice) {
  const std::string text = refusals_of({"needs-store", "needs-store"});
  EXPECT_NE(text.find("plugins.load: expected each plugin once, found 'needs-store' twice; remove one"),
            std::string::npos)
      << text;
}

TEST(BrokenPlugin, that_uses_a_draft_without_leave) {
  EXPECT_EQ(refusals_of({"uses-draft"}),
            "uses-draft.so: expected released extension points only, found the draft 'gantry.observer/1'; set "
            "allow_draft = true in [plugins], knowing that drafts change with any release");
  EXPECT_TRUE(load_plugins(
                  {.folders = {fixtures + "/broken"}, .load = {"uses-draft"}, .allow_draft = true, .need_store = false})
                  .refusals.empty());
}

TEST(BrokenPlugin, all_refusals_are_listed_and_no_store_is_one_of_them) {
  const LoadResult result = load_plugins(
      {.folders = {fixtures + "/broken"}, .load = {"wrong-magic", "newer-minor", "same-language"}, .need_store = true});
  EXPECT_EQ(result.refusals.size(), 2u) << to_string(result.refusals);
  EXPECT_NE(refusals_of({"same-language"}, true).find("a plugin that provides gantry.store/1"), std::string::npos);
}

/// What configuring and starting one says.
std::string failure_of(const std::string& id) {
  FakeHost host;
  LoadResult result = load_plugins({.folders = {fixtures + "/broken"}, .load = {id}, .need_store = false});
  EXPECT_TRUE(result.refusals.empty()) << to_string(result.refusals);
  const config::Values values = values_of(result.plugins);
  PluginSet set(std::move(result), host);
  Refusals refusals = set.configure(values);
  if (refusals.empty()) refusals = set.start();
  std::string text = to_string(refusals);
  const std::string folder = fixtures + "/broken/";
  if (text.find(folder) == 0) text.erase(0, folder.size());
  return text;
}

TEST(BrokenPlugin, that_cannot_be_made) {
  EXPECT_EQ(failure_of("failing-create"),
            "failing-create.so: cannot create the plugin 'failing-create': there is no license file");
  EXPECT_EQ(failure_of("throwing-create"),
            "throwing-create.so: cannot create the plugin 'throwing-create': thrown in the constructor");
}

TEST(BrokenPlugin, that_cannot_be_started) {
  EXPECT_EQ(failure_of("failing-start"),
            "failing-start.so: cannot start the plugin 'failing-start': the port is taken");
}

TEST(BrokenPlugin, whose_extension_has_no_function) {
  EXPECT_EQ(
      failure_of("null-table-function"),
      "null-table-function.so: cannot use the plugin 'null-table-function': the table of gantry.interceptor/1 has "
      "no function number 1");
}

TEST(BrokenPlugin, whose_file_is_damaged) {
  const fs::path folder = fs::temp_directory_path() / ("gantry-abi-" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string file = (folder / "same-language.so").string();
  fs::copy_file(path_of("same-language"), file, fs::copy_options::overwrite_existing);
  const auto size = fs::file_size(file);
  for (std::uintmax_t parts = 15; parts > 0; --parts) {
    fs::resize_file(file, size * parts / 16);
    const LoadResult result =
        load_plugins({.folders = {folder.string()}, .load = {"same-language"}, .need_store = false});
    ASSERT_EQ(result.refusals.size(), 1u);
    EXPECT_NE(result.refusals[0].text.find("the file is truncated or damaged"), std::string::npos)
        << result.refusals[0].text;
  }
  std::ofstream(file, std::ios::trunc) << "hello\n";
  const LoadResult text = load_plugins({.folders = {folder.string()}, .load = {"same-language"}, .need_store = false});
  EXPECT_NE(to_string(text.refusals).find("expected an ELF shared library, found a file of another kind"),
            std::string::npos);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace gantry::plugin
