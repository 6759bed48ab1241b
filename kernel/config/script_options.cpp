// Sections of single scripts. Which there are stands in the file itself, as with plugins; what they hold is the same
// for all.
#include "kernel/base/assert.hpp"
#include "kernel/config/kernel_options.hpp"

#include <algorithm>
#include <utility>

namespace gantry::config {
namespace {

using enum OptionType;

constexpr std::int64_t mib = 1LL << 20;

/// The section of one script. What it does not set is as in [scripts].
std::vector<OptionSpec> script_options() {
  const auto& words = script_on_error_words;
  return {
      {.key = "path",
       .live = true,
       .operator_sees = false,
       .sentence = "The script's file. Empty: NAME.lua in the watched folder."},
      {.key = "candidate",
       .live = true,
       .operator_sees = false,
       .sentence = "Another file that runs in the script's shadow: it sees the same messages, changes nothing, and is "
                   "counted where it decides otherwise."},
      {.key = "topics",
       .type = text_list,
       .minimum = 0,
       .maximum = 64,
       .live = true,
       .operator_sees = false,
       .sentence = "Patterns of topics that its hooks are bound to, such as [\"orders*\"]; they narrow what the hooks "
                   "declare themselves."},
      {.key = "groups",
       .type = text_list,
       .minimum = 0,
       .maximum = 64,
       .live = true,
       .operator_sees = false,
       .sentence = "The same for producer groups (publishing hooks) and consumer groups (filters)."},
      {.key = "on_error",
       .type = choice,
       .fallback = "accept",
       .choices = {words.begin(), words.end()},
       .live = true,
       .operator_sees = false,
       .sentence = "As in [scripts], for this script."},
      {.key = "deadline",
       .type = duration,
       .fallback = "5ms",
       .minimum = 1,
       .maximum = 1'000,
       .live = true,
       .operator_sees = false,
       .sentence = "As in [scripts], for this script."},
      {.key = "memory",
       .type = bytes,
       .fallback = "8MiB",
       .minimum = 256 * 1024,
       .maximum = 1024 * mib,
       .live = true,
       .operator_sees = false,
       .sentence = "As in [scripts], for this script."},
  };
}

constexpr std::string_view script_prefix = "scripts.";

bool is_script_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

ScriptOnError script_policy(std::string_view word) noexcept {
  const auto& words = script_on_error_words;
  return static_cast<ScriptOnError>(std::find(words.begin(), words.end(), word) - words.begin());
}

}  // namespace

std::vector<ScriptEntry> read_script_entries(const Values& values, const ScriptOptions& defaults) {
  std::vector<ScriptEntry> entries;
  for (const SectionSpec& section : values.tables().sections()) {
    if (!section.path.starts_with(script_prefix)) continue;
    const auto key = [&](const char* name) { return section.path + "." + name; };
    const auto is_set = [&](const char* name) { return values.origin(key(name)).kind != Origin::Kind::fallback; };
    ScriptEntry entry;
    entry.name = section.path.substr(script_prefix.size());
    entry.path = values.text(key("path"));
    entry.candidate = values.text(key("candidate"));
    entry.topics = values.list(key("topics"));
    entry.groups = values.list(key("groups"));
    entry.on_error = is_set("on_error") ? script_policy(values.text(key("on_error"))) : defaults.on_error;
    entry.deadline = is_set("deadline") ? values.duration(key("deadline")) : defaults.deadline;
    entry.memory = is_set("memory") ? values.bytes(key("memory")) : defaults.memory;
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Status add_script_section(const std::string& name, OptionTables& tables) {
  if (!is_script_name(name)) {
    return Error{Errc::invalid_argument,
                 "expected a script's name of 1 to 64 lower case letters, digits, '_' and '-', found \"" + name + "\""};
  }
  return tables.add({std::string(script_prefix) + name, "The script " + name + ".", script_options()});
}

void add_script_sections(const Document& document, const Overrides& overrides, OptionTables& tables) {
  const auto declare = [&](std::string_view key, bool is_table) {
    if (!key.starts_with(script_prefix)) return;
    key.remove_prefix(script_prefix.size());
    const std::size_t dot = key.find('.');
    if (dot == std::string_view::npos && !is_table) return;
    const std::string name(key.substr(0, dot));
    if (!is_script_name(name) || tables.has_section(std::string(script_prefix) + name)) return;
    const Status added = add_script_section(name, tables);
    GANTRY_ASSERT(added.has_value(), added.error().text);
  };
  for (const auto& [key, raw] : document.entries) declare(key, raw.is_table);
  for (const auto& [key, text] : overrides.from_command_line) declare(key, false);
}

}  // namespace gantry::config
