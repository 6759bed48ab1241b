#pragma once
// Patterns of names: `*` is any run of bytes, `?` any single one.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::script {

/// Whether the whole text matches. Time: at most the product of both sizes. [any-thread]
inline bool matches_glob(std::string_view text, std::string_view pattern) noexcept {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// Whether a topic or group matches one of the patterns. Topics of the system (%RETRY%group, %DLQ%group) only match
/// patterns that begin with "%" themselves, so that "*" does not mean them.
inline bool matches_any(std::string_view name, const std::vector<std::string>& patterns) noexcept {
  const bool is_system = name.starts_with('%');
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return (!is_system || pattern.starts_with('%')) && matches_glob(name, pattern);
  });
}

}  // namespace gantry::script
