#pragma once
// What a script may use up, and how it can go wrong.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantry::script {

/// Bounds of one script in one thread. A value.
struct Limits {
  /// The computing time of one call: of one hook for one message, or of loading the script. Time in which the thread
  /// does not run does not count, so a busy machine fells no innocent script.
  std::chrono::nanoseconds deadline = std::chrono::milliseconds(5);
  /// Everything the script keeps and makes, its own code included.
  std::size_t memory_bytes_max = 8 * 1024 * 1024;
};

inline constexpr std::chrono::milliseconds load_deadline{100};
inline constexpr std::size_t source_bytes_max = 256 * 1024;
inline constexpr std::size_t body_bytes_max = 4 * 1024 * 1024;  ///< of a body that a script reads or sets
inline constexpr std::size_t hooks_per_script_max = 64;
inline constexpr std::size_t patterns_per_hook_max = 64;

/// What became of a call.
enum class Fault : std::uint8_t {
  none,
  error,     ///< the script raised an error, or answered what its hook may not answer
  deadline,  ///< it was cut because its time was up
  memory,    ///< it was cut because its memory was used up
};

constexpr std::string_view to_string(Fault fault) noexcept {
  constexpr std::string_view names[] = {"none", "error", "deadline", "memory"};
  return names[static_cast<std::size_t>(fault)];
}

}  // namespace gantry::script
