#pragma once
// Offset message ids: the address of the broker and the place in its log, in hexadecimal digits.

#include "gantry/abi/types.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace gantry::txn {

inline std::string make_message_id(const gantry_address& store_host, std::int64_t log_offset) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string id;
  const auto put = [&id](std::uint64_t value, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) id += hex[(value >> shift) & 15];
  };
  for (std::uint32_t i = 0; i < store_host.ip_size && i < sizeof store_host.ip; ++i) put(store_host.ip[i], 2);
  put(store_host.port, 8);
  put(static_cast<std::uint64_t>(log_offset), 16);
  return id;
}

/// The log offset that an id names; nothing when it is no such id.
inline std::optional<std::int64_t> log_offset_in(std::string_view message_id) noexcept {
  constexpr std::size_t size_v4 = 32;
  constexpr std::size_t size_v6 = 56;
  if (message_id.size() != size_v4 && message_id.size() != size_v6) return std::nullopt;
  if (message_id.find_first_not_of("0123456789ABCDEFabcdef") != std::string_view::npos) return std::nullopt;
  const std::string_view digits = message_id.substr(message_id.size() - 16);
  std::uint64_t offset = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), offset, 16);
  if (failed != std::errc() || offset > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(offset);
}

}  // namespace gantry::txn
