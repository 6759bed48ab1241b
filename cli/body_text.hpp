#pragma once
// Bodies of messages for people and for JSON.

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::cli {

/// Whether these bytes are well-formed UTF-8 (no overlong forms, no surrogates) and hold no NUL.
bool is_text(std::string_view bytes);

/// The same text with U+FFFD for every byte that belongs to no character.
std::string valid_text(std::string_view bytes);

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);

/// One line for a terminal: control characters become '.', and what is longer than `size_max` bytes ends in "...".
std::string one_line(std::string_view text, std::size_t size_max);

}  // namespace gantry::cli
