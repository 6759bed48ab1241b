#pragma once
// How many messages came into each topic and went to each group: what tools ask for with VIEW_BROKER_STATS_DATA(315).
//
// Nothing is counted per message: the ends of queues and the offsets of groups say it all. They are sampled every ten
// seconds, so the hot path does not know of it.

#include "gantry/sdk/store.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/routing/offset_table.hpp"
#include "kernel/routing/topic_table.hpp"
#include "protocol/stats.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::broker {

/// Thread: sample() on control, find() on any thread; one lock, held for a pass over what changed.
/// Memory: about 500 bytes for each topic and each pair of topic and group that had traffic since the start.
class TrafficLog {
 public:
  /// Called every ten seconds or so.
  void sample(const Clock& clock, const routing::TopicTable& topics, const routing::OffsetTable& offsets,
              sdk::Store& store);

  /// Into a topic, or to a group ("topic@group"): over the last minute, hour and day, or since the start when that is
  /// shorter. Nothing: there was no traffic.
  [[nodiscard]] std::optional<protocol::BrokerStatsData> find(std::string_view key) const;

 private:
  /// The newest samples of a number that only grows, a fixed time apart.
  class Window {
   public:
    Window(std::chrono::milliseconds step, std::size_t count) : step_(step), count_(count) {}
    void add(std::chrono::milliseconds at, std::int64_t total);
    [[nodiscard]] protocol::BrokerStatsData::Item item() const;

   private:
    struct Sample {
      std::chrono::milliseconds at;
      std::int64_t total;
    };
    std::chrono::milliseconds step_;
    std::size_t count_;
    std::vector<Sample> samples_;  // oldest first; the last one is the newest, however old the one before
  };
  struct Item {
    Window minute{std::chrono::seconds(10), 7};
    Window hour{std::chrono::minutes(10), 7};
    Window day{std::chrono::hours(1), 25};
  };
  void note(std::string key, std::chrono::milliseconds at, std::int64_t total);

  mutable std::mutex mutex_;  // guards what follows
  bool sampled_ = false;
  std::map<std::string, std::int64_t, std::less<>> quiet_;  // totals of what had no traffic since the start
  std::map<std::string, Item, std::less<>> items_;
};

}  // namespace gantry::broker
