#pragma once
// Answers of brokers to Gantry's own requests: an object of values, of lists of texts and of lists of flat objects.

#include "protocol/json_events.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

/// Feed it to protocol::read_json(). What lies deeper than the members of a list's objects is for --json.
class JsonRows final : public protocol::JsonEvents {
 public:
  using Row = std::map<std::string, std::string>;
  std::map<std::string, std::string> values;
  std::map<std::string, std::vector<Row>> rows;
  std::map<std::string, std::vector<std::string>> texts;

  void null_value() override {}
  void boolean(bool value) override { text(value ? "true" : "false"); }
  void integer(std::int64_t value) override { text(std::to_string(value)); }
  void real(double value) override { text(std::to_string(value)); }
  void text(std::string_view value) override {
    if (depth_ == row_depth && !rows[list_].empty()) rows[list_].back()[key_] = value;
    if (depth_ == list_depth) texts[list_].emplace_back(value);
    if (depth_ == list_depth - 1) values[key_] = value;
  }
  void key(std::string_view name) override {
    key_ = name;
    if (depth_ == list_depth - 1) list_ = name;
  }
  void object_begin() override {
    if (++depth_ == row_depth) rows[list_].emplace_back();
  }
  void object_end() override { --depth_; }
  void array_begin() override { ++depth_; }
  void array_end() override { --depth_; }

 private:
  static constexpr int list_depth = 2;  // {"list": [
  static constexpr int row_depth = 3;   // {"list": [{
  int depth_ = 0;
  std::string list_;
  std::string key_;
};

}  // namespace gantry::cli
