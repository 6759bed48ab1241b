#pragma once
// A record in RocketMQ's layout (docs/on-disk-format.md), for who sends one to a client: the counterpart of record.hpp.

#include "gantry/sdk/record.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace gantry::sdk {

namespace detail {

inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
  std::array<std::uint32_t, 256> table = {};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320u : 0);
    table[byte] = value;
  }
  return table;
}();

/// As RocketMQ stores it: the CRC-32 of zlib without its highest bit.
inline std::uint32_t body_checksum(std::string_view body) noexcept {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : body) crc = (crc >> 8) ^ crc32_table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFF];
  return ~crc & 0x7FFFFFFF;
}

template <typename T>
void append_integer(std::string& out, T value) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t shift = sizeof(T) * 8; shift != 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(bits) >> (shift - 8)));
  }
}

inline void append_address(std::string& out, const gantry_address& address, std::uint32_t ip_size) {
  out.append(reinterpret_cast<const char*>(address.ip), ip_size);
  append_integer(out, address.port);
}

}  // namespace detail

/// Appends the record to `out`. Its size and checksum are computed, and the bits of sys_flag that tell the families of
/// its addresses follow from these (an address without a size is written as 0.0.0.0). A topic longer than 127 bytes
/// needs the second version of the layout. False, and nothing written: topic or properties are longer than 32767 bytes.
inline bool append_record(std::string& out, const Record& record) {
  constexpr std::size_t text_max = 32767;
  constexpr std::size_t short_topic_max = 127;
  constexpr std::int32_t born_host_v6 = 0x10;
  constexpr std::int32_t store_host_v6 = 0x20;
  if (record.topic.size() > text_max || record.properties.size() > text_max) return false;
  const bool is_long_topic = record.topic.size() > short_topic_max;
  const std::uint32_t born_size = record.born_host.ip_size == 16 ? 16 : 4;
  const std::uint32_t store_size = record.store_host.ip_size == 16 ? 16 : 4;
  std::int32_t sys_flag = record.sys_flag & ~(born_host_v6 | store_host_v6);
  if (born_size == 16) sys_flag |= born_host_v6;
  if (store_size == 16) sys_flag |= store_host_v6;

  const std::size_t begin = out.size();
  detail::append_integer(out, std::uint32_t{0});  // the size, below
  detail::append_integer(out, is_long_topic ? std::uint32_t{0xDAA320AB} : std::uint32_t{0xDAA320A7});
  detail::append_integer(out, detail::body_checksum(record.body));
  detail::append_integer(out, record.queue_id);
  detail::append_integer(out, record.flag);
  detail::append_integer(out, record.queue_offset);
  detail::append_integer(out, record.log_offset);
  detail::append_integer(out, sys_flag);
  detail::append_integer(out, record.born_ms);
  detail::append_address(out, record.born_host, born_size);
  detail::append_integer(out, record.store_ms);
  detail::append_address(out, record.store_host, store_size);
  detail::append_integer(out, record.reconsume_count);
  detail::append_integer(out, record.prepared_offset);
  detail::append_integer(out, static_cast<std::uint32_t>(record.body.size()));
  out.append(record.body);
  if (is_long_topic) {
    detail::append_integer(out, static_cast<std::uint16_t>(record.topic.size()));
  } else {
    detail::append_integer(out, static_cast<std::uint8_t>(record.topic.size()));
  }
  out.append(record.topic);
  detail::append_integer(out, static_cast<std::uint16_t>(record.properties.size()));
  out.append(record.properties);
  std::string size;
  detail::append_integer(size, static_cast<std::uint32_t>(out.size() - begin));
  out.replace(begin, size.size(), size);
  return true;
}

}  // namespace gantry::sdk
