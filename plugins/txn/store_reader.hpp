#pragma once
// Reading records from the store: one by its place in the log, or a queue from an offset on.

#include "gantry/sdk/record.hpp"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace gantry::txn {

/// A record in the store's memory, given back when this ends.
class HeldRecord {
 public:
  /// `options`: GANTRY_READ_MAY_BLOCK or 0; without it Errc::would_block. Errc::not_found: no record begins there.
  static Result<HeldRecord> read(sdk::Store& store, std::int64_t log_offset, std::uint32_t options);

  HeldRecord(HeldRecord&& other) noexcept
      : store_(other.store_), owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}
  HeldRecord& operator=(HeldRecord&&) = delete;
  ~HeldRecord() {
    if (owner_ != nullptr) store_->release(owner_);
  }

  /// Valid as long as this object.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

 private:
  HeldRecord(sdk::Store& store, gantry_read_owner* owner, std::string_view bytes) noexcept
      : store_(&store), owner_(owner), bytes_(bytes) {}

  sdk::Store* store_;
  gantry_read_owner* owner_;
  std::string_view bytes_;
};

/// [may block] Calls `each` with every stored record of a queue from `offset` on, as long as it answers true. Answers
/// where to go on; holes and removed stretches are passed over. The bytes are borrowed for the call.
Result<std::int64_t> read_queue(sdk::Store& store, gantry_queue* queue, std::int64_t offset,
                                const std::function<bool(std::string_view bytes)>& each);

}  // namespace gantry::txn
