#pragma once
// The subscription groups of this broker: what each may do, and who creates them.

#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/routing/restored.hpp"
#include "kernel/routing/striped_table.hpp"
#include "protocol/group_config.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::routing {

/// One version of a group's configuration. Immutable. [any-thread]
class Group {
 public:
  using ForbiddenTopics = std::map<std::string, std::int32_t, std::less<>>;  ///< topic -> bits

  static constexpr std::int32_t forbidden_read = 4;  ///< bit 2: the group may not read the topic

  Group(protocol::SubscriptionGroupConfig config, ForbiddenTopics forbidden);

  [[nodiscard]] std::string_view name() const noexcept { return config_.group_name; }
  [[nodiscard]] const protocol::SubscriptionGroupConfig& config() const noexcept { return config_; }
  [[nodiscard]] const ForbiddenTopics& forbidden() const noexcept { return forbidden_; }
  [[nodiscard]] bool may_read(std::string_view topic) const noexcept {
    if (forbidden_.empty()) return true;
    const auto found = forbidden_.find(topic);
    return found == forbidden_.end() || (found->second & forbidden_read) == 0;
  }

 private:
  protocol::SubscriptionGroupConfig config_;
  ForbiddenTopics forbidden_;
};

struct GroupOptions {
  bool auto_create_groups = true;
  std::size_t groups_max = 100'000;
};

/// Thread: [any-thread]. Lookups take no lock (use a Reader per shard); changes take turns under one short lock.
/// Listeners run on the changing thread, after the change, with no lock held. Bounded by `groups_max`.
class GroupTable {
 public:
  using Reader = StripedTable<Group>::Reader;

  /// Begins with RocketMQ's own groups. `clock` outlives the table.
  GroupTable(GroupOptions options, const Clock& clock);

  [[nodiscard]] Reader reader() const { return Reader(groups_); }
  [[nodiscard]] std::shared_ptr<const Group> find(std::string_view name) const { return groups_.find(name); }
  [[nodiscard]] std::size_t size() const noexcept { return groups_.size(); }
  /// All groups, sorted by name.
  [[nodiscard]] std::vector<std::shared_ptr<const Group>> all() const;
  [[nodiscard]] protocol::DataVersion data_version() const;

  /// The group, created with default values when that is allowed (or the name is one of RocketMQ's internal ones).
  /// Errors: invalid_argument (name), not_found (no auto-creation; the text names the remedy), full.
  Result<std::shared_ptr<const Group>> find_or_create(std::string_view name);

  /// Creates or replaces. An equal configuration is success without a change. Errors: invalid_argument (name, values),
  /// unsupported (attributes: groups have none), full.
  Result<std::shared_ptr<const Group>> put(protocol::SubscriptionGroupConfig config);
  /// All or none: the first bad element refuses the list and is named.
  Status put_all(const std::vector<protocol::SubscriptionGroupConfig>& configs);

  /// not_found when there is none; the group's forbidden topics go with it. Offsets are the caller's to clean.
  Status remove(std::string_view name);

  /// Forbids or permits a group to read one topic. Works for groups that do not exist (yet).
  Status set_readable(std::string_view group, std::string_view topic, bool readable);
  [[nodiscard]] bool readable(std::string_view group, std::string_view topic) const;

  /// [control][boot] Puts what was loaded over the groups that exist and takes over its version. Names that cannot be
  /// groups are left out, numbers out of bounds clamped. Says which.
  Restored restore(const protocol::SubscriptionGroupTable& loaded);

  /// The whole table as it is persisted, and the revision it is of.
  [[nodiscard]] std::pair<protocol::SubscriptionGroupTable, std::uint64_t> image() const;
  /// Grows with every change.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_.load(std::memory_order_acquire); }

  /// [control][boot] Called with the group's name after each change.
  void listen(std::function<void(std::string_view)> listener);

 private:
  Status check_config(const protocol::SubscriptionGroupConfig& config) const;
  [[nodiscard]] Error full(std::string_view name) const;
  void insert(protocol::SubscriptionGroupConfig config);  // changes_ is held, or nobody else is there yet
  void bump_locked();
  void notify(std::string_view group) const;

  const GroupOptions options_;
  const Clock& clock_;
  StripedTable<Group> groups_;
  mutable std::mutex changes_;  // one change at a time; guards version_ and forbidden_
  protocol::DataVersion version_;
  std::map<std::string, Group::ForbiddenTopics, std::less<>> forbidden_;
  std::atomic<std::uint64_t> revision_{1};
  std::vector<std::function<void(std::string_view)>> listeners_;
};

}  // namespace gantry::routing
