#include "tests/interop/filter/random_pairs.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::interop {

namespace {

constexpr std::string_view names[] = {"a", "b", "c", "amount", "_x", "$y", "TAGS", "Inf"};
constexpr std::string_view orders[] = {"<", "<=", ">", ">="};
constexpr std::string_view searches[] = {"CONTAINS", "STARTSWITH", "ENDSWITH", "contains", "StartsWith"};
// What numbers look like in literals, and in texts, where much more is possible.
constexpr std::string_view integers[] = {"0",  "1",   "2",          "5",          "10",
                                         "5L", "10l", "2147483647", "2147483648", "9223372036854775807"};
constexpr std::string_view reals[] = {"0.5",
                                      "1.0",
                                      "5.",
                                      ".25",
                                      "1e3",
                                      "1.5E-3",
                                      "5e-324",
                                      "1.7976931348623157E308",
                                      "5.e2",
                                      ".5e+1",
                                      "9007199254740993.0",
                                      "10.5",
                                      "2147483648.0"};
// What is no literal, or one that is refused.
constexpr std::string_view odd_numbers[] = {"007",
                                            "0L",
                                            "9223372036854775808",
                                            "99999999999999999999",
                                            "2e308",
                                            "1e400",
                                            "0.0",
                                            "1e-400",
                                            "2e-324",
                                            "0e5",
                                            "1e",
                                            "5x",
                                            "0x10"};
constexpr std::string_view texts[] = {"",
                                      "x",
                                      "xy",
                                      "abc",
                                      "true",
                                      "TRUE",
                                      "False",
                                      "1",
                                      "5",
                                      "+5",
                                      "-5",
                                      "10",
                                      "10.5",
                                      "1.0",
                                      "1e3",
                                      " 5 ",
                                      "5 ",
                                      "007",
                                      "-0",
                                      "0",
                                      "-0.0",
                                      "0.0",
                                      "NaN",
                                      "-NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "+Infinity",
                                      "inf",
                                      "nan",
                                      "0x1p3",
                                      "0x1.8p-2",
                                      "0X.8P1",
                                      "0x10",
                                      "0x1p",
                                      "1d",
                                      "1.5f",
                                      "5L",
                                      "1e",
                                      "1e+",
                                      ".",
                                      ".5",
                                      "5.",
                                      "1.7976931348623159e308",
                                      "4.9e-324",
                                      "2.4e-324",
                                      "1e999999999999",
                                      "1e-999999999999",
                                      "2147483647",
                                      "2147483648",
                                      "-2147483648",
                                      "-2147483649",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "-9223372036854775808",
                                      "9007199254740993",
                                      "\xD9\xA3",
                                      "\xEF\xBC\x95",
                                      "\xE0\xA5\xA7\xE0\xA5\xA8",
                                      "\xC3\xA9t\xC3\xA9",
                                      "\xF0\x9F\x98\x80",
                                      "it''s",
                                      "a b",
                                      "--",
                                      "+",
                                      "-",
                                      "0x1.fffffffffffff8p1023",
                                      "0x0.8p-1074",
                                      "0x1p-1075",
                                      "0x1.0000000000000800001p0",
                                      "0x123456789abcdefp-60",
                                      "1_000",
                                      "\t5\n",
                                      "1e5f",
                                      "1D",
                                      "dd"};
constexpr std::string_view junk[] = {"=",   "<>",   ">",       "(",  ")",      ",",     "+",        "-",
                                     "AND", "OR",   "NOT",     "IS", "NULL",   "IN",    "BETWEEN",  "LIKE",
                                     "'x'", "'",    "\"x\"",   "!=", "==",     ";",     "*",        "/",
                                     "%",   "--",   "/* c */", "/*", "a.b",    "1.2.3", "\xC3\xA9", "0x10",
                                     "5x",  "TRUE", "a",       "5",  "-- c\n", "\f",    "#",        "CONTAINS"};

}  // namespace

// xorshift: enough here, and the same on every machine.
std::uint64_t RandomPairs::next() noexcept {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return (state_ * 0x2545F4914F6CDD1D) >> 16;
}

std::string RandomPairs::expression() {
  tokens_.clear();
  disjunction(static_cast<int>(below(4)));
  if (one_in(6)) damage();
  std::string out;
  for (const std::string& token : tokens_) {
    // Blanks can be missing where tokens end by themselves; where they do not, that is a test, too.
    if (!out.empty() && !one_in(20)) out += one_in(20) ? "\n" : " ";
    out += token;
  }
  return out;
}

std::string RandomPairs::properties() {
  std::string out;
  for (const std::string_view name : names) {
    if (one_in(3)) continue;
    for (std::size_t times = one_in(15) ? 2 : 1; times > 0; --times) {
      std::string value = one_in(2) ? number() : text();
      std::erase_if(value, [](char c) { return c == '\x01' || c == '\x02'; });
      out.append(name).append("\x01").append(value).append("\x02");
    }
  }
  if (one_in(8) && !out.empty()) out.pop_back();
  if (one_in(25)) out.insert(below(out.size() + 1), one_in(2) ? "\x01" : "\x02");
  return out;
}

void RandomPairs::damage() {
  for (std::size_t times = 1 + below(2); times > 0 && !tokens_.empty(); --times) {
    const std::size_t at = below(tokens_.size());
    const auto place = tokens_.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(5)) {
      case 0: tokens_.erase(place); break;
      case 1: tokens_.insert(place, *place); break;
      case 2: std::swap(tokens_[at], tokens_[below(tokens_.size())]); break;
      case 3: tokens_[at] = pick(junk); break;
      default: tokens_.insert(place, std::string(pick(junk))); break;
    }
  }
}

