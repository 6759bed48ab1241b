#include "cli/script_report.hpp"

#include "cli/table.hpp"
#include "protocol/json_events.hpp"

#include <cstdio>
#include <map>
#include <string_view>
#include <vector>

namespace gantry::cli {
namespace {

/// The answers are lists of flat objects and of texts, by name. What lies deeper is for --json.
class Collector final : public protocol::JsonEvents {
 public:
  using Row = std::map<std::string, std::string>;
  std::map<std::string, std::vector<Row>> rows;
  std::map<std::string, std::vector<std::string>> texts;

  void null_value() override {}
  void boolean(bool value) override { text(value ? "true" : "false"); }
  void integer(std::int64_t value) override { text(std::to_string(value)); }
  void real(double value) override { text(std::to_string(value)); }
  void text(std::string_view value) override {
    if (depth_ == row_depth && !rows[list_].empty()) rows[list_].back()[key_] = value;
    if (depth_ == list_depth) texts[list_].emplace_back(value);
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

}  // namespace

void print_script_status(const std::string& broker, const std::string& json) {
  Collector found;
  if (const Status read = protocol::read_json(json, found); !read) {
    std::fprintf(stderr, "gantry: %s: %s\n", broker.c_str(), read.error().text.c_str());
    return;
  }
  Table table({"broker", "script", "version", "mode", "state", "calls", "errors", "rejected", "changed", "differs",
               "p50 ns", "p99 ns", "memory"});
  for (Collector::Row& row : found.rows["scripts"]) {
    table.add({broker, row["name"], row["version"], row["mode"], row["state"], row["calls"], row["errors"],
               row["rejected"], row["changed"], row["differences"], row["p50_ns"], row["p99_ns"], row["memory_bytes"]});
  }
  table.print();
  for (const std::string& refused : found.texts["refused"]) std::printf("refused: %s\n", refused.c_str());
}

bool print_script_reload(const std::string& broker, const std::string& json) {
  Collector found;
  if (const Status read = protocol::read_json(json, found); !read) {
    std::fprintf(stderr, "gantry: %s: %s\n", broker.c_str(), read.error().text.c_str());
    return true;
  }
  for (const std::string& changed : found.texts["changed"])
    std::printf("%s: loaded %s\n", broker.c_str(), changed.c_str());
  for (const std::string& refused : found.texts["refused"]) {
    std::printf("%s: refused %s\n", broker.c_str(), refused.c_str());
  }
  if (found.texts["changed"].empty() && found.texts["refused"].empty()) {
    std::printf("%s: nothing changed\n", broker.c_str());
  }
  return !found.texts["refused"].empty();
}

}  // namespace gantry::cli
