#pragma once
// gantry_address <-> text and socket addresses.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr_storage;

namespace gantry::net {

/// "10.0.0.1:10911" or "[fd00::1]:10911". [any-thread]
std::string to_string(const gantry_address& address);

/// "10.0.0.1" or "fd00::1".
std::string ip_to_string(const gantry_address& address);

/// The address of a numeric IPv4 or IPv6 text; names are refused.
Result<gantry_address> parse_ip(std::string_view ip, std::uint16_t port);

/// Host and port of "host:port" or "[v6]:port".
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);

/// What the system calls an address, as ours; an IPv4-mapped IPv6 address becomes IPv4. ip_size 0 for other families.
gantry_address from_sockaddr(const sockaddr_storage& address) noexcept;

/// The other way round; returns the size used.
std::uint32_t to_sockaddr(const gantry_address& address, sockaddr_storage& out) noexcept;

/// [control, blocking pool] Looks a name or numeric address up. May take seconds. An IPv4 address is preferred,
/// because that is what RocketMQ's clients and brokers speak.
Result<gantry_address> resolve(const std::string& host, std::uint16_t port);

}  // namespace gantry::net
