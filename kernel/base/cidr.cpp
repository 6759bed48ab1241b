#include "kernel/base/cidr.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace gantry {
namespace {

using Ip = std::array<std::uint8_t, 16>;

constexpr std::uint32_t v4_offset_bits = 96;  // IPv4 addresses live in ::ffff:0:0/96

Ip map_v4(const std::uint8_t* four) noexcept {
  Ip ip{};
  ip[10] = 0xFF;
  ip[11] = 0xFF;
  std::memcpy(ip.data() + 12, four, 4);
  return ip;
}

bool matches(const Ip& ip, const Ip& network, std::uint32_t prefix_bits) noexcept {
  const std::size_t whole = prefix_bits / 8;
  if (std::memcmp(ip.data(), network.data(), whole) != 0) return false;
  const std::uint32_t rest = prefix_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - rest));
  return (ip[whole] & mask) == (network[whole] & mask);
}

bool has_host_bits(const Ip& ip, std::uint32_t prefix_bits) noexcept {
  for (std::uint32_t bit = prefix_bits; bit < 128; ++bit) {
    if ((ip[bit / 8] >> (7 - bit % 8)) & 1U) return true;
  }
  return false;
}

struct Word {
  std::string_view name;
  std::array<std::string_view, 8> ranges;
};
constexpr Word words[] = {
    {"loopback", {"127.0.0.0/8", "::1/128"}},
    {"private",
     {"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7",
      "fe80::/10"}},
    {"any", {"::/0"}},
};

Error refused(std::string_view entry, std::string_view found) {
  return Error{
      Errc::invalid_argument,
      "expected an address range such as \"10.0.0.0/8\", \"192.168.1.7\", \"fd00::/8\", or loopback, private, any; "
      "found \"" +
          std::string(entry) + "\"" + std::string(found)};
}

}  // namespace

Result<CidrSet> CidrSet::parse(std::span<const std::string> entries) {
  if (entries.size() > ranges_max) {
    return Error{Errc::too_large, "address ranges: expected at most " + std::to_string(ranges_max) +
                                      " entries, found " + std::to_string(entries.size())};
  }
  CidrSet set;
  for (const std::string& entry : entries) {
    const auto* word = std::find_if(std::begin(words), std::end(words), [&](const Word& w) { return w.name == entry; });
    if (word == std::end(words)) {
      GANTRY_TRY(set.add(entry));
      continue;
    }
    for (const std::string_view range : word->ranges) {
      if (!range.empty()) GANTRY_TRY(set.add(range));
    }
  }
  return set;
}

Result<void> CidrSet::add(std::string_view entry) {
  const std::size_t slash = entry.find('/');
  const std::string host(entry.substr(0, slash));
  Range range;
  std::uint32_t bits = 128;
  std::uint32_t offset = 0;
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    std::uint8_t four[4];
    std::memcpy(four, &v4, 4);
    range.ip = map_v4(four);
    bits = 32;
    offset = v4_offset_bits;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    std::memcpy(range.ip.data(), &v6, 16);
  } else {
    return refused(entry, "");
  }
  if (slash != std::string_view::npos) {
    const std::string_view prefix = entry.substr(slash + 1);
    std::uint32_t wanted = 0;
    const auto [end, code] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), wanted);
    if (code != std::errc() || end != prefix.data() + prefix.size() || wanted > bits) {
      return refused(entry, ", whose prefix is not a number from 0 to " + std::to_string(bits));
    }
    bits = wanted;
  }
  range.prefix_bits = bits + offset;
  if (has_host_bits(range.ip, range.prefix_bits)) {
    return refused(entry, ", which has bits set behind its prefix: drop the prefix or clear them");
  }
  ranges_.push_back(range);
  return {};
}

bool CidrSet::contains(std::span<const std::uint8_t> ip) const noexcept {
  Ip address{};
  if (ip.size() == 4) {
    address = map_v4(ip.data());
  } else if (ip.size() == 16) {
    std::memcpy(address.data(), ip.data(), 16);
  } else {
    return false;
  }
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return matches(address, range.ip, range.prefix_bits); });
}

bool CidrSet::contains(const gantry_address& address) const noexcept {
  if (address.ip_size > sizeof address.ip) return false;
  return contains(std::span(address.ip, address.ip_size));
}

}  // namespace gantry
