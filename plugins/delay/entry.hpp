#pragma once
// One pending timer, as memory and files hold it: when something is to be done, and where its record is.

#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace gantry::delay {

/// What a timer record is. The order matters: of entries with the same time the smaller kind comes first, so that a
/// cancel is seen before what it cancels.
enum class EntryKind : std::uint8_t {
  cancel = 0,  ///< ends the timer with the same key
  rolled = 1,  ///< appended again before its first record expired
  timer = 2,
};

/// 48 bytes, the same in memory and on disk (little-endian).
struct Entry {
  std::int64_t action_ms = 0;     ///< wall clock; when it is due, or when it is to be rolled
  std::int64_t log_offset = 0;    ///< of the record in the log
  std::int64_t queue_offset = 0;  ///< in the timer topic; unique
  std::uint64_t key_hash = 0;     ///< of the real topic and UNIQ_KEY; 0: without a UNIQ_KEY, cannot be cancelled
  std::uint32_t record_size = 0;
  std::uint32_t topic_hash = 0;  ///< of the real topic, for counting
  EntryKind kind = EntryKind::timer;
  bool is_roll = false;  ///< the action is to append it again, not to deliver it
  bool is_void = false;  ///< its record was lost with the log's end in a power cut
  std::uint8_t padding[5] = {};

  [[nodiscard]] std::int64_t log_end() const noexcept { return log_offset + record_size; }
};
static_assert(sizeof(Entry) == 48 && std::is_trivially_copyable_v<Entry>);
static_assert(std::endian::native == std::endian::little, "entries are written as they are in memory");

/// The order of everything: time, kind, queue offset. Total, because queue offsets are unique. Copies of a rolled timer
/// are next to each other.
inline bool comes_before(const Entry& a, const Entry& b) noexcept {
  if (a.action_ms != b.action_ms) return a.action_ms < b.action_ms;
  if (a.kind != b.kind) return a.kind < b.kind;
  if (a.kind == EntryKind::rolled && a.key_hash != b.key_hash) return a.key_hash < b.key_hash;
  return a.queue_offset < b.queue_offset;
}

constexpr std::uint64_t hash_bytes(std::string_view text, std::uint64_t seed = 0xCBF29CE484222325) noexcept {
  for (const char c : text) seed = (seed ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
  return seed;
}

/// Hash of (topic, UNIQ_KEY). Equal hashes are a reason to compare the records, no proof.
inline std::uint64_t key_hash_of(std::string_view topic, std::string_view unique_key) noexcept {
  if (unique_key.empty()) return 0;
  const std::uint64_t hash = hash_bytes(unique_key, hash_bytes("+", hash_bytes(topic)));
  return hash == 0 ? 1 : hash;
}

inline std::uint32_t topic_hash_of(std::string_view topic) noexcept {
  const std::uint64_t hash = hash_bytes(topic);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace gantry::delay
