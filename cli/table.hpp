#pragma once
// Output for people: columns as wide as they need to be.

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace gantry::cli {

/// Rows of text under headings. Numbers (a column whose cells all begin with a digit or '-') are right-aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  void print() const {
    std::vector<std::size_t> widths;
    std::vector<bool> numeric;
    for (std::size_t i = 0; i < headings_.size(); ++i) {
      std::size_t width = headings_[i].size();
      bool all_numbers = !rows_.empty();
      for (const auto& row : rows_) {
        width = std::max(width, row[i].size());
        all_numbers = all_numbers && !row[i].empty() && (row[i][0] == '-' || (row[i][0] >= '0' && row[i][0] <= '9'));
      }
      widths.push_back(width);
      numeric.push_back(all_numbers);
    }
    print_row(headings_, widths, numeric);
    for (const auto& row : rows_) print_row(row, widths, numeric);
  }

 private:
  static void print_row(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                        const std::vector<bool>& numeric) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - std::min(widths[i], cells[i].size()), ' ');
      if (i > 0) line += "  ";
      line += numeric[i] ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }

  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gantry::cli
