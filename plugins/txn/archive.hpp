#pragma once
// How transactions ended, as far as the store can tell: it finds messages by their key.

#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::txn {

/// [any-thread][may block] Questions to the store's index. Errc::unsupported where the store keeps none; Errc::busy
/// while the index has not come to `until`, an offset of the log, so that not finding something means nothing.
class Archive {
 public:
  explicit Archive(sdk::Store& store) : store_(store) {}

  /// The committed message of a transaction: its place in the log. Compares group, key and sys_flag.
  Result<std::optional<std::int64_t>> find_committed(std::string_view topic, std::string_view group,
                                                     std::string_view uniq_key, std::int64_t until);
  /// Log offsets of the messages of a topic with that UNIQ_KEY, oldest first, the newest `count_max` of them.
  Result<std::vector<std::int64_t>> find(std::string_view topic, std::string_view uniq_key, std::uint32_t count_max,
                                         std::int64_t until);

 private:
  sdk::Store& store_;
};

}  // namespace gantry::txn
