#pragma once
// Mistakes in a script that can be seen without running it.

#include "gantry/sdk/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::script {

struct LintFinding {
  int line = 0;
  std::string text;
};

/// Compiles the script and finds globals that it reads but nobody makes (misspelled names), and globals that its
/// functions write (they last as long as the script, which is rarely meant). The error is that of the compiler.
/// [any-thread]
Result<std::vector<LintFinding>> lint(std::string_view source, const std::string& file);

}  // namespace gantry::script
