#include "cli/script_report.hpp"

#include "cli/json_rows.hpp"
#include "cli/table.hpp"

#include <cstdio>
#include <string_view>
#include <vector>

namespace gantry::cli {

void print_script_status(const std::string& broker, const std::string& json) {
  JsonRows found;
  if (const Status read = protocol::read_json(json, found); !read) {
    std::fprintf(stderr, "gantry: %s: %s\n", broker.c_str(), read.error().text.c_str());
    return;
  }
  Table table({"broker", "script", "version", "mode", "state", "calls", "errors", "rejected", "changed", "differs",
               "p50 ns", "p99 ns", "memory"});
  for (JsonRows::Row& row : found.rows["scripts"]) {
    table.add({broker, row["name"], row["version"], row["mode"], row["state"], row["calls"], row["errors"],
               row["rejected"], row["changed"], row["differences"], row["p50_ns"], row["p99_ns"], row["memory_bytes"]});
  }
  table.print();
  for (const std::string& refused : found.texts["refused"]) std::printf("refused: %s\n", refused.c_str());
}

bool print_script_reload(const std::string& broker, const std::string& json) {
  JsonRows found;
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
