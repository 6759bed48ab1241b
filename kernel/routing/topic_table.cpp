#include "kernel/routing/topic_table.hpp"

#include "kernel/base/log.hpp"
#include "kernel/routing/topic_attributes.hpp"
#include "protocol/names.hpp"

#include <algorithm>
#include <utility>

namespace gantry::routing {

namespace {

using protocol::TopicConfig;
namespace perm = protocol::perm;
namespace topic_name = protocol::topic_name;

constexpr std::int32_t perm_max = perm::read | perm::write | perm::inherit;
constexpr std::int32_t sys_flag_unit = 1;
constexpr std::int32_t sys_flag_unit_sub = 2;
constexpr std::int32_t schedule_levels = 18;
constexpr std::int32_t cluster_topic_queues = 16;

TopicConfig make_config(std::string name, std::int32_t queues, std::int32_t permissions) {
  TopicConfig config;
  config.topic_name = std::move(name);
  config.read_queue_count = queues;
  config.write_queue_count = queues;
  config.perm = permissions;
  return config;
}

std::vector<std::shared_ptr<const Topic>> sorted(std::vector<std::shared_ptr<const Topic>> topics) {
  std::sort(topics.begin(), topics.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return topics;
}

std::string quoted(std::string_view name) {
  return "\"" + std::string(name.substr(0, protocol::retry_topic_size_max)) + "\"";
}

/// What a file says of a topic and what it was made to be.
std::string describe_clamped(const TopicConfig& found, const TopicConfig& made) {
  return "expected 0 to " + std::to_string(TopicQueues::count_max) + " queues and permission bits 0 to " +
         std::to_string(perm_max) + ", found " + std::to_string(found.read_queue_count) + " read and " +
         std::to_string(found.write_queue_count) + " write queues, permission " + std::to_string(found.perm) +
         "; it has " + std::to_string(made.read_queue_count) + " and " + std::to_string(made.write_queue_count) +
         " now, permission " + std::to_string(made.perm);
}

}  // namespace

TopicTable::TopicTable(TopicOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {
  version_.timestamp_ms = clock_.now_ms();
  add_boot_topics();
}

void TopicTable::add_boot_topics() {
  const std::int32_t read_write = perm::read | perm::write;
  const auto inheritable = [](bool on) { return on ? perm_max : perm::inherit; };
  if (options_.auto_create_topics) {
    insert(make_config(std::string(topic_name::auto_create), options_.default_topic_queues, perm_max));
  }
  insert(make_config(options_.cluster, cluster_topic_queues, inheritable(options_.cluster_topic)));
  insert(make_config(options_.broker_name, 1, inheritable(options_.broker_topic)));
  insert(make_config(std::string(topic_name::self_test), 1, read_write));
  insert(make_config(std::string(topic_name::offset_moved), 1, read_write));
  if (options_.benchmark_topic_queues > 0) {
    insert(make_config(std::string(topic_name::benchmark), options_.benchmark_topic_queues, read_write));
  }
  insert(make_config(std::string(topic_name::schedule), schedule_levels, read_write));
  if (options_.trace_topic) insert(make_config(std::string(topic_name::trace), 1, read_write));
  insert(make_config(options_.cluster + std::string(topic_name::reply_suffix), 1, read_write));
  insert(
      make_config(std::string(topic_name::revive_log_prefix) + options_.cluster, options_.revive_queues, read_write));
  insert(make_config(std::string(topic_name::sync_member_prefix) + options_.broker_name, 1, perm::inherit));
  insert(make_config(std::string(topic_name::transaction_half), 1, read_write));
  insert(make_config(std::string(topic_name::transaction_op_half), 1, read_write));
  insert(make_config(std::string(topic_name::timer_wheel), 1, read_write));
}

// ---- reading ----

std::vector<std::shared_ptr<const Topic>> TopicTable::unsorted() const {
  std::vector<std::shared_ptr<const Topic>> found;
  found.reserve(topics_.size());
  topics_.for_each([&found](const std::shared_ptr<const Topic>& topic) { found.push_back(topic); });
  return found;
}

std::vector<std::shared_ptr<const Topic>> TopicTable::all() const { return sorted(unsorted()); }

protocol::DataVersion TopicTable::data_version() const {
  const std::lock_guard lock(changes_);
  return version_;
}

TopicTable::Image TopicTable::image() const {
  Image image;
  {
    const std::lock_guard lock(changes_);
    image.topics = unsorted();
    image.version = version_;
    image.revision = revision();
  }
  // Shards wait for the lock when they create topics, so a large table is not sorted under it.
  image.topics = sorted(std::move(image.topics));
  return image;
}

TopicTraits TopicTable::traits_of(std::string_view name) const {
  TopicTraits traits;
  traits.retry = protocol::is_retry_topic(name);
  traits.dead_letter = protocol::is_dead_letter_topic(name);
  const auto is_reply_topic = [this](std::string_view text) {
    return text.size() == options_.cluster.size() + topic_name::reply_suffix.size() &&
           text.starts_with(options_.cluster) && text.ends_with(topic_name::reply_suffix);
  };
  traits.system = protocol::is_system_topic(name) || name == options_.cluster || name == options_.broker_name ||
                  is_reply_topic(name);
  traits.send_forbidden = protocol::is_send_forbidden(name);
  return traits;
}

// ---- changing ----

Status TopicTable::check_config(const TopicConfig& config) const {
  GANTRY_TRY(protocol::check_topic_name(config.topic_name));
  const std::int32_t queues_max = std::min(options_.queues_per_topic_max, TopicQueues::count_max);
  const auto check_count = [&](std::string_view what, std::int32_t count) -> Status {
    if (count >= 0 && count <= queues_max) return {};
    return Error{Errc::invalid_argument, "topic " + quoted(config.topic_name) + ": expected 0 to " +
                                             std::to_string(queues_max) + " " + std::string(what) + " queues, found " +
                                             std::to_string(count) + " (the bound is limits.queues_per_topic_max)"};
  };
  GANTRY_TRY(check_count("read", config.read_queue_count));
  GANTRY_TRY(check_count("write", config.write_queue_count));
  if (config.perm < 0 || config.perm > perm_max) {
    return Error{Errc::invalid_argument, "topic " + quoted(config.topic_name) + ": expected permission bits 0 to " +
                                             std::to_string(perm_max) + ", found " + std::to_string(config.perm)};
  }
  return {};
}

Error TopicTable::full(std::string_view name) const {
  return Error{Errc::full, "creating topic " + quoted(name) + ": there are " + std::to_string(topics_.size()) +
                               " topics already; delete some or raise limits.topics_max (" +
                               std::to_string(options_.topics_max) + ")"};
}

std::shared_ptr<const Topic> TopicTable::make(TopicConfig config) const {
  const std::shared_ptr<const Topic> current = topics_.find(config.topic_name);
  std::shared_ptr<TopicQueues> queues = current ? current->queues() : std::make_shared<TopicQueues>();
  queues->grow(std::max(config.read_queue_count, config.write_queue_count));
  const TopicTraits traits = traits_of(config.topic_name);
  return std::make_shared<const Topic>(std::move(config), traits, std::move(queues));
}

void TopicTable::insert(TopicConfig config) {
  const std::shared_ptr<const Topic> topic = make(std::move(config));
  topics_.update(topic->name(), [&topic](const auto&) { return TableEdit<Topic>::put(topic); });
}

void TopicTable::bump_locked() {
  version_.advance(clock_.now_ms(), version_.state_version);
  revision_.fetch_add(1, std::memory_order_release);
}

TopicChange TopicTable::store_locked(TopicConfig config) {
  const std::string name = config.topic_name;
  const bool existed = topics_.find(name) != nullptr;
  insert(std::move(config));
  bump_locked();
  return {existed ? TopicChange::Kind::updated : TopicChange::Kind::created, topics_.find(name)};
}

void TopicTable::notify(const TopicChange& change) const {
  for (const auto& listener : listeners_) listener(change);
}

void TopicTable::listen(std::function<void(const TopicChange&)> listener) { listeners_.push_back(std::move(listener)); }

Result<std::shared_ptr<const Topic>> TopicTable::find_or_add(TopicConfig config, bool bounded) {
  if (auto existing = topics_.find(config.topic_name)) return existing;
  GANTRY_TRY(check_config(config));
  TopicChange change;
  {
    const std::lock_guard lock(changes_);
    if (auto existing = topics_.find(config.topic_name)) return existing;
    if (bounded && topics_.size() >= options_.topics_max) return full(config.topic_name);
    change = store_locked(std::move(config));
  }
  notify(change);
  return change.topic;
}

Result<std::shared_ptr<const Topic>> TopicTable::ensure(TopicConfig config) {
  return find_or_add(std::move(config), false);
}

Result<std::shared_ptr<const Topic>> TopicTable::create_for_send(const AutoCreate& wish) {
  if (auto existing = topics_.find(wish.topic)) return existing;
  GANTRY_TRY(protocol::check_topic_name(wish.topic));
  const TopicTraits traits = traits_of(wish.topic);
  if (traits.system) {
    return Error{Errc::permission_denied, "topic " + quoted(wish.topic) + " is reserved: a send does not create it"};
  }
  const std::shared_ptr<const Topic> pattern = topics_.find(wish.default_topic);
  const bool switched_off = wish.default_topic == topic_name::auto_create && !options_.auto_create_topics;
  if (pattern && pattern->inheritable() && !switched_off) {
    TopicConfig config = make_config(std::string(wish.topic), 0, pattern->config().perm & ~perm::inherit);
    config.read_queue_count = std::max(1, std::min(wish.queue_count, pattern->write_queues()));
    config.write_queue_count = config.read_queue_count;
    config.filter_type = pattern->config().filter_type;
    if (wish.unit) config.topic_sys_flag = traits.retry ? sys_flag_unit_sub : sys_flag_unit;
    return find_or_add(std::move(config), true);
  }
  if (traits.retry) return ensure_retry_topic(protocol::group_of_retry_topic(wish.topic), 1);
  return Error{Errc::not_found, "topic " + quoted(wish.topic) +
                                    " does not exist and a send may not create it: create it with \"mqadmin "
                                    "updateTopic\", or set broker.auto_create_topics"};
}

Result<std::shared_ptr<const Topic>> TopicTable::ensure_retry_topic(std::string_view group, std::int32_t queue_count,
                                                                    const bool* order) {
  TopicConfig config = make_config(protocol::retry_topic(group), std::max(1, queue_count), perm::read | perm::write);
  config.order = order != nullptr && *order;
  GANTRY_ASSIGN(std::shared_ptr<const Topic> topic, find_or_add(config, true));
  if (order == nullptr || topic->config().order == *order) return topic;

  TopicChange change;
  {
    const std::lock_guard lock(changes_);
    const std::shared_ptr<const Topic> current = topics_.find(config.topic_name);
    if (current) {
      config = current->config();
      config.order = *order;
    }
    change = store_locked(std::move(config));
  }
  notify(change);
  return change.topic;
}

Result<std::shared_ptr<const Topic>> TopicTable::ensure_dead_letter_topic(std::string_view group) {
  return find_or_add(make_config(protocol::dead_letter_topic(group), 1, perm::read | perm::write), true);
}

// ---- administration ----

Status TopicTable::check_request(const TopicRequest& request) const {
  GANTRY_TRY(check_config(request.config));
  if (traits_of(request.config.topic_name).system) {
    return Error{Errc::invalid_argument,
                 "topic " + quoted(request.config.topic_name) + " is a system topic: it cannot be created or changed"};
  }
  if (asks_for_mixed_messages(request.attributes)) {
    return Error{Errc::invalid_argument,
                 "topic " + quoted(request.config.topic_name) + ": message.type MIXED is not supported"};
  }
  return {};
}

Result<TopicConfig> TopicTable::resulting_config(const TopicRequest& request, const Topic* current) {
  TopicConfig config = request.config;
  config.attributes = current == nullptr ? AttributeMap{} : current->config().attributes;
  GANTRY_TRY(apply_attributes(request.attributes, current == nullptr, config.attributes));
  return config;
}

Result<std::shared_ptr<const Topic>> TopicTable::put(const TopicRequest& request) {
  GANTRY_TRY(check_request(request));
  TopicChange change;
  {
    const std::lock_guard lock(changes_);
    const std::shared_ptr<const Topic> current = topics_.find(request.config.topic_name);
    if (!current && topics_.size() >= options_.topics_max) return full(request.config.topic_name);
    GANTRY_ASSIGN(TopicConfig config, resulting_config(request, current.get()));
    if (current && current->config() == config) return current;
    change = store_locked(std::move(config));
  }
  notify(change);
  return change.topic;
}

Status TopicTable::put_all(std::span<const TopicRequest> requests) {
  for (const TopicRequest& request : requests) GANTRY_TRY(check_request(request));
  std::vector<TopicChange> changes;
  {
    const std::lock_guard lock(changes_);
    std::vector<TopicConfig> wanted;
    std::size_t created = 0;
    for (const TopicRequest& request : requests) {
      const std::shared_ptr<const Topic> current = topics_.find(request.config.topic_name);
      GANTRY_ASSIGN(TopicConfig config, resulting_config(request, current.get()));
      if (current && current->config() == config) continue;
      created += current ? 0 : 1;
      wanted.push_back(std::move(config));
    }
    if (created > 0 && topics_.size() + created > options_.topics_max) return full(wanted.front().topic_name);
    for (TopicConfig& config : wanted) changes.push_back(store_locked(std::move(config)));
  }
  for (const TopicChange& change : changes) notify(change);
  return {};
}

Result<std::shared_ptr<const Topic>> TopicTable::remove(std::string_view name) {
  if (name.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Error{Errc::invalid_argument, "deleting a topic: expected its name, found blank text"};
  }
  if (traits_of(name).system) {
    return Error{Errc::invalid_argument, "topic " + quoted(name) + " is a system topic: it cannot be deleted"};
  }
  TopicChange change{TopicChange::Kind::deleted, nullptr};
  {
    const std::lock_guard lock(changes_);
    change.topic = topics_.find(name);
    if (!change.topic) return Error{Errc::not_found, "deleting topic " + quoted(name) + ": it does not exist"};
    topics_.update(name, [](const auto&) { return TableEdit<Topic>::erase(); });
    bump_locked();
  }
  notify(change);
  return change.topic;
}

// ---- persistence ----

Restored TopicTable::restore(const protocol::TopicConfigTable& table) {
  const std::lock_guard lock(changes_);
  Restored restored;
  std::vector<std::shared_ptr<const Topic>> loaded;
  loaded.reserve(table.topics.size());
  for (const auto& [key, stored] : table.topics) {
    TopicConfig config = stored;
    config.topic_name = key;
    if (const Status valid = protocol::check_topic_name(key); !valid) {
      // Names are used as names of files, so this one cannot have held a message that we could serve.
      restored.reject([&] { return "topic " + quoted(key) + ": " + valid.error().text; });
      continue;
    }
    config.read_queue_count = std::clamp(config.read_queue_count, 0, TopicQueues::count_max);
    config.write_queue_count = std::clamp(config.write_queue_count, 0, TopicQueues::count_max);
    config.perm &= perm_max;
    if (config.read_queue_count != stored.read_queue_count || config.write_queue_count != stored.write_queue_count ||
        config.perm != stored.perm) {
      restored.reject([&] { return "topic " + quoted(key) + ": " + describe_clamped(stored, config); });
    }
    if (key == topic_name::auto_create && !options_.auto_create_topics) config.perm &= ~perm::inherit;
    loaded.push_back(make(std::move(config)));
  }
  restored.count = loaded.size();
  topics_.put_all(std::move(loaded));
  version_ = table.data_version;
  revision_.fetch_add(1, std::memory_order_release);
  return restored;
}

}  // namespace gantry::routing
