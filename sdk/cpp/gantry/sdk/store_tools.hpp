#pragma once
// gantry.store_tools/1 in C++: looks into the files of a store from outside, for an operator. Semantics, threads and
// bounds of every function are those of gantry/abi/store_tools.h; the plugin is configured and not started.

#include "gantry/abi/store_tools.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/result.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace gantry::sdk {

enum class FindingSeverity : std::uint32_t {
  note = GANTRY_FINDING_NOTE,
  warning = GANTRY_FINDING_WARNING,
  error = GANTRY_FINDING_ERROR,
};

/// Something in the files that is not as it should be. Views, valid during StoreReport::finding().
struct StoreFinding {
  FindingSeverity severity = FindingSeverity::error;
  std::string_view file{};
  std::int64_t position = -1;  ///< byte in the file; -1: the file as a whole
  std::string_view expected{};
  std::string_view found{};
  std::string_view remedy{};
};

/// What a function of StoreTools is asked for. The texts are borrowed until it returns.
struct StoreQuestion {
  std::uint32_t options = 0;  ///< GANTRY_TOOLS_*
  std::string_view topic{};
  std::string_view key{};
  std::string_view file{};
  std::string_view target{};
  std::int32_t queue_id = -1;
  std::uint32_t count_max = 0;
  std::int64_t log_begin = 0;
  std::int64_t log_end = std::numeric_limits<std::int64_t>::max();
  std::int64_t offset_begin = 0;
  std::int64_t offset_end = std::numeric_limits<std::int64_t>::max();
  std::int64_t time_begin = 0;
  std::int64_t time_end = std::numeric_limits<std::int64_t>::max();
  std::int64_t position = 0;

  [[nodiscard]] bool has(std::uint32_t option) const noexcept { return (options & option) != 0; }
};

/// Where the results go. Called on the thread of the function that reports, before it returns.
class StoreReport {
 public:
  virtual ~StoreReport() = default;
  /// False: the function is to end soon, with Errc::unavailable.
  virtual bool progress(std::string_view step, std::int64_t done, std::int64_t total) = 0;
  virtual void finding(const StoreFinding& finding) = 0;
  virtual void fact(std::string_view group, std::string_view item, std::string_view key, std::string_view value) = 0;
  /// False: enough.
  virtual bool record(std::int64_t log_offset, std::string_view record) = 0;
};

class StoreTools {
 public:
  static constexpr const char* extension_id = GANTRY_STORE_TOOLS_ID;
  virtual ~StoreTools() = default;

  virtual Status check(const StoreQuestion& question, StoreReport& report) = 0;
  virtual Status stat(const StoreQuestion& question, StoreReport& report) = 0;
  virtual Status dump(const StoreQuestion& question, StoreReport& report) = 0;
  virtual Status locate(const StoreQuestion& question, StoreReport& report) = 0;
  virtual Status rebuild(const StoreQuestion& question, StoreReport& report) = 0;
  virtual Status copy(const StoreQuestion& question, StoreReport& report) = 0;
};

namespace detail {

template <>
struct Accessor<StoreTools> {
  template <typename Plugin>
  static constexpr bool found = requires(Plugin& plugin) {
    { plugin.store_tools() } -> std::convertible_to<StoreTools&>;
  };
  template <typename Plugin>
  static StoreTools& of(Plugin& plugin) {
    return plugin.store_tools();
  }
};

/// The host's report as the plugin's code sees it.
class ReportView final : public StoreReport {
 public:
  explicit ReportView(const gantry_store_report& report) noexcept : report_(report) {}
  bool progress(std::string_view step, std::int64_t done, std::int64_t total) override {
    return report_.progress(report_.context, to_bytes(step), done, total) == 0;
  }
  void finding(const StoreFinding& finding) override {
    const gantry_store_finding out = {sizeof out,
                                      static_cast<std::uint32_t>(finding.severity),
                                      to_bytes(finding.file),
                                      finding.position,
                                      to_bytes(finding.expected),
                                      to_bytes(finding.found),
                                      to_bytes(finding.remedy)};
    report_.finding(report_.context, &out);
  }
  void fact(std::string_view group, std::string_view item, std::string_view key, std::string_view value) override {
    const gantry_store_fact out = {sizeof out, 0, to_bytes(group), to_bytes(item), to_bytes(key), to_bytes(value)};
    report_.fact(report_.context, &out);
  }
  bool record(std::int64_t log_offset, std::string_view record) override {
    const gantry_store_record out = {sizeof out, 0, log_offset, to_bytes(record)};
    return report_.record(report_.context, &out) == 0;
  }

 private:
  const gantry_store_report& report_;
};

/// A question of a host that knows fewer or more members than this code.
inline StoreQuestion question_of(const gantry_store_question& asked) noexcept {
  const StoreQuestion fallback;
  gantry_store_question known = {};
  known.queue_id = fallback.queue_id;
  known.log_end = fallback.log_end;
  known.offset_end = fallback.offset_end;
  known.time_end = fallback.time_end;
  std::memcpy(&known, &asked, std::min<std::size_t>(asked.struct_size, sizeof known));
  return {.options = known.options,
          .topic = to_view(known.topic),
          .key = to_view(known.key),
          .file = to_view(known.file),
          .target = to_view(known.target),
          .queue_id = known.queue_id,
          .count_max = known.count_max,
          .log_begin = known.log_begin,
          .log_end = known.log_end,
          .offset_begin = known.offset_begin,
          .offset_end = known.offset_end,
          .time_begin = known.time_begin,
          .time_end = known.time_end,
          .position = known.position};
}

template <typename Instance>
struct StoreToolsTrampolines {
  template <Status (StoreTools::*function)(const StoreQuestion&, StoreReport&)>
  static gantry_status call(void* self, const gantry_store_question* question, const gantry_store_report* report,
                            gantry_error* error) noexcept {
    return guarded(error, [=]() -> Status {
      ReportView view(*report);
      return (extension_of<StoreTools>(static_cast<Instance*>(self)->plugin).*function)(question_of(*question), view);
    });
  }
};

template <typename Instance>
inline constexpr gantry_store_tools_table store_tools_table = {
    sizeof(gantry_store_tools_table),
    0,
    &StoreToolsTrampolines<Instance>::template call<&StoreTools::check>,
    &StoreToolsTrampolines<Instance>::template call<&StoreTools::stat>,
    &StoreToolsTrampolines<Instance>::template call<&StoreTools::dump>,
    &StoreToolsTrampolines<Instance>::template call<&StoreTools::locate>,
    &StoreToolsTrampolines<Instance>::template call<&StoreTools::rebuild>,
    &StoreToolsTrampolines<Instance>::template call<&StoreTools::copy>};

}  // namespace detail
}  // namespace gantry::sdk
