#pragma once
// Makes the C table of gantry.store/1 from a C++ Store. Included by plugin.hpp; authors need not look here.

#include "gantry/abi/store.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/store.hpp"

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gantry::sdk::detail {

template <>
struct Accessor<Store> {
  template <typename Plugin>
  static constexpr bool found = requires(Plugin& plugin) {
    { plugin.store() } -> std::convertible_to<Store&>;
  };
  template <typename Plugin>
  static Store& of(Plugin& plugin) {
    return plugin.store();
  }
};

/// The functions of the table, over an Instance whose plugin offers a Store. What a Store throws becomes
/// GANTRY_E_INTERNAL; where the table has no way to say so, the answer is the one that promises least.
template <typename Instance>
struct StoreTrampolines {
  static Store& of(void* self) { return extension_of<Store>(static_cast<Instance*>(self)->plugin); }

  static void listen(void* self, const gantry_store_listener* listener) noexcept {
    guarded_void([=] { of(self).listen(*listener); }, report(self));
  }

  static gantry_status queue_open(void* self, gantry_bytes topic, std::int32_t queue_id, gantry_queue** out,
                                  gantry_error* error) noexcept {
    *out = nullptr;
    return guarded(error, [=]() -> Status {
      GANTRY_ASSIGN(*out, of(self).open_queue(to_view(topic), queue_id));
      return {};
    });
  }

  static void queue_bounds(void* self, gantry_queue* queue, std::int64_t* min, std::int64_t* max) noexcept {
    *min = *max = 0;
    guarded_void(
        [=] {
          const Store::Bounds bounds = of(self).bounds(queue);
          *min = bounds.min;
          *max = bounds.max;
        },
        report(self));
  }

  static void append(void* self, const gantry_append_item* items, std::uint64_t item_stride,
                     gantry_append_result* results, std::uint64_t result_stride, std::uint64_t count) noexcept {
    guarded_void(
        [=] {
          if (item_stride == sizeof(gantry_append_item) && result_stride == sizeof(gantry_append_result)) {
            of(self).append(std::span(items, count), std::span(results, count));
            return;
          }
          // The host was built with a later SDK, whose structs have grown: work on arrays of the size known here.
          std::vector<gantry_append_item> known_items(count);
          std::vector<gantry_append_result> known_results(count);
          for (std::uint64_t i = 0; i < count; ++i) known_items[i] = at_stride(items, item_stride, i);
          of(self).append(known_items, known_results);
          for (std::uint64_t i = 0; i < count; ++i) at_stride(results, result_stride, i) = known_results[i];
        },
        [=](std::string_view thrown) {
          // How much was stored is unknown; claiming less than happened is the safe side.
          for (std::uint64_t i = 0; i < count; ++i) {
            at_stride(results, result_stride, i) = {GANTRY_E_INTERNAL, 0, -1, -1, -1};
          }
          report(self)(thrown);
        });
  }

  static void want_durable(void* self, std::int64_t log_offset) noexcept {
    guarded_void([=] { of(self).want_durable(log_offset); }, report(self));
  }

  static gantry_status read(void* self, const gantry_read_request* request, gantry_read_result* result,
                            gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).read(*request, *result); });
  }

  static gantry_status read_record(void* self, std::int64_t log_offset, std::uint32_t options,
                                   gantry_read_result* result, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).read_record(log_offset, options, *result); });
  }

  static void read_release(void* self, gantry_read_owner* owner) noexcept {
    guarded_void([=] { of(self).release(owner); }, report(self));
  }

  static gantry_status queue_entry(void* self, gantry_queue* queue, std::int64_t offset, std::uint32_t options,
                                   gantry_queue_entry* out, gantry_error* error) noexcept {
    return guarded(error, [=]() -> Status {
      GANTRY_ASSIGN(*out, of(self).entry(queue, offset, options));
      return {};
    });
  }

  static gantry_status search_time(void* self, gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                   std::uint32_t options, std::int64_t* out_offset, gantry_error* error) noexcept {
    return guarded(error, [=]() -> Status {
      GANTRY_ASSIGN(*out_offset, of(self).search_time(queue, time_ms, boundary, options));
      return {};
    });
  }

  static void positions(void* self, gantry_store_positions* out) noexcept {
    guarded_void([=] { assign_sized(*out, of(self).positions()); },
                 [=](std::string_view thrown) {
                   assign_sized(*out, gantry_store_positions{});
                   report(self)(thrown);
                 });
  }

  static gantry_status topic_delete(void* self, gantry_bytes topic, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).delete_topic(to_view(topic)); });
  }

  static gantry_status blob_save(void* self, gantry_bytes name, gantry_bytes content, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).save_blob(to_view(name), to_view(content)); });
  }

  static gantry_status blob_load(void* self, gantry_bytes name, std::uint32_t options, gantry_blob_sink sink,
                                 void* context, gantry_error* error) noexcept {
    return guarded(error, [=]() -> Status {
      const auto version = (options & GANTRY_BLOB_BACKUP) != 0 ? BlobVersion::backup : BlobVersion::newest;
      GANTRY_ASSIGN(const std::string content, of(self).load_blob(to_view(name), version));
      sink(context, to_bytes(content));
      return {};
    });
  }

  static gantry_status query(void* self, const gantry_query_request* request, gantry_query_result* result,
                             gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).query(*request, *result); });
  }

  static gantry_status delay_levels(void* self, const std::int64_t* ms, std::uint64_t count,
                                    gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).delay_levels(std::span(ms, count)); });
  }

 private:
  /// For functions that cannot fail in the table: the operator hears of it, and the store counts as broken.
  static auto report(void* self) noexcept {
    return [self](std::string_view thrown) { static_cast<Instance*>(self)->report_thrown("store", thrown); };
  }
};

template <typename Instance>
inline constexpr gantry_store_table store_table = [] {
  using T = StoreTrampolines<Instance>;
  gantry_store_table table = {};
  table.struct_size = sizeof table;
  table.listen = &T::listen;
  table.queue_open = &T::queue_open;
  table.queue_bounds = &T::queue_bounds;
  table.append = &T::append;
  table.want_durable = &T::want_durable;
  table.read = &T::read;
  table.read_record = &T::read_record;
  table.read_release = &T::read_release;
  table.queue_entry = &T::queue_entry;
  table.search_time = &T::search_time;
  table.positions = &T::positions;
  table.topic_delete = &T::topic_delete;
  table.blob_save = &T::blob_save;
  table.blob_load = &T::blob_load;
  table.query = &T::query;
  table.delay_levels = &T::delay_levels;
  return table;
}();

}  // namespace gantry::sdk::detail
