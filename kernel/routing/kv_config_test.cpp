#include "kernel/routing/kv_config.hpp"

#include "kernel/env/files.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::routing {
namespace {

class FailingPersistence final : public KvPersistence {
 public:
  Status save(std::string_view) override { return Error{Errc::io, "disk full"}; }
  Result<std::string> load() override { return Error{Errc::not_found, "nothing"}; }
};

TEST(KvConfig, keeps_entries_in_a_file) {
  const TempDir folder;
  KvFile file(folder / "kvConfig.json");
  {
    KvConfig kv(&file);
    ASSERT_TRUE(kv.load());
    ASSERT_TRUE(kv.put(order_namespace, "T", "broker-a:4"));
    ASSERT_TRUE(kv.put("n", "k", "\"quoted\"\n"));
    ASSERT_TRUE(kv.put("gone", "k", "v"));
    ASSERT_TRUE(kv.remove("gone", "k"));
    ASSERT_TRUE(kv.remove("never", "k"));
  }
  KvConfig kv(&file);
  ASSERT_TRUE(kv.load());
  EXPECT_EQ(kv.find(order_namespace, "T"), "broker-a:4");
  EXPECT_EQ(kv.find("n", "k"), "\"quoted\"\n");
  EXPECT_FALSE(kv.find("n", "other"));
  EXPECT_FALSE(kv.list("gone"));
  EXPECT_EQ(kv.list("n")->size(), 1u);
}

TEST(KvConfig, reads_the_file_of_a_java_name_server) {
  const TempDir folder;
  ASSERT_TRUE(write_file_atomically(folder / "kv", R"({"configTable":{"ORDER_TOPIC_CONFIG":{"T":"b:1"}}})"));
  KvFile file(folder / "kv");
  KvConfig kv(&file);
  ASSERT_TRUE(kv.load());
  EXPECT_EQ(kv.find("ORDER_TOPIC_CONFIG", "T"), "b:1");
}

TEST(KvConfig, a_damaged_file_is_an_error_that_names_the_remedy) {
  const TempDir folder;
  for (const char* content : {"", "{", "{\"configTable\":[1]}"}) {
    ASSERT_TRUE(write_file_atomically(folder / "kv", content));
    KvFile file(folder / "kv");
    KvConfig kv(&file);
    const Status loaded = kv.load();
    ASSERT_FALSE(loaded) << content;
    EXPECT_NE(loaded.error().text.find("delete it"), std::string::npos) << loaded.error().text;
  }
}

TEST(KvConfig, a_change_that_is_not_durable_is_not_made) {
  FailingPersistence disk;
  KvConfig kv(&disk);
  ASSERT_TRUE(kv.load());
  EXPECT_EQ(kv.put("n", "k", "v").error().code, Errc::io);
  EXPECT_FALSE(kv.find("n", "k"));
}

TEST(KvConfig, bounds_hold) {
  KvConfig kv(nullptr, {1, 8, 8});
  EXPECT_EQ(kv.put("123456789", "k", "v").error().code, Errc::too_large);
  EXPECT_EQ(kv.put("n", "123456789", "v").error().code, Errc::too_large);
  EXPECT_EQ(kv.put("n", "k", "123456789").error().code, Errc::too_large);
  ASSERT_TRUE(kv.put("n", "k", "v"));
  ASSERT_TRUE(kv.put("n", "k", "w"));
  EXPECT_EQ(kv.put("n", "l", "v").error().code, Errc::full);
  ASSERT_TRUE(kv.remove("n", "k"));
  EXPECT_TRUE(kv.put("n", "l", "v"));
}

}  // namespace
}  // namespace gantry::routing
