#include "kernel/config/config.hpp"

#include <algorithm>
#include <cctype>

namespace gantry::config {
namespace {

constexpr std::string_view plugin_prefix = "plugins.";
constexpr std::string_view environment_prefix = "GANTRY_";

std::string found_text(const RawValue& raw) {
  if (!raw.kind.empty()) return raw.kind;
  if (const auto* flag = std::get_if<bool>(&raw.value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&raw.value)) return "the number " + std::to_string(*number);
  if (const auto* real = std::get_if<double>(&raw.value)) return "the number " + std::to_string(*real);
  if (const auto* text = std::get_if<std::string>(&raw.value)) return "the text \"" + *text + "\"";
  return "a list";
}

Error wrong_kind(const OptionSpec& spec, const RawValue& raw) {
  return Error{Errc::invalid_argument, "expected " + std::string(describe(spec.type)) + ", found " + found_text(raw)};
}

/// A value of the file as a value of the option. TOML's own types must fit: text is never read as a number.
Result<OptionValue> typed_value(const OptionSpec& spec, const RawValue& raw) {
  if (!raw.kind.empty()) return wrong_kind(spec, raw);
  const auto keep = [&](bool fits, OptionValue value) -> Result<OptionValue> {
    if (!fits) return wrong_kind(spec, raw);
    GANTRY_TRY(check_option_value(spec, value));
    return value;
  };
  const auto* text = std::get_if<std::string>(&raw.value);
  const auto* number = std::get_if<std::int64_t>(&raw.value);
  switch (spec.type) {
    case OptionType::boolean: return keep(std::holds_alternative<bool>(raw.value), raw.value);
    case OptionType::integer: return keep(number != nullptr, raw.value);
    case OptionType::real:
      if (number != nullptr) return keep(true, static_cast<double>(*number));
      return keep(std::holds_alternative<double>(raw.value), raw.value);
    case OptionType::text:
    case OptionType::choice:
    case OptionType::address: return keep(text != nullptr, raw.value);
    case OptionType::duration:
    case OptionType::bytes:
      if (text == nullptr) return wrong_kind(spec, raw);
      return parse_option_text(spec, *text);
    case OptionType::text_list:
    case OptionType::address_list:
    case OptionType::cidr_list: return keep(std::holds_alternative<std::vector<std::string>>(raw.value), raw.value);
  }
  return wrong_kind(spec, raw);
}

/// "plugins.storage-mmap" of "plugins.storage-mmap.flush_interval"; empty when the key is not a plugin's.
std::string_view plugin_section(const OptionTables& tables, std::string_view key) noexcept {
  if (!key.starts_with(plugin_prefix)) return {};
  const std::size_t dot = key.find('.', plugin_prefix.size());
  const std::string_view section = key.substr(0, dot);
  // [plugins] has keys of its own; a misspelled one is no plugin unless something is nested in it.
  return dot == std::string_view::npos && tables.has_section("plugins") ? std::string_view() : section;
}

class Resolver {
 public:
  Resolver(const Document& document, const OptionTables& tables, UndeclaredPlugins undeclared)
      : document_(document), tables_(tables), undeclared_(undeclared), resolution_{Values(tables), {}} {}

  void take_file() {
    for (const auto& [key, raw] : document_.entries) take_entry(key, raw);
  }

  void take_texts(const std::vector<std::pair<std::string, std::string>>& texts, Origin::Kind kind,
                  std::string_view where) {
    for (const auto& [key, text] : texts) {
      const OptionSpec* spec = tables_.find(key);
      if (spec == nullptr) {
        unknown(key, std::string(where), 0, 0);
        continue;
      }
      auto value = parse_option_text(*spec, text);
      if (!value) {
        add(Severity::error, std::string(where), 0, 0, key + ": " + value.error().text);
        continue;
      }
      resolution_.values.set(key, *std::move(value), Origin{kind, variable_of(kind, key), 0});
    }
  }

  Resolution finish() && { return std::move(resolution_); }

  static std::string variable_name(std::string_view key) {
    std::string name(environment_prefix);
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      name += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
    }
    return name;
  }

