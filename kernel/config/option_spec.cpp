#include "kernel/config/option_spec.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/cidr.hpp"
#include "kernel/base/units.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace gantry::config {
namespace {

constexpr std::size_t text_bytes_max = 64 * 1024;
constexpr std::size_t list_entries_max = 4096;

bool is_bounded(const OptionSpec& spec) noexcept { return spec.minimum != 0 || spec.maximum != 0; }

bool is_list(OptionType type) noexcept {
  return type == OptionType::text_list || type == OptionType::address_list || type == OptionType::cidr_list;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    constexpr char hex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

Error expected(std::string_view what, std::string_view found) {
  return Error{Errc::invalid_argument, "expected " + std::string(what) + ", found " + std::string(found)};
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> entries;
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = trimmed(text.substr(1, text.size() - 2));
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view entry = trimmed(text.substr(0, comma));
    if (entry.size() >= 2 && entry.front() == '"' && entry.back() == '"') entry = entry.substr(1, entry.size() - 2);
    if (!entry.empty()) entries.emplace_back(entry);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return entries;
}

std::string number_text(const OptionSpec& spec, std::int64_t number) {
  if (spec.type == OptionType::duration) return format_duration(std::chrono::milliseconds(number));
  if (spec.type == OptionType::bytes) return format_bytes(number);
  return std::to_string(number);
}

Status check_number(const OptionSpec& spec, std::int64_t number) {
  if (!is_bounded(spec) || (number >= spec.minimum && number <= spec.maximum)) return {};
  return expected(number_text(spec, spec.minimum) + " to " + number_text(spec, spec.maximum),
                  number_text(spec, number));
}

Status check_text(const OptionSpec& spec, const std::string& text) {
  if (text.size() > text_bytes_max) return expected("at most 64KiB of text", std::to_string(text.size()) + " bytes");
  if (text.find('\0') != std::string::npos) return expected("text without NUL characters", "one");
  if (spec.type == OptionType::choice &&
      std::find(spec.choices.begin(), spec.choices.end(), text) == spec.choices.end()) {
    std::string choices;
    for (const std::string& choice : spec.choices) choices += (choices.empty() ? "" : ", ") + quoted(choice);
    return expected("one of " + choices, quoted(text));
  }
  if (spec.type == OptionType::address && !(text.empty() && spec.fallback.empty())) return check_address(text);
  return {};
}

Status check_list(const OptionSpec& spec, const std::vector<std::string>& list) {
  const auto most = is_bounded(spec) ? static_cast<std::size_t>(spec.maximum) : list_entries_max;
  const auto least = is_bounded(spec) ? static_cast<std::size_t>(spec.minimum) : 0;
  if (list.size() < least || list.size() > most) {
    return expected(std::to_string(least) + " to " + std::to_string(most) + " entries", std::to_string(list.size()));
  }
  for (const std::string& entry : list) {
    if (entry.empty()) return expected("entries that are not empty", "an empty one");
    OptionSpec single;  // an entry of a list is judged like a text of its own
    single.type = spec.type == OptionType::address_list ? OptionType::address : OptionType::text;
    single.fallback = "x:1";
    GANTRY_TRY(check_text(single, entry));
  }
  if (spec.type == OptionType::cidr_list) {
    if (auto set = CidrSet::parse(list); !set) return std::move(set).error();
  }
  return {};
}

/// Single-character edits (insert, delete, replace, swap of neighbours) from one word to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before[j - 2] + 1);
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[b.size()];
}

bool is_key(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

Status check_spec(const SectionSpec& section, const OptionSpec& spec) {
  const auto refuse = [&](std::string_view why) {
    return Error{Errc::invalid_argument,
                 "declaring option " + quoted(spec.key) + " of [" + section.path + "]: " + std::string(why)};
  };
  if (!is_key(spec.key)) return refuse("expected a key of lower case letters, digits, '_', '-' and '.'");
  if (spec.sentence.empty()) return refuse("expected a sentence that says what it does, found none");
  if (spec.type == OptionType::choice && spec.choices.empty()) return refuse("expected choices, found none");
  if (spec.minimum > spec.maximum) return refuse("its minimum is above its maximum");
  if (auto value = parse_option_text(spec, spec.fallback); !value) {
    return refuse("its default is not valid: " + value.error().text);
  }
  return {};
}

}  // namespace

std::string_view describe(OptionType type) noexcept {
  switch (type) {
    case OptionType::boolean: return "true or false";
    case OptionType::integer: return "a whole number";
    case OptionType::real: return "a number";
    case OptionType::text: return "text in quotes";
    case OptionType::choice: return "one of the listed words in quotes";
    case OptionType::duration: return "a duration in quotes (such as \"500ms\", \"5s\", \"1h\")";
    case OptionType::bytes: return "a size in quotes (such as \"64KiB\", \"4MiB\")";
    case OptionType::address: return "an address in quotes (such as \"host:9876\")";
    case OptionType::text_list: return "a list of texts (such as [\"a\", \"b\"])";
    case OptionType::address_list: return "a list of addresses (such as [\"host:9876\"])";
    case OptionType::cidr_list: return "a list of address ranges (such as [\"loopback\", \"10.0.0.0/8\"])";
  }
  return "a value";
}

Status OptionTables::add(SectionSpec section) {
  if (!is_key(section.path)) {
    return Error{Errc::invalid_argument, "declaring the section " + quoted(section.path) +
                                             ": expected a path of lower case letters, digits, '_', '-' and '.'"};
  }
  if (has_section(section.path)) {
    return Error{Errc::already_exists, "declaring the section [" + section.path + "]: it is declared already"};
  }
  std::map<std::string, std::pair<std::size_t, std::size_t>, std::less<>> added;
  for (std::size_t i = 0; i < section.options.size(); ++i) {
    GANTRY_TRY(check_spec(section, section.options[i]));
    const std::string key = section.path + "." + section.options[i].key;
    if (index_.contains(key) || !added.emplace(key, std::pair(sections_.size(), i)).second) {
      return Error{Errc::already_exists, "declaring the option " + key + ": it is declared already"};
    }
  }
  index_.merge(added);
  sections_.push_back(std::move(section));
  return {};
}

const OptionSpec* OptionTables::find(std::string_view key) const noexcept {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &sections_[found->second.first].options[found->second.second];
}

bool OptionTables::has_section(std::string_view path) const noexcept {
  return std::any_of(sections_.begin(), sections_.end(), [&](const SectionSpec& s) { return s.path == path; });
}

std::optional<std::string> OptionTables::nearest(std::string_view key) const {
  if (key.size() > 200) return std::nullopt;
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, key.size() / 3) + 1;
  const auto offer = [&](std::string_view candidate, std::size_t distance) {
    if (distance >= best_distance) return;
    best = candidate;
    best_distance = distance;
  };
  const std::size_t dot = key.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? key : key.substr(dot + 1);
  for (const auto& [candidate, place] : index_) {
    offer(candidate, edit_distance(key, candidate));
    // The right key in the wrong section is one step away.
    if (candidate.size() > last.size() && candidate.ends_with(last) &&
        candidate[candidate.size() - last.size() - 1] == '.') {
      offer(candidate, 1);
    }
  }
  for (const SectionSpec& section : sections_) offer(section.path, edit_distance(key, section.path));
  if (best.empty()) return std::nullopt;
  return std::string(best);
}

