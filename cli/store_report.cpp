#include "cli/store_report.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <unistd.h>

namespace gantry::cli {
namespace {

std::string_view name_of(sdk::FindingSeverity severity) {
  switch (severity) {
    case sdk::FindingSeverity::note: return "note";
    case sdk::FindingSeverity::warning: return "warning";
    case sdk::FindingSeverity::error: return "error";
  }
  return "error";
}

/// Numbers are numbers in JSON too.
void add_value(JsonObject& to, std::string_view key, const std::string& value) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool is_number =
      !value.empty() && code == std::errc() && end == value.data() + value.size() && std::to_string(number) == value;
  is_number ? to.add(key, number) : to.add(key, value);
}

}  // namespace

TerminalReport::TerminalReport(Form form, std::function<bool(std::int64_t, std::string_view)> record)
    : form_(form), record_(std::move(record)), shows_progress_(isatty(STDERR_FILENO) == 1) {}

TerminalReport::~TerminalReport() { clear_line(); }

void TerminalReport::clear_line() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

bool TerminalReport::progress(std::string_view step, std::int64_t done, std::int64_t total) {
  if (!shows_progress_) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_drawn_ < std::chrono::milliseconds(250)) return true;
  last_drawn_ = now;
  drawn_ = true;
  std::string line = "\r\033[K" + std::string(step);
  if (total > 0) line += " " + std::to_string(std::min<std::int64_t>(done * 100 / total, 100)) + "%";
  std::fprintf(stderr, "%s", line.c_str());
  std::fflush(stderr);
  return true;
}

void TerminalReport::finding(const sdk::StoreFinding& finding) {
  clear_line();
  errors_ += finding.severity == sdk::FindingSeverity::error ? 1 : 0;
  warnings_ += finding.severity == sdk::FindingSeverity::warning ? 1 : 0;
  std::FILE* const out = record_ ? stderr : stdout;
  if (form_ == Form::json) {
    const auto line = JsonObject()
                          .add("kind", "finding")
                          .add("severity", name_of(finding.severity))
                          .add("file", finding.file)
                          .add("position", finding.position)
                          .add("expected", finding.expected)
                          .add("found", finding.found)
                          .add("remedy", finding.remedy)
                          .text();
    std::fprintf(out, "%s\n", line.c_str());
    return;
  }
  std::string where(finding.file);
  if (finding.position >= 0) where += " at byte " + std::to_string(finding.position);
  std::fprintf(out, "%.*s: %s\n  expected  %.*s\n  found     %.*s\n  remedy    %.*s\n",
               static_cast<int>(name_of(finding.severity).size()), name_of(finding.severity).data(), where.c_str(),
               static_cast<int>(finding.expected.size()), finding.expected.data(),
               static_cast<int>(finding.found.size()), finding.found.data(), static_cast<int>(finding.remedy.size()),
               finding.remedy.data());
}

void TerminalReport::fact(std::string_view group, std::string_view item, std::string_view key, std::string_view value) {
  auto at = std::find_if(groups_.begin(), groups_.end(), [&](const Group& each) { return each.name == group; });
  if (at == groups_.end()) at = groups_.insert(groups_.end(), Group{std::string(group), {}});
  // Items of a group come one after the other.
  if (at->items.empty() || at->items.back().name != item) at->items.push_back({std::string(item), {}});
  at->items.back().values.emplace_back(key, value);
}

bool TerminalReport::record(std::int64_t log_offset, std::string_view record) {
  return !record_ || record_(log_offset, record);
}

void TerminalReport::finish() {
  clear_line();
  if (record_) return;
  form_ == Form::json ? print_json() : print_text();
}

void TerminalReport::print_json() const {
  for (const Group& group : groups_) {
    for (const Item& item : group.items) {
      JsonObject line;
      line.add("kind", group.name);
      if (!item.name.empty()) line.add("name", item.name);
      for (const auto& [key, value] : item.values) {
        std::string member = key;
        std::replace(member.begin(), member.end(), ' ', '_');
        add_value(line, member, value);
      }
      std::printf("%s\n", line.text().c_str());
    }
  }
  std::printf("%s\n",
              JsonObject().add("kind", "result").add("errors", errors_).add("warnings", warnings_).text().c_str());
}

void TerminalReport::print_text() const {
  for (const Group& group : groups_) {
    const bool is_list = !group.items.empty() && !group.items.front().name.empty();
    // A list of few columns is a table; one of many reads better item by item.
    if (is_list && group.items.front().values.size() <= 6) {
      std::vector<std::string> headings{group.name};
      for (const auto& [key, value] : group.items.front().values) headings.push_back(key);
      Table table(headings);
      for (const Item& item : group.items) {
        std::vector<std::string> cells{item.name};
        for (const auto& [key, value] : item.values) cells.push_back(value);
        cells.resize(headings.size());
        table.add(std::move(cells));
      }
      std::printf("\n");
      table.print();
      continue;
    }
    for (const Item& item : group.items) {
      std::printf("%s%s%s\n", group.name.c_str(), item.name.empty() ? "" : " ", item.name.c_str());
      std::size_t width = 0;
      for (const auto& [key, value] : item.values) width = std::max(width, key.size());
      for (const auto& [key, value] : item.values) {
        std::printf("  %s%s  %s\n", key.c_str(), std::string(width - key.size(), ' ').c_str(), value.c_str());
      }
    }
  }
}

}  // namespace gantry::cli
