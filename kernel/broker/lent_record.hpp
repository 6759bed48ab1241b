#pragma once
// One record that the store lends, by its position in the log.

#include "gantry/sdk/store.hpp"
#include "kernel/routing/topic_table.hpp"
#include "protocol/bytes.hpp"
#include "protocol/stored_record.hpp"

#include <cstdint>

namespace gantry::broker {

/// Where a position in the log comes from.
enum class PositionFrom : std::uint8_t {
  store,   ///< the store said that a record begins there
  client,  ///< anybody said so: bytes inside the body of a message can look like a record
};

/// A record and its decoded form, given back to the store by the destructor. Lives on one thread of the blocking pool.
///
/// A client's position is believed when the store can prove it: the queue that the record claims to be in points to it,
/// or, for a half message (which no queue points to) and for a queue that cannot tell at present, the index of keys
/// does.
class LentRecord {
 public:
  /// [may block]
  LentRecord(sdk::Store& store, const routing::TopicTable& topics, std::int64_t log_offset, PositionFrom from);
  LentRecord(const LentRecord&) = delete;
  LentRecord& operator=(const LentRecord&) = delete;
  ~LentRecord() {
    if (result_.owner != nullptr) store_.release(result_.owner);
  }

  /// What follows is only there when this is good. Errc::not_found: no record that may be shown begins there.
  /// Errc::busy: a moment later it may be proven that one does.
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] const protocol::RecordView& view() const noexcept { return view_; }
  [[nodiscard]] protocol::ByteView bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::int64_t log_end() const noexcept { return view_.log_offset + view_.size; }

 private:
  [[nodiscard]] Status prove(const routing::TopicTable& topics);
  [[nodiscard]] bool index_points_to_it();

  sdk::Store& store_;
  gantry_slice slice_{};
  gantry_read_result result_{};
  Status status_;
  protocol::ByteView bytes_;
  protocol::RecordView view_;
};

}  // namespace gantry::broker
