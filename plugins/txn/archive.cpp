#include "plugins/txn/archive.hpp"

#include "plugins/txn/names.hpp"
#include "plugins/txn/store_reader.hpp"

#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/properties.hpp"

#include <limits>

namespace gantry::txn {

Result<std::vector<std::int64_t>> Archive::find(std::string_view topic, std::string_view uniq_key,
                                                std::uint32_t count_max, std::int64_t until) {
  if (uniq_key.empty()) return Error{Errc::unsupported, "a message without UNIQ_KEY cannot be looked up"};
  std::vector<std::int64_t> found(count_max);
  gantry_query_request request = {};
  request.struct_size = sizeof request;
  request.options = GANTRY_QUERY_UNIQUE;
  request.topic = sdk::detail::to_bytes(topic);
  request.key = sdk::detail::to_bytes(uniq_key);
  request.end_ms = std::numeric_limits<std::int64_t>::max();
  request.count_max = count_max;
  gantry_query_result result = {};
  result.struct_size = sizeof result;
  result.log_offsets = found.data();
  GANTRY_TRY(store_.query(request, result));
  if (result.count == 0 && result.indexed_end < until) {
    return Error{Errc::busy, "the index of keys has come to log offset " + std::to_string(result.indexed_end) +
                                 ", but " + std::to_string(until) + " is needed"};
  }
  found.resize(result.count);
  return found;
}

Result<std::optional<std::int64_t>> Archive::find_committed(std::string_view topic, std::string_view group,
                                                            std::string_view uniq_key, std::int64_t until) {
  constexpr std::uint32_t copies_max = 16;
  GANTRY_ASSIGN(const auto places, find(topic, uniq_key, copies_max, until));
  for (const std::int64_t place : places) {
    const auto held = HeldRecord::read(store_, place, GANTRY_READ_MAY_BLOCK);
    if (!held) continue;
    const auto record = sdk::read_record(held->bytes());
    if (!record || (record->sys_flag & sys_flag::transaction_mask) != sys_flag::commit) continue;
    if (sdk::find_property(record->properties, property::producer_group) == group) return std::optional(place);
  }
  return std::optional<std::int64_t>();
}

}  // namespace gantry::txn
