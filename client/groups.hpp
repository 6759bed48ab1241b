#pragma once
// What tools ask about consumer groups, and do to them.

#include "client/admin.hpp"
#include "client/message.hpp"
#include "gantry/sdk/result.hpp"
#include "protocol/group_config.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::client {

struct GroupMember {
  std::string client_id;
  std::string address;
  std::string language;
  std::int32_t version = 0;
  std::string broker;  ///< to which it is connected
};

/// How far a group is in one queue.
struct QueueProgress {
  MessageQueue queue;
  std::int64_t end = 0;      ///< the next offset to be written
  std::int64_t offset = 0;   ///< the next offset to be consumed
  std::int64_t last_ms = 0;  ///< store time of the last message that was consumed, 0: none
  /// Store time of the oldest message that was not; nothing: none is left, or it was not asked for.
  std::optional<std::int64_t> oldest_waiting_ms;
  [[nodiscard]] std::int64_t lag() const noexcept { return end - offset; }
};

struct GroupState {
  std::vector<GroupMember> members;                  ///< none: the group is offline
  std::map<std::string, std::string> subscriptions;  ///< topic -> expression, with its language unless TAG
  std::string model;                                 ///< CLUSTERING or BROADCASTING; empty when offline
  std::map<std::string, protocol::SubscriptionGroupConfig> settings;  ///< by broker
  std::vector<QueueProgress> progress;                                ///< by broker and queue
  double consumed_per_second = 0;
};

/// Where a group is moved to, and which of its queues.
struct GroupMove {
  std::string group;
  std::string topic;
  std::int64_t time_ms = -1;           ///< the first message stored then or later; below 0: the end
  std::int32_t queue_id = -1;          ///< below 0: all; of every broker
  std::optional<std::int64_t> offset;  ///< with a queue: there, whatever the time
};

/// Thread: [any-thread]; every call waits for its answers.
class Groups {
 public:
  static Result<std::unique_ptr<Groups>> start(AdminOptions options);
  ~Groups();
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;

  /// The names of all groups that some master knows, sorted.
  Result<std::vector<std::string>> list();
  /// `ages`: also how old the oldest waiting message of each queue is, which costs a pull for each.
  Result<GroupState> state(const std::string& group, bool ages);
  /// On all masters. An existing group gets these settings.
  Status create(const protocol::SubscriptionGroupConfig& config);
  /// On all masters, with its offsets.
  Status remove(const std::string& group);
  /// The queues that moved, and where to.
  Result<std::map<MessageQueue, std::int64_t>> move(const GroupMove& move);

 private:
  struct Impl;
  explicit Groups(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::client
