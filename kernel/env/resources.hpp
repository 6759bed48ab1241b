#pragma once
// What the process uses and what the machine has.

#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gantry {

/// Use of this process at one moment.
struct ProcessUsage {
  std::uint64_t resident_bytes = 0;
  std::chrono::microseconds cpu_user{0};
  std::chrono::microseconds cpu_system{0};
  std::uint64_t open_files = 0;
  std::uint64_t threads = 0;
};

/// [control] Reads /proc; a few system calls.
Result<ProcessUsage> process_usage();

/// [any-thread] Processors this process may run on, as limited by its affinity and its cgroup's quota (rounded up);
/// >= 1.
std::size_t usable_cores() noexcept;
/// [any-thread] Bytes of memory of the machine, or of the cgroup when that is less; 0 when unknown.
std::uint64_t memory_bytes() noexcept;
/// [any-thread] Bytes of a memory page.
std::size_t page_size() noexcept;

/// [control] Raises the limit of open files to `wanted`, as far as the hard limit allows, and returns what holds now.
/// Never lowers it. Fails only when the operating system refuses to say.
Result<std::uint64_t> raise_open_files_limit(std::uint64_t wanted);

}  // namespace gantry
