#include "kernel/base/assert.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace gantry {
namespace {

// A bug inside a loop must not fill the disk with its own reports; the counter keeps counting.
constexpr std::uint64_t bug_reports_max = 32;

std::atomic<std::uint64_t> bugs{0};

void report(const char* kind, const char* file, int line, const char* condition, std::string_view message) noexcept {
  std::fprintf(stderr, "%s:%d: %s failed: %s%s%.*s\n", file, line, kind, condition, message.empty() ? "" : ": ",
               static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
}

}  // namespace

std::uint64_t bug_count() noexcept { return bugs.load(std::memory_order_relaxed); }

namespace detail {

void assertion_failed(const char* file, int line, const char* condition, std::string_view message) noexcept {
  report("assertion", file, line, condition, message);
  std::abort();
}

bool bug_found(const char* file, int line, const char* condition, std::string_view message) noexcept {
  const auto seen = bugs.fetch_add(1, std::memory_order_relaxed);
  if (seen < bug_reports_max) report("expectation", file, line, condition, message);
#ifndef NDEBUG
  std::abort();
#else
  return false;
#endif
}

}  // namespace detail
}  // namespace gantry
