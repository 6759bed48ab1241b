#pragma once
// An IP address and port, as records, message ids and headers carry them.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::protocol {

/// A value. IPv4 uses the first 4 bytes of `ip`, IPv6 all 16; network byte order. The rest is zero.
struct Host {
  std::array<std::uint8_t, 16> ip{};
  std::uint8_t ip_size = 4;  ///< 4 or 16
  std::uint32_t port = 0;

  [[nodiscard]] bool is_v6() const noexcept { return ip_size == 16; }
  /// Bytes in a record or id: the address and a 32-bit port.
  [[nodiscard]] std::size_t encoded_size() const noexcept { return is_v6() ? 20 : 8; }
  friend auto operator<=>(const Host&, const Host&) noexcept = default;
};

/// Between this and the seam's struct. An ip_size other than 16 reads as IPv4.
Host host_of(const gantry_address& address) noexcept;
gantry_address to_abi(const Host& host) noexcept;

/// Writes host.encoded_size() bytes / reads 8 or 20 bytes.
void encode_host(const Host& host, std::byte* to) noexcept;
Host decode_host(const std::byte* from, bool is_v6) noexcept;

/// "10.0.0.1:10911" or "[fe80::1]:10911".
std::string to_string(const Host& host);
/// Reads that form (IPv6 also without brackets, as Java writes it). Names are not resolved. Port 0..65535.
Result<Host> parse_host(std::string_view text);

}  // namespace gantry::protocol
