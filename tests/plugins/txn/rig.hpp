#pragma once
// For tests: the plugin over a store in memory that can fail, with producers that are played by the test.

#include "plugins/storage-memory/memory_store.hpp"
#include "plugins/txn/names.hpp"
#include "plugins/txn/transactions.hpp"

#include "gantry/sdk/testing_broker.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::txn::testing {

/// A store that stops taking messages after so many, as one whose process dies there does, or refuses one queue's.
class FailingStore final : public sdk::Store {
 public:
  explicit FailingStore(sdk::Store& inner) : inner_(inner) {}

  static constexpr std::int64_t unlimited = -1;
  std::int64_t appends_left = unlimited;
  std::string refused_topic;   ///< whose messages are refused as busy
  bool is_cold = false;        ///< reads that may not block would
  bool has_query = true;       ///< whether the index of keys works
  bool has_index_gap = false;  ///< whether it has come to nowhere yet

  void listen(const gantry_store_listener& listener) override { inner_.listen(listener); }
  Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) override {
    auto queue = inner_.open_queue(topic, queue_id);
    if (queue) topics_[*queue] = topic;
    return queue;
  }
  Bounds bounds(gantry_queue* queue) override { return inner_.bounds(queue); }
  void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) override {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (appends_left == 0 || topics_[items[i].queue] == refused_topic) {
        results[i].status = GANTRY_E_BUSY;
        continue;
      }
      if (appends_left > 0) --appends_left;
      inner_.append(items.subspan(i, 1), results.subspan(i, 1));
    }
  }
  void want_durable(std::int64_t log_offset) override { inner_.want_durable(log_offset); }
  Status read(const gantry_read_request& request, gantry_read_result& result) override {
    if (is_cold && (request.options & GANTRY_READ_MAY_BLOCK) == 0) return Error{Errc::would_block, {}};
    return inner_.read(request, result);
  }
  Status read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) override {
    if (is_cold && (options & GANTRY_READ_MAY_BLOCK) == 0) return Error{Errc::would_block, {}};
    if (gone.contains(log_offset)) return Error{Errc::not_found, "gone"};
    return inner_.read_record(log_offset, options, result);
  }
  void release(gantry_read_owner* owner) override { inner_.release(owner); }
  Result<gantry_queue_entry> entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) override {
    return inner_.entry(queue, offset, options);
  }
  Result<std::int64_t> search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                   std::uint32_t options) override {
    return inner_.search_time(queue, time_ms, boundary, options);
  }
  gantry_store_positions positions() override { return inner_.positions(); }
  Status delete_topic(std::string_view topic) override { return inner_.delete_topic(topic); }
  Status save_blob(std::string_view name, std::string_view content) override { return inner_.save_blob(name, content); }
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion version) override {
    return inner_.load_blob(name, version);
  }
  Status query(const gantry_query_request& request, gantry_query_result& result) override {
    if (!has_query) return Error{Errc::unsupported, "no index"};
    GANTRY_TRY(inner_.query(request, result));
    if (has_index_gap) result.count = 0, result.indexed_end = 0;
    return {};
  }

  std::set<std::int64_t> gone;  ///< log offsets of records that are not there any more

 private:
  sdk::Store& inner_;
  std::map<gantry_queue*, std::string> topics_;
};

/// A half message as its producer knows it.
struct Sent {
  std::string id;
  std::string group = "pg";
  std::int64_t half_offset = -1;
  std::int64_t log_offset = -1;
};

class Rig : public ::testing::Test {
 public:
  static constexpr std::string_view topic = "orders";

  Rig() {
    broker.join(host);
    broker.add_topic(topic, 4);
    broker.producers = {"pg"};
    start();
  }
  ~Rig() override { txn.reset(); }

  /// A new run of the plugin over what the store holds; the one before just ends, as by a kill.
  void restart() {
    txn.reset();
    store.appends_left = FailingStore::unlimited;
    store.refused_topic.clear();
    start();
  }
  void start(bool recover = true) {
    broker.join(host);
    txn.emplace(host.host());
    txn->has_thread = false;
    configure();
    ASSERT_TRUE(txn->start());
    broker.serve();
    if (recover) {
      const Status recovered = txn->recover();
      ASSERT_TRUE(recovered) << recovered.error().text;
    }
  }
  void configure() {
    sdk::testing::TestOptions values;
    values.duration_ms("check_interval", check_interval_ms).duration_ms("timeout", timeout_ms);
    values.integer("check_max", check_max).boolean("reject", reject).integer("open_max", open_max);
    ASSERT_TRUE(txn->reconfigure(values.values()));
  }

