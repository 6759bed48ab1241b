#pragma once
// The small files of a store: the host's JSON tables, the checkpoint, and what is left beside them.

#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/reporter.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace gantry::storage_mmap::tools {

/// What the tables say, as far as the rest of a check needs it.
struct ConfigTables {
  std::map<std::string, std::int32_t, std::less<>> topics;  ///< how many queues each has
  bool has_topics = false;                                  ///< topics.json was there and could be read
  /// "topic@group" -> queue id -> next offset
  std::map<std::string, std::map<std::int32_t, std::int64_t>> offsets;
};

/// Reads every file of config/; what cannot be parsed is told.
Result<ConfigTables> check_config(Disk& disk, const StoreFiles& files, Reporter& reporter);

/// Offsets that lie behind their queue's end, and topics that have queues but no entry in topics.json. `max_of` answers
/// the next offset of a queue, -1: there is no such queue.
void check_against_queues(const ConfigTables& tables, const std::set<std::string, std::less<>>& topics_with_queues,
                          const std::function<std::int64_t(std::string_view topic, std::int32_t id)>& max_of,
                          const StoreFiles& files, Reporter& reporter);

/// Times in the checkpoint that the log does not bear out.
void check_checkpoint(const StoreFiles& files, const LogEnd& end, Reporter& reporter);

}  // namespace gantry::storage_mmap::tools