void RandomPairs::disjunction(int depth) {
  conjunction(depth);
  for (std::size_t more = below(3); more > 0 && depth > 0; --more) {
    put("OR");
    conjunction(depth);
  }
}

void RandomPairs::conjunction(int depth) {
  condition(depth);
  while (depth > 0 && one_in(3)) {
    put(one_in(9) ? "and" : "AND");
    condition(depth);
  }
}

// Mostly what compiles; at times whatever the grammar has there.
void RandomPairs::condition(int depth) {
  if (one_in(12)) return equality(depth);
  switch (below(depth > 0 ? 12 : 9)) {
    case 0:
    case 1:
      put(pick(names));
      put(pick(orders));
      return literal_number();
    case 2:
      put(pick(names));
      put(one_in(3) ? "<>" : "=");
      return one_in(2) ? literal_text() : literal_number();
    case 3:
      put(pick(names));
      put(one_in(2) ? pick(orders) : (one_in(2) ? std::string_view("=") : std::string_view("<>")));
      return one_in(4) ? unary(depth - 1) : put(pick(names));
    case 4:
      put(pick(names));
      if (one_in(2)) put("NOT");
      put("BETWEEN");
      literal_number();
      put("AND");
      return literal_number();
    case 5: {
      put(pick(names));
      if (one_in(2)) put("NOT");
      put("IN");
      put("(");
      literal_text();
      for (std::size_t more = below(one_in(8) ? 20 : 4); more > 0; --more) {
        put(",");
        literal_text();
      }
      return put(")");
    }
    case 6:
      put(pick(names));
      if (one_in(2)) put("NOT");
      put(pick(searches));
      return literal_text();
    case 7:
      put(pick(names));
      put("IS");
      if (one_in(2)) put("NOT");
      return put("NULL");
    case 8:
      put(pick(names));
      put(one_in(3) ? "<>" : "=");
      return put(one_in(2) ? "TRUE" : "FALSE");
    case 9: put("NOT"); [[fallthrough]];
    case 10:
      put("(");
      disjunction(depth - 1);
      return put(")");
    default:
      put(pick(names));
      put(one_in(2) ? "=" : pick(orders));
      put("-");
      put("(");
      disjunction(depth - 1);
      return put(")");
  }
}

void RandomPairs::equality(int depth) {
  comparison(depth);
  while (one_in(3)) {
    if (one_in(4)) {
      put("IS");
      if (one_in(2)) put("NOT");
      put("NULL");
    } else {
      put(one_in(3) ? "<>" : "=");
      comparison(depth - 1);
    }
  }
}

void RandomPairs::comparison(int depth) {
  unary(depth);
  while (one_in(3)) {
    switch (below(4)) {
      case 0:
        put(pick(orders));
        unary(depth - 1);
        break;
      case 1:
        if (one_in(2)) put("NOT");
        put(pick(searches));
        literal_text();
        break;
      case 2:
        if (one_in(2)) put("NOT");
        put("BETWEEN");
        unary(depth - 1);
        put("AND");
        unary(depth - 1);
        break;
      default:
        if (one_in(2)) put("NOT");
        put("IN");
        put("(");
        literal_text();
        put(")");
        break;
    }
  }
}

void RandomPairs::unary(int depth) {
  if (one_in(6)) put("-");
  if (one_in(12)) put("+");
  if (one_in(12)) put("NOT");
  primary(depth);
}

void RandomPairs::primary(int depth) {
  switch (below(depth > 0 ? 8 : 6)) {
    case 0:
    case 1: return put(pick(names));
    case 2: return literal_text();
    case 3:
    case 4: return literal_number();
    case 5: return put(one_in(3) ? "NULL" : (one_in(2) ? "TRUE" : "false"));
    default:
      put("(");
      disjunction(depth - 1);
      put(")");
  }
}

void RandomPairs::literal_text() {
  std::string quoted = "'";
  for (const char c : text()) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  tokens_.push_back(quoted + "'");
}

void RandomPairs::literal_number() {
  std::string literal(one_in(40) ? pick(odd_numbers) : (one_in(3) ? pick(reals) : pick(integers)));
  if (one_in(5)) literal.insert(0, "-");
  tokens_.push_back(std::move(literal));
}

std::string RandomPairs::text() {
  if (!one_in(6)) return std::string(pick(texts));
  std::string out;
  for (std::size_t length = below(6); length > 0; --length) {
    constexpr std::string_view characters = "abx01 .-+eE'%_\t";
    out.push_back(characters[below(characters.size())]);
  }
  return out;
}

// Numbers of all lengths, as texts: where reading them goes wrong first.
std::string RandomPairs::number() {
  switch (below(6)) {
    case 0: return std::to_string(below(20));
    case 1: return std::string(pick(reals));
    case 2: return std::string(pick(integers));
    case 3: {
      std::string out = std::to_string(static_cast<std::int64_t>(next()) - static_cast<std::int64_t>(next()));
      if (one_in(2)) out.insert(out.size() - below(out.size()), ".");
      if (one_in(2)) out += "e" + std::to_string(static_cast<int>(below(700)) - 350);
      return out;
    }
    case 4: {
      std::array<char, 17> hex{};
      for (char& c : hex) c = "0123456789abcdef"[below(16)];
      std::string out = "0x" + std::string(hex.begin(), hex.begin() + 1 + static_cast<std::ptrdiff_t>(below(16)));
      if (one_in(2)) out += "." + std::string(hex.begin(), hex.begin() + static_cast<std::ptrdiff_t>(below(17)));
      return out + "p" + std::to_string(static_cast<int>(below(2300)) - 1150);
    }
    default: return std::string(pick(texts));
  }
}

}  // namespace gantry::interop
