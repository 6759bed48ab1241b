#pragma once
// Who is there: heartbeats, leaving, the members of a group, and the locks of consumers that consume in order.

#include "kernel/broker/selector.hpp"
#include "kernel/broker/shard_context.hpp"

#include <span>
#include <vector>

namespace gantry::broker {

/// [any-thread] Sends NOTIFY_CONSUMER_IDS_CHANGED(40) to everybody named, at once. Clients rebalance when they get it.
void send_notices(Shared& shared, std::span<const routing::ChangeNotice> notices);

/// [shard] Serves HEART_BEAT(34), UNREGISTER_CLIENT(35), GET_CONSUMER_LIST_BY_GROUP(38), LOCK_BATCH_MQ(41),
/// UNLOCK_BATCH_MQ(42) and CHECK_CLIENT_CONFIG(46).
class ClientHandler {
 public:
  explicit ClientHandler(ShardContext& context) : context_(context) {}

  /// False: not one of its codes.
  bool handle(const Request& request);
  void on_close(Channel& channel);

 private:
  void heart_beat(const Request& request);
  void unregister(const Request& request);
  void list_consumers(const Request& request);
  void check_config(const Request& request);
  void lock(const Request& request);
  void unlock(const Request& request);
  void notify();

  ShardContext& context_;
  std::vector<routing::ChangeNotice> notices_;
};

}  // namespace gantry::broker
