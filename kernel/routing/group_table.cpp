#include "kernel/routing/group_table.hpp"

#include "kernel/base/log.hpp"
#include "protocol/names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::routing {

namespace {

using protocol::SubscriptionGroupConfig;

constexpr std::array<std::string_view, 8> boot_groups{
    "TOOLS_CONSUMER",  "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP",     "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PULL", "CID_ONSAPI_OWNER",   "CID_ONSAPI_PERMISSION", "CID_RMQ_SYS_TRANS"};
constexpr std::string_view internal_prefix = "CID_RMQ_SYS_";
constexpr std::int32_t retry_queues_max = 1024;
constexpr std::size_t forbidden_topics_max = 10'000;  // of one group

std::string quoted(std::string_view name) {
  return "\"" + std::string(name.substr(0, protocol::retry_topic_size_max)) + "\"";
}

}  // namespace

Group::Group(SubscriptionGroupConfig config, ForbiddenTopics forbidden)
    : config_(std::move(config)), forbidden_(std::move(forbidden)) {}

GroupTable::GroupTable(GroupOptions options, const Clock& clock) : options_(options), clock_(clock) {
  version_.timestamp_ms = clock_.now_ms();
  for (const std::string_view name : boot_groups) {
    SubscriptionGroupConfig config;
    config.group_name = name;
    insert(std::move(config));
  }
}

std::vector<std::shared_ptr<const Group>> GroupTable::all() const {
  std::vector<std::shared_ptr<const Group>> found;
  found.reserve(groups_.size());
  groups_.for_each([&found](const std::shared_ptr<const Group>& group) { found.push_back(group); });
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return found;
}

protocol::DataVersion GroupTable::data_version() const {
  const std::lock_guard lock(changes_);
  return version_;
}

void GroupTable::listen(std::function<void(std::string_view)> listener) { listeners_.push_back(std::move(listener)); }

void GroupTable::notify(std::string_view group) const {
  for (const auto& listener : listeners_) listener(group);
}

void GroupTable::bump_locked() {
  version_.advance(clock_.now_ms(), version_.state_version);
  revision_.fetch_add(1, std::memory_order_release);
}

void GroupTable::insert(SubscriptionGroupConfig config) {
  const auto forbidden = forbidden_.find(config.group_name);
  const auto group = std::make_shared<const Group>(
      std::move(config), forbidden == forbidden_.end() ? Group::ForbiddenTopics{} : forbidden->second);
  groups_.update(group->name(), [&group](const auto&) { return TableEdit<Group>::put(group); });
}

Error GroupTable::full(std::string_view name) const {
  return Error{Errc::full, "creating subscription group " + quoted(name) + ": there are " +
                               std::to_string(groups_.size()) +
                               " groups already; delete some or raise limits.groups_max (" +
                               std::to_string(options_.groups_max) + ")"};
}

Status GroupTable::check_config(const SubscriptionGroupConfig& config) const {
  GANTRY_TRY(protocol::check_group_name(config.group_name));
  if (config.retry_queue_count < 0 || config.retry_queue_count > retry_queues_max) {
    return Error{Errc::invalid_argument, "subscription group " + quoted(config.group_name) + ": expected 0 to " +
                                             std::to_string(retry_queues_max) + " retry queues, found " +
                                             std::to_string(config.retry_queue_count)};
  }
  if (!config.attributes.empty()) {
    return Error{Errc::unsupported, "subscription group " + quoted(config.group_name) +
                                        ": expected no attributes, found \"" + config.attributes.begin()->first + "\""};
  }
  return {};
}

Result<std::shared_ptr<const Group>> GroupTable::find_or_create(std::string_view name) {
  if (auto existing = groups_.find(name)) return existing;
  GANTRY_TRY(protocol::check_group_name(name));
  if (!options_.auto_create_groups && !name.starts_with(internal_prefix)) {
    return Error{Errc::not_found, "subscription group " + quoted(name) +
                                      " does not exist: create it with \"mqadmin updateSubGroup\", or set "
                                      "broker.auto_create_groups"};
  }
  {
    const std::lock_guard lock(changes_);
    if (auto existing = groups_.find(name)) return existing;
    if (groups_.size() >= options_.groups_max) return full(name);
    SubscriptionGroupConfig config;
    config.group_name = name;
    insert(std::move(config));
    bump_locked();
  }
  notify(name);
  return groups_.find(name);
}

Result<std::shared_ptr<const Group>> GroupTable::put(SubscriptionGroupConfig config) {
  GANTRY_TRY(check_config(config));
  const std::string name = config.group_name;
  {
    const std::lock_guard lock(changes_);
    const auto current = groups_.find(name);
    if (current && current->config() == config) return current;
    if (!current && groups_.size() >= options_.groups_max) return full(name);
    insert(std::move(config));
    bump_locked();
  }
  notify(name);
  return groups_.find(name);
}

