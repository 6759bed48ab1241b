#pragma once
// A store in plain memory that does what a test tells it: fail the next appends, keep records not durable, claim that
// reads would block. Records have RocketMQ's layout.

#include "gantry/sdk/store.hpp"
#include "protocol/stored_record.hpp"

#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

struct gantry_queue {
  std::string topic;
  std::int32_t id = 0;
  bool deleted = false;
  std::int64_t first = 0;  // offset of entries[0]
  struct Entry {
    std::int64_t log_offset;
    std::int64_t tag_code;
    std::int64_t store_ms;
    std::uint32_t size;
  };
  std::vector<Entry> entries;
};

struct gantry_read_owner {};

namespace gantry::broker::testing {

class FakeStore final : public sdk::Store {
 public:
  // ---- what tests turn ----
  gantry_status append_status = GANTRY_OK;  ///< what append() answers
  std::string refused_body;                 ///< not empty: items with this body are answered FULL
  bool durable_at_once = true;              ///< append() moves durable_end; else sync() does
  bool reads_would_block = false;           ///< unless the read may block
  bool null_appends = false;                ///< append() answers and stores nothing: for measuring
  bool unavailable = false;                 ///< reads answer UNAVAILABLE
  bool keeps_index = true;                  ///< else queries answer UNSUPPORTED
  std::int64_t index_behind = 0;            ///< bytes at the log's end that queries do not see
  bool rebuilding = false;                  ///< what concerns a queue's entries answers BUSY: they are rebuilt
  std::int64_t now_ms = 1'700'000'000'000;
  std::int64_t wanted = 0;  ///< the largest want_durable()
  std::size_t append_calls = 0;
  std::size_t queries = 0;
  std::size_t owners = 0;  ///< reads that were not released

  /// Everything appended so far becomes durable.
  void sync() {
    durable_end_ = log_end();
    if (listener_.durable != nullptr) listener_.durable(listener_.context, durable_end_);
  }
  void fail(std::string_view reason) {
    if (listener_.failed != nullptr) listener_.failed(listener_.context, {reason.data(), reason.size()});
  }
  /// Forgets the first `count` messages of a queue, as if they had expired.
  void expire(std::string_view topic, std::int32_t id, std::int64_t count) {
    gantry_queue& queue = find(topic, id);
    queue.entries.erase(queue.entries.begin(), queue.entries.begin() + count);
    queue.first += count;
  }
  /// The whole stored record of one message.
  [[nodiscard]] std::string record(std::string_view topic, std::int32_t id, std::int64_t offset) {
    gantry_queue& queue = find(topic, id);
    const auto& entry = queue.entries.at(static_cast<std::size_t>(offset - queue.first));
    return log_.substr(static_cast<std::size_t>(entry.log_offset), entry.size);
  }
  [[nodiscard]] std::int64_t count(std::string_view topic, std::int32_t id) {
    return static_cast<std::int64_t>(find(topic, id).entries.size());
  }
  [[nodiscard]] std::int64_t log_end() const { return static_cast<std::int64_t>(log_.size()); }
  void reserve(std::size_t log_bytes, std::size_t entries) {
    log_.reserve(log_bytes);
    entries_reserved_ = entries;
  }

  // ---- sdk::Store ----
  void listen(const gantry_store_listener& listener) override { listener_ = listener; }
  Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) override {
    const std::lock_guard lock(mutex_);
    return &find(topic, queue_id);
  }
  Bounds bounds(gantry_queue* queue) override {
    const std::lock_guard lock(mutex_);
    return {queue->first, queue->first + static_cast<std::int64_t>(queue->entries.size())};
  }
  void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) override;
  void want_durable(std::int64_t log_offset) override { wanted = std::max(wanted, log_offset); }
  Status read(const gantry_read_request& request, gantry_read_result& result) override;
  Status read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) override;
  void release(gantry_read_owner* owner) override {
    if (owner != nullptr) --owners;
  }
  Result<gantry_queue_entry> entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) override;
  Result<std::int64_t> search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                   std::uint32_t options) override;
  gantry_store_positions positions() override {
    gantry_store_positions out{};
    out.struct_size = sizeof out;
    out.writable = 1;
    out.log_end = log_end();
    out.durable_end = durable_end_;
    out.oldest_store_ms = log_.empty() ? -1 : now_ms;
    out.disk_total_bytes = 1'000'000;
    out.disk_free_bytes = 750'000;
    return out;
  }
  Status delete_topic(std::string_view topic) override {
    const std::lock_guard lock(mutex_);
    for (auto it = queues_.begin(); it != queues_.end();) {
      if (it->first.first == topic) {
        it->second->deleted = true;
        it->second->entries.clear();
        it->second->first = 0;
        dead_.push_back(std::move(it->second));
        it = queues_.erase(it);
      } else {
        ++it;
      }
    }
    return {};
  }
  Status save_blob(std::string_view name, std::string_view content) override {
    blobs_[std::string(name)] = content;
    return {};
  }
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion) override {
    const auto found = blobs_.find(std::string(name));
    if (found == blobs_.end()) return Error{Errc::not_found, "no such blob"};
    return found->second;
  }
  Status query(const gantry_query_request& request, gantry_query_result& result) override;

 private:
  gantry_queue& find(std::string_view topic, std::int32_t id) {
    auto& queue = queues_[{std::string(topic), id}];
    if (!queue) {
      queue = std::make_unique<gantry_queue>();
      queue->topic = topic;
      queue->id = id;
      queue->entries.reserve(entries_reserved_);
    }
    return *queue;
  }

  std::mutex mutex_;
  gantry_store_listener listener_{};
  std::map<std::pair<std::string, std::int32_t>, std::unique_ptr<gantry_queue>> queues_;
  std::vector<std::unique_ptr<gantry_queue>> dead_;
  std::map<std::string, std::string> blobs_;
  std::string log_;
  std::int64_t durable_end_ = 0;
  std::size_t entries_reserved_ = 0;
  gantry_read_owner owner_;
};

}  // namespace gantry::broker::testing
