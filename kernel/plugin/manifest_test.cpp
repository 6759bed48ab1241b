#include "kernel/plugin/manifest.hpp"

#include "gantry/sdk/plugin.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <string>

namespace gantry::plugin {
namespace {

struct Quiet final : sdk::Plugin, sdk::Interceptor {
  Status publish(const sdk::PublishBatch&) override { return {}; }
};

constexpr gantry_option good_options[] = {
    sdk::DurationOption{.key = "pause", .fallback = "5s", .minimum_ms = 1, .maximum_ms = 60'000, .sentence = "Waits."},
    sdk::ChoiceOption{.key = "mode", .fallback = "a", .choices = "a|b", .sentence = "Chooses."},
};
constexpr gantry_plugin_table good = sdk::detail::make_plugin_table<Quiet>(
    {.id = "quiet", .version = "1.2", .summary = "Does nothing.", .options = good_options});

/// The refusal of a table that was good before `spoil` changed it; empty when it is accepted.
std::string refusal_of(const std::function<void(gantry_plugin_table&)>& spoil, bool allow_draft = false) {
  gantry_plugin_table table = good;
  spoil(table);
  const auto manifest = read_manifest(table, "dir/quiet.so", {.id = "quiet", .allow_draft = allow_draft});
  return manifest ? "" : manifest.error().text;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Manifest, is_copied_from_a_good_table) {
  const auto manifest = read_manifest(good, "dir/quiet.so", {.id = "quiet"});
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->id, "quiet");
  EXPECT_EQ(manifest->version, "1.2");
  EXPECT_EQ(manifest->provides, std::vector<std::string>{"gantry.interceptor/1"});
  ASSERT_EQ(manifest->options.size(), 2u);
  EXPECT_EQ(manifest->options[0].type, config::OptionType::duration);
  EXPECT_EQ(manifest->options[0].maximum, 60'000);
  EXPECT_EQ(manifest->options[1].choices, (std::vector<std::string>{"a", "b"}));
}

TEST(Manifest, every_refusal_begins_with_the_file_and_ends_with_a_remedy) {
  const std::string text = refusal_of([](auto& table) { table.magic[0] = 'X'; });
  EXPECT_EQ(text.find("dir/quiet.so: expected "), 0u) << text;
  EXPECT_TRUE(contains(text, ", found other bytes; build the plugin again")) << text;
}

TEST(Manifest, refuses_another_major_and_a_newer_minor) {
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.abi_major = 2; }), "expected plugin ABI 1.3, found ABI 2.3"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.abi_minor = 9; }), "found the newer ABI 1.9; update the"));
}

TEST(Manifest, refuses_a_table_that_is_too_small) {
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.struct_size = 8; }), "found struct_size 8"));
}

TEST(Manifest, accepts_a_table_that_has_grown) {
  EXPECT_EQ(refusal_of([](auto& table) { table.struct_size += 64; }), "");
}

TEST(Manifest, refuses_an_id_that_is_not_the_files_name) {
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.id = "loud"; }),
                       "expected the plugin 'quiet', as its file is called, found a plugin that calls itself 'loud'; "
                       "rename the file to loud.so"));
  for (const char* id : {"", "Quiet", "../quiet", "quiet-", "-quiet", "a--b", "9a"}) {
    EXPECT_TRUE(contains(refusal_of([id](auto& table) { table.id = id; }), "an id of lower case letters")) << id;
  }
}

TEST(Manifest, refuses_missing_texts) {
  EXPECT_NE(refusal_of([](auto& table) { table.id = nullptr; }), "");
  EXPECT_NE(refusal_of([](auto& table) { table.version = nullptr; }), "");
  EXPECT_NE(refusal_of([](auto& table) { table.summary = ""; }), "");
}

TEST(Manifest, refuses_each_missing_function) {
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.create = nullptr; }), "create() missing"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.configure = nullptr; }), "configure() missing"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.start = nullptr; }), "start() missing"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.quiesce = nullptr; }), "quiesce() missing"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.stop = nullptr; }), "stop() missing"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.destroy = nullptr; }), "destroy() missing"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.get_extension = nullptr; }), "get_extension() missing"));
}

