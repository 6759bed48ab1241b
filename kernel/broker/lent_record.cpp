#include "kernel/broker/lent_record.hpp"

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/names.hpp"
#include "protocol/properties.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace gantry::broker {

LentRecord::LentRecord(sdk::Store& store, const routing::TopicTable& topics, std::int64_t log_offset, PositionFrom from)
    : store_(store) {
  result_.struct_size = sizeof result_;
  result_.slices = &slice_;
  result_.slice_capacity = 1;
  status_ = store.read_record(log_offset, GANTRY_READ_MAY_BLOCK, result_);
  if (!status_) return;
  bytes_ = {static_cast<const std::byte*>(slice_.data), slice_.size};
  const bool is_record =
      protocol::decode_record(bytes_, view_) == protocol::RecordOutcome::ok && view_.log_offset == log_offset;
  if (!is_record) {
    status_ = Error{Errc::not_found, remark::record_unknown(log_offset)};
  } else if (from == PositionFrom::client) {
    status_ = prove(topics);
  }
}

Status LentRecord::prove(const routing::TopicTable& topics) {
  const auto verdict = [this](bool proven) -> Status {
    if (proven) return {};
    return Error{Errc::not_found, remark::record_unknown(view_.log_offset)};
  };
  if (!protocol::is_topic_name(view_.topic) || view_.queue_id < 0 || topics.find(view_.topic) == nullptr) {
    return verdict(false);
  }
  switch (protocol::sys_flag::transaction_of(view_.sys_flag)) {
    case protocol::sys_flag::transaction_prepared: return verdict(index_points_to_it());
    case protocol::sys_flag::transaction_rollback: return verdict(false);
    default: break;
  }
  const auto queue = store_.open_queue(view_.topic, view_.queue_id);
  if (!queue) return verdict(false);
  const auto entry = store_.entry(*queue, view_.queue_offset, GANTRY_READ_MAY_BLOCK);
  if (entry) return verdict(entry->log_offset == view_.log_offset);
  if (entry.error().code == Errc::not_found) return verdict(false);
  if (index_points_to_it()) return {};
  return entry.error().code == Errc::busy ? Status(entry.error()) : verdict(false);
}

bool LentRecord::index_points_to_it() {
  constexpr std::uint32_t count_max = 64;  // messages of one key and one millisecond
  const protocol::CommonProperties properties = protocol::scan_properties(view_.properties);
  const bool unique = !properties.uniq_key.empty();
  const std::string_view key = unique ? properties.uniq_key : protocol::first_key(properties.keys);
  if (key.empty()) return false;
  std::array<std::int64_t, count_max> offsets;
  gantry_query_request request{};
  request.struct_size = sizeof request;
  request.options = unique ? GANTRY_QUERY_UNIQUE : 0;
  request.topic = to_bytes(view_.topic);
  request.key = to_bytes(key);
  request.begin_ms = request.end_ms = view_.store_ms;
  request.count_max = count_max;
  gantry_query_result result{};
  result.struct_size = sizeof result;
  result.log_offsets = offsets.data();
  if (!store_.query(request, result)) return false;
  const auto found = std::span(offsets).first(std::min(result.count, count_max));
  return std::find(found.begin(), found.end(), view_.log_offset) != found.end();
}

}  // namespace gantry::broker
