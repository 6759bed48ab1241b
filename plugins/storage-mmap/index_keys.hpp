#pragma once
// Which keys a record is found by, and how RocketMQ hashes them: "<topic>#<key>" for the property UNIQ_KEY and for
// every word of the property KEYS. Source: classes IndexService, IndexFile.
//
// All functions are [any-thread] and allocate nothing once their vectors are warm.

#include <cstdint>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap {

/// "<topic>#<key>" as RocketMQ hashes it, not negative.
[[nodiscard]] std::int32_t index_hash(std::string_view topic, std::string_view key) noexcept;

/// What the hashes of a topic's keys begin with; the same for all its messages.
using IndexSeed = std::uint32_t;
[[nodiscard]] IndexSeed index_seed(std::string_view topic) noexcept;
[[nodiscard]] std::int32_t index_hash(IndexSeed seed, std::string_view key) noexcept;

/// Replaces `hashes` by those of the record's keys, in RocketMQ's order. Of equal property names the last one counts,
/// `properties_more` following `properties`; a message that was rolled back has no keys. One pass over the text.
void record_keys(IndexSeed seed, std::string_view properties, std::string_view properties_more, std::int32_t sys_flag,
                 std::vector<std::int32_t>& hashes);
void record_keys(std::string_view topic, std::string_view properties, std::string_view properties_more,
                 std::int32_t sys_flag, std::vector<std::int32_t>& hashes);

}  // namespace gantry::storage_mmap
