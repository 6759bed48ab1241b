#pragma once
// LIKE of the extended language: '%' is any number of characters, '_' one.

#include "gantry/sdk/result.hpp"

#include <string>
#include <string_view>

namespace gantry::filter_sql92 {

/// A pattern without the escape character, made once: `%` and `_` become bytes that no UTF-8 text holds. `escape` is
/// empty or one character; before '%', '_' and itself it takes away their meaning. Errc::invalid_argument says what is
/// wrong with it; too long is wrong, too (like_pattern_bytes_max), because time grows with pattern times text.
Result<std::string> prepare_like(std::string_view pattern, std::string_view escape);
inline constexpr std::size_t like_pattern_bytes_max = 512;

/// [any-thread], no allocation. Whether the whole text is as the prepared pattern says.
bool is_like(std::string_view text, std::string_view prepared) noexcept;

}  // namespace gantry::filter_sql92
