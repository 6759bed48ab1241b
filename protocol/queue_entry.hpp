#pragma once
// An entry of a consume queue, and the tag code that it carries. Source: class ConsumeQueue.
//
//   at  size  field
//    0   8    log offset of the record
//    8   4    size of the record
//   12   8    tag code: hash of TAGS; for a delayed message the time of its delivery in ms
//
// Entries that were never written are zero. A queue whose first message has an offset in the middle of a file begins
// with pre-blank entries: log offset 0, size 0x7FFFFFFF, tag code 0.

#include "protocol/bytes.hpp"
#include "protocol/java_hash.hpp"
#include "protocol/properties.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gantry::protocol {

inline constexpr std::size_t queue_entry_size = 20;
inline constexpr std::int32_t queue_entry_blank_size = 0x7FFFFFFF;

struct QueueEntry {
  std::int64_t log_offset = 0;
  std::int32_t size = 0;
  std::int64_t tag_code = 0;

  [[nodiscard]] bool is_pre_blank() const noexcept { return log_offset == 0 && size == queue_entry_blank_size; }
  /// Something was written here: a record's entry or a pre-blank one.
  [[nodiscard]] bool is_written() const noexcept { return log_offset >= 0 && size > 0; }
  [[nodiscard]] std::int64_t log_end() const noexcept { return log_offset + size; }
  friend bool operator==(const QueueEntry&, const QueueEntry&) noexcept = default;
};

/// Writes queue_entry_size bytes.
inline void encode_queue_entry(const QueueEntry& entry, std::byte* to) noexcept {
  store_big_endian<std::int64_t>(to, entry.log_offset);
  store_big_endian<std::int32_t>(to + 8, entry.size);
  store_big_endian<std::int64_t>(to + 12, entry.tag_code);
}

/// Reads queue_entry_size bytes.
inline QueueEntry decode_queue_entry(const std::byte* from) noexcept {
  return {load_big_endian<std::int64_t>(from), load_big_endian<std::int32_t>(from + 8),
          load_big_endian<std::int64_t>(from + 12)};
}

/// Messages of this topic wait for their delivery time; their DELAY property is a level of the table below.
inline constexpr std::string_view schedule_topic = "SCHEDULE_TOPIC_XXXX";
/// RocketMQ's default levels 1..18, in milliseconds.
inline constexpr std::array<std::int64_t, 18> delay_level_ms = {
    1'000,   5'000,   10'000,  30'000,  60'000,  120'000,   180'000,   240'000,   300'000,
    360'000, 420'000, 480'000, 540'000, 600'000, 1'200'000, 1'800'000, 3'600'000, 7'200'000};

/// The tag code of an entry, as far as it is known before the store timestamp is.
struct EntryTag {
  std::int64_t code = 0;
  bool is_relative = false;  ///< the tag code is `code` + the store timestamp

  [[nodiscard]] std::int64_t at(std::int64_t store_ms) const noexcept { return is_relative ? code + store_ms : code; }
};

/// Of a message with these properties, the second text following the first; `levels_ms` are the delays of the levels 1,
/// 2, ..., at least one. [any-thread], no allocation.
inline EntryTag entry_tag(std::span<const std::int64_t> levels_ms, std::string_view topic, std::string_view properties,
                          std::string_view properties_more = {}) noexcept {
  const auto value_of = [&](std::string_view name) {
    const auto later = find_property(properties_more, name);
    return later.empty() ? find_property(properties, name) : later;
  };
  if (topic == schedule_topic) {
    const auto text = value_of(property::delay);
    int level = 0;
    std::from_chars(text.data(), text.data() + text.size(), level);
    if (level > 0) {
      const auto index = static_cast<std::size_t>(level) - 1;
      return {levels_ms[index < levels_ms.size() ? index : levels_ms.size() - 1], true};
    }
  }
  return {tag_code(value_of(property::tags)), false};
}

}  // namespace gantry::protocol
