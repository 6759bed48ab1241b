#include "protocol/host.hpp"

#include "protocol/bytes.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace gantry::protocol {

Host host_of(const gantry_address& address) noexcept {
  Host host;
  host.ip_size = address.ip_size == 16 ? 16 : 4;
  std::memcpy(host.ip.data(), address.ip, host.ip_size);
  host.port = address.port;
  return host;
}

gantry_address to_abi(const Host& host) noexcept {
  gantry_address address{};
  std::memcpy(address.ip, host.ip.data(), host.ip.size());
  address.ip_size = host.ip_size;
  address.port = host.port;
  return address;
}

void encode_host(const Host& host, std::byte* to) noexcept {
  const std::size_t ip_size = host.is_v6() ? 16 : 4;
  std::memcpy(to, host.ip.data(), ip_size);
  store_big_endian(to + ip_size, host.port);
}

Host decode_host(const std::byte* from, bool is_v6) noexcept {
  Host host;
  host.ip_size = is_v6 ? 16 : 4;
  std::memcpy(host.ip.data(), from, host.ip_size);
  host.port = load_big_endian<std::uint32_t>(from + host.ip_size);
  return host;
}

std::string to_string(const Host& host) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(host.is_v6() ? AF_INET6 : AF_INET, host.ip.data(), text, sizeof text);
  const std::string address = host.is_v6() ? "[" + std::string(text) + "]" : std::string(text);
  return address + ":" + std::to_string(host.port);
}

Result<Host> parse_host(std::string_view text) {
  const auto bad = [text] {
    return Error{Errc::invalid_argument,
                 "reading an address: expected \"ip:port\", found \"" + std::string(text.substr(0, 80)) + "\""};
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view ip = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);

  Host host;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), host.port);
  if (failure != std::errc() || end != port.data() + port.size() || host.port > 65535) return bad();
  char terminated[INET6_ADDRSTRLEN] = {};
  if (ip.empty() || ip.size() >= sizeof terminated) return bad();
  std::memcpy(terminated, ip.data(), ip.size());
  if (inet_pton(AF_INET, terminated, host.ip.data()) == 1) return host;
  host.ip_size = 16;
  if (inet_pton(AF_INET6, terminated, host.ip.data()) == 1) return host;
  return bad();
}

}  // namespace gantry::protocol
