#pragma once
// Looks at a file before anybody maps it: a damaged library must be refused here, because the dynamic loader trusts
// what it reads and a truncated mapping ends the process with SIGBUS.

#include "gantry/sdk/result.hpp"

#include <string>

namespace gantry::plugin {

/// [control] Ok when the file is a shared library for this machine whose headers, sections and segments lie within the
/// file. Reads a few KiB; runs nothing. The Error is a complete refusal (see refusal.hpp).
Status check_shared_library(const std::string& path);

}  // namespace gantry::plugin
