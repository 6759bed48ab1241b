#pragma once
// Where a queue begins and ends, and how far a group has come in it.

#include "kernel/broker/shard_context.hpp"

#include <cstdint>
#include <string_view>

namespace gantry::broker {

/// [shard] Serves QUERY_CONSUMER_OFFSET(14), UPDATE_CONSUMER_OFFSET(15), SEARCH_OFFSET_BY_TIMESTAMP(29),
/// GET_MAX_OFFSET(30), GET_MIN_OFFSET(31) and GET_EARLIEST_MSG_STORETIME(32). What needs the disk goes to the pool.
class OffsetHandler {
 public:
  explicit OffsetHandler(ShardContext& context) : context_(context) {}

  /// False: not one of its codes.
  bool handle(const Request& request);

 private:
  void query(const Request& request);
  void update(const Request& request);
  void search(const Request& request);
  void bound(const Request& request, bool maximum);
  void earliest(const Request& request);

  /// The store's queue, or nullptr when topic or queue are unknown: Apache answers such questions with zeros.
  gantry_queue* find_queue(std::string_view topic, std::int32_t queue_id);
  /// A group without an offset starts at 0 when all of the queue is young. Errc::busy: the store cannot tell yet.
  Result<bool> starts_at_zero(std::string_view topic, std::int32_t queue_id);
  void search_cold(const Request& request, gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary);
  void earliest_cold(const Request& request, gantry_queue* queue);

  ShardContext& context_;
};

}  // namespace gantry::broker
