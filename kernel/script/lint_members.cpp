#include "kernel/script/lint_members.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace gantry::script {
namespace {

enum class Kind : std::uint8_t { name, text, number, symbol, end };

struct Token {
  Kind kind = Kind::end;
  std::string_view text;  // of a text: without its quotes
  int line = 0;
};

bool begins_name(char c) noexcept { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_in_name(char c) noexcept { return begins_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// The tokens of Lua, as far as names and the ends of texts and comments need them.
class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> tokens() {
    std::vector<Token> all;
    while (true) {
      skip_blanks_and_comments();
      if (at_ >= source_.size()) break;
      all.push_back(next());
    }
    for (int i = 0; i < 4; ++i) all.push_back({Kind::end, {}, line_});  // room to look ahead
    return all;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  std::string_view take_to(std::size_t end) {
    const std::string_view taken = source_.substr(at_, std::min(end, source_.size()) - at_);
    line_ += static_cast<int>(std::count(taken.begin(), taken.end(), '\n'));
    at_ += taken.size();
    return taken;
  }

  /// The size of "[[", "[=[", ... that begins here; 0 when none does.
  [[nodiscard]] std::size_t long_bracket() const noexcept {
    if (peek() != '[') return 0;
    std::size_t size = 1;
    while (peek(size) == '=') ++size;
    return peek(size) == '[' ? size + 1 : 0;
  }
  std::string_view take_long(std::size_t bracket) {
    std::string close(source_.substr(at_, bracket));
    std::replace(close.begin(), close.end(), '[', ']');
    (void)take_to(at_ + bracket);
    const std::string_view text = take_to(source_.find(close, at_));
    (void)take_to(at_ + bracket);
    return text;
  }

  void skip_blanks_and_comments() {
    while (at_ < source_.size()) {
      if (std::isspace(static_cast<unsigned char>(peek())) != 0) {
        (void)take_to(at_ + 1);
      } else if (peek() == '-' && peek(1) == '-') {
        (void)take_to(at_ + 2);
        if (const std::size_t bracket = long_bracket(); bracket != 0) {
          (void)take_long(bracket);
        } else {
          (void)take_to(source_.find('\n', at_));
        }
      } else if (at_ == 0 && peek() == '#') {
        (void)take_to(source_.find('\n', at_));
      } else {
        return;
      }
    }
  }

  Token next() {
    const int line = line_;
    const char c = peek();
    if (begins_name(c)) {
      std::size_t end = at_;
      while (end < source_.size() && is_in_name(source_[end])) ++end;
      return {Kind::name, take_to(end), line};
    }
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      std::size_t end = at_;
      while (end < source_.size() && (is_in_name(source_[end]) || (source_[end] == '.' && source_[end - 1] != '.')))
        ++end;
      return {Kind::number, take_to(end), line};
    }
    if (c == '"' || c == '\'') {
      std::size_t end = at_ + 1;
      while (end < source_.size() && source_[end] != c) end += source_[end] == '\\' ? 2 : 1;
      std::string_view text = take_to(end + 1);
      text.remove_prefix(1);
      text.remove_suffix(text.empty() ? 0 : 1);
      return {Kind::text, text, line};
    }
    if (const std::size_t bracket = long_bracket(); bracket != 0) return {Kind::text, take_long(bracket), line};
    if (c == '.' && peek(1) == '.') return {Kind::symbol, take_to(at_ + (peek(2) == '.' ? 3 : 2)), line};
    if (c == '=' && peek(1) == '=') return {Kind::symbol, take_to(at_ + 2), line};
    if (c == ':' && peek(1) == ':') return {Kind::symbol, take_to(at_ + 2), line};
    return {Kind::symbol, take_to(at_ + 1), line};
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
};

/// How many letters have to be put in, left out, replaced or swapped with the next one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

/// "; did you mean 'topic'?", or what there is when nothing is near.
std::string suggestion(std::string_view name, const std::set<std::string>& known) {
  constexpr std::size_t name_size_max = 64;
  if (name.size() > name_size_max) return {};
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string all;
  for (const std::string& each : known) {
    all += (all.empty() ? "" : ", ") + each;
    if (const std::size_t far = distance(name, each); far < least) {
      least = far;
      best = &each;
    }
  }
  return best != nullptr ? "; did you mean '" + *best + "'?" : "; there are: " + all;
}

class Checker {
 public:
  Checker(std::vector<Token> tokens, const KnownMembers& known) : tokens_(std::move(tokens)), known_(known) {}

  std::vector<LintFinding> findings() {
    collect_locals();
    for (std::size_t i = 0; tokens_[i].kind != Kind::end; ++i) {
      if (tokens_[i].kind == Kind::name && !(i > 0 && (is(i - 1, ".") || is(i - 1, ":")))) check_access(i);
    }
    return std::move(findings_);
  }

 private:
  [[nodiscard]] bool is(std::size_t at, std::string_view text) const noexcept {
    return (tokens_[at].kind == Kind::symbol || tokens_[at].kind == Kind::name) && tokens_[at].text == text;
  }
  [[nodiscard]] bool member_at(std::size_t at) const noexcept {
    return is(at, ".") && tokens_[at + 1].kind == Kind::name;
  }

  /// Names that something else than the host gives a meaning: locals, parameters, loop variables, assignments.
  void collect_locals() {
    for (std::size_t i = 0; tokens_[i].kind != Kind::end; ++i) {
      if (is(i, "function")) {
        std::size_t at = i + 1;
        while (tokens_[at].kind == Kind::name || is(at, ".") || is(at, ":")) ++at;
        for (; tokens_[at].kind != Kind::end && !is(at, ")"); ++at) {
          if (tokens_[at].kind == Kind::name) parameters_.insert(tokens_[at].text);
        }
      } else if (is(i, "local") || is(i, "for")) {
        std::size_t at = is(i + 1, "function") ? i + 2 : i + 1;
        for (; tokens_[at].kind == Kind::name || is(at, ",") || is(at, "<") || is(at, ">"); ++at) {
          if (is(at, "in") || is(at, "function")) break;
          locals_.insert(tokens_[at].text);
        }
      } else if (tokens_[i].kind == Kind::name && is(i + 1, "=") && (i == 0 || !is(i - 1, "."))) {
        assigned_.insert(tokens_[i].text);
      }
    }
  }

  void check_access(std::size_t at) {
    const std::string_view name = tokens_[at].text;
    if (!member_at(at + 1)) return;
    if (name == "msg") {
      if (parameters_.contains(name) && !locals_.contains(name) && !assigned_.contains(name)) check_message(at + 2);
      return;
    }
    const auto library = known_.libraries.find(name);
    if (library == known_.libraries.end() || parameters_.contains(name) || locals_.contains(name)) return;
    const Token& member = tokens_[at + 2];
    if (is(at + 3, "=")) return;  // the script adds to it
    if (!library->second.contains(std::string(member.text))) {
      report(member, std::string(name) + " has no member '" + std::string(member.text) + "'" +
                         suggestion(member.text, library->second));
    } else if (name == "gantry" && member.text == "msg" && member_at(at + 3)) {
      check_message(at + 4);
    } else if (name == "gantry" && member.text == "hook") {
      const std::size_t table = is(at + 3, "(") ? at + 4 : at + 3;
      if (is(table, "{")) check_hook(table);
    }
  }

  void check_message(std::size_t at) {
    const Token& field = tokens_[at];
    if (known_.message.contains(std::string(field.text))) return;
    report(field, "a message has no field '" + std::string(field.text) + "'" + suggestion(field.text, known_.message));
  }

  void check_hook(std::size_t at) {
    int depth = 0;
    for (; tokens_[at].kind != Kind::end; ++at) {
      if (is(at, "{") || is(at, "(") || is(at, "[")) ++depth;
      if (is(at, "}") || is(at, ")") || is(at, "]")) --depth;
      // Functions hold assignments of their own; they are the only blocks that expressions hold.
      if (is(at, "function")) at = end_of_function(at);
      if (depth == 0) return;
      const bool begins_field = depth == 1 && (is(at, "{") || is(at, ",") || is(at, ";"));
      if (begins_field && tokens_[at + 1].kind == Kind::name && is(at + 2, "=")) check_hook_field(at + 1);
    }
  }

  /// The place of the `end` of the function that begins there.
  [[nodiscard]] std::size_t end_of_function(std::size_t at) const noexcept {
    int blocks = 0;
    for (; tokens_[at].kind != Kind::end; ++at) {
      if (tokens_[at].kind != Kind::name || (at > 0 && (is(at - 1, ".") || is(at - 1, ":")))) continue;
      // `while` and `for` have a `do` of their own.
      if (is(at, "function") || is(at, "if") || is(at, "do") || is(at, "repeat")) ++blocks;
      if ((is(at, "end") || is(at, "until")) && --blocks == 0) return at;
    }
    return at - 1;
  }

  void check_hook_field(std::size_t at) {
    const Token& field = tokens_[at];
    if (!known_.hook.contains(std::string(field.text))) {
      report(field,
             "gantry.hook knows no field '" + std::string(field.text) + "'" + suggestion(field.text, known_.hook));
      return;
    }
    const Token& value = tokens_[at + 2];
    const bool ends = is(at + 3, ",") || is(at + 3, ";") || is(at + 3, "}");
    std::string_view found;
    if (value.kind == Kind::text && ends) found = "text";
    if (value.kind == Kind::number && ends) found = "number";
    if (ends && (is(at + 2, "true") || is(at + 2, "false"))) found = "boolean";
    if (is(at + 2, "{")) found = "table";
    if (is(at + 2, "function")) found = "function";
    if (found.empty()) return;  // an expression, or nil: only running it shows
    const bool is_list = field.text == "topics" || field.text == "groups";
    const bool is_function = field.text == "run";
    const bool fits = is_function ? found == "function"
                                  : found == "text" || (is_list && found == "table") ||
                                        (field.text == "version" && found == "number");
    if (fits) return;
    const std::string_view expected = is_function ? "a function" : is_list ? "a text or a list of texts" : "a text";
    report(field, "gantry.hook expects " + std::string(expected) + " as " + std::string(field.text) + ", found a " +
                      std::string(found));
  }

  void report(const Token& at, std::string text) { findings_.push_back({at.line, std::move(text)}); }

  const std::vector<Token> tokens_;
  const KnownMembers& known_;
  std::set<std::string_view> parameters_;
  std::set<std::string_view> locals_;
  std::set<std::string_view> assigned_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::vector<LintFinding> lint_members(std::string_view source, const KnownMembers& known) {
  return Checker(Lexer(source).tokens(), known).findings();
}

}  // namespace gantry::script
