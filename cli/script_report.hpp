#pragma once
// What brokers say about their scripts, for people.

#include <string>

namespace gantry::cli {

/// A table of the scripts in a SCRIPT_STATUS answer, and what was refused.
void print_script_status(const std::string& broker, const std::string& json);
/// The outcome in a SCRIPT_RELOAD answer; true when something was refused.
bool print_script_reload(const std::string& broker, const std::string& json);

}  // namespace gantry::cli
