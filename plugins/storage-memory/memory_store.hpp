#pragma once
// gantry.store/1 in memory: the same contract as the store on disk, for tests, for brokers whose messages may be lost,
// and as the shortest complete example of a store. Nothing survives stop().

#include "gantry/sdk/store.hpp"
#include "protocol/queue_entry.hpp"
#include "protocol/stored_record.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace gantry::storage_memory {

struct MemoryOptions {
  /// Bound of the log's memory. When it is reached the oldest messages go, in chunks of about an eighth of it.
  std::uint64_t bytes_max = 256ull << 20;
  /// Wall clock in milliseconds; null: the system's.
  std::function<std::int64_t()> now_ms = {};
};

/// One lock guards everything; it is held for copies in memory only. [any-thread] except where the base says otherwise.
/// Bounded by bytes_max for records; entries cost 24 bytes each and go with their records.
class MemoryStore final : public sdk::Store {
 public:
  explicit MemoryStore(MemoryOptions options);
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  /// [control] Starts the thread that talks to the listener.
  Status start();
  /// [control] Refuses appends from now on.
  void quiesce();
  /// [control] Ends the thread. Nobody else is inside the store then or later.
  void stop();

  void listen(const gantry_store_listener& listener) override;
  Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) override;
  Bounds bounds(gantry_queue* queue) override;
  void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) override;
  void want_durable(std::int64_t log_offset) override;
  Status read(const gantry_read_request& request, gantry_read_result& result) override;
  Status read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) override;
  void release(gantry_read_owner* owner) override;
  Result<gantry_queue_entry> entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) override;
  Result<std::int64_t> search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                   std::uint32_t options) override;
  gantry_store_positions positions() override;
  Status delete_topic(std::string_view topic) override;
  Status save_blob(std::string_view name, std::string_view content) override;
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion version) override;
  /// Reads all records of the time range, the newest first, without holding the lock: it costs time in proportion to
  /// them, and keeps the memory of what makes room meanwhile until it is done.
  Status query(const gantry_query_request& request, gantry_query_result& result) override;
  Status delay_levels(std::span<const std::int64_t> ms) override;

 private:
  struct Chunk;
  struct Queue;
  struct Owner;
  struct Prepared;
  struct Blob {
    std::string newest;
    std::string backup;
    bool has_backup = false;
  };

  /// Checks an item; fills `out` or answers why not.
  gantry_status prepare(const gantry_append_item& item, Prepared& out) const;
  /// Room for `size` bytes at log_end_, dropping the oldest chunks as needed. FULL when readers pin too much.
  gantry_status make_room(std::uint64_t size);
  void append_prepared(const Prepared& prepared, gantry_append_result& result);
  void trim(Queue& queue) const;
  [[nodiscard]] const std::shared_ptr<Chunk>* chunk_at(std::int64_t log_offset) const;
  [[nodiscard]] const std::byte* record_at(std::int64_t log_offset) const;
  [[nodiscard]] std::int64_t store_ms_at(std::int64_t log_offset) const;
  /// Whether the record at that offset, which was found by its key, still belongs to a topic that exists.
  [[nodiscard]] bool is_in_use(const protocol::RecordView& record) const;
  std::int64_t now();

  const MemoryOptions options_;
  const std::uint64_t chunk_bytes_;
  std::vector<std::int64_t> delay_levels_ms_{protocol::delay_level_ms.begin(), protocol::delay_level_ms.end()};
  gantry_store_listener listener_{};

  mutable std::mutex mutex_;  // guards everything below
  bool stopping_ = false;
  std::int64_t last_store_ms_ = 0;
  std::int64_t log_begin_ = 0;
  std::int64_t log_end_ = 0;
  std::int64_t last_log_offset_ = 0;  // of the newest record
  std::uint64_t chunk_bytes_total_ = 0;
  std::deque<std::shared_ptr<Chunk>> chunks_;
  std::unordered_map<std::string, std::map<std::int32_t, Queue*>> topics_;
  std::deque<std::unique_ptr<Queue>> queues_;  // also the dead ones: handles stay valid
  std::map<std::string, Blob, std::less<>> blobs_;

  /// The listener is called from a thread of our own, as the contract says: a caller of want_durable() may hold locks
  /// that the listener needs.
  void tell_durable();
  std::mutex teller_mutex_;  // guards the next two; never held together with mutex_
  std::condition_variable teller_wakes_;
  bool durable_wanted_ = false;
  bool teller_stops_ = false;
  std::thread teller_;
};

}  // namespace gantry::storage_memory
