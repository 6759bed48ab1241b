#include "plugins/delay/scanner.hpp"

#include "plugins/delay/timer_record.hpp"

#include "gantry/sdk/record.hpp"

#include <limits>

namespace gantry::delay {

Scanner::Found Scanner::step() {
  const auto position = index_.scan_position();
  gantry_read_request request = {};
  request.struct_size = sizeof request;
  request.options = GANTRY_READ_MAY_BLOCK;
  request.queue = queue_;
  request.offset = position.offset;
  request.visible_end = std::numeric_limits<std::int64_t>::max();
  request.message_count_max = 512;
  request.bytes_max = 1u << 20;
  request.scan_count_max = 4096;
  gantry_read_result result = {};
  result.struct_size = sizeof result;
  result.slices = slices_.data();
  result.slice_capacity = static_cast<std::uint32_t>(slices_.size());
  if (const Status read = store_.read(request, result); !read) {
    host_.log(sdk::LogLevel::warn, "timers.scan_failed",
              {sdk::field("queue_offset", position.offset), sdk::field("reason", read.error())});
    return Found::trouble;
  }
  Found found = Found::something;
  std::int64_t next = result.next_offset;
  switch (result.outcome) {
    case GANTRY_READ_FOUND:
      for (std::uint32_t i = 0; i < result.slice_count && found == Found::something; ++i) {
        std::string_view bytes(static_cast<const char*>(slices_[i].data), slices_[i].size);
        while (const auto record = sdk::read_record(bytes)) {
          if (!take(*record, position.era)) {
            next = record->queue_offset;
            found = Found::no_room;
            break;
          }
          bytes.remove_prefix(record->size);
        }
      }
      store_.release(result.owner);
      break;
    case GANTRY_READ_NO_MATCH:
    case GANTRY_READ_REMOVED:
    case GANTRY_READ_GAP: break;
    case GANTRY_READ_BEFORE_BEGIN: next = result.min_offset; break;
    case GANTRY_READ_BEYOND_END: next = result.max_offset; break;
    default: return Found::nothing;
  }
  index_.scanned_to({next, position.era});
  return found;
}

bool Scanner::take(const sdk::Record& record, std::uint64_t era) {
  const auto timer = read_timer_record(record, settings_.roll_after_ms);
  if (!timer) {
    metrics_.lost.add();
    host_.log(sdk::LogLevel::warn, "timers.record_not_understood",
              {sdk::field("queue_offset", record.queue_offset), sdk::field("log_offset", record.log_offset),
               sdk::field("reason", timer.error())});
    return true;
  }
  if (index_.add(era, timer->entry, timer->topic, timer->out_ms) != TimerIndex::Added::done) return false;
  settings_.added(timer->entry.action_ms);
  return true;
}

}  // namespace gantry::delay
