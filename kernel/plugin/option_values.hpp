#pragma once
// Values of the configuration in the form in which they cross to a plugin.

#include "gantry/abi/plugin.h"
#include "kernel/config/config.hpp"
#include "kernel/plugin/manifest.hpp"

#include <deque>
#include <string>
#include <vector>

namespace gantry::plugin {

/// Owns copies of the values of a plugin's own options, in the order of its declarations.
class OptionArray {
 public:
  OptionArray(const Manifest& manifest, const config::Values& values);
  OptionArray(const OptionArray&) = delete;
  OptionArray& operator=(const OptionArray&) = delete;

  [[nodiscard]] const gantry_option_value* data() const noexcept { return values_.data(); }
  [[nodiscard]] std::uint64_t size() const noexcept { return values_.size(); }

 private:
  std::deque<std::string> texts_;  // a deque, because values_ points at its elements
  std::vector<gantry_option_value> values_;
};

/// Whether a live option of the plugin itself differs.
bool live_options_differ(const Manifest& manifest, const config::Values& before, const config::Values& after);

}  // namespace gantry::plugin
