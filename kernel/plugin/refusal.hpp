#pragma once
// Why a plugin is not accepted, in one form for all reasons: the file, what was expected, what was found, the way out.

#include "gantry/sdk/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

struct RefusalText {
  std::string expected;
  std::string found;
  std::string remedy;  ///< a sentence without its full stop
};

/// "plugins/x.so: expected an ELF shared library, found a text file; copy the file again"
inline Error refuse(std::string_view file, const RefusalText& text, Errc code = Errc::invalid_argument) {
  return {code, std::string(file) + ": expected " + text.expected + ", found " + text.found + "; " + text.remedy};
}

/// What stops a boot: empty means that nothing does.
using Refusals = std::vector<Error>;

/// All of them, one a line.
inline std::string to_string(const Refusals& refusals) {
  std::string text;
  for (const Error& each : refusals) {
    if (!text.empty()) text += '\n';
    text += each.text;
  }
  return text;
}

}  // namespace gantry::plugin