Status GroupTable::put_all(const std::vector<SubscriptionGroupConfig>& configs) {
  for (const SubscriptionGroupConfig& config : configs) GANTRY_TRY(check_config(config));
  std::vector<std::string> changed;
  {
    const std::lock_guard lock(changes_);
    std::size_t created = 0;
    for (const SubscriptionGroupConfig& config : configs) created += groups_.find(config.group_name) ? 0 : 1;
    if (created > 0 && groups_.size() + created > options_.groups_max) return full(configs.front().group_name);
    for (const SubscriptionGroupConfig& config : configs) {
      const auto current = groups_.find(config.group_name);
      if (current && current->config() == config) continue;
      insert(config);
      changed.push_back(config.group_name);
    }
    if (!changed.empty()) bump_locked();
  }
  for (const std::string& name : changed) notify(name);
  return {};
}

Status GroupTable::remove(std::string_view name) {
  {
    const std::lock_guard lock(changes_);
    if (!groups_.find(name)) {
      return Error{Errc::not_found, "deleting subscription group " + quoted(name) + ": it does not exist"};
    }
    groups_.update(name, [](const auto&) { return TableEdit<Group>::erase(); });
    if (const auto forbidden = forbidden_.find(name); forbidden != forbidden_.end()) forbidden_.erase(forbidden);
    bump_locked();
  }
  notify(name);
  return {};
}

// ---- forbidden topics ----

Status GroupTable::set_readable(std::string_view group, std::string_view topic, bool readable) {
  GANTRY_TRY(protocol::check_group_name(group));
  GANTRY_TRY(protocol::check_topic_name(topic));
  {
    const std::lock_guard lock(changes_);
    auto entry = forbidden_.find(group);
    const bool had = entry != forbidden_.end() && entry->second.find(topic) != entry->second.end();
    if (readable && !had) return {};
    if (entry == forbidden_.end()) {
      if (forbidden_.size() >= options_.groups_max) return full(group);
      entry = forbidden_.emplace(group, Group::ForbiddenTopics{}).first;
    }
    if (!had && entry->second.size() >= forbidden_topics_max) {
      return Error{Errc::full, "subscription group " + quoted(group) + ": expected at most " +
                                   std::to_string(forbidden_topics_max) + " forbidden topics"};
    }
    std::int32_t& bits = entry->second[std::string(topic)];
    const std::int32_t wanted = readable ? bits & ~Group::forbidden_read : bits | Group::forbidden_read;
    if (wanted == bits) return {};
    bits = wanted;
    // Only this topic's entry goes when nothing is forbidden any more; the group's other topics stay forbidden.
    if (bits == 0) entry->second.erase(std::string(topic));
    if (entry->second.empty()) forbidden_.erase(entry);
    if (const auto current = groups_.find(group)) insert(current->config());
    bump_locked();
  }
  notify(group);
  return {};
}

bool GroupTable::readable(std::string_view group, std::string_view topic) const {
  const std::lock_guard lock(changes_);
  const auto entry = forbidden_.find(group);
  if (entry == forbidden_.end()) return true;
  const auto bits = entry->second.find(topic);
  return bits == entry->second.end() || (bits->second & Group::forbidden_read) == 0;
}

// ---- persistence ----

Restored GroupTable::restore(const protocol::SubscriptionGroupTable& loaded) {
  const std::lock_guard lock(changes_);
  for (const auto& [group, topics] : loaded.forbidden) {
    if (!topics.empty()) forbidden_.insert_or_assign(group, Group::ForbiddenTopics(topics.begin(), topics.end()));
  }
  Restored restored;
  for (const auto& [name, stored] : loaded.groups) {
    if (const Status valid = protocol::check_group_name(name); !valid) {
      restored.reject([&] { return "group " + quoted(name) + ": " + valid.error().text; });
      continue;
    }
    SubscriptionGroupConfig config = stored;
    config.group_name = name;
    config.retry_queue_count = std::clamp(config.retry_queue_count, 0, retry_queues_max);
    if (config.retry_queue_count != stored.retry_queue_count) {
      restored.reject([&] {
        return "group " + quoted(name) + ": expected 0 to " + std::to_string(retry_queues_max) +
               " retry queues, found " + std::to_string(stored.retry_queue_count) + "; it has " +
               std::to_string(config.retry_queue_count) + " now";
      });
    }
    insert(std::move(config));
    ++restored.count;
  }
  version_ = loaded.data_version;
  revision_.fetch_add(1, std::memory_order_release);
  return restored;
}

std::pair<protocol::SubscriptionGroupTable, std::uint64_t> GroupTable::image() const {
  protocol::SubscriptionGroupTable table;
  const std::lock_guard lock(changes_);
  groups_.for_each(
      [&table](const std::shared_ptr<const Group>& group) { table.groups.emplace(group->name(), group->config()); });
  for (const auto& [group, topics] : forbidden_) {
    table.forbidden.emplace(group, std::map<std::string, std::int32_t>(topics.begin(), topics.end()));
  }
  table.data_version = version_;
  return {std::move(table), revision()};
}

}  // namespace gantry::routing
