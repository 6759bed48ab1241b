#pragma once
// The few socket calls that listeners and connectors share.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"
#include "kernel/net/session.hpp"

#include <string>

namespace gantry::net {

/// A non-blocking TCP socket of the address's family, closed on exec.
Result<OwnedFd> make_tcp_socket(const gantry_address& address);

/// What every connection of ours has: small frames leave at once, and a peer that vanished is noticed in minutes.
void prepare_connection(int fd) noexcept;

/// The address that a socket is bound to; ip_size 0 when the system does not say.
gantry_address local_address(int fd) noexcept;

/// The text of an errno value.
std::string system_text(int code);

}  // namespace gantry::net
