#pragma once
// Reading records from the store: one by its place in the log, or a queue from an offset on.

#include "gantry/sdk/held_bytes.hpp"
#include "gantry/sdk/record.hpp"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

namespace gantry::txn {

/// A record in the store's memory, given back when this ends.
using HeldRecord = sdk::HeldBytes;

/// [may block] Calls `each` with every stored record of a queue from `offset` on, as long as it answers true. Answers
/// where to go on; holes and removed stretches are passed over. The bytes are borrowed for the call.
Result<std::int64_t> read_queue(sdk::Store& store, gantry_queue* queue, std::int64_t offset,
                                const std::function<bool(std::string_view bytes)>& each);

}  // namespace gantry::txn
