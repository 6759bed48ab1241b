#pragma once
// Quantities as people write them: "64MiB", "500ms".

#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {

inline namespace literals {
constexpr std::uint64_t operator""_KiB(unsigned long long count) noexcept { return count << 10; }
constexpr std::uint64_t operator""_MiB(unsigned long long count) noexcept { return count << 20; }
constexpr std::uint64_t operator""_GiB(unsigned long long count) noexcept { return count << 30; }
}  // namespace literals

/// Bytes of "4096", "64B", "4KiB", "64MiB", "1GiB", "2TiB"; decimal units (kB, MB, GB, TB) count in thousands. No sign,
/// no fraction. Errors name the text and the accepted units; more than INT64_MAX bytes is an error.
Result<std::int64_t> parse_bytes(std::string_view text);

/// Milliseconds of "200ms", "5s", "10m", "1h", "7d", or several joined: "1h30m". A bare "0" is allowed, other bare
/// numbers are not, because nobody remembers whose unit they had.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest exact spelling that the parsers above read back: 67108864 -> "64MiB", 90000 ms -> "90s", 0 ->
/// "0B"/"0s".
std::string format_bytes(std::int64_t bytes);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace gantry