Result<OptionValue> parse_option_text(const OptionSpec& spec, std::string_view text) {
  OptionValue value;
  const char* const end = text.data() + text.size();
  switch (spec.type) {
    case OptionType::boolean:
      if (text != "true" && text != "false") return expected(describe(spec.type), quoted(text));
      value = text == "true";
      break;
    case OptionType::integer: {
      std::int64_t number = 0;
      const auto [stop, code] = std::from_chars(text.data(), end, number);
      if (code != std::errc() || stop != end) return expected(describe(spec.type), quoted(text));
      value = number;
      break;
    }
    case OptionType::real: {
      double number = 0;
      const auto [stop, code] = std::from_chars(text.data(), end, number);
      if (code != std::errc() || stop != end) return expected(describe(spec.type), quoted(text));
      value = number;
      break;
    }
    case OptionType::duration: {
      GANTRY_ASSIGN(const auto duration, parse_duration(text));
      value = std::int64_t{duration.count()};
      break;
    }
    case OptionType::bytes: {
      GANTRY_ASSIGN(const auto bytes, parse_bytes(text));
      value = bytes;
      break;
    }
    case OptionType::text:
    case OptionType::choice:
    case OptionType::address: value = std::string(text); break;
    case OptionType::text_list:
    case OptionType::address_list:
    case OptionType::cidr_list: value = split_list(text); break;
  }
  GANTRY_TRY(check_option_value(spec, value));
  return value;
}

Status check_option_value(const OptionSpec& spec, const OptionValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return check_number(spec, *number);
  if (const auto* text = std::get_if<std::string>(&value)) return check_text(spec, *text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return check_list(spec, *list);
  if (const auto* real = std::get_if<double>(&value)) {
    const bool inside = *real >= static_cast<double>(spec.minimum) && *real <= static_cast<double>(spec.maximum);
    if (*real != *real || (is_bounded(spec) && !inside)) {
      return expected(std::to_string(spec.minimum) + " to " + std::to_string(spec.maximum), std::to_string(*real));
    }
  }
  return {};
}

std::string format_option_value(const OptionSpec& spec, const OptionValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return spec.type == OptionType::integer ? std::to_string(*number) : quoted(number_text(spec, *number));
  }
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  if (const auto* real = std::get_if<double>(&value)) {
    char digits[64];
    std::string out(digits, std::to_chars(digits, digits + sizeof digits, *real).ptr);
    return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
  }
  std::string out = "[";
  for (const std::string& entry : std::get<std::vector<std::string>>(value)) {
    out += (out.size() > 1 ? ", " : "") + quoted(entry);
  }
  return out + "]";
}

OptionValue fallback_value(const OptionSpec& spec) {
  auto value = parse_option_text(spec, spec.fallback);
  GANTRY_ASSERT(value.has_value(), "declarations are checked when they are added");
  GANTRY_ASSERT(is_list(spec.type) == std::holds_alternative<std::vector<std::string>>(*value));
  return *std::move(value);
}

Status check_address(std::string_view text) {
  const auto refuse = [&] { return expected("an address such as \"host:9876\" or \"[::1]:9876\"", quoted(text)); };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refuse();
  const std::string_view port_text = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  std::uint32_t port = 0;
  const char* const end = port_text.data() + port_text.size();
  const auto [stop, code] = std::from_chars(port_text.data(), end, port);
  if (code != std::errc() || stop != end || port == 0 || port > 65535) return refuse();
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool ok = std::all_of(host.begin(), host.end(), [&](char c) {
    const bool hex_or_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    return hex_or_name || (bracketed ? c == ':' || c == '%' : c == '-' || c == '_');
  });
  return ok && !host.empty() ? Status() : Status(refuse());
}

}  // namespace gantry::config
