#include "kernel/net/address.hpp"

#include "kernel/base/scope_guard.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gantry::net {

std::string ip_to_string(const gantry_address& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ip_size == 4 || address.ip_size == 16) {
    inet_ntop(address.ip_size == 4 ? AF_INET : AF_INET6, address.ip, text, sizeof text);
  }
  return text;
}

std::string to_string(const gantry_address& address) {
  const std::string ip = ip_to_string(address);
  const std::string port = std::to_string(address.port);
  return address.ip_size == 16 ? "[" + ip + "]:" + port : ip + ":" + port;
}

Result<gantry_address> parse_ip(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  gantry_address address{};
  address.port = port;
  if (inet_pton(AF_INET, text.c_str(), address.ip) == 1) {
    address.ip_size = 4;
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), address.ip) == 1) {
    address.ip_size = 16;
    return address;
  }
  return Error{Errc::invalid_argument, "expected an IPv4 or IPv6 address, found \"" + text + "\""};
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto fail = [text](const char* expected) {
    return Error{Errc::invalid_argument, std::string("expected ") + expected + ", found \"" + std::string(text) + "\""};
  };
  HostPort out;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find("]:");
    if (end == std::string_view::npos) return fail("\"[address]:port\"");
    out.host = text.substr(1, end - 1);
    port = text.substr(end + 2);
  } else {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
      return fail("\"host:port\" (an IPv6 address stands in brackets)");
    }
    out.host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (out.host.empty()) return fail("a host in front of the port");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size() || out.port == 0) {
    return fail("a port from 1 to 65535 behind the host");
  }
  return out;
}

gantry_address from_sockaddr(const sockaddr_storage& address) noexcept {
  gantry_address out{};
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    std::memcpy(out.ip, &in.sin_addr, 4);
    out.ip_size = 4;
    out.port = ntohs(in.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    out.port = ntohs(in.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
      std::memcpy(out.ip, reinterpret_cast<const std::uint8_t*>(&in.sin6_addr) + 12, 4);
      out.ip_size = 4;
    } else {
      std::memcpy(out.ip, &in.sin6_addr, 16);
      out.ip_size = 16;
    }
  }
  return out;
}

std::uint32_t to_sockaddr(const gantry_address& address, sockaddr_storage& out) noexcept {
  std::memset(&out, 0, sizeof out);
  if (address.ip_size == 4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(static_cast<std::uint16_t>(address.port));
    std::memcpy(&in.sin_addr, address.ip, 4);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(static_cast<std::uint16_t>(address.port));
  std::memcpy(&in.sin6_addr, address.ip, 16);
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

Result<gantry_address> resolve(const std::string& host, std::uint16_t port) {
  if (auto numeric = parse_ip(host, port)) return numeric;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) {
    return Error{code == EAI_NONAME ? Errc::not_found : Errc::io,
                 "looking up host \"" + host + "\": " + gai_strerror(code)};
  }
  const ScopeGuard free_list([found] { freeaddrinfo(found); });
  gantry_address best{};
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    sockaddr_storage raw{};
    std::memcpy(&raw, one->ai_addr, std::min<std::size_t>(one->ai_addrlen, sizeof raw));
    const gantry_address address = from_sockaddr(raw);
    if (address.ip_size == 4 || best.ip_size == 0) best = address;
    if (best.ip_size == 4) break;
  }
  best.port = port;
  if (best.ip_size != 0) return best;
  return Error{Errc::not_found, "looking up host \"" + host + "\": found no IPv4 or IPv6 address"};
}

}  // namespace gantry::net
