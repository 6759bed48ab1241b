#pragma once
// Mistakes in the names of members: msg.topci, gantry.buket, gantry.hook{topic = ...}. For lint.cpp.

#include "kernel/script/lint.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::script {

/// What there is to be named, as the interpreter of scripts has it.
struct KnownMembers {
  std::map<std::string, std::set<std::string>, std::less<>> libraries;  ///< "gantry", "text", ...: their members
  std::set<std::string> message;                                        ///< fields of a message
  std::set<std::string> hook;                                           ///< fields of the table for gantry.hook
};

/// Reads the tokens of a script that compiles and reports members that do not exist, with the one that was probably
/// meant. It knows no types: `msg` is a message where it is a parameter and nothing else is ever called so; a library
/// is one unless a local has its name. Linear in the source. [any-thread]
std::vector<LintFinding> lint_members(std::string_view source, const KnownMembers& known);

}  // namespace gantry::script
