#include "client/process_usage.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <time.h>

namespace gantry::client {
namespace {

namespace fs = std::filesystem;

/// Empty when it cannot be read.
std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The number behind "<name>:" in the manner of /proc/<pid>/status; 0 when there is none.
std::int64_t number_of(std::string_view status, std::string_view name) {
  const std::string wanted = "\n" + std::string(name) + ":";
  const auto at = status.find(wanted);
  if (at == std::string_view::npos) return 0;
  const auto digits = status.find_first_of("0123456789", at + wanted.size());
  std::int64_t value = 0;
  if (digits != std::string_view::npos) std::from_chars(status.data() + digits, status.data() + status.size(), value);
  return value;
}

std::int64_t entry_count(const fs::path& folder) {
  std::error_code error;
  const fs::directory_iterator begin(folder, error);
  return error ? 0 : std::distance(begin, fs::directory_iterator());
}

}  // namespace

std::int64_t process_cpu_ns(std::int32_t pid) {
  clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  if (pid != 0 && clock_getcpuclockid(pid, &clock) != 0) return 0;
  timespec at{};
  if (clock_gettime(clock, &at) != 0) return 0;
  return static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
}

Result<ProcessUsage> read_process_usage(std::int32_t pid) {
  const fs::path folder = pid == 0 ? fs::path("/proc/self") : fs::path("/proc") / std::to_string(pid);
  const std::string status = content_of(folder / "status");
  if (status.empty()) return Error{Errc::not_found, "no process has the id " + std::to_string(pid)};
  ProcessUsage usage;
  usage.cpu_ns = process_cpu_ns(pid);
  usage.resident_bytes = number_of(status, "VmRSS") * 1024;
  usage.anonymous_bytes = number_of(status, "RssAnon") * 1024;
  usage.open_files = entry_count(folder / "fd");
  const std::string maps = content_of(folder / "maps");
  usage.mappings = std::count(maps.begin(), maps.end(), '\n');
  std::error_code error;
  for (fs::directory_iterator thread(folder / "task", error); !error && thread != fs::directory_iterator();
       thread.increment(error)) {
    const std::string thread_status = content_of(thread->path() / "status");
    usage.switches_voluntary += number_of(thread_status, "voluntary_ctxt_switches");
    usage.switches_forced += number_of(thread_status, "nonvoluntary_ctxt_switches");
  }
  return usage;
}

}  // namespace gantry::client