 private:
  static std::string variable_of(Origin::Kind kind, std::string_view key) {
    return kind == Origin::Kind::environment ? variable_name(key) : std::string();
  }

  void take_entry(const std::string& key, const RawValue& raw) {
    const OptionSpec* spec = tables_.find(key);
    if (spec == nullptr) {
      // An empty table says nothing wrong when it is a known section, or the home of some.
      const bool is_section = raw.is_table && (tables_.has_section(key) || key == "plugins");
      if (!is_section) unknown(key, document_.file, raw.line, raw.column, raw.is_table);
      return;
    }
    auto value = typed_value(*spec, raw);
    if (!value) {
      add(Severity::error, document_.file, raw.line, raw.column, key + ": " + value.error().text);
      return;
    }
    resolution_.values.set(key, *std::move(value), Origin{Origin::Kind::file, document_.file, raw.line});
  }

  void unknown(const std::string& key, std::string where, std::uint32_t line, std::uint32_t column,
               bool is_table = false) {
    const std::string_view section =
        is_table && key.starts_with(plugin_prefix) ? std::string_view(key) : plugin_section(tables_, key);
    if (!section.empty() && !tables_.has_section(section)) {
      if (undeclared_ == UndeclaredPlugins::accept || warned_about(section)) return;
      add(Severity::warning, std::move(where), line, column,
          "[" + std::string(section) + "] configures a plugin that is not loaded; add \"" +
              std::string(section.substr(plugin_prefix.size())) + "\" to load in [plugins], or remove the section");
      return;
    }
    if (!is_table && tables_.has_section(key)) {
      add(Severity::error, std::move(where), line, column, "expected the section [" + key + "], found a value");
      return;
    }
    std::string text = (is_table ? "unknown section [" : "unknown option ") + key + (is_table ? "]" : "");
    if (const auto near = tables_.nearest(key)) text += "; did you mean " + *near + "?";
    add(Severity::error, std::move(where), line, column, std::move(text));
  }

  bool warned_about(std::string_view section) {
    if (std::find(warned_.begin(), warned_.end(), section) != warned_.end()) return true;
    warned_.emplace_back(section);
    return false;
  }

  void add(Severity severity, std::string where, std::uint32_t line, std::uint32_t column, std::string text) {
    resolution_.findings.push_back({severity, std::move(where), line, column, std::move(text)});
  }

  const Document& document_;
  const OptionTables& tables_;
  const UndeclaredPlugins undeclared_;
  std::vector<std::string> warned_;
  Resolution resolution_;
};

}  // namespace

Resolution resolve(const Document& document, const OptionTables& tables, const Overrides& overrides,
                   UndeclaredPlugins undeclared) {
  Resolver resolver(document, tables, undeclared);
  resolver.take_file();
  resolver.take_texts(overrides.from_environment, Origin::Kind::environment, "environment");
  resolver.take_texts(overrides.from_command_line, Origin::Kind::command_line, "--set");
  return std::move(resolver).finish();
}

Result<std::pair<std::string, std::string>> parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Error{Errc::invalid_argument,
                 "--set: expected key=value such as broker.name=broker-b, found \"" + std::string(text) + "\""};
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

std::vector<std::pair<std::string, std::string>> environment_overrides(const OptionTables& tables,
                                                                       const std::vector<std::string>& environment) {
  std::map<std::string_view, std::string_view> variables;
  for (const std::string& line : environment) {
    const std::string_view view = line;
    const std::size_t equals = view.find('=');
    if (!view.starts_with(environment_prefix) || equals == std::string_view::npos) continue;
    variables[view.substr(0, equals)] = view.substr(equals + 1);
  }
  std::vector<std::pair<std::string, std::string>> overrides;
  if (variables.empty()) return overrides;
  for (const SectionSpec& section : tables.sections()) {
    for (const OptionSpec& spec : section.options) {
      std::string key = section.path + "." + spec.key;
      const auto found = variables.find(Resolver::variable_name(key));
      if (found != variables.end()) overrides.emplace_back(std::move(key), std::string(found->second));
    }
  }
  return overrides;
}

}  // namespace gantry::config
