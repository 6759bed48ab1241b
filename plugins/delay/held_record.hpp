#pragma once
// A record of the store that stays readable as long as its holder.

#include "gantry/sdk/record.hpp"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace gantry::delay {

/// A resource; `store` outlives it.
class HeldRecord {
 public:
  HeldRecord() = default;
  HeldRecord(HeldRecord&& other) noexcept
      : store_(other.store_), owner_(std::exchange(other.owner_, nullptr)), record_(other.record_) {}
  HeldRecord& operator=(HeldRecord&& other) noexcept {
    std::swap(store_, other.store_);
    std::swap(owner_, other.owner_);
    std::swap(record_, other.record_);
    return *this;
  }
  ~HeldRecord() {
    if (owner_ != nullptr) store_->release(owner_);
  }

  /// [may block] Errc::not_found: no record begins there.
  static Result<HeldRecord> read(sdk::Store& store, std::int64_t log_offset) {
    gantry_slice slice = {};
    gantry_read_result result = {};
    result.struct_size = sizeof result;
    result.slices = &slice;
    result.slice_capacity = 1;
    GANTRY_TRY(store.read_record(log_offset, GANTRY_READ_MAY_BLOCK, result));
    HeldRecord held;
    held.store_ = &store;
    held.owner_ = result.owner;
    const auto record =
        result.slice_count == 1 ? sdk::read_record({static_cast<const char*>(slice.data), slice.size}) : std::nullopt;
    if (!record) {
      return Error{Errc::corrupt, "the record at log offset " + std::to_string(log_offset) + " cannot be understood"};
    }
    held.record_ = *record;
    return held;
  }

  [[nodiscard]] const sdk::Record& record() const noexcept { return record_; }

 private:
  sdk::Store* store_ = nullptr;
  gantry_read_owner* owner_ = nullptr;
  sdk::Record record_;
};

}  // namespace gantry::delay
