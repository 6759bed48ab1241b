#pragma once
// A stored record, as reads of a store return it, in RocketMQ's layout (docs/on-disk-format.md).

#include "gantry/abi/types.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace gantry::sdk {

/// What a record says. Views into the bytes it was read from.
struct Record {
  std::uint32_t size = 0;  ///< of the whole record
  std::int32_t queue_id = 0;
  std::int32_t flag = 0;  ///< the application's
  std::int32_t sys_flag = 0;
  std::int64_t queue_offset = 0;
  std::int64_t log_offset = 0;
  std::int64_t born_ms = 0;
  std::int64_t store_ms = 0;
  std::int64_t prepared_offset = 0;
  std::int32_t reconsume_count = 0;
  gantry_address born_host = {};
  gantry_address store_host = {};
  std::string_view body = {};
  std::string_view topic = {};
  std::string_view properties = {};  ///< see gantry/sdk/properties.hpp
};

namespace detail {

/// Reads big-endian integers and says at the end whether all of them were there.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <typename T>
  T integer() noexcept {
    const std::string_view bytes = text(sizeof(T));
    std::make_unsigned_t<T> value = 0;
    for (const char byte : bytes) {
      value = static_cast<std::make_unsigned_t<T>>((static_cast<std::uint64_t>(value) << 8) |
                                                   static_cast<std::uint8_t>(byte));
    }
    return static_cast<T>(value);
  }
  std::string_view text(std::int64_t size) noexcept {
    if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view bytes = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  gantry_address address(bool is_v6) noexcept {
    gantry_address address = {};
    address.ip_size = is_v6 ? 16 : 4;
    const std::string_view ip = text(address.ip_size);
    if (!ip.empty()) std::memcpy(address.ip, ip.data(), ip.size());
    address.port = integer<std::uint32_t>();
    return address;
  }
  [[nodiscard]] bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace detail

/// The record at the start of `bytes`, which may go on behind it; nothing when there is none. Believes no length.
inline std::optional<Record> read_record(std::string_view bytes) noexcept {
  constexpr std::uint32_t magic_v1 = 0xDAA320A7;
  constexpr std::uint32_t magic_v2 = 0xDAA320AB;  // with a long topic
  constexpr std::int32_t born_host_v6 = 0x10;
  constexpr std::int32_t store_host_v6 = 0x20;
  Record record;
  record.size = detail::RecordReader(bytes).integer<std::uint32_t>();
  if (record.size < 8 || record.size > bytes.size()) return std::nullopt;
  detail::RecordReader reader(bytes.substr(0, record.size));
  reader.text(4);
  const auto magic = reader.integer<std::uint32_t>();
  if (magic != magic_v1 && magic != magic_v2) return std::nullopt;
  reader.text(4);  // the body's checksum, which the store has compared
  record.queue_id = reader.integer<std::int32_t>();
  record.flag = reader.integer<std::int32_t>();
  record.queue_offset = reader.integer<std::int64_t>();
  record.log_offset = reader.integer<std::int64_t>();
  record.sys_flag = reader.integer<std::int32_t>();
  record.born_ms = reader.integer<std::int64_t>();
  record.born_host = reader.address((record.sys_flag & born_host_v6) != 0);
  record.store_ms = reader.integer<std::int64_t>();
  record.store_host = reader.address((record.sys_flag & store_host_v6) != 0);
  record.reconsume_count = reader.integer<std::int32_t>();
  record.prepared_offset = reader.integer<std::int64_t>();
  record.body = reader.text(reader.integer<std::int32_t>());
  record.topic = reader.text(magic == magic_v2 ? reader.integer<std::int16_t>() : reader.integer<std::int8_t>());
  record.properties = reader.text(reader.integer<std::int16_t>());
  if (!reader.complete()) return std::nullopt;
  return record;
}

}  // namespace gantry::sdk
