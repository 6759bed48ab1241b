#pragma once
// What the tools say, with bounds: of each kind of finding in each file a few are told in full and the rest is counted.

#include "gantry/sdk/store_tools.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::storage_mmap::tools {

/// A finding under construction. `kind` names what is wrong, so that equal ones can be counted together.
struct Finding {
  sdk::FindingSeverity severity = sdk::FindingSeverity::error;
  std::string_view kind{};
  std::string file{};
  std::int64_t position = -1;
  std::string expected{};
  std::string found{};
  std::string remedy{};
};

/// One use of one tool. One thread.
class Reporter {
 public:
  static constexpr std::uint32_t same_max = 8;
  static constexpr std::size_t kinds_max = 20'000;  ///< (kind, file) pairs that are told apart

  /// `findings_max`: how many of a kind and file are told in full; 0: same_max.
  Reporter(sdk::StoreReport& report, std::uint32_t findings_max)
      : report_(report), same_max_(findings_max == 0 ? same_max : findings_max) {}
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  void tell(const Finding& finding);
  /// Tells how many were not told; at the end.
  void tell_rest();

  void fact(std::string_view group, std::string_view key, std::string_view value) {
    report_.fact(group, {}, key, value);
  }
  void fact(std::string_view group, std::string_view key, std::int64_t value) {
    fact(group, key, std::to_string(value));
  }
  void item(std::string_view group, std::string_view item, std::string_view key, std::string_view value) {
    report_.fact(group, item, key, value);
  }
  void item(std::string_view group, std::string_view name, std::string_view key, std::int64_t value) {
    report_.fact(group, name, key, std::to_string(value));
  }

  /// Errc::unavailable when the caller wants no more. Cheap: asks at most every few milliseconds.
  Status progress(std::string_view step, std::int64_t done, std::int64_t total);
  [[nodiscard]] sdk::StoreReport& out() noexcept { return report_; }
  [[nodiscard]] std::int64_t errors() const noexcept { return errors_; }

 private:
  sdk::StoreReport& report_;
  const std::uint32_t same_max_;
  struct Count {
    std::uint32_t told = 0;
    std::int64_t held_back = 0;
    sdk::FindingSeverity severity = sdk::FindingSeverity::error;
  };
  std::map<std::pair<std::string, std::string>, Count> counts_;  // by kind and file
  std::int64_t held_back_ = 0;                                   // beyond kinds_max
  std::int64_t errors_ = 0;
  std::chrono::steady_clock::time_point next_progress_{};
  std::string last_step_;
};

}  // namespace gantry::storage_mmap::tools
