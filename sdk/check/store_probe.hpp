#pragma once
// What the checks of a store share: a store under test with short names for its operations, and comparisons that
// answer with the expected and the found.

#include "gantry/sdk/store.hpp"
#include "sdk/check/store_contract.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::check {

/// An Error that says what was checked, what should have been and what was.
[[nodiscard]] Error unexpected(std::string_view what, std::string_view expected, std::string_view found);

[[nodiscard]] Status expect_true(bool holds, std::string_view what);

template <typename A, typename B>
[[nodiscard]] Status expect_equal(const A& found, const B& expected, std::string_view what) {
  if (found == expected) return {};
  if constexpr (std::is_convertible_v<const A&, std::string_view>) {
    return unexpected(what, std::string_view(expected), std::string_view(found));
  } else {
    return unexpected(what, std::to_string(expected), std::to_string(found));
  }
}

/// What a store told its listener. The store calls from its own threads.
struct Events {
  std::atomic<std::int64_t> durable_end{0};
  std::atomic<bool> went_backwards{false};
  std::atomic<int> failures{0};

  [[nodiscard]] gantry_store_listener listener();
};

/// One message to append, with everything a check may want to vary.
struct Draft {
  gantry_queue* queue = nullptr;
  std::string body = "body";
  std::string properties{};
  std::string properties_more{};
  std::uint32_t options = 0;
  std::int32_t sys_flag = 0;
};

/// A record that a read returned: copied out, with the fields that the checks look at.
struct SeenRecord {
  std::uint32_t size = 0;
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
  std::int64_t log_offset = 0;
  std::int64_t store_ms = 0;
  std::string body;
  std::string topic;
  std::string properties;
};

/// A finished read with its bytes copied out; the owner has been given back.
struct SeenRead {
  std::uint32_t outcome = 0;
  std::int64_t next_offset = 0;
  std::int64_t min_offset = 0;
  std::int64_t max_offset = 0;
  std::int64_t last_log_offset = 0;
  std::uint32_t message_count = 0;
  std::uint32_t slice_count = 0;
  std::uint64_t byte_count = 0;
  std::vector<SeenRecord> records;
};

/// What to look for by key; the rest of a query has sensible values.
struct QueryDraft {
  std::string_view topic = "ContractTopic";
  std::string_view key;
  std::uint32_t options = 0;
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = INT64_MAX;
  std::uint32_t count_max = 64;
};

struct SeenQuery {
  std::vector<std::int64_t> log_offsets;
  std::int64_t indexed_end = 0;
  std::int64_t last_ms = 0;
  std::int64_t last_log_offset = 0;
};

struct ReadLimits {
  std::uint32_t messages = 1000;
  std::uint32_t bytes = 1u << 24;
  std::uint32_t scan = 1000;
  std::uint32_t slices = 64;
  std::int64_t visible_end = INT64_MAX;
  const gantry_matcher* match = nullptr;
};

/// The store under test between one open() and one close().
class StoreProbe {
 public:
  static Result<std::unique_ptr<StoreProbe>> open(StoreHarness& harness);
  StoreProbe(const StoreProbe&) = delete;
  StoreProbe& operator=(const StoreProbe&) = delete;
  ~StoreProbe();

  [[nodiscard]] sdk::Store& store() { return *store_; }
  [[nodiscard]] Events& events() { return *events_; }

  /// Stops the store and starts it again over the same state. Queue handles of before are dead.
  Status reopen();

  Result<gantry_queue*> queue(std::string_view topic, std::int32_t queue_id = 0);
  /// Appends all drafts in one call, repeating what was refused as BUSY for a bounded time.
  Result<std::vector<gantry_append_result>> append(const std::vector<Draft>& drafts);
  /// Appends one and insists on success.
  Result<gantry_append_result> append_one(gantry_queue* queue, std::string_view body, std::string_view properties = {});
  /// Reads with permission to block.
  Result<SeenRead> read(gantry_queue* queue, std::int64_t offset, const ReadLimits& limits = {});
  Result<SeenRead> read_record(std::int64_t log_offset);
  /// want_durable and wait for the listener, at most ten seconds.
  Status wait_durable(std::int64_t log_offset);

  /// False: the store keeps no index and says so.
  Result<bool> keeps_an_index();
  Result<SeenQuery> query(const QueryDraft& draft);
  /// Waits until everything appended so far can be found by key, at most ten seconds: a store may index in the
  /// background, and what is durable only.
  Status wait_indexed();

 private:
  StoreProbe(StoreHarness& harness, std::unique_ptr<Events> events) : harness_(harness), events_(std::move(events)) {}
  Result<SeenRead> copy_out(gantry_read_result& result);

  StoreHarness& harness_;
  std::unique_ptr<Events> events_;
  sdk::Store* store_ = nullptr;
};

/// Reads a record's fields; an Error when its lengths do not add up.
[[nodiscard]] Result<SeenRecord> parse_record(const void* data, std::uint64_t size);

/// "name 0x01 value 0x02".
[[nodiscard]] std::string property(std::string_view name, std::string_view value);
/// Java's String.hashCode of ASCII text: the tag code of a message with that tag.
[[nodiscard]] std::int64_t tag_code(std::string_view tag);

[[nodiscard]] inline gantry_bytes as_bytes(std::string_view text) { return {text.data(), text.size()}; }
[[nodiscard]] gantry_append_item to_item(const Draft& draft);

}  // namespace gantry::check
