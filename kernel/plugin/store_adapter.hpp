#pragma once
// A store plugin as the sdk::Store that the broker calls.

#include "gantry/abi/store.h"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry::plugin {

/// Turns a C table back into the C++ interface. Adds no lock and, on the append and read paths, no allocation unless
/// there is an error with a text. Fails closed: what the plugin answers out of range is an error, not a success.
///
/// `table` has been checked (extension_catalog.hpp); table and `self` outlive this object. [any-thread] as in
/// gantry/abi/store.h.
class StoreAdapter final : public sdk::Store {
 public:
  StoreAdapter(const gantry_store_table* table, void* self) noexcept : table_(table), self_(self) {}

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
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion version) override;
  /// Errc::unsupported as well for a table of ABI 1.0, which ends before query().
  Status query(const gantry_query_request& request, gantry_query_result& result) override;

 private:
  const gantry_store_table* table_;
  void* self_;
};

}  // namespace gantry::plugin
