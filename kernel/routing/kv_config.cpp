#include "kernel/routing/kv_config.hpp"

#include "kernel/env/files.hpp"
#include "protocol/lists.hpp"

#include <utility>

namespace gantry::routing {

namespace {

constexpr std::uint64_t file_bytes_max = 64 * 1024 * 1024;

}  // namespace

Status KvFile::save(std::string_view content) {
  std::error_code error;
  std::filesystem::create_directories(path_.parent_path(), error);
  if (error) {
    return Error{Errc::io, "making the folder " + path_.parent_path().string() + ": " + error.message()};
  }
  return write_file_atomically(path_, content);
}

Result<std::string> KvFile::load() {
  auto content = read_file(path_, file_bytes_max);
  if (!content && content.error().code != Errc::not_found) {
    return std::move(content).error().within("reading the name server's key/value table");
  }
  return content;
}

KvConfig::KvConfig(KvPersistence* persistence, KvOptions options) : persistence_(persistence), options_(options) {}

Status KvConfig::load() {
  if (persistence_ == nullptr) return {};
  const auto content = persistence_->load();
  if (!content) return content.error().code == Errc::not_found ? Status{} : Status(content.error());
  auto table = protocol::decode_body<protocol::KvConfigTable>(std::string_view(*content));
  if (!table) {
    return Error{Errc::corrupt, "reading the name server's key/value table: " + table.error().text +
                                    "; repair the file, or delete it to start with an empty table"};
  }
  const std::lock_guard lock(mutex_);
  spaces_.clear();
  entry_count_ = 0;
  for (auto& [name, entries] : table->spaces) {
    entry_count_ += entries.size();
    if (!entries.empty()) spaces_.emplace(name, Table(entries.begin(), entries.end()));
  }
  return {};
}

std::optional<std::string> KvConfig::find(std::string_view kv_namespace, std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto space = spaces_.find(kv_namespace);
  if (space == spaces_.end()) return std::nullopt;
  const auto entry = space->second.find(key);
  if (entry == space->second.end()) return std::nullopt;
  return entry->second;
}

std::optional<KvConfig::Table> KvConfig::list(std::string_view kv_namespace) const {
  const std::lock_guard lock(mutex_);
  const auto space = spaces_.find(kv_namespace);
  if (space == spaces_.end()) return std::nullopt;
  return space->second;
}

Status KvConfig::save(const Spaces& spaces) {
  if (persistence_ == nullptr) return {};
  protocol::KvConfigTable table;
  for (const auto& [name, entries] : spaces) {
    table.spaces.emplace(name, std::map<std::string, std::string>(entries.begin(), entries.end()));
  }
  return persistence_->save(protocol::encode_body(table, protocol::JsonStyle::file));
}

Status KvConfig::put(std::string_view kv_namespace, std::string_view key, std::string_view value) {
  const auto check_size = [](std::string_view what, std::size_t found, std::size_t size_max) -> Status {
    if (found <= size_max) return {};
    return Error{Errc::too_large, "putting a key/value entry: expected a " + std::string(what) + " of at most " +
                                      std::to_string(size_max) + " bytes, found " + std::to_string(found)};
  };
  GANTRY_TRY(check_size("namespace", kv_namespace.size(), options_.key_bytes_max));
  GANTRY_TRY(check_size("key", key.size(), options_.key_bytes_max));
  GANTRY_TRY(check_size("value", value.size(), options_.value_bytes_max));

  const std::lock_guard one_at_a_time(changes_);
  Spaces next;
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    next = spaces_;
    count = entry_count_;
  }
  const bool is_new = next[std::string(kv_namespace)].insert_or_assign(std::string(key), std::string(value)).second;
  if (is_new && count >= options_.entries_max) {
    return Error{Errc::full, "putting a key/value entry: there are " + std::to_string(count) +
                                 " already; delete some or raise limits.kv_entries_max"};
  }
  GANTRY_TRY(save(next));
  const std::lock_guard lock(mutex_);
  spaces_ = std::move(next);
  entry_count_ = count + (is_new ? 1 : 0);
  return {};
}

Status KvConfig::remove(std::string_view kv_namespace, std::string_view key) {
  const std::lock_guard one_at_a_time(changes_);
  Spaces next;
  {
    const std::lock_guard lock(mutex_);
    next = spaces_;
  }
  const auto space = next.find(kv_namespace);
  if (space == next.end()) return {};
  const auto entry = space->second.find(key);
  if (entry == space->second.end()) return {};
  space->second.erase(entry);
  if (space->second.empty()) next.erase(space);
  GANTRY_TRY(save(next));
  const std::lock_guard lock(mutex_);
  spaces_ = std::move(next);
  --entry_count_;
  return {};
}

}  // namespace gantry::routing
