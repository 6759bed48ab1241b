#include "kernel/net/free_port.hpp"

#include "kernel/net/address.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::net {

Result<std::uint16_t> free_port(const std::string& host) {
  GANTRY_ASSIGN(const gantry_address address, resolve(host, 0));
  sockaddr_storage at{};
  const socklen_t size = to_sockaddr(address, at);
  const int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{Errc::io, std::string("looking for a free port: ") + std::strerror(errno)};
  socklen_t length = sizeof at;
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&at), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length) == 0;
  const int error = errno;
  close(fd);
  if (!bound) return Error{Errc::io, "looking for a free port on " + host + ": " + std::strerror(error)};
  return static_cast<std::uint16_t>(from_sockaddr(at).port);
}

}  // namespace gantry::net
