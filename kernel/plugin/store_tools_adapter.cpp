#include "kernel/plugin/store_tools_adapter.hpp"

#include "kernel/plugin/c_call.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace gantry::plugin {

namespace {

sdk::StoreReport& report_of(void* context) { return *static_cast<sdk::StoreReport*>(context); }

/// A struct of a plugin that knows fewer or more members than this code.
template <typename T>
T known_part(const T& given) {
  T known = {};
  std::memcpy(&known, &given, std::min<std::size_t>(given.struct_size, sizeof known));
  return known;
}

void take_finding(void* context, const gantry_store_finding* given) {
  const auto finding = known_part(*given);
  const bool known = finding.severity >= GANTRY_FINDING_NOTE && finding.severity <= GANTRY_FINDING_ERROR;
  report_of(context).finding(
      {.severity = known ? static_cast<sdk::FindingSeverity>(finding.severity) : sdk::FindingSeverity::error,
       .file = to_view(finding.file),
       .position = finding.position,
       .expected = to_view(finding.expected),
       .found = to_view(finding.found),
       .remedy = to_view(finding.remedy)});
}

void take_fact(void* context, const gantry_store_fact* given) {
  const auto fact = known_part(*given);
  report_of(context).fact(to_view(fact.group), to_view(fact.item), to_view(fact.key), to_view(fact.value));
}

}  // namespace

Status StoreToolsAdapter::call(Function function, const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  const gantry_store_question asked = {.struct_size = sizeof asked,
                                       .options = question.options,
                                       .topic = to_bytes(question.topic),
                                       .key = to_bytes(question.key),
                                       .file = to_bytes(question.file),
                                       .target = to_bytes(question.target),
                                       .queue_id = question.queue_id,
                                       .count_max = question.count_max,
                                       .log_begin = question.log_begin,
                                       .log_end = question.log_end,
                                       .offset_begin = question.offset_begin,
                                       .offset_end = question.offset_end,
                                       .time_begin = question.time_begin,
                                       .time_end = question.time_end,
                                       .position = question.position};
  gantry_store_report out = {};
  out.struct_size = sizeof out;
  out.context = &report;
  out.progress = [](void* context, gantry_bytes step, std::int64_t done, std::int64_t total) -> std::int32_t {
    return report_of(context).progress(to_view(step), done, total) ? 0 : 1;
  };
  out.finding = take_finding;
  out.fact = take_fact;
  out.record = [](void* context, const gantry_store_record* given) -> std::int32_t {
    const auto record = known_part(*given);
    return report_of(context).record(record.log_offset, to_view(record.record)) ? 0 : 1;
  };
  ErrorBuffer error;
  return error.to_status(function(self_, &asked, &out, error.out()));
}

Status StoreToolsAdapter::check(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return call(table_->check, question, report);
}
Status StoreToolsAdapter::stat(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return call(table_->stat, question, report);
}
Status StoreToolsAdapter::dump(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return call(table_->dump, question, report);
}
Status StoreToolsAdapter::locate(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return call(table_->locate, question, report);
}
Status StoreToolsAdapter::rebuild(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return call(table_->rebuild, question, report);
}
Status StoreToolsAdapter::copy(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return call(table_->copy, question, report);
}

}  // namespace gantry::plugin
