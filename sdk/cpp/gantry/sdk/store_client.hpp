#pragma once
// A store behind its C table, as the Store that the broker and other plugins call.

#include "gantry/abi/store.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/store.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::sdk {

/// Turns a C table back into the C++ interface. Adds no lock and, on the append and read paths, no allocation unless
/// there is an error with a text. Fails closed: what the plugin answers out of range is an error, not a success.
///
/// `table` is complete; table and `self` outlive this object. Threads as in gantry/abi/store.h.
class StoreClient final : public Store {
 public:
  StoreClient(const gantry_store_table* table, void* self) noexcept : table_(table), self_(self) {}

  [[nodiscard]] const gantry_store_table* table() const noexcept { return table_; }
  [[nodiscard]] void* self() const noexcept { return self_; }

  void listen(const gantry_store_listener& listener) override { table_->listen(self_, &listener); }
  Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) override;
  Bounds bounds(gantry_queue* queue) override;
  void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) override;
  void want_durable(std::int64_t log_offset) override { table_->want_durable(self_, log_offset); }
  Status read(const gantry_read_request& request, gantry_read_result& result) override;
  Status read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) override;
  void release(gantry_read_owner* owner) override { table_->read_release(self_, owner); }
  Result<gantry_queue_entry> entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) override;
  Result<std::int64_t> search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                   std::uint32_t options) override;
  gantry_store_positions positions() override;
  Status delete_topic(std::string_view topic) override;
  Status save_blob(std::string_view name, std::string_view content) override;
  Result<std::string> load_blob(std::string_view name, BlobVersion version) override;
  /// Errc::unsupported as well for a table of ABI 1.0, which ends before query().
  Status query(const gantry_query_request& request, gantry_query_result& result) override;
  /// Errc::unsupported as well for a table before ABI 1.3.
  Status delay_levels(std::span<const std::int64_t> ms) override;

 private:
  const gantry_store_table* table_;
  void* self_;
};

inline Result<gantry_queue*> StoreClient::open_queue(std::string_view topic, std::int32_t queue_id) {
  detail::ErrorBuffer error;
  gantry_queue* queue = nullptr;
  const auto status = table_->queue_open(self_, detail::to_bytes(topic), queue_id, &queue, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  if (queue == nullptr) return Error{Errc::internal, "the store opened a queue but returned no handle"};
  return queue;
}

inline Store::Bounds StoreClient::bounds(gantry_queue* queue) {
  Bounds bounds;
  table_->queue_bounds(self_, queue, &bounds.min, &bounds.max);
  return bounds;
}

inline void StoreClient::append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) {
  // A store that forgets an item must not look as if it had stored it.
  for (std::size_t i = 0; i < items.size(); ++i) results[i].status = GANTRY_E_INTERNAL;
  table_->append(self_, items.data(), sizeof(gantry_append_item), results.data(), sizeof(gantry_append_result),
                 items.size());
}

inline Status StoreClient::read(const gantry_read_request& request, gantry_read_result& result) {
  detail::ErrorBuffer error;
  return error.to_status(table_->read(self_, &request, &result, error.out()));
}

inline Status StoreClient::read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) {
  detail::ErrorBuffer error;
  return error.to_status(table_->read_record(self_, log_offset, options, &result, error.out()));
}

inline Result<gantry_queue_entry> StoreClient::entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) {
  detail::ErrorBuffer error;
  gantry_queue_entry entry = {};
  const auto status = table_->queue_entry(self_, queue, offset, options, &entry, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  return entry;
}

inline Result<std::int64_t> StoreClient::search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                                     std::uint32_t options) {
  detail::ErrorBuffer error;
  std::int64_t offset = 0;
  const auto status = table_->search_time(self_, queue, time_ms, boundary, options, &offset, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  return offset;
}

inline gantry_store_positions StoreClient::positions() {
  gantry_store_positions positions = {};
  positions.struct_size = sizeof positions;
  table_->positions(self_, &positions);
  return positions;
}

inline Status StoreClient::delete_topic(std::string_view topic) {
  detail::ErrorBuffer error;
  return error.to_status(table_->topic_delete(self_, detail::to_bytes(topic), error.out()));
}

inline Status StoreClient::save_blob(std::string_view name, std::string_view content) {
  detail::ErrorBuffer error;
  return error.to_status(table_->blob_save(self_, detail::to_bytes(name), detail::to_bytes(content), error.out()));
}

inline Result<std::string> StoreClient::load_blob(std::string_view name, BlobVersion version) {
  detail::ErrorBuffer error;
  std::string content;
  const gantry_blob_sink sink = [](void* context, gantry_bytes bytes) {
    static_cast<std::string*>(context)->assign(detail::to_view(bytes));
  };
  const auto status = table_->blob_load(self_, detail::to_bytes(name), static_cast<std::uint32_t>(version), sink,
                                        &content, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  return content;
}

inline Status StoreClient::query(const gantry_query_request& request, gantry_query_result& result) {
  constexpr std::size_t size_with_query = offsetof(gantry_store_table, query) + sizeof(gantry_store_table::query);
  if (table_->struct_size < size_with_query || table_->query == nullptr) return Store::query(request, result);
  detail::ErrorBuffer error;
  result.count = 0;
  GANTRY_TRY(error.to_status(table_->query(self_, &request, &result, error.out())));
  if (result.count > request.count_max) {
    const std::string found = std::to_string(std::exchange(result.count, 0));
    return Error{Errc::internal, "the store answered a query for at most " + std::to_string(request.count_max) +
                                     " messages with " + found};
  }
  return {};
}

inline Status StoreClient::delay_levels(std::span<const std::int64_t> ms) {
  constexpr std::size_t size_with_levels =
      offsetof(gantry_store_table, delay_levels) + sizeof(gantry_store_table::delay_levels);
  if (table_->struct_size < size_with_levels || table_->delay_levels == nullptr) return Store::delay_levels(ms);
  detail::ErrorBuffer error;
  return error.to_status(table_->delay_levels(self_, ms.data(), ms.size(), error.out()));
}

}  // namespace gantry::sdk
