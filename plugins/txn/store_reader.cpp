#include "plugins/txn/store_reader.hpp"

#include <array>
#include <limits>

namespace gantry::txn {
namespace {

constexpr std::size_t slices_max = 32;
constexpr std::uint32_t messages_max = 256;
constexpr std::uint32_t bytes_max = 1 << 20;

}  // namespace

Result<std::int64_t> read_queue(sdk::Store& store, gantry_queue* queue, std::int64_t offset,
                                const std::function<bool(std::string_view bytes)>& each) {
  bool wants_more = true;
  while (wants_more) {
    std::array<gantry_slice, slices_max> slices = {};
    gantry_read_request request = {};
    request.struct_size = sizeof request;
    request.options = GANTRY_READ_MAY_BLOCK;
    request.queue = queue;
    request.offset = offset;
    request.visible_end = std::numeric_limits<std::int64_t>::max();
    request.message_count_max = messages_max;
    request.bytes_max = bytes_max;
    request.scan_count_max = messages_max;
    gantry_read_result result = {};
    result.struct_size = sizeof result;
    result.slices = slices.data();
    result.slice_capacity = slices.size();
    GANTRY_TRY(store.read(request, result));
    if (result.outcome == GANTRY_READ_FOUND) {
      for (std::uint32_t i = 0; i < result.slice_count && wants_more; ++i) {
        std::string_view rest(static_cast<const char*>(slices[i].data), static_cast<std::size_t>(slices[i].size));
        while (wants_more) {
          const auto record = sdk::read_record(rest);
          if (!record) break;
          wants_more = each(rest.substr(0, record->size));
          rest.remove_prefix(record->size);
        }
      }
    }
    if (result.owner != nullptr) store.release(result.owner);
    const bool ends = result.outcome == GANTRY_READ_AT_END || result.outcome == GANTRY_READ_EMPTY_QUEUE ||
                      result.outcome == GANTRY_READ_BEYOND_END;
    // Every other outcome leads on; one that does not would lead in a circle.
    if (ends || result.next_offset <= offset) break;
    offset = result.next_offset;
  }
  return offset;
}

}  // namespace gantry::txn
