#pragma once
// The topics of this broker: who may create them, with what queues, and who hears of it.

#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/routing/restored.hpp"
#include "kernel/routing/striped_table.hpp"
#include "kernel/routing/topic.hpp"
#include "protocol/topic_config.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::routing {

struct TopicOptions {
  std::string cluster = "DefaultCluster";
  std::string broker_name = "broker-a";
  bool auto_create_topics = true;              ///< producers may create topics by sending (TBW102 is inheritable)
  std::int32_t default_topic_queues = 8;       ///< of TBW102
  bool cluster_topic = true;                   ///< the topic named like the cluster can be inherited from
  bool broker_topic = true;                    ///< the topic named like the broker can be inherited from
  std::int32_t benchmark_topic_queues = 1024;  ///< of BenchmarkTest; 0: do not create it
  std::int32_t revive_queues = 8;              ///< of rmq_sys_REVIVE_LOG_<cluster>
  bool trace_topic = false;                    ///< create RMQ_SYS_TRACE_TOPIC
  std::size_t topics_max = 100'000;
  std::int32_t queues_per_topic_max = 4096;  ///< at most TopicQueues::count_max
};

/// A change of the table, as listeners hear of it.
struct TopicChange {
  enum class Kind : std::uint8_t { created, updated, deleted };
  Kind kind = Kind::created;
  std::shared_ptr<const Topic> topic;  ///< after the change; before it when deleted
};

/// What an administrator asks for (UPDATE_AND_CREATE_TOPIC). `attributes` is the request's text: "+key=value,-key".
struct TopicRequest {
  protocol::TopicConfig config;  ///< its own attributes are ignored
  std::string attributes;
};

/// What a send to an unknown topic brings along.
struct AutoCreate {
  std::string_view topic;
  std::string_view default_topic;  ///< normally TBW102
  std::int32_t queue_count = 4;    ///< wished by the client
  bool unit = false;               ///< the sender's unitMode
};

/// Thread: [any-thread]. Lookups take no lock (use a Reader per shard); changes take turns under one short lock.
/// Listeners run on the changing thread, after the change, with no lock held; they must be quick.
/// Bounded by `topics_max` and `queues_per_topic_max`.
///
/// Errors of the changing functions, and how they are answered: see refusal.hpp.
class TopicTable {
 public:
  using Reader = StripedTable<Topic>::Reader;

  /// `clock` outlives the table. The table begins with the system topics of `options`.
  TopicTable(TopicOptions options, const Clock& clock);

  // ---- reading ----

  [[nodiscard]] Reader reader() const { return Reader(topics_); }
  [[nodiscard]] std::shared_ptr<const Topic> find(std::string_view name) const { return topics_.find(name); }
  [[nodiscard]] std::size_t size() const noexcept { return topics_.size(); }
  /// All topics, sorted by name.
  [[nodiscard]] std::vector<std::shared_ptr<const Topic>> all() const;
  [[nodiscard]] protocol::DataVersion data_version() const;
  /// What the name says about a topic of this broker.
  [[nodiscard]] TopicTraits traits_of(std::string_view name) const;
  [[nodiscard]] const TopicOptions& options() const noexcept { return options_; }

  // ---- creating on behalf of clients; an existing topic is returned as it is ----

  /// A send to an unknown topic: inherits from the default topic if that permits, with min(wished, default's) queues
  /// and its permissions without INHERIT. not_found when that is not allowed (the text says why), invalid_argument for
  /// a bad name, full at `topics_max`.
  Result<std::shared_ptr<const Topic>> create_for_send(const AutoCreate& wish);

  /// `%RETRY%<group>`, permissions 6, one queue unless the group's configuration wants more. `order` is set or cleared
  /// when given and different. Errors: invalid_argument, full.
  Result<std::shared_ptr<const Topic>> ensure_retry_topic(std::string_view group, std::int32_t queue_count,
                                                          const bool* order = nullptr);
  /// `%DLQ%<group>`: one queue, permissions 6.
  Result<std::shared_ptr<const Topic>> ensure_dead_letter_topic(std::string_view group);
  /// A topic that the kernel or a plugin needs; system names are allowed. An existing one is left as it is.
  Result<std::shared_ptr<const Topic>> ensure(protocol::TopicConfig config);

  // ---- administration ----

  /// Creates or changes a topic. An equal configuration is success without a change. Errors: invalid_argument (name,
  /// system topic, queue counts, permissions, MIXED), unsupported (attributes), full.
  Result<std::shared_ptr<const Topic>> put(const TopicRequest& request);

  /// All or none is changed: the first bad element refuses the list and is named.
  Status put_all(std::span<const TopicRequest> requests);

  /// Removes the topic from the table; its queues in the store are the caller's to delete. Errors: invalid_argument
  /// (blank or system topic), not_found.
  Result<std::shared_ptr<const Topic>> remove(std::string_view name);

  // ---- persistence ----

  /// [control][boot] Puts what was loaded over the system topics and takes over its version. Entries that break a rule
  /// of ours are kept when harmless and clamped otherwise; names that cannot be topics are left out. Says which.
  Restored restore(const protocol::TopicConfigTable& table);

  /// The whole table as it is persisted and registered, consistent with data_version().
  struct Image {
    std::vector<std::shared_ptr<const Topic>> topics;
    protocol::DataVersion version;
    std::uint64_t revision = 0;
  };
  [[nodiscard]] Image image() const;

  /// Grows with every change; equal to an earlier value when nothing changed since.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_.load(std::memory_order_acquire); }

  /// [control][boot] Listeners are called in the order in which they were added, for the life of the table.
  void listen(std::function<void(const TopicChange&)> listener);

 private:
  Status check_config(const protocol::TopicConfig& config) const;
  Status check_request(const TopicRequest& request) const;
  /// The configuration that `request` leads to, given the topic as it is (nullptr: there is none).
  static Result<protocol::TopicConfig> resulting_config(const TopicRequest& request, const Topic* current);
  [[nodiscard]] Error full(std::string_view name) const;
  TopicChange store_locked(protocol::TopicConfig config);
  /// The topic of that configuration, with the queues that a topic of its name has already. changes_ is held, or nobody
  /// else is there yet; so for insert().
  [[nodiscard]] std::shared_ptr<const Topic> make(protocol::TopicConfig config) const;
  void insert(protocol::TopicConfig config);
  [[nodiscard]] std::vector<std::shared_ptr<const Topic>> unsorted() const;
  void bump_locked();
  /// An existing topic, or a new one of that configuration.
  Result<std::shared_ptr<const Topic>> find_or_add(protocol::TopicConfig config, bool bounded);
  void add_boot_topics();
  void notify(const TopicChange& change) const;

  const TopicOptions options_;
  const Clock& clock_;
  StripedTable<Topic> topics_;
  mutable std::mutex changes_;  // one change at a time; guards version_
  protocol::DataVersion version_;
  std::atomic<std::uint64_t> revision_{1};
  std::vector<std::function<void(const TopicChange&)>> listeners_;
};

}  // namespace gantry::routing
