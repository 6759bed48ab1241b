#pragma once
// Where entries wait: the live table, the frozen one, or a run. Internal to TimerIndex, guarded by its lock.

#include "plugins/delay/entry.hpp"
#include "plugins/delay/run.hpp"
#include "plugins/delay/state.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace gantry::delay {

/// For std::push_heap and its siblings: the first entry on top.
inline bool comes_after(const Entry& a, const Entry& b) noexcept { return comes_before(b, a); }

struct Source {
  // A table: a heap.
  std::vector<Entry> entries;
  std::map<std::uint32_t, std::int64_t> counts;  ///< topic hash -> not retired
  bool is_copied = false;     ///< its entries are being written to a run; from here on it is popped front to back
  std::int64_t scan_end = 0;  ///< of a frozen one: where the scan of the topic had come to
  std::uint64_t barrier = 0;  ///< of a copied one: what was popped in epochs up to this is not in the copy

  // A run.
  std::optional<RunReader> reader;
  std::int64_t log_end = INT64_MAX;  ///< entries at or beyond it are void

  // A copied table or a run.
  std::uint64_t popped = 0;
  std::uint64_t retired = 0;
  std::int64_t last_popped_ms = INT64_MIN;
  std::shared_ptr<Source> successor;  ///< the run that took its entries over

  [[nodiscard]] std::uint64_t left() const noexcept {
    return reader ? reader->info().entry_count - popped : entries.size();
  }
};

}  // namespace gantry::delay
