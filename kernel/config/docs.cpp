// Everything that is generated for people from the declarations.
#include "kernel/config/config.hpp"

#include <algorithm>

namespace gantry::config {
namespace {

std::string default_text(const OptionSpec& spec) { return format_option_value(spec, fallback_value(spec)); }

std::string bound_text(const OptionSpec& spec, std::int64_t bound) {
  std::string text = format_option_value(spec, OptionValue(bound));
  std::erase(text, '"');
  return text;
}

/// "1s to 7d", "one of `r`, `w`", or nothing.
std::string allowed_text(const OptionSpec& spec, std::string_view quote) {
  std::string out;
  for (const std::string& choice : spec.choices) {
    out += (out.empty() ? "one of " : ", ") + std::string(quote) + choice + std::string(quote);
  }
  if (!out.empty() || (spec.minimum == 0 && spec.maximum == 0)) return out;
  if (spec.type == OptionType::text_list || spec.type == OptionType::address_list ||
      spec.type == OptionType::cidr_list) {
    return "at most " + std::to_string(spec.maximum) + " entries";
  }
  return bound_text(spec, spec.minimum) + " to " + bound_text(spec, spec.maximum);
}

std::string_view short_name(OptionType type) noexcept {
  switch (type) {
    case OptionType::boolean: return "true or false";
    case OptionType::integer: return "integer";
    case OptionType::real: return "number";
    case OptionType::text: return "text";
    case OptionType::choice: return "choice";
    case OptionType::duration: return "duration";
    case OptionType::bytes: return "size";
    case OptionType::address: return "address";
    case OptionType::text_list: return "list of texts";
    case OptionType::address_list: return "list of addresses";
    case OptionType::cidr_list: return "list of address ranges";
  }
  return "value";
}

/// Text for a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

/// `text` as comment lines of at most `width` characters.
std::string commented(std::string_view text, std::size_t width = 110) {
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() > 1 && line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line = "#";
    }
    line += " " + std::string(word);
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return out + line + "\n";
}

std::string explain_option(const Values& values, const std::string& key, const OptionSpec& spec) {
  std::string out = key + " = " + format_option_value(spec, *values.find(key)) + "\n";
  out += "  from     " + to_string(values.origin(key)) + "\n";
  out += "  default  " + default_text(spec) + "\n";
  out += "  type     " + std::string(describe(spec.type)) + "\n";
  if (const std::string allowed = allowed_text(spec, "\""); !allowed.empty()) out += "  allowed  " + allowed + "\n";
  out += std::string("  applies  ") + (spec.live ? "at reload" : "at restart") + "\n";
  return out + "  " + spec.sentence + "\n";
}

}  // namespace

Result<std::string> explain(const Values& values, std::string_view key) {
  const OptionTables& tables = values.tables();
  if (const OptionSpec* spec = tables.find(key)) return explain_option(values, std::string(key), *spec);
  for (const SectionSpec& section : tables.sections()) {
    if (section.path != key) continue;
    std::string out = "[" + section.path + "] " + section.sentence + "\n";
    for (const OptionSpec& spec : section.options)
      out += "\n" + explain_option(values, section.path + "." + spec.key, spec);
    return out;
  }
  std::string text = "explaining \"" + std::string(key) + "\": there is no such option or section";
  if (const auto near = tables.nearest(key)) text += "; did you mean " + *near + "?";
  return Error{Errc::not_found, std::move(text)};
}

std::string generate_markdown(const OptionTables& tables) {
  std::string out =
      "# Configuration\n\n"
      "<!-- Generated from the declarations in the code; do not edit. -->\n\n"
      "One TOML file configures a Gantry process: `gantry run --config gantry.toml`. Every option has a default, so an "
      "empty\n"
      "file is a valid one. Unknown keys are errors. `gantry config check` says what is wrong with a file,\n"
      "`gantry config explain KEY` what an option does and where its value comes from, `gantry config diff` what "
      "differs from\n"
      "the defaults or from another file.\n\n"
      "A value comes from, in rising order: the default, the file, the environment (`listen.port` is "
      "`GANTRY_LISTEN_PORT`),\n"
      "the command line (`--set listen.port=10911`). Durations are written with a unit (`\"500ms\"`, `\"5s\"`, "
      "`\"1h30m\"`; ms, s,\n"
      "m, h, d), sizes too (`\"64KiB\"`, `\"4MiB\"`; B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB in thousands). Options "
      "that apply\n"
      "at *reload* change while the process runs; the others need a restart.\n";
  for (const SectionSpec& section : tables.sections()) {
    out += "\n## [" + section.path + "]\n\n" + section.sentence + "\n\n";
    if (section.options.empty()) continue;
    out += "| key | type | default | allowed | applies | what it does |\n|---|---|---|---|---|---|\n";
    for (const OptionSpec& spec : section.options) {
      out += "| `" + spec.key + "` | " + std::string(short_name(spec.type)) + " | `" + cell(default_text(spec)) +
             "` | " + cell(allowed_text(spec, "`")) + " | " + (spec.live ? "reload" : "restart") + " | " +
             cell(spec.sentence) + " |\n";
    }
  }
  return out;
}

std::string generate_sample(const OptionTables& tables) {
  std::string out = commented("The options that operators touch, at their defaults. All options: docs/config.md.");
  for (const SectionSpec& section : tables.sections()) {
    const auto& options = section.options;
    if (std::none_of(options.begin(), options.end(), [](const OptionSpec& spec) { return spec.operator_sees; }))
      continue;
    out += "\n" + commented(section.sentence) + "[" + section.path + "]\n";
    for (const OptionSpec& spec : options) {
      if (!spec.operator_sees) continue;
      out += "\n" + commented(spec.sentence) + spec.key + " = " + default_text(spec) + "\n";
    }
  }
  return out;
}

}  // namespace gantry::config
