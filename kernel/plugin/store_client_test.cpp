#include "gantry/sdk/store_client.hpp"

#include "gantry/sdk/plugin.hpp"
#include "kernel/plugin/extension_catalog.hpp"
#include "kernel/plugin/host_services.hpp"
#include "kernel/plugin/testing/fake_host.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace gantry::plugin {
namespace {

gantry_queue* const a_queue = reinterpret_cast<gantry_queue*>(0x10);

/// Records what it is asked; throws or fails on request.
class RecordingStore final : public sdk::Store {
 public:
  void listen(const gantry_store_listener& listener) override { listened = listener.context; }
  Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) override {
    note(std::string(topic) + "/" + std::to_string(queue_id));
    return a_queue;
  }
  Bounds bounds(gantry_queue*) override {
    note("bounds");
    return {3, 9};
  }
  void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) override {
    note("append");
    for (std::size_t i = 0; i < items.size(); ++i) {
      results[i] = {GANTRY_OK, 100, static_cast<std::int64_t>(i), items[i].flag, 5};
    }
  }
  void want_durable(std::int64_t log_offset) override { note("want " + std::to_string(log_offset)); }
  Status read(const gantry_read_request&, gantry_read_result& result) override {
    note("read");
    if (block) return Error{Errc::would_block, ""};
    result.message_count = 4;
    return {};
  }
  Status read_record(std::int64_t, std::uint32_t, gantry_read_result&) override {
    return Error{Errc::not_found, "no record at 7"};
  }
  void release(gantry_read_owner*) override { note("release"); }
  Result<gantry_queue_entry> entry(gantry_queue*, std::int64_t offset, std::uint32_t) override {
    note("entry");
    return gantry_queue_entry{offset, 1, 2, 3, 0};
  }
  Result<std::int64_t> search_time(gantry_queue*, std::int64_t time_ms, std::uint32_t, std::uint32_t) override {
    note("search");
    return time_ms + 1;
  }
  gantry_store_positions positions() override {
    note("positions");
    gantry_store_positions positions = {};
    positions.struct_size = sizeof positions;
    positions.writable = 1;
    positions.log_end = 77;
    return positions;
  }
  Status delete_topic(std::string_view topic) override {
    note("delete " + std::string(topic));
    return {};
  }
  Status save_blob(std::string_view name, std::string_view content) override {
    note(std::string(name) + "=" + std::string(content));
    return {};
  }
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion version) override {
    note("load");
    return std::string(name) + (version == sdk::BlobVersion::backup ? " before" : " newest");
  }

  Status query(const gantry_query_request& request, gantry_query_result& result) override {
    note("query " + std::string(sdk::detail::to_view(request.topic)) + "#" +
         std::string(sdk::detail::to_view(request.key)));
    result.count = 1;
    result.log_offsets[0] = 4711;
    result.indexed_end = 4800;
    return {};
  }

  void note(const std::string& what) {
    if (broken) throw std::runtime_error("the store broke");
    last = what;
  }

  std::string last;
  void* listened = nullptr;
  bool broken = false;
  bool block = false;
};

struct StorePlugin final : sdk::Plugin {
  sdk::Store& store() { return inner; }
  RecordingStore inner;
};
using Instance = sdk::detail::Instance<StorePlugin>;

class StoreClientTest : public ::testing::Test {
 protected:
  testing::FakeHost backend_;
  HostServices services_{"store-x", backend_};
  Instance instance_{services_.table()};
  RecordingStore& inner_ = instance_.plugin.inner;
  sdk::StoreClient adapter_{&sdk::detail::store_table<Instance>, &instance_};
};

TEST_F(StoreClientTest, the_made_table_is_complete) {
  EXPECT_TRUE(check_extension_table(*find_extension_point(GANTRY_STORE_ID), &sdk::detail::store_table<Instance>));
}

