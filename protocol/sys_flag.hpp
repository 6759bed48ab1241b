#pragma once
// Bits of a message's sysFlag and of a topic's permission. Source: classes MessageSysFlag and PermName.

#include <cstdint>

namespace gantry::protocol {

namespace sys_flag {
inline constexpr std::int32_t compressed = 0x1;
inline constexpr std::int32_t multi_tags = 0x2;
inline constexpr std::int32_t transaction_mask = 0xC;
inline constexpr std::int32_t transaction_none = 0x0;
inline constexpr std::int32_t transaction_prepared = 0x4;
inline constexpr std::int32_t transaction_commit = 0x8;
inline constexpr std::int32_t transaction_rollback = 0xC;
inline constexpr std::int32_t born_host_v6 = 0x10;
inline constexpr std::int32_t store_host_v6 = 0x20;
inline constexpr std::int32_t need_unwrap = 0x40;
inline constexpr std::int32_t inner_batch = 0x80;
inline constexpr std::int32_t compression_mask = 0x700;
inline constexpr std::int32_t compression_lz4 = 0x100;
inline constexpr std::int32_t compression_zstd = 0x200;
inline constexpr std::int32_t compression_zlib = 0x300;  ///< with `compressed`, no compression bits mean zlib as well

constexpr std::int32_t transaction_of(std::int32_t flag) noexcept { return flag & transaction_mask; }
constexpr std::int32_t with_transaction(std::int32_t flag, std::int32_t kind) noexcept {
  return (flag & ~transaction_mask) | kind;
}
/// Whether a record with these bits is a message of its queue: half and rolled-back ones of old brokers have no entry.
constexpr bool takes_queue_offset(std::int32_t flag) noexcept {
  return transaction_of(flag) == transaction_none || transaction_of(flag) == transaction_commit;
}
}  // namespace sys_flag

namespace perm {
inline constexpr std::int32_t priority = 8;  ///< not in use
inline constexpr std::int32_t read = 4;
inline constexpr std::int32_t write = 2;
inline constexpr std::int32_t inherit = 1;  ///< topics may be created after this one's pattern

constexpr bool is_readable(std::int32_t value) noexcept { return (value & read) != 0; }
constexpr bool is_writable(std::int32_t value) noexcept { return (value & write) != 0; }
constexpr bool is_inherited(std::int32_t value) noexcept { return (value & inherit) != 0; }
}  // namespace perm

}  // namespace gantry::protocol
