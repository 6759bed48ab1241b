#include "plugins/storage-mmap/tools/reporter.hpp"

namespace gantry::storage_mmap::tools {

void Reporter::tell(const Finding& finding) {
  if (finding.severity == sdk::FindingSeverity::error) ++errors_;
  const auto key = std::pair(std::string(finding.kind), finding.file);
  if (counts_.size() >= kinds_max && !counts_.contains(key)) {
    ++held_back_;
    return;
  }
  auto& count = counts_[key];
  count.severity = finding.severity;
  if (count.told >= same_max_) {
    ++count.held_back;
    return;
  }
  ++count.told;
  report_.finding({.severity = finding.severity,
                   .file = finding.file,
                   .position = finding.position,
                   .expected = finding.expected,
                   .found = finding.found,
                   .remedy = finding.remedy});
}

void Reporter::tell_rest() {
  for (auto& [key, count] : counts_) {
    if (count.held_back == 0) continue;
    const auto found = "another " + std::to_string(count.held_back) + " like those above (" + key.first + ")";
    report_.finding({.severity = count.severity,
                     .file = key.second,
                     .expected = "none",
                     .found = found,
                     .remedy = "the same as above"});
    count.held_back = 0;
  }
  if (held_back_ == 0) return;
  const auto found = "another " + std::to_string(held_back_) + " findings in other files";
  report_.finding({.severity = sdk::FindingSeverity::error,
                   .expected = "none",
                   .found = found,
                   .remedy = "repair what is told, then check again"});
  held_back_ = 0;
}

Status Reporter::progress(std::string_view step, std::int64_t done, std::int64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_progress_ && step == last_step_) return {};
  next_progress_ = now + std::chrono::milliseconds(50);
  if (step != last_step_) last_step_ = step;
  if (report_.progress(step, done, total)) return {};
  return Error{Errc::unavailable, "stopped as asked"};
}

}  // namespace gantry::storage_mmap::tools
