#include "plugins/filter-sql92/like.hpp"

#include <utility>

namespace gantry::filter_sql92 {

namespace {

constexpr char any_text = '\xFF';
constexpr char any_character = '\xFE';

std::size_t character_length(std::string_view text) noexcept {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
  return length;
}

}  // namespace

Result<std::string> prepare_like(std::string_view pattern, std::string_view escape) {
  const auto refuse = [](std::string text) { return Error{Errc::invalid_argument, std::move(text)}; };
  if (pattern.size() > like_pattern_bytes_max) {
    return refuse("expected a pattern of at most " + std::to_string(like_pattern_bytes_max) + " bytes, found one of " +
                  std::to_string(pattern.size()));
  }
  if (!escape.empty() && character_length(escape) != escape.size()) {
    return refuse("expected one character behind ESCAPE, found '" + std::string(escape.substr(0, 40)) + "'");
  }
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (!escape.empty() && rest.starts_with(escape)) {
      const std::string_view literal = rest.substr(escape.size());
      if (literal.empty() || !(literal[0] == '%' || literal[0] == '_' || literal.starts_with(escape))) {
        return refuse("expected '%', '_' or '" + std::string(escape) + "' behind the escape character, found '" +
                      std::string(literal.substr(0, literal.empty() ? 0 : character_length(literal))) + "'");
      }
      const std::size_t length = character_length(literal);
      out.append(literal.substr(0, length));
      at += escape.size() + length;
      continue;
    }
    out.push_back(rest[0] == '%' ? any_text : (rest[0] == '_' ? any_character : rest[0]));
    ++at;
  }
  return out;
}

// Greedy: what follows the last '%' is tried at every place from there on; an earlier '%' never has to take more.
bool is_like(std::string_view text, std::string_view prepared) noexcept {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t resume_text = 0;
  std::size_t resume_pattern = std::string_view::npos;
  while (t < text.size()) {
    if (p < prepared.size() && prepared[p] == any_text) {
      resume_pattern = ++p;
      resume_text = t;
    } else if (p < prepared.size() && prepared[p] == any_character) {
      t += character_length(text.substr(t));
      ++p;
    } else if (p < prepared.size() && prepared[p] == text[t]) {
      ++t;
      ++p;
    } else if (resume_pattern != std::string_view::npos) {
      resume_text += character_length(text.substr(resume_text));
      t = resume_text;
      p = resume_pattern;
    } else {
      return false;
    }
  }
  while (p < prepared.size() && prepared[p] == any_text) ++p;
  return p == prepared.size();
}

}  // namespace gantry::filter_sql92
