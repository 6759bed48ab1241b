#pragma once
// What the tools of a store say, on the terminal: tables for people or JSON lines, progress on stderr.

#include "cli/json_line.hpp"
#include "cli/table.hpp"
#include "gantry/sdk/store_tools.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::cli {

/// Collects facts and prints findings as they come. One thread; one use.
class TerminalReport final : public sdk::StoreReport {
 public:
  enum class Form : std::uint8_t { text, json };
  /// `record` prints a record and says whether to go on; findings go to stderr when there is one, so that standard
  /// output holds nothing but records.
  explicit TerminalReport(Form form, std::function<bool(std::int64_t, std::string_view)> record = {});
  ~TerminalReport() override;
  TerminalReport(const TerminalReport&) = delete;
  TerminalReport& operator=(const TerminalReport&) = delete;

  bool progress(std::string_view step, std::int64_t done, std::int64_t total) override;
  void finding(const sdk::StoreFinding& finding) override;
  void fact(std::string_view group, std::string_view item, std::string_view key, std::string_view value) override;
  bool record(std::int64_t log_offset, std::string_view record) override;

  /// Prints the facts.
  void finish();
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  [[nodiscard]] std::size_t warnings() const noexcept { return warnings_; }

 private:
  struct Item {
    std::string name;
    std::vector<std::pair<std::string, std::string>> values;
  };
  struct Group {
    std::string name;
    std::vector<Item> items;
  };
  void clear_line();
  void print_text() const;
  void print_json() const;

  const Form form_;
  const std::function<bool(std::int64_t, std::string_view)> record_;
  const bool shows_progress_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_drawn_{};
  std::vector<Group> groups_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace gantry::cli
