#pragma once
// A port that nobody uses.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>

namespace gantry::net {

/// [control] A TCP port on which a listener can be opened on `host` (address or name) right now. Somebody else may take
/// it in between: for nodes that are told to choose their port themselves, which tests do.
Result<std::uint16_t> free_port(const std::string& host);

}  // namespace gantry::net
