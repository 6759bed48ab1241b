#include "kernel/base/assert.hpp"
#include "kernel/config/config.hpp"

#include <algorithm>

namespace gantry::config {

std::string to_string(const Finding& finding) {
  std::string out = finding.where;
  if (finding.line > 0) out += ":" + std::to_string(finding.line) + ":" + std::to_string(finding.column);
  return out + (finding.severity == Severity::error ? ": error: " : ": warning: ") + finding.text;
}

std::string to_string(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) out += to_string(finding) + "\n";
  return out;
}

bool has_errors(const std::vector<Finding>& findings) noexcept {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::error; });
}

std::string to_string(const Origin& origin) {
  switch (origin.kind) {
    case Origin::Kind::fallback: return "default";
    case Origin::Kind::file: return origin.file + ":" + std::to_string(origin.line);
    case Origin::Kind::environment: return "environment " + origin.file;
    case Origin::Kind::command_line: return "--set";
  }
  return "unknown";
}

Values::Values(OptionTables tables) : tables_(std::move(tables)) {
  for (const SectionSpec& section : tables_.sections()) {
    for (const OptionSpec& spec : section.options) {
      entries_.emplace(section.path + "." + spec.key, Entry{fallback_value(spec), Origin{}});
    }
  }
}

const Values::Entry& Values::entry(std::string_view key, OptionType type) const {
  const auto found = entries_.find(key);
  GANTRY_ASSERT(found != entries_.end(), key);
  GANTRY_ASSERT(tables_.find(key)->type == type, key);
  return found->second;
}

bool Values::boolean(std::string_view key) const { return std::get<bool>(entry(key, OptionType::boolean).value); }

std::int64_t Values::integer(std::string_view key) const {
  return std::get<std::int64_t>(entry(key, OptionType::integer).value);
}

double Values::real(std::string_view key) const { return std::get<double>(entry(key, OptionType::real).value); }

std::chrono::milliseconds Values::duration(std::string_view key) const {
  return std::chrono::milliseconds(std::get<std::int64_t>(entry(key, OptionType::duration).value));
}

std::int64_t Values::bytes(std::string_view key) const {
  return std::get<std::int64_t>(entry(key, OptionType::bytes).value);
}

const std::string& Values::text(std::string_view key) const {
  const OptionValue* value = find(key);
  GANTRY_ASSERT(value != nullptr && std::holds_alternative<std::string>(*value), key);
  return std::get<std::string>(*value);
}

const std::vector<std::string>& Values::list(std::string_view key) const {
  const OptionValue* value = find(key);
  GANTRY_ASSERT(value != nullptr && std::holds_alternative<std::vector<std::string>>(*value), key);
  return std::get<std::vector<std::string>>(*value);
}

const OptionValue* Values::find(std::string_view key) const noexcept {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.value;
}

const Origin& Values::origin(std::string_view key) const {
  const auto found = entries_.find(key);
  GANTRY_ASSERT(found != entries_.end(), key);
  return found->second.origin;
}

void Values::set(std::string_view key, OptionValue value, Origin origin) {
  const auto found = entries_.find(key);
  GANTRY_ASSERT(found != entries_.end(), key);
  GANTRY_ASSERT(found->second.value.index() == value.index(), key);
  found->second = Entry{std::move(value), std::move(origin)};
}

std::vector<Change> diff(const Values& before, const Values& after) {
  std::vector<Change> changes;
  for (const SectionSpec& section : after.tables().sections()) {
    for (const OptionSpec& spec : section.options) {
      const std::string key = section.path + "." + spec.key;
      const OptionValue* old = before.find(key);
      const OptionValue* now = after.find(key);
      if (old == nullptr || *old == *now) continue;
      changes.push_back({key, format_option_value(spec, *old), format_option_value(spec, *now), spec.live});
    }
  }
  return changes;
}

Reload plan_reload(const Values& before, const Values& after) {
  Reload reload{before, {}, {}};
  for (Change& change : diff(before, after)) {
    if (change.live) {
      reload.values.set(change.key, *after.find(change.key), after.origin(change.key));
      reload.applied.push_back(std::move(change));
    } else {
      reload.needs_restart.push_back(std::move(change));
    }
  }
  return reload;
}

}  // namespace gantry::config
