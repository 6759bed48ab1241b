#include "kernel/config/delay_levels.hpp"

#include "kernel/base/units.hpp"

#include <algorithm>
#include <string>

namespace gantry::config {

Result<std::vector<std::int64_t>> parse_delay_levels(std::string_view text) {
  std::vector<std::int64_t> levels;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) break;
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    const auto delay = parse_duration(word);
    if (!delay || delay->count() <= 0) {
      return Error{Errc::invalid_argument, "level " + std::to_string(levels.size() + 1) +
                                               ": expected a time above zero with its unit, like 30s or 2h, found \"" +
                                               std::string(word) + "\""};
    }
    if (levels.size() == delay_levels_max) {
      return Error{Errc::invalid_argument, "expected at most " + std::to_string(delay_levels_max) + " levels"};
    }
    levels.push_back(delay->count());
  }
  if (levels.empty()) return Error{Errc::invalid_argument, "expected at least one level, found none"};
  return levels;
}

}  // namespace gantry::config
