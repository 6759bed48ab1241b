#pragma once
// How threads of this process are started.

#include "gantry/sdk/result.hpp"
#include "kernel/base/unique_function.hpp"

#include <string>
#include <thread>

namespace gantry::net {

/// Starts a thread of that name (cut to 15 characters) in which all signals are blocked: they are the control thread's,
/// and a write to a closed connection must fail rather than end the process.
Result<std::thread> start_thread(const std::string& name, UniqueFunction<void()> body);

}  // namespace gantry::net
