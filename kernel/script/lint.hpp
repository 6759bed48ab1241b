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
/// functions write (they last as long as the script, which is rarely meant); fields that a message (a parameter named
/// msg, gantry.msg) or the table gantry does not have, with the one that was probably meant; and fields of the tables
/// that gantry.hook{...} takes which it does not know, or whose literal value is of the wrong type. The error is that
/// of the compiler. [any-thread]
Result<std::vector<LintFinding>> lint(std::string_view source, const std::string& file);

}  // namespace gantry::script
