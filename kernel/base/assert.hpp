#pragma once
// Checks of our own reasoning. Whatever came from a socket, a file, a script, a plugin or a configuration is
// validated and answered with an Error instead; it never meets these macros.

#include <cstdint>
#include <string_view>

namespace gantry {

/// How often GANTRY_BUG found a broken expectation since the process started. [any-thread]
std::uint64_t bug_count() noexcept;

namespace detail {
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition,
                                   std::string_view message = {}) noexcept;
/// Aborts in debug builds; otherwise counts, writes one line to stderr for each of the first few, and returns false.
bool bug_found(const char* file, int line, const char* condition, std::string_view message = {}) noexcept;
}  // namespace detail

}  // namespace gantry

/// `GANTRY_ASSERT(condition)` or `GANTRY_ASSERT(condition, "why it must hold")`: stays on in release builds and stops
/// the process before wrong data becomes durable. One condition each, so that the line says what was broken.
#define GANTRY_ASSERT(condition, ...)                \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::gantry::detail::assertion_failed(__FILE__, __LINE__, #condition __VA_OPT__(, ) __VA_ARGS__))

/// `GANTRY_BUG(condition, "why it should hold")` for what is wrong but survivable: aborts where NDEBUG is not defined,
/// counts where it is. It is an expression that is true when the condition holds, so that the caller can recover:
///
///     if (!GANTRY_BUG(session != nullptr, "a closed session must have been removed")) return;
#define GANTRY_BUG(condition, ...)                      \
  (__builtin_expect(static_cast<bool>(condition), 1) || \
   ::gantry::detail::bug_found(__FILE__, __LINE__, #condition __VA_OPT__(, ) __VA_ARGS__))

/// First line of a function that belongs to one thread: GANTRY_ON(shard_), where the owner has `runs_here()`.
#define GANTRY_ON(owner) GANTRY_ASSERT((owner).runs_here(), "called on a thread that does not own this object")
