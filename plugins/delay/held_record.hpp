#pragma once
// A record of the store that stays readable as long as its holder.

#include "gantry/sdk/held_bytes.hpp"
#include "gantry/sdk/record.hpp"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace gantry::delay {

/// A resource; `store` outlives it.
class HeldRecord {
 public:
  HeldRecord() = default;

  /// [may block] Errc::not_found: no record begins there.
  static Result<HeldRecord> read(sdk::Store& store, std::int64_t log_offset) {
    HeldRecord held;
    GANTRY_ASSIGN(held.bytes_, sdk::HeldBytes::read(store, log_offset));
    const auto record = sdk::read_record(held.bytes_.bytes());
    if (!record) {
      return Error{Errc::corrupt, "the record at log offset " + std::to_string(log_offset) + " cannot be understood"};
    }
    held.record_ = *record;
    return held;
  }

  [[nodiscard]] const sdk::Record& record() const noexcept { return record_; }

 private:
  sdk::HeldBytes bytes_;
  sdk::Record record_;
};

}  // namespace gantry::delay
