#include "kernel/routing/group_table.hpp"

#include "kernel/env/clock.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gantry::routing {
namespace {

protocol::SubscriptionGroupConfig config(std::string name, std::int32_t retries = 16) {
  protocol::SubscriptionGroupConfig made;
  made.group_name = std::move(name);
  made.retry_count_max = retries;
  return made;
}

struct GroupTableTest : ::testing::Test {
  FakeClock clock;
  GroupTable table{GroupOptions{}, clock};
};

TEST_F(GroupTableTest, begins_with_rocketmqs_own_groups) {
  for (const char* name : {"TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY",
                           "CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER", "CID_RMQ_SYS_TRANS"}) {
    EXPECT_TRUE(table.find(name)) << name;
  }
}

TEST_F(GroupTableTest, refuses_bad_names_values_and_attributes) {
  EXPECT_EQ(table.find_or_create("../x").error().code, Errc::invalid_argument);
  EXPECT_EQ(table.find_or_create("").error().code, Errc::invalid_argument);
  EXPECT_EQ(table.put(config(std::string(121, 'g'))).error().code, Errc::invalid_argument);
  auto queues = config("g");
  queues.retry_queue_count = 1 << 30;
  EXPECT_EQ(table.put(queues).error().code, Errc::invalid_argument);
  auto attributes = config("g");
  attributes.attributes["+a"] = "b";
  EXPECT_EQ(table.put(attributes).error().code, Errc::unsupported);
  EXPECT_FALSE(table.find("g"));
}

TEST_F(GroupTableTest, creates_groups_on_first_sight_with_defaults) {
  const auto group = table.find_or_create("g");
  ASSERT_TRUE(group);
  EXPECT_EQ((*group)->config(), config("g"));
  const auto version = table.data_version();
  EXPECT_EQ(*table.find_or_create("g"), *group);
  EXPECT_EQ(table.data_version(), version);
}

TEST(GroupTableOptions, without_auto_creation_only_internal_groups_appear) {
  FakeClock clock;
  GroupTable table({false, 100}, clock);
  EXPECT_EQ(table.find_or_create("g").error().code, Errc::not_found);
  EXPECT_TRUE(table.find_or_create("CID_RMQ_SYS_new"));
  EXPECT_TRUE(table.put(config("g")));
  EXPECT_TRUE(table.find_or_create("g"));
}

TEST(GroupTableOptions, the_bound_holds_for_every_way_in) {
  FakeClock clock;
  GroupTable table({true, 9}, clock);
  ASSERT_TRUE(table.find_or_create("a"));
  EXPECT_EQ(table.find_or_create("b").error().code, Errc::full);
  EXPECT_EQ(table.put(config("b")).error().code, Errc::full);
  EXPECT_EQ(table.put_all({config("a", 3), config("b")}).error().code, Errc::full);
  EXPECT_EQ(table.find("a")->config().retry_count_max, 16);
  EXPECT_TRUE(table.put(config("a", 5)));
}

TEST_F(GroupTableTest, an_equal_configuration_changes_nothing) {
  std::vector<std::string> heard;
  table.listen([&heard](std::string_view group) { heard.emplace_back(group); });
  ASSERT_TRUE(table.put(config("g", 3)));
  const auto revision = table.revision();
  ASSERT_TRUE(table.put(config("g", 3)));
  EXPECT_EQ(table.revision(), revision);
  ASSERT_TRUE(table.put(config("g", 4)));
  EXPECT_EQ(heard, (std::vector<std::string>{"g", "g"}));
}

TEST_F(GroupTableTest, a_removed_group_comes_back_with_defaults) {
  ASSERT_TRUE(table.put(config("g", 3)));
  ASSERT_TRUE(table.set_readable("g", "T", false));
  ASSERT_TRUE(table.remove("g"));
  EXPECT_EQ(table.remove("g").error().code, Errc::not_found);
  EXPECT_EQ((*table.find_or_create("g"))->config().retry_count_max, 16);
  EXPECT_TRUE(table.readable("g", "T"));
}

TEST_F(GroupTableTest, permitting_one_topic_leaves_the_others_forbidden) {
  ASSERT_TRUE(table.find_or_create("g"));
  ASSERT_TRUE(table.set_readable("g", "A", false));
  ASSERT_TRUE(table.set_readable("g", "B", false));
  EXPECT_FALSE(table.find("g")->may_read("A"));
  ASSERT_TRUE(table.set_readable("g", "A", true));
  EXPECT_TRUE(table.find("g")->may_read("A"));
  EXPECT_FALSE(table.find("g")->may_read("B"));
  EXPECT_TRUE(table.find("g")->may_read("C"));
  EXPECT_FALSE(table.readable("g", "B"));
  ASSERT_TRUE(table.set_readable("g", "B", true));
  EXPECT_TRUE(table.image().first.forbidden.empty());
}

TEST_F(GroupTableTest, what_is_forbidden_holds_for_groups_that_come_later) {
  ASSERT_TRUE(table.set_readable("later", "T", false));
  EXPECT_FALSE((*table.find_or_create("later"))->may_read("T"));
  EXPECT_FALSE(table.set_readable("../g", "T", false));
  EXPECT_FALSE(table.set_readable("g", "a b", false));
}

TEST_F(GroupTableTest, an_image_restores_the_table) {
  ASSERT_TRUE(table.put(config("g", 3)));
  ASSERT_TRUE(table.set_readable("g", "T", false));
  auto image = table.image().first;
  image.groups["../evil"] = config("../evil");
  image.groups["many"] = config("many");
  image.groups["many"].retry_queue_count = -7;
  GroupTable other({}, clock);
  const Restored restored = other.restore(image);
  EXPECT_EQ(restored.count, 10u);
  EXPECT_EQ(restored.rejected, 2u);
  EXPECT_NE(restored.first.find("../evil"), std::string::npos) << restored.first;
  EXPECT_EQ(other.find("many")->config().retry_queue_count, 0);
  EXPECT_EQ(other.find("g")->config().retry_count_max, 3);
  EXPECT_FALSE(other.find("g")->may_read("T"));
  EXPECT_FALSE(other.find("../evil"));
  EXPECT_EQ(other.data_version(), image.data_version);
}

}  // namespace
}  // namespace gantry::routing
