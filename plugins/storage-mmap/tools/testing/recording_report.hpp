#pragma once
// For tests: keeps what the tools say.

#include "gantry/sdk/store_tools.hpp"
#include "protocol/bytes.hpp"
#include "protocol/stored_record.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gantry::storage_mmap::tools {

class RecordingReport final : public sdk::StoreReport {
 public:
  struct Said {
    sdk::FindingSeverity severity = sdk::FindingSeverity::error;
    std::string file;
    std::int64_t position = -1;
    std::string expected;
    std::string found;
    std::string remedy;
  };
  struct Dumped {
    std::int64_t log_offset = 0;
    std::int64_t queue_offset = 0;
    std::int32_t queue_id = 0;
    std::string topic;
    std::string body;
  };

  bool progress(std::string_view, std::int64_t, std::int64_t) override { return !stop; }
  void finding(const sdk::StoreFinding& finding) override {
    findings.push_back({finding.severity, std::string(finding.file), finding.position, std::string(finding.expected),
                        std::string(finding.found), std::string(finding.remedy)});
  }
  void fact(std::string_view group, std::string_view item, std::string_view key, std::string_view value) override {
    facts[std::string(group) + (item.empty() ? "" : "/" + std::string(item)) + "/" + std::string(key)] = value;
  }
  bool record(std::int64_t log_offset, std::string_view record) override {
    protocol::RecordView view;
    if (protocol::decode_record(protocol::as_bytes(record), view) != protocol::RecordOutcome::ok) return false;
    records.push_back({log_offset, view.queue_offset, view.queue_id, std::string(view.topic),
                       std::string(protocol::as_text(view.body))});
    return true;
  }

  [[nodiscard]] std::size_t count(sdk::FindingSeverity severity) const {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [&](const Said& said) { return said.severity == severity; }));
  }
  [[nodiscard]] std::size_t errors() const { return count(sdk::FindingSeverity::error); }
  /// All findings, for the text of a failed expectation.
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& said : findings) {
      all += std::to_string(static_cast<int>(said.severity)) + " " + said.file + "@" + std::to_string(said.position) +
             " expected " + said.expected + ", found " + said.found + "\n";
    }
    return all;
  }
  /// The first finding about the file whose position is this one.
  [[nodiscard]] const Said* at(const std::string& file, std::int64_t position) const {
    for (const auto& said : findings) {
      if (said.file == file && said.position == position) return &said;
    }
    return nullptr;
  }
  [[nodiscard]] std::int64_t number(const std::string& fact) const {
    const auto found = facts.find(fact);
    return found == facts.end() ? -1 : std::stoll(found->second);
  }

  std::vector<Said> findings;
  std::map<std::string, std::string> facts;
  std::vector<Dumped> records;
  bool stop = false;
};

}  // namespace gantry::storage_mmap::tools
