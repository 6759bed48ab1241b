#pragma once
// The two functions behind every JSON body and every JSON file of RocketMQ. The types are in the other headers of this
// room; the lines below a type say which of the two exist for it.
//
// Reading accepts fastjson's dialect: bare and numeric keys, objects as keys ({{"topic":"t"}:1}), single quotes,
// comments, trailing commas, numbers and switches written as text, enums by name or ordinal, {"$ref":"$.path"}
// pointers. Unknown keys are ignored, missing ones leave the defaults, null counts as missing. Text that is not UTF-8
// is repaired with U+FFFD. Refused: nesting beyond json_depth_max, documents beyond json_size_max (both before any
// memory is spent on them), numbers out of range, and pointers that would blow the document up.
//
// Writing is compact strict JSON in one line with quoted keys, absent optionals left out, keys in alphabetical order:
// every listed client reads that. The one exception are maps keyed by message queues, which only exist in fastjson's
// object-key form. Files (JsonStyle::file) are written as Java writes them: tabs, and integer keys unquoted.

#include "gantry/sdk/result.hpp"
#include "protocol/bytes.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::protocol {

inline constexpr int json_depth_max = 32;
inline constexpr std::size_t json_size_max = 64 * 1024 * 1024;  ///< a file may be larger than a frame

enum class JsonStyle { wire, file };

/// Reads a body or a file. Error: Errc::invalid_argument with the position (syntax) or the path (values). An empty
/// text is an error too. Allocates; not for per-message paths. [any-thread]
template <typename Body>
Result<Body> decode_body(std::string_view json);
template <typename Body>
Result<Body> decode_body(ByteView json) {
  return decode_body<Body>(as_text(json));
}

/// Writes a body or a file. [any-thread]
template <typename Body>
std::string encode_body(const Body& body, JsonStyle style = JsonStyle::wire);

/// Rewrites fastjson's dialect as strict JSON; an object that is a key becomes a string that holds its JSON. Linear
/// time. decode_body() does this itself; it is here for tools and tests. [any-thread]
Result<std::string> normalise_fastjson(std::string_view text);

}  // namespace gantry::protocol
