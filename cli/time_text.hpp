#pragma once
// Points in time as people type and read them: local time, or milliseconds since 1970.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli {

/// Milliseconds since 1970 of "1767225600123", or of a local time: "2026-01-31", "2026-01-31 10:00",
/// "2026-01-31 10:00:00", "2026-01-31T10:00:00.123". Errors name the text and these forms.
Result<std::int64_t> parse_time(std::string_view text);

/// "2026-01-31 10:00:00.123", local time. What parse_time() reads back.
std::string format_time(std::int64_t ms);

}  // namespace gantry::cli
