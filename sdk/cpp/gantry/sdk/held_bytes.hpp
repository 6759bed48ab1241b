#pragma once
// The bytes of one stored record, which stay readable as long as their holder. Read them with gantry/sdk/record.hpp.

#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::sdk {

/// A resource: given back to the store when this ends, which outlives it.
class HeldBytes {
 public:
  HeldBytes() = default;
  HeldBytes(HeldBytes&& other) noexcept { swap(other); }
  HeldBytes& operator=(HeldBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~HeldBytes() {
    if (owner_ != nullptr) store_->release(owner_);
  }

  /// The record that begins at `log_offset`. `options`: GANTRY_READ_MAY_BLOCK or 0; without it Errc::would_block.
  /// Errc::not_found: no record begins there.
  static Result<HeldBytes> read(Store& store, std::int64_t log_offset, std::uint32_t options = GANTRY_READ_MAY_BLOCK) {
    if (log_offset < 0) return Error{Errc::not_found, "no record begins before the log"};
    gantry_slice slice = {};
    gantry_read_result result = {};
    result.struct_size = sizeof result;
    result.slices = &slice;
    result.slice_capacity = 1;
    GANTRY_TRY(store.read_record(log_offset, options, result));
    if (result.owner == nullptr || result.slice_count == 0) {
      return Error{Errc::not_found, "no record begins at log offset " + std::to_string(log_offset)};
    }
    HeldBytes held;
    held.store_ = &store;
    held.owner_ = result.owner;
    held.bytes_ = {static_cast<const char*>(slice.data), static_cast<std::size_t>(slice.size)};
    return held;
  }

  /// Valid as long as this object.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

 private:
  void swap(HeldBytes& other) noexcept {
    std::swap(store_, other.store_);
    std::swap(owner_, other.owner_);
    std::swap(bytes_, other.bytes_);
  }

  Store* store_ = nullptr;
  gantry_read_owner* owner_ = nullptr;
  std::string_view bytes_;
};

}  // namespace gantry::sdk
