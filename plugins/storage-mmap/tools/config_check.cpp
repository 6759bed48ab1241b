#include "plugins/storage-mmap/tools/config_check.hpp"

#include "protocol/group_config.hpp"
#include "protocol/json_body.hpp"
#include "protocol/offset_table.hpp"
#include "protocol/topic_config.hpp"

#include <algorithm>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::uint64_t table_size_max = 1ull << 30;

/// Parses one file as what its name says; the Error of that.
Status parse(const std::string& name, const std::string& content, ConfigTables& tables) {
  if (name == "topics.json") {
    GANTRY_ASSIGN(const auto table, protocol::decode_body<protocol::TopicConfigTable>(std::string_view(content)));
    tables.has_topics = true;
    for (const auto& [topic, config] : table.topics) {
      tables.topics.emplace(topic, std::max(config.read_queue_count, config.write_queue_count));
    }
    return {};
  }
  if (name == "subscriptionGroup.json") {
    GANTRY_TRY(protocol::decode_body<protocol::SubscriptionGroupTable>(std::string_view(content)));
    return {};
  }
  if (name == "consumerOffset.json") {
    GANTRY_ASSIGN(auto table, protocol::decode_body<protocol::ConsumerOffsetTable>(std::string_view(content)));
    tables.offsets = std::move(table.offsets);
    return {};
  }
  if (name == "delayOffset.json") {
    GANTRY_TRY(protocol::decode_body<protocol::DelayOffsetTable>(std::string_view(content)));
    return {};
  }
  GANTRY_TRY(protocol::normalise_fastjson(content));
  return {};
}

}  // namespace

Result<ConfigTables> check_config(Disk& disk, const StoreFiles& files, Reporter& reporter) {
  ConfigTables tables;
  GANTRY_ASSIGN(auto entries, disk.list(files.root + "/config"));
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& entry : entries) {
    if (entry.is_directory) continue;
    const bool is_backup = entry.name.ends_with(".json.bak");
    if (!is_backup && !entry.name.ends_with(".json")) continue;
    const auto path = files.root + "/config/" + entry.name;
    auto content = read_file(disk, path, table_size_max);
    if (!content && content.error().code == Errc::not_found) continue;  // being replaced
    if (!content) return std::move(content).error();
    ConfigTables ignored;
    const auto base = is_backup ? entry.name.substr(0, entry.name.size() - 4) : entry.name;
    const auto parsed = parse(base, *content, is_backup ? ignored : tables);
    if (parsed) continue;
    // A file that is replaced while it is read may look torn.
    if (files.is_running()) {
      const auto second = read_file(disk, path, table_size_max);
      if (!second || parse(base, *second, is_backup ? ignored : tables)) continue;
    }
    const bool has_backup = !is_backup && disk.exists(path + ".bak");
    reporter.tell({.severity = is_backup ? sdk::FindingSeverity::warning : sdk::FindingSeverity::error,
                   .kind = "json",
                   .file = "config/" + entry.name,
                   .expected = "JSON as RocketMQ writes it",
                   .found = parsed.error().text,
                   .remedy = is_backup ? "none needed while the file beside it is good"
                             : has_backup
                                 ? "a start reads " + entry.name + ".bak instead; to choose it now, copy it over"
                                 : "restore the file from a copy of the store"});
  }
  if (!tables.has_topics && disk.exists(files.root + "/config/topics.json.bak")) {
    if (const auto backup = read_file(disk, files.root + "/config/topics.json.bak", table_size_max)) {
      (void)parse("topics.json", *backup, tables).has_value();
    }
  }
  return tables;
}

void check_against_queues(const ConfigTables& tables, const std::set<std::string, std::less<>>& topics_with_queues,
                          const std::function<std::int64_t(std::string_view, std::int32_t)>& max_of,
                          const StoreFiles& files, Reporter& reporter) {
  if (tables.has_topics) {
    for (const auto& topic : topics_with_queues) {
      if (tables.topics.contains(topic) || topic.starts_with("%LMQ%")) continue;
      reporter.tell({.severity = sdk::FindingSeverity::warning,
                     .kind = "topic without configuration",
                     .file = "config/topics.json",
                     .expected = "the topic " + topic + ", which has queues",
                     .found = "no such topic",
                     .remedy = "create it again with gantry topic create, with as many queues as it has folders; until "
                               "then nobody can read it"});
    }
  }
  for (const auto& [key, queues] : tables.offsets) {
    const auto topic = std::string_view(key).substr(0, key.find('@'));
    for (const auto& [id, offset] : queues) {
      const auto max = max_of(topic, id);
      // On a running store entries reach the files later than consumers read them from memory.
      if (offset <= std::max<std::int64_t>(max, 0) || files.is_running()) continue;
      reporter.tell({.severity = files.crash_marker ? sdk::FindingSeverity::note : sdk::FindingSeverity::warning,
                     .kind = "consumer offset",
                     .file = "config/consumerOffset.json",
                     .expected = "offsets of " + key + ", queue " + std::to_string(id) + ", of at most " +
                                 std::to_string(std::max<std::int64_t>(max, 0)) + ", where the queue's files end",
                     .found = std::to_string(offset),
                     .remedy = files.crash_marker
                                   ? "start the store, which completes its queues, then check again"
                                   : "reset the group's offset, or it waits until the queue is that long"});
    }
  }
}

void check_checkpoint(const StoreFiles& files, const LogEnd& end, Reporter& reporter) {
  if (!files.checkpoint) {
    if (end.last_record >= 0) {
      reporter.tell({.severity = sdk::FindingSeverity::warning,
                     .kind = "checkpoint",
                     .file = "checkpoint",
                     .expected = "RocketMQ's checkpoint of 4096 bytes",
                     .found = "no file",
                     .remedy = "none needed: a start reads more of the log instead"});
    }
    return;
  }
  if (end.last_record < 0) return;
  const auto check = [&](std::int64_t position, std::string_view name, std::int64_t value) {
    if (value >= 0 && value <= end.last_store_ms) return;
    reporter.tell({.severity = sdk::FindingSeverity::error,
                   .kind = "checkpoint",
                   .file = "checkpoint",
                   .position = position,
                   .expected = std::string(name) + " of 0 to " + std::to_string(end.last_store_ms) +
                               ", the store time of the newest record",
                   .found = std::to_string(value),
                   .remedy = "remove the file, then a start reads more of the log instead of too little"});
  };
  check(0, "a time of the log", files.checkpoint->log_ms);
  check(8, "a time of the queues", files.checkpoint->queues_ms);
  check(16, "a time of the index", files.checkpoint->index_ms);
}

}  // namespace gantry::storage_mmap::tools
