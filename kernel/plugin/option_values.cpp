#include "kernel/plugin/option_values.hpp"

#include "kernel/base/assert.hpp"

namespace gantry::plugin {

namespace {

std::string full_key(const Manifest& manifest, const config::OptionSpec& spec) {
  return "plugins." + manifest.id + "." + spec.key;
}

std::uint32_t type_of(config::OptionType type) {
  switch (type) {
    case config::OptionType::boolean: return GANTRY_OPTION_BOOL;
    case config::OptionType::integer: return GANTRY_OPTION_INTEGER;
    case config::OptionType::duration: return GANTRY_OPTION_DURATION_MS;
    case config::OptionType::bytes: return GANTRY_OPTION_BYTES;
    case config::OptionType::choice: return GANTRY_OPTION_CHOICE;
    default: return GANTRY_OPTION_TEXT;  // manifest.cpp makes no others
  }
}

}  // namespace

OptionArray::OptionArray(const Manifest& manifest, const config::Values& values) {
  for (const config::OptionSpec& spec : manifest.options) {
    const config::OptionValue* found = values.find(full_key(manifest, spec));
    GANTRY_ASSERT(found != nullptr, "the values were resolved with the plugin's declarations");
    gantry_option_value value = {};
    value.key = texts_.emplace_back(spec.key).c_str();
    value.type = type_of(spec.type);
    if (const bool* boolean = std::get_if<bool>(found)) value.integer = *boolean ? 1 : 0;
    if (const auto* integer = std::get_if<std::int64_t>(found)) value.integer = *integer;
    if (const auto* text = std::get_if<std::string>(found)) {
      const std::string& kept = texts_.emplace_back(*text);
      value.text = {kept.data(), kept.size()};
    }
    values_.push_back(value);
  }
}

bool live_options_differ(const Manifest& manifest, const config::Values& before, const config::Values& after) {
  for (const config::OptionSpec& spec : manifest.options) {
    if (!spec.live) continue;
    const std::string key = full_key(manifest, spec);
    const auto* old_value = before.find(key);
    const auto* new_value = after.find(key);
    if (old_value != nullptr && new_value != nullptr && *old_value != *new_value) return true;
  }
  return false;
}

}  // namespace gantry::plugin
