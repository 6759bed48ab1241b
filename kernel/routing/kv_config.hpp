#pragma once
// The name server's small persistent table: namespace -> key -> value. Source: RocketMQ class KVConfigManager.

#include "gantry/sdk/result.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::routing {

inline constexpr std::string_view order_namespace = "ORDER_TOPIC_CONFIG";  ///< topic -> "broker-a:4;broker-b:4"

/// Where the table is kept. save() returns once the content is durable; it may block, and is called on the thread that
/// changes the table.
class KvPersistence {
 public:
  virtual ~KvPersistence() = default;
  virtual Status save(std::string_view content) = 0;
  /// not_found when nothing was ever saved.
  virtual Result<std::string> load() = 0;
};

/// One file, replaced as a whole.
class KvFile final : public KvPersistence {
 public:
  explicit KvFile(std::filesystem::path path) : path_(std::move(path)) {}
  Status save(std::string_view content) override;
  Result<std::string> load() override;

 private:
  std::filesystem::path path_;
};

struct KvOptions {
  std::size_t entries_max = 100'000;
  std::size_t key_bytes_max = 1024;  ///< of a namespace, and of a key
  std::size_t value_bytes_max = 64 * 1024;
};

/// Thread: lookups [any-thread]; changes [control] or whoever may block, one at a time. A change that could not be made
/// durable is not made.
class KvConfig {
 public:
  using Table = std::map<std::string, std::string, std::less<>>;

  /// `persistence` may be nullptr: then the table lives in memory only. It outlives this object.
  explicit KvConfig(KvPersistence* persistence = nullptr, KvOptions options = {});

  /// [boot] Errors: corrupt (what is kept cannot be read; the text names the remedy), io.
  Status load();

  [[nodiscard]] std::optional<std::string> find(std::string_view kv_namespace, std::string_view key) const;
  /// Nothing when the namespace has no entry.
  [[nodiscard]] std::optional<Table> list(std::string_view kv_namespace) const;

  /// Errors: too_large, full, invalid_argument (an order value that clients could not parse), or what save() said.
  Status put(std::string_view kv_namespace, std::string_view key, std::string_view value);
  /// Success also when there was no such entry.
  Status remove(std::string_view kv_namespace, std::string_view key);

 private:
  using Spaces = std::map<std::string, Table, std::less<>>;
  Status save(const Spaces& spaces);

  KvPersistence* const persistence_;
  const KvOptions options_;
  std::mutex changes_;        // one change at a time, held while it is saved
  mutable std::mutex mutex_;  // guards spaces_ and entry_count_
  Spaces spaces_;
  std::size_t entry_count_ = 0;
};

}  // namespace gantry::routing
