#include "kernel/plugin/store_adapter.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/plugin/c_call.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace gantry::plugin {

Result<gantry_queue*> StoreAdapter::open_queue(std::string_view topic, std::int32_t queue_id) {
  ErrorBuffer error;
  gantry_queue* queue = nullptr;
  const auto status = table_->queue_open(self_, to_bytes(topic), queue_id, &queue, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  if (queue == nullptr) return Error{Errc::internal, "the store opened a queue but returned no handle"};
  return queue;
}

sdk::Store::Bounds StoreAdapter::bounds(gantry_queue* queue) {
  Bounds bounds;
  table_->queue_bounds(self_, queue, &bounds.min, &bounds.max);
  return bounds;
}

void StoreAdapter::append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) {
  GANTRY_ASSERT(results.size() >= items.size());
  // A store that forgets an item must not look as if it had stored it.
  for (std::size_t i = 0; i < items.size(); ++i) results[i].status = GANTRY_E_INTERNAL;
  table_->append(self_, items.data(), sizeof(gantry_append_item), results.data(), sizeof(gantry_append_result),
                 items.size());
}

Status StoreAdapter::read(const gantry_read_request& request, gantry_read_result& result) {
  ErrorBuffer error;
  return error.to_status(table_->read(self_, &request, &result, error.out()));
}

Status StoreAdapter::read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) {
  ErrorBuffer error;
  return error.to_status(table_->read_record(self_, log_offset, options, &result, error.out()));
}

Result<gantry_queue_entry> StoreAdapter::entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) {
  ErrorBuffer error;
  gantry_queue_entry entry = {};
  const auto status = table_->queue_entry(self_, queue, offset, options, &entry, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  return entry;
}

Result<std::int64_t> StoreAdapter::search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                               std::uint32_t options) {
  ErrorBuffer error;
  std::int64_t offset = 0;
  const auto status = table_->search_time(self_, queue, time_ms, boundary, options, &offset, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  return offset;
}

gantry_store_positions StoreAdapter::positions() {
  gantry_store_positions positions = {};
  positions.struct_size = sizeof positions;
  table_->positions(self_, &positions);
  return positions;
}

Status StoreAdapter::delete_topic(std::string_view topic) {
  ErrorBuffer error;
  return error.to_status(table_->topic_delete(self_, to_bytes(topic), error.out()));
}

Status StoreAdapter::save_blob(std::string_view name, std::string_view content) {
  ErrorBuffer error;
  return error.to_status(table_->blob_save(self_, to_bytes(name), to_bytes(content), error.out()));
}

Result<std::string> StoreAdapter::load_blob(std::string_view name, sdk::BlobVersion version) {
  ErrorBuffer error;
  std::string content;
  const gantry_blob_sink sink = [](void* context, gantry_bytes bytes) {
    static_cast<std::string*>(context)->assign(to_view(bytes));
  };
  const auto status =
      table_->blob_load(self_, to_bytes(name), static_cast<std::uint32_t>(version), sink, &content, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  return content;
}

Status StoreAdapter::query(const gantry_query_request& request, gantry_query_result& result) {
  constexpr std::size_t size_with_query = offsetof(gantry_store_table, query) + sizeof(gantry_store_table::query);
  if (table_->struct_size < size_with_query || table_->query == nullptr) return sdk::Store::query(request, result);
  ErrorBuffer error;
  result.count = 0;
  GANTRY_TRY(error.to_status(table_->query(self_, &request, &result, error.out())));
  if (result.count > request.count_max) {
    const std::string found = std::to_string(std::exchange(result.count, 0));
    return Error{Errc::internal, "the store answered a query for at most " + std::to_string(request.count_max) +
                                     " messages with " + found};
  }
  return {};
}

}  // namespace gantry::plugin
