#pragma once
// gantry.store/1 in C++. A store plugin implements this class and nothing else; the broker calls a store through the
// same class. Semantics, threads and bounds of every function are those of gantry/abi/store.h.

#include "gantry/abi/store.h"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry::sdk {

/// Which version of a blob to load.
enum class BlobVersion : std::uint32_t { newest = 0, backup = GANTRY_BLOB_BACKUP };

class Store {
 public:
  static constexpr const char* extension_id = GANTRY_STORE_ID;

  struct Bounds {
    std::int64_t min = 0;
    std::int64_t max = 0;
  };

  virtual ~Store() = default;

  /// [control][before start]
  virtual void listen(const gantry_store_listener& listener) = 0;

  /// [any-thread]
  virtual Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) = 0;
  /// [any-thread]
  virtual Bounds bounds(gantry_queue* queue) = 0;

  /// [any-thread] `results` has at least as many elements as `items`.
  virtual void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) = 0;
  /// [any-thread]
  virtual void want_durable(std::int64_t log_offset) = 0;

  /// [any-thread] An Error of Errc::would_block carries no text.
  virtual Status read(const gantry_read_request& request, gantry_read_result& result) = 0;
  /// [any-thread]
  virtual Status read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) = 0;
  /// [any-thread]
  virtual void release(gantry_read_owner* owner) = 0;

  /// [any-thread]
  virtual Result<gantry_queue_entry> entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) = 0;
  /// [any-thread]
  virtual Result<std::int64_t> search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                           std::uint32_t options) = 0;
  /// [any-thread]
  virtual gantry_store_positions positions() = 0;

  /// [control]
  virtual Status delete_topic(std::string_view topic) = 0;
  /// [control]
  virtual Status save_blob(std::string_view name, std::string_view content) = 0;
  /// [control]
  virtual Result<std::string> load_blob(std::string_view name, BlobVersion version) = 0;

  /// [any-thread][may block]
  virtual Status query(const gantry_query_request& request, gantry_query_result& result) {
    (void)request;
    (void)result;
    return Error{Errc::unsupported, "this store keeps no index: it cannot find messages by key"};
  }

  /// [control][before start]
  virtual Status delay_levels(std::span<const std::int64_t> ms) {
    (void)ms;
    return Error{Errc::unsupported, "this store knows RocketMQ's 18 delay levels and no others"};
  }
};

}  // namespace gantry::sdk
