#pragma once
// What a process of this machine uses, as the kernel counts it.

#include "gantry/sdk/result.hpp"

#include <cstdint>

namespace gantry::client {

/// A value. Sizes are bytes; counts and times are since the process began.
struct ProcessUsage {
  std::int64_t cpu_ns = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t anonymous_bytes = 0;  ///< of the resident ones: what is not a file's; the rest is page cache, mapped
  std::int64_t open_files = 0;
  std::int64_t mappings = 0;
  std::int64_t switches_voluntary = 0;  ///< over all threads that live
  std::int64_t switches_forced = 0;
};

/// CPU time alone, to the nanosecond; 0 when there is no such process. `pid` 0: this process. Costs one system call.
std::int64_t process_cpu_ns(std::int32_t pid);

/// [any-thread] Reads /proc: costs a few microseconds for each open file, mapping and thread. Error: not_found.
Result<ProcessUsage> read_process_usage(std::int32_t pid);

}  // namespace gantry::client