  /// Sends a half message through the interceptor and stores it as the broker would; nothing when it is refused.
  std::optional<Sent> prepare(const std::string& id, const std::map<std::string, std::string>& more = {},
                              const std::string& group = "pg") {
    sdk::testing::TestMessage message{std::string(topic), "body of " + id};
    message.with_property("TRAN_MSG", "true").with_property("PGROUP", group).with_property("TAGS", "red");
    if (!id.empty()) message.with_property("UNIQ_KEY", id);
    for (const auto& [name, value] : more) message.with_property(name, value);
    message.view().raw().queue_id = 2;
    message.view().raw().sys_flag = 4;  // PREPARED
    message.view().raw().born_ms = host.now_ms;
    EXPECT_TRUE(message.pass(*txn));
    refused_because = message.reject_reason();
    refused_code = message.view().raw().reject_code;
    if (message.is_rejected()) return std::nullopt;
    EXPECT_TRUE(message.view().is_taken(GANTRY_TAKEN_TRANSACTION));
    const auto put = broker.put(message.view().topic(), message.view().queue_id(), message.view().body(),
                                message.view().properties(), host.now_ms, message.view().sys_flag());
    EXPECT_EQ(put.status, GANTRY_OK);
    return Sent{id, group, put.queue_offset, put.log_offset};
  }

  /// END_TRANSACTION; the answer's code. The host's answers grow by one.
  std::int32_t end(const Sent& sent, std::int32_t flag, bool from_check = false) {
    return request(37, {{"producerGroup", sent.group},
                        {"tranStateTableOffset", std::to_string(sent.half_offset)},
                        {"commitLogOffset", std::to_string(sent.log_offset)},
                        {"commitOrRollback", std::to_string(flag)},
                        {"fromTransactionCheck", from_check ? "true" : "false"},
                        {"msgId", sent.id},
                        {"transactionId", sent.id}});
  }
  std::int32_t commit(const Sent& sent) { return end(sent, 8); }
  std::int32_t rollback(const Sent& sent) { return end(sent, 12); }

  static constexpr std::int32_t unanswered = -1;
  std::int32_t request(std::int32_t code, const std::vector<std::pair<std::string, std::string>>& fields) {
    std::vector<gantry_command_field> list;
    for (const auto& [name, value] : fields) {
      list.push_back({sdk::detail::to_bytes(name), sdk::detail::to_bytes(value)});
    }
    gantry_command_request raw = {};
    raw.struct_size = sizeof raw;
    raw.code = code;
    raw.ticket = ++ticket_;
    raw.fields = list.data();
    raw.field_count = list.size();
    txn->execute(sdk::CommandRequest(raw));
    return answer_of(ticket_);
  }
  [[nodiscard]] std::uint64_t last_ticket() const { return ticket_; }
  std::int32_t answer_of(std::uint64_t ticket) {
    std::int32_t code = unanswered;
    for (const auto& answer : host.answers) {
      if (answer.ticket != ticket) continue;
      EXPECT_EQ(code, unanswered) << "ticket " << ticket << " is answered twice";
      code = answer.code;
      remark = answer.remark;
      body = answer.body;
    }
    return code;
  }

  /// Time passes, and the plugin's thread comes by.
  void tick(std::int64_t ms) {
    host.now_ms += ms;
    txn->pass();
  }
  /// What producers were asked since, as they would answer: each with the offsets of its question.
  std::vector<Sent> questions() {
    std::vector<Sent> all;
    for (const auto& asked : broker.take_asked()) {
      EXPECT_EQ(asked.code, 39);
      all.push_back({asked.fields.at("transactionId"), asked.group, std::stoll(asked.fields.at("tranStateTableOffset")),
                     std::stoll(asked.fields.at("commitLogOffset"))});
    }
    return all;
  }

  /// How often the message of that id is in its topic.
  std::size_t visible(const std::string& id) {
    std::size_t count = 0;
    for (int queue = 0; queue < 4; ++queue) {
      for (const auto& message : broker.stored(topic, queue)) {
        if (message.property("UNIQ_KEY") == id) ++count;
      }
    }
    return count;
  }
  std::size_t open_count() { return txn->context().ledger.open_count(); }
  std::int64_t half_count() { return static_cast<std::int64_t>(broker.stored(half_topic, 0).size()); }

  std::int64_t check_interval_ms = 30'000;
  std::int64_t timeout_ms = 6'000;
  std::int64_t check_max = 15;
  bool reject = false;
  std::int64_t open_max = 1'000'000;

  sdk::testing::TestHost host;
  storage_memory::MemoryStore memory{{.now_ms = [this] { return host.now_ms; }}};
  FailingStore store{memory};
  sdk::testing::TestBroker broker{store};
  std::optional<Transactions> txn;
  std::string remark;
  std::string body;
  std::string refused_because;
  std::int32_t refused_code = 0;

 private:
  std::uint64_t ticket_ = 0;
};

}  // namespace gantry::txn::testing
