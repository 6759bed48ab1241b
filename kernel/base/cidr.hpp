#pragma once
// Sets of network addresses, for "who may do this" options.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

/// A list of address ranges: "10.0.0.0/8", "192.168.1.7", "fd00::/8", or the words "loopback" (127.0.0.0/8 and ::1),
/// "private" (RFC 1918, fc00::/7, link-local and loopback) and "any". An IPv4-mapped IPv6 address (::ffff:a.b.c.d)
/// counts as the IPv4 one. A value: copies and compares. [any-thread]
class CidrSet {
 public:
  static constexpr std::size_t ranges_max = 1024;

  CidrSet() = default;  ///< contains nothing

  /// Errors name the entry and what was expected. Host bits behind the prefix must be zero ("10.0.0.1/8" is refused,
  /// because it is not clear which of the two was meant).
  static Result<CidrSet> parse(std::span<const std::string> entries);

  /// `ip` is 4 or 16 bytes in network order; any other size is in no set.
  [[nodiscard]] bool contains(std::span<const std::uint8_t> ip) const noexcept;
  [[nodiscard]] bool contains(const gantry_address& address) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }

  friend bool operator==(const CidrSet&, const CidrSet&) = default;

 private:
  struct Range {
    std::array<std::uint8_t, 16> ip{};  // IPv4 as ::ffff:a.b.c.d
    std::uint32_t prefix_bits = 0;      // 0 to 128
    friend bool operator==(const Range&, const Range&) = default;
  };
  Result<void> add(std::string_view entry);
  std::vector<Range> ranges_;
};

}  // namespace gantry