TEST_F(StoreClientTest, calls_arrive_with_their_arguments_and_return_with_their_results) {
  const gantry_store_listener listener = {sizeof listener, 0, &backend_, nullptr, nullptr};
  adapter_.listen(listener);
  EXPECT_EQ(inner_.listened, &backend_);
  EXPECT_EQ(*adapter_.open_queue("topic", 3), a_queue);
  EXPECT_EQ(inner_.last, "topic/3");
  EXPECT_EQ(adapter_.bounds(a_queue).min, 3);
  EXPECT_EQ(adapter_.bounds(a_queue).max, 9);
  adapter_.want_durable(55);
  EXPECT_EQ(inner_.last, "want 55");
  EXPECT_EQ(adapter_.entry(a_queue, 12, 0)->log_offset, 12);
  EXPECT_EQ(*adapter_.search_time(a_queue, 41, GANTRY_SEARCH_LOWER, 0), 42);
  EXPECT_EQ(adapter_.positions().log_end, 77);
  EXPECT_TRUE(adapter_.delete_topic("t"));
  EXPECT_TRUE(adapter_.save_blob("topics.json", "{}"));
  EXPECT_EQ(inner_.last, "topics.json={}");
  EXPECT_EQ(*adapter_.load_blob("a", sdk::BlobVersion::newest), "a newest");
  EXPECT_EQ(*adapter_.load_blob("a", sdk::BlobVersion::backup), "a before");
  adapter_.release(nullptr);
  EXPECT_EQ(inner_.last, "release");
}

/// A query for at most two messages, and where its answer goes.
struct AQuery {
  AQuery() {
    request.struct_size = sizeof request;
    request.topic = {"T", 1};
    request.key = {"k", 1};
    request.count_max = 2;
    result.struct_size = sizeof result;
    result.log_offsets = offsets;
  }
  std::int64_t offsets[2] = {-1, -1};
  gantry_query_request request{};
  gantry_query_result result{};
};

TEST_F(StoreClientTest, queries_reach_the_store) {
  AQuery query;
  ASSERT_TRUE(adapter_.query(query.request, query.result));
  EXPECT_EQ(inner_.last, "query T#k");
  EXPECT_EQ(query.result.count, 1u);
  EXPECT_EQ(query.offsets[0], 4711);
  EXPECT_EQ(query.result.indexed_end, 4800);
}

// A table of ABI 1.0 ends before query(); what follows it in memory is not the store's.
TEST_F(StoreClientTest, stores_of_abi_1_0_and_stores_without_an_index_do_not_query) {
  gantry_store_table older = sdk::detail::store_table<Instance>;
  older.struct_size = offsetof(gantry_store_table, query);
  older.query = [](void*, const gantry_query_request*, gantry_query_result*, gantry_error*) -> gantry_status {
    ADD_FAILURE() << "called behind the end of the table";
    return GANTRY_OK;
  };
  gantry_store_table without = sdk::detail::store_table<Instance>;
  without.query = nullptr;
  for (const gantry_store_table* table : {&older, &without}) {
    EXPECT_TRUE(check_extension_table(*find_extension_point(GANTRY_STORE_ID), table));
    sdk::StoreClient adapter(table, &instance_);
    AQuery query;
    const Status answer = adapter.query(query.request, query.result);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unsupported);
    EXPECT_EQ(query.result.count, 0u);
  }
}

TEST_F(StoreClientTest, appends_a_batch) {
  std::vector<gantry_append_item> items(3);
  for (int i = 0; i < 3; ++i) items[static_cast<std::size_t>(i)].flag = 10 + i;
  std::vector<gantry_append_result> results(3);
  adapter_.append(items, results);
  EXPECT_EQ(results[2].queue_offset, 12);
  EXPECT_EQ(results[2].status, GANTRY_OK);
}

TEST_F(StoreClientTest, a_host_with_larger_structs_is_served) {
  struct GrownItem {
    gantry_append_item item;
    std::int64_t more;
  };
  struct GrownResult {
    gantry_append_result result;
    std::int64_t more;
  };
  GrownItem items[2] = {};
  items[0].item.flag = 1;
  items[1].item.flag = 2;
  GrownResult results[2] = {};
  sdk::detail::store_table<Instance>.append(&instance_, &items[0].item, sizeof(GrownItem), &results[0].result,
                                            sizeof(GrownResult), 2);
  EXPECT_EQ(results[0].result.queue_offset, 1);
  EXPECT_EQ(results[1].result.queue_offset, 2);
}

