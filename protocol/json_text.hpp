#pragma once
// Writing text and numbers as JSON. For this room only.

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::protocol::detail {

/// Appends the text with quotes and escapes; bytes that are not UTF-8 become U+FFFD, so the result is always valid.
void append_json_text(std::string& out, std::string_view text);
/// Appends the shortest text that reads back as the same number, with ".0" for whole ones; 0.0 for what JSON lacks.
void append_json_double(std::string& out, double value);

}  // namespace gantry::protocol::detail