TEST(Manifest, refuses_extensions_that_this_broker_does_not_know) {
  static const char* const unknown[] = {"gantry.store/9"};
  EXPECT_TRUE(contains(refusal_of([](auto& table) { table.provides = unknown; }), "found 'gantry.store/9'"));
  EXPECT_TRUE(contains(refusal_of([](auto& table) {
                         table.requires_ = unknown;
                         table.requires_count = 1;
                       }),
                       "in 'requires' (gantry.store/1, "));
}

TEST(Manifest, refuses_absent_repeated_and_endless_lists_of_extensions) {
  static const char* const twice[] = {"gantry.filter/1", "gantry.filter/1"};
  EXPECT_NE(refusal_of([](auto& table) { table.provides_count = 0; }), "");
  EXPECT_NE(refusal_of([](auto& table) { table.provides = nullptr; }), "");
  EXPECT_NE(refusal_of([](auto& table) { table.provides_count = 1'000'000; }), "");
  EXPECT_TRUE(contains(refusal_of([](auto& table) {
                         table.provides = twice;
                         table.provides_count = 2;
                       }),
                       "'gantry.filter/1' twice"));
}

TEST(Manifest, refuses_a_draft_unless_allowed) {
  static const char* const draft[] = {"gantry.observer/1"};
  const auto use_draft = [](auto& table) { table.provides = draft; };
  EXPECT_TRUE(contains(refusal_of(use_draft), "allow_draft = true"));
  EXPECT_EQ(refusal_of(use_draft, true), "");
}

TEST(Manifest, refuses_options_that_are_declared_wrongly) {
  const auto with = [](gantry_option option) {
    return refusal_of([&option](auto& table) {
      table.options = &option;
      table.option_count = 1;
    });
  };
  EXPECT_NE(with(sdk::DurationOption{.key = "a", .fallback = "soon", .sentence = "s."}), "");
  EXPECT_NE(with(sdk::IntegerOption{.key = "a", .fallback = "9", .minimum = 1, .maximum = 5, .sentence = "s."}), "");
  EXPECT_NE(with(sdk::TextOption{.key = "a", .sentence = ""}), "");
  EXPECT_NE(with(sdk::TextOption{.key = nullptr, .sentence = "s."}), "");
  EXPECT_NE(with(sdk::ChoiceOption{.key = "a", .fallback = "x", .choices = "y|z", .sentence = "s."}), "");
  EXPECT_NE(with(sdk::ChoiceOption{.key = "a", .fallback = "x", .choices = nullptr, .sentence = "s."}), "");
  EXPECT_NE(with({"a", 99, 0, "1", 0, 0, nullptr, "s."}), "");
  EXPECT_TRUE(contains(with(sdk::TextOption{.key = "on_error", .sentence = "s."}), "which the broker declares"));
  EXPECT_TRUE(contains(with(sdk::BoolOption{.key = "a", .sentence = "s.", .live = true}), "reconfigure()"));
}

TEST(Manifest, refuses_option_lists_that_cannot_be_walked) {
  EXPECT_NE(refusal_of([](auto& table) { table.option_stride = 4; }), "");
  EXPECT_NE(refusal_of([](auto& table) { table.options = nullptr; }), "");
  EXPECT_NE(refusal_of([](auto& table) { table.option_count = 1 << 30; }), "");
}

TEST(Manifest, options_of_a_later_sdk_are_read_at_their_stride) {
  struct Grown {
    gantry_option option;
    std::int64_t more;
  };
  static const Grown grown[] = {{good_options[0], 7}, {good_options[1], 7}};
  gantry_plugin_table table = good;
  table.options = &grown[0].option;
  table.option_stride = sizeof(Grown);
  const auto manifest = read_manifest(table, "dir/quiet.so", {.id = "quiet"});
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->options[1].key, "mode");
}

TEST(Manifest, section_of_an_interceptor_has_the_brokers_failure_options) {
  const auto manifest = read_manifest(good, "dir/quiet.so", {.id = "quiet"});
  const auto section = option_section(*manifest);
  EXPECT_EQ(section.path, "plugins.quiet");
  ASSERT_EQ(section.options.size(), 5u);
  EXPECT_EQ(section.options[2].key, "on_error");
}

}  // namespace
}  // namespace gantry::plugin