TEST_F(StoreClientTest, errors_cross_with_code_and_text) {
  gantry_read_result result = {};
  const Status missing = adapter_.read_record(7, 0, result);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_EQ(missing.error().text, "no record at 7");
}

TEST_F(StoreClientTest, would_block_carries_no_text) {
  inner_.block = true;
  gantry_read_result result = {};
  const Status blocked = adapter_.read({}, result);
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().code, Errc::would_block);
  EXPECT_EQ(blocked.error().text, "");
}

TEST_F(StoreClientTest, exceptions_never_cross_and_nothing_is_promised) {
  inner_.broken = true;
  const auto opened = adapter_.open_queue("t", 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::internal);
  EXPECT_EQ(opened.error().text, "the store broke");
  EXPECT_EQ(adapter_.bounds(a_queue).max, 0);
  std::vector<gantry_append_item> items(2);
  std::vector<gantry_append_result> results(2);
  adapter_.append(items, results);
  EXPECT_EQ(results[1].status, GANTRY_E_INTERNAL);
  adapter_.want_durable(1);
  adapter_.release(nullptr);
  gantry_read_result result = {};
  EXPECT_FALSE(adapter_.read({}, result));
  AQuery query;
  EXPECT_FALSE(adapter_.query(query.request, query.result));
  EXPECT_FALSE(adapter_.search_time(a_queue, 1, 0, 0));
  EXPECT_EQ(adapter_.positions().writable, 0u);
  EXPECT_FALSE(adapter_.save_blob("a", "b"));
  EXPECT_FALSE(adapter_.load_blob("a", sdk::BlobVersion::newest));
  EXPECT_FALSE(backend_.faults.empty()) << "functions that cannot fail report a fault instead";
}

TEST_F(StoreClientTest, odd_answers_of_a_foreign_store_are_errors) {
  gantry_store_table odd = sdk::detail::store_table<Instance>;
  odd.queue_open = [](void*, gantry_bytes, std::int32_t, gantry_queue**, gantry_error*) -> gantry_status {
    return GANTRY_OK;
  };
  odd.topic_delete = [](void*, gantry_bytes, gantry_error* error) -> gantry_status {
    error->size = 1u << 30;
    return 12345;
  };
  odd.append = [](void*, const gantry_append_item*, std::uint64_t, gantry_append_result*, std::uint64_t,
                  std::uint64_t) {};
  odd.query = [](void*, const gantry_query_request*, gantry_query_result* result, gantry_error*) -> gantry_status {
    result->count = 3;
    return GANTRY_OK;
  };
  sdk::StoreClient adapter(&odd, &instance_);
  EXPECT_FALSE(adapter.open_queue("t", 0));
  const Status deleted = adapter.delete_topic("t");
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code, Errc::internal);
  EXPECT_LE(deleted.error().text.size(), 1024u);
  AQuery query;
  const Status queried = adapter.query(query.request, query.result);
  ASSERT_FALSE(queried) << "more results than there is room for";
  EXPECT_EQ(queried.error().code, Errc::internal);
  EXPECT_EQ(query.result.count, 0u) << "nobody reads behind the array";
  std::vector<gantry_append_item> items(1);
  std::vector<gantry_append_result> results(1);
  adapter.append(items, results);
  EXPECT_NE(results[0].status, GANTRY_OK) << "a store that forgets an item did not store it";
}

TEST(ExtensionCatalog, names_the_missing_function_and_the_short_table) {
  gantry_store_table table = sdk::detail::store_table<Instance>;
  const ExtensionPoint& point = *find_extension_point(GANTRY_STORE_ID);
  table.queue_bounds = nullptr;
  EXPECT_NE(check_extension_table(point, &table).error().text.find("no function number 3"), std::string::npos);
  table.struct_size = 16;
  EXPECT_NE(check_extension_table(point, &table).error().text.find("struct_size 16"), std::string::npos);
  EXPECT_FALSE(check_extension_table(point, nullptr));
}

}  // namespace
}  // namespace gantry::plugin
