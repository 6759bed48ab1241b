#include "kernel/env/resources.hpp"

#include "kernel/env/files.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace gantry {
namespace {

std::uint64_t leading_number(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The number behind "Name:" in a /proc file, 0 when it is not there.
std::uint64_t number_after(std::string_view text, std::string_view name) noexcept {
  const std::size_t at = text.find(name);
  return at == std::string_view::npos ? 0 : leading_number(text.substr(at + name.size()));
}

std::chrono::microseconds to_duration(const timeval& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

constexpr std::uint64_t small_file_max = 64 * 1024;

std::string read_or_empty(const char* path) {
  auto content = read_file(path, small_file_max);
  return content ? *std::move(content) : std::string();
}

}  // namespace

Result<ProcessUsage> process_usage() {
  ProcessUsage usage;
  GANTRY_ASSIGN(const std::string statm, read_file("/proc/self/statm", small_file_max));
  const std::size_t space = statm.find(' ');
  if (space == std::string::npos) {
    return Error{Errc::corrupt, "reading /proc/self/statm: expected two numbers, found \"" + statm + "\""};
  }
  usage.resident_bytes = leading_number(std::string_view(statm).substr(space + 1)) * page_size();
  usage.threads = number_after(read_or_empty("/proc/self/status"), "Threads:");
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) {
    usage.cpu_user = to_duration(used.ru_utime);
    usage.cpu_system = to_duration(used.ru_stime);
  }
  std::error_code failed;
  for (std::filesystem::directory_iterator file("/proc/self/fd", failed), end; !failed && file != end;
       file.increment(failed)) {
    ++usage.open_files;
  }
  if (usage.open_files > 0) --usage.open_files;  // the folder that is being read
  return usage;
}

std::size_t usable_cores() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::size_t cores = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = std::max(1, CPU_COUNT(&set));
  try {
    // "max 100000" or "150000 100000": microseconds of processor time per period.
    const std::string quota = read_or_empty("/sys/fs/cgroup/cpu.max");
    const std::uint64_t allowed = leading_number(quota);
    const std::size_t space = quota.find(' ');
    const std::uint64_t period = space == std::string::npos ? 0 : leading_number(std::string_view(quota).substr(space));
    if (allowed > 0 && period > 0) cores = std::min(cores, static_cast<std::size_t>((allowed + period - 1) / period));
  } catch (const std::exception&) {
    // Out of memory while reading a hint: the affinity alone is a good answer.
  }
  return cores;
}

std::uint64_t memory_bytes() noexcept {
  const long pages = sysconf(_SC_PHYS_PAGES);
  std::uint64_t bytes = pages > 0 ? static_cast<std::uint64_t>(pages) * page_size() : 0;
  try {
    const std::uint64_t limit = leading_number(read_or_empty("/sys/fs/cgroup/memory.max"));
    if (limit > 0) bytes = bytes == 0 ? limit : std::min(bytes, limit);
  } catch (const std::exception&) {
    // As above: the machine's memory is a good answer.
  }
  return bytes;
}

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

Result<std::uint64_t> raise_open_files_limit(std::uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return Error{Errc::io, "reading the limit of open files: " + std::generic_category().message(errno)};
  }
  const rlim_t target = std::min<rlim_t>(wanted, limit.rlim_max);
  if (target > limit.rlim_cur) {
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = target;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  return std::uint64_t{limit.rlim_cur};
}

}  // namespace gantry
