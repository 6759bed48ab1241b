#include "kernel/plugin/store_tools_adapter.hpp"

#include "gantry/sdk/plugin.hpp"
#include "kernel/plugin/extension_catalog.hpp"
#include "kernel/plugin/host_services.hpp"
#include "kernel/plugin/testing/fake_host.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace gantry::plugin {
namespace {

/// Says one of everything, and throws or fails on request.
class SpeakingTools final : public sdk::Plugin, public sdk::StoreTools {
 public:
  Status check(const sdk::StoreQuestion& question, sdk::StoreReport& report) override {
    if (!report.progress("step", 3, 7)) return Error{Errc::unavailable, "stopped"};
    report.finding({.severity = sdk::FindingSeverity::warning,
                    .file = "commitlog/0",
                    .position = 12,
                    .expected = "a",
                    .found = "b",
                    .remedy = std::string_view(question.topic)});
    report.fact("group", "item", "key", std::to_string(question.log_end));
    return {};
  }
  Status stat(const sdk::StoreQuestion&, sdk::StoreReport&) override { return Error{Errc::not_found, "no store"}; }
  Status dump(const sdk::StoreQuestion&, sdk::StoreReport& report) override {
    int count = 0;
    while (report.record(count, "record")) ++count;
    return {};
  }
  Status locate(const sdk::StoreQuestion&, sdk::StoreReport&) override { throw std::runtime_error("thrown"); }
  Status rebuild(const sdk::StoreQuestion&, sdk::StoreReport&) override { return {}; }
  Status copy(const sdk::StoreQuestion&, sdk::StoreReport&) override { return {}; }
};

class Listener final : public sdk::StoreReport {
 public:
  bool progress(std::string_view step, std::int64_t done, std::int64_t total) override {
    said.push_back(std::string(step) + " " + std::to_string(done) + "/" + std::to_string(total));
    return go_on;
  }
  void finding(const sdk::StoreFinding& finding) override {
    said.push_back(std::to_string(static_cast<int>(finding.severity)) + " " + std::string(finding.file) + "@" +
                   std::to_string(finding.position) + " " + std::string(finding.expected) + std::string(finding.found) +
                   std::string(finding.remedy));
  }
  void fact(std::string_view group, std::string_view item, std::string_view key, std::string_view value) override {
    said.push_back(std::string(group) + "/" + std::string(item) + "/" + std::string(key) + "=" + std::string(value));
  }
  bool record(std::int64_t log_offset, std::string_view record) override {
    said.push_back(std::to_string(log_offset) + " " + std::string(record));
    return log_offset < 1;
  }
  std::vector<std::string> said;
  bool go_on = true;
};

class StoreToolsAdapterTest : public ::testing::Test {
 protected:
  using Instance = sdk::detail::Instance<SpeakingTools>;
  testing::FakeHost backend;
  HostServices services{"fixture", backend};
  Instance instance{services.table()};
  StoreToolsAdapter adapter{&sdk::detail::store_tools_table<Instance>, &instance};
  Listener listener;
};

TEST_F(StoreToolsAdapterTest, question_and_answers_cross_the_seam) {
  ASSERT_TRUE(adapter.check({.topic = "orders", .log_end = 99}, listener));
  EXPECT_EQ(listener.said, (std::vector<std::string>{"step 3/7", "2 commitlog/0@12 aborders", "group/item/key=99"}));
}

TEST_F(StoreToolsAdapterTest, the_listener_stops_progress_and_records) {
  listener.go_on = false;
  const auto stopped = adapter.check({}, listener);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::unavailable);
  listener.said.clear();
  ASSERT_TRUE(adapter.dump({}, listener));
  EXPECT_EQ(listener.said, (std::vector<std::string>{"0 record", "1 record"}));
}

TEST_F(StoreToolsAdapterTest, failures_and_exceptions_are_errors_with_their_text) {
  const auto failed = adapter.stat({}, listener);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::not_found);
  EXPECT_EQ(failed.error().text, "no store");
  const auto thrown = adapter.locate({}, listener);
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().code, Errc::internal);
  EXPECT_EQ(thrown.error().text, "thrown");
}

TEST_F(StoreToolsAdapterTest, the_catalog_accepts_the_table_and_refuses_one_with_a_hole) {
  const ExtensionPoint* point = find_extension_point(GANTRY_STORE_TOOLS_ID);
  ASSERT_NE(point, nullptr);
  EXPECT_TRUE(check_extension_table(*point, &sdk::detail::store_tools_table<Instance>));
  gantry_store_tools_table table = sdk::detail::store_tools_table<Instance>;
  table.copy = nullptr;
  EXPECT_FALSE(check_extension_table(*point, &table));
}

TEST(StoreQuestion, members_that_an_older_host_does_not_know_are_at_their_defaults) {
  gantry_store_question old = {};
  old.struct_size = offsetof(gantry_store_question, queue_id);
  old.options = GANTRY_TOOLS_QUICK;
  const auto question = sdk::detail::question_of(old);
  EXPECT_TRUE(question.has(GANTRY_TOOLS_QUICK));
  EXPECT_EQ(question.queue_id, -1);
  EXPECT_EQ(question.log_end, INT64_MAX);
}

}  // namespace
}  // namespace gantry::plugin
