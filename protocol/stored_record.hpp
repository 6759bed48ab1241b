#pragma once
// A record of the commit log, which is also an element of a pull body. Source: classes MessageDecoder, CommitLog.
//
//   at   size  field                        at (v4 hosts)
//    0   4     total size, this included
//    4   4     magic: V1, V2, or blank
//    8   4     CRC-32 of the body, sign bit cleared
//   12   4     queue id
//   16   4     flag (the application's)
//   20   8     queue offset                 <- patched under the append lock
//   28   8     log offset of this record    <- patched
//   36   4     sysFlag
//   40   8     born time, ms
//   48   8|20  born host: address, 32-bit port (20 with sys_flag::born_host_v6)
//   56+  8     store time, ms               <- patched
//   64+  8|20  store host
//   72+  4     reconsume count
//   76+  8     log offset of the half message that this commits, else 0
//   84+  4+n   body
//        1+n   topic (V1: one signed byte of size, at most 127; V2: two bytes)
//        2+n   properties, at most 32767
//
// A blank record fills the rest of a file: size of the rest (4), blank magic (4), anything. Integers are big-endian.

#include "gantry/sdk/result.hpp"
#include "protocol/bytes.hpp"
#include "protocol/host.hpp"
#include "protocol/sys_flag.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantry::protocol {

inline constexpr std::uint32_t record_magic_v1 = 0xDAA320A7;
inline constexpr std::uint32_t record_magic_v2 = 0xDAA320AB;
inline constexpr std::uint32_t record_magic_blank = 0xCBD43194;

namespace record_at {
inline constexpr std::size_t total_size = 0;
inline constexpr std::size_t magic = 4;
inline constexpr std::size_t body_crc = 8;
inline constexpr std::size_t queue_id = 12;
inline constexpr std::size_t flag = 16;
inline constexpr std::size_t queue_offset = 20;
inline constexpr std::size_t log_offset = 28;
inline constexpr std::size_t sys_flag = 36;
inline constexpr std::size_t born_ms = 40;
inline constexpr std::size_t born_host = 48;
}  // namespace record_at

inline constexpr std::size_t blank_size_min = 8;       ///< stays free behind every record of a file
inline constexpr std::size_t record_size_v4_min = 91;  ///< V1, both hosts IPv4, nothing in body, topic and properties
inline constexpr std::size_t topic_size_v1_max = 127;
inline constexpr std::size_t topic_size_v2_max = 32767;
static_assert(record_size_v4_min == record_at::born_host + 8 + 8 + 8 + 4 + 8 + 4 + 1 + 2);

/// Where the store time is, which depends on the born host's family.
constexpr std::size_t store_ms_position(std::int32_t record_sys_flag) noexcept {
  return record_at::born_host + ((record_sys_flag & sys_flag::born_host_v6) != 0 ? 20 : 8);
}

/// What a record is made of. All bytes are borrowed. The address-family bits of sys_flag are set by the encoder.
struct RecordSource {
  std::string_view topic{};
  ByteView body{};
  std::string_view properties{};
  std::string_view properties_more = {};  ///< follows `properties` without a separator
  std::uint32_t body_crc = 0;             ///< crc32_positive(body): computed by the caller, before any lock
  std::int32_t queue_id = 0;
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;
  std::int64_t queue_offset = 0;
  std::int64_t log_offset = 0;
  std::int64_t born_ms = 0;
  std::int64_t store_ms = 0;
  std::int64_t prepared_offset = 0;
  std::int32_t reconsume_count = 0;
  Host born_host{};
  Host store_host{};
};

/// The size of the record; too_large when topic, properties or the whole do not fit their length fields. A topic of
/// more than topic_size_v1_max bytes makes a V2 record. [any-thread]
Result<std::size_t> record_size(const RecordSource& source);
/// The same for callers that checked the parts before: no failure path.
std::size_t record_size_unchecked(const RecordSource& source) noexcept;

/// Writes the record to `to`, which has room for record_size(source) bytes; returns that size. No allocation.
/// What record_size() refuses must not come here.
std::size_t encode_record(const RecordSource& source, std::byte* to) noexcept;

/// Fills in what is known only under the append lock, in a record that encode_record() made.
void patch_record(std::byte* record, std::int64_t queue_offset, std::int64_t log_offset,
                  std::int64_t store_ms) noexcept;

/// Writes the head of a blank record that covers `size` >= blank_size_min bytes.
void encode_blank(std::byte* to, std::uint32_t size) noexcept;

/// A decoded record. Views into the bytes it was decoded from.
struct RecordView {
  std::uint32_t size = 0;
  std::uint32_t magic = 0;
  std::uint32_t body_crc = 0;
  std::int32_t queue_id = 0;
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;
  std::int64_t queue_offset = 0;
  std::int64_t log_offset = 0;
  std::int64_t born_ms = 0;
  std::int64_t store_ms = 0;
  std::int64_t prepared_offset = 0;
  std::int32_t reconsume_count = 0;
  Host born_host{};
  Host store_host{};
  ByteView body{};
  std::string_view topic{};
  std::string_view properties{};
};

enum class RecordOutcome : std::uint8_t {
  ok,
  blank,          ///< `view.size` bytes up to the end of the file hold nothing
  too_short,      ///< fewer bytes than the record says, or than any record has
  bad_magic,      ///< not a record: what lies here was never written, or is damaged
  bad_field,      ///< a length is negative or reaches beyond the record
  size_mismatch,  ///< the parts add up to another size than the record says
  crc_mismatch,   ///< the body is damaged
};
std::string_view to_string(RecordOutcome outcome) noexcept;

enum class CheckBody : std::uint8_t { no, crc };

/// Decodes the record at the start of `in` (which may go on behind it), believing nothing. [any-thread], no allocation.
RecordOutcome decode_record(ByteView in, RecordView& out, CheckBody check = CheckBody::no) noexcept;

/// The optional checksum over a whole record: its last 20 bytes, the property "__CRC32#". Off by default in RocketMQ.
inline constexpr std::size_t property_crc_size = 20;
/// Overwrites the last 20 bytes (reserved by the properties) of an otherwise complete record. Digits are written
/// least significant first, as Java does.
void write_property_crc(std::byte* record, std::size_t size) noexcept;
/// True when the record ends in such a property and it is right.
bool property_crc_matches(ByteView record) noexcept;

}  // namespace gantry::protocol
