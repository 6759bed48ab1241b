#pragma once
// Finds the queue of (topic, queue id). Striped, because every shard asks it for every queue that it meets first.

#include "plugins/storage-mmap/message_queue.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gantry::storage_mmap {

/// [any-thread] Owns the queues, also those of deleted topics, whose handles stay valid.
class QueueTable {
 public:
  /// The queue of that name; made when it does not exist. Nothing is written anywhere.
  MessageQueue* open(std::string_view topic, std::int32_t id);
  /// The queue of that name, or null.
  MessageQueue* find(std::string_view topic, std::int32_t id) const;
  /// Takes the topic's queues out of the table, so that open() makes new ones. They stay alive.
  std::vector<MessageQueue*> take(std::string_view topic);
  /// All queues that are in the table. [recovery]
  [[nodiscard]] std::vector<MessageQueue*> all() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  struct Stripe {
    mutable std::mutex mutex;
    /// By topic, then by queue id.
    std::unordered_map<std::string, std::vector<MessageQueue*>, TextHash, std::equal_to<>> topics;
    std::vector<std::unique_ptr<MessageQueue>> queues;
  };
  static constexpr std::size_t stripe_count = 64;

  [[nodiscard]] Stripe& stripe_of(std::string_view topic) const { return stripes_[TextHash()(topic) % stripe_count]; }

  mutable std::array<Stripe, stripe_count> stripes_;
  std::atomic<std::uint64_t> next_number_{1};
};

}  // namespace gantry::storage_mmap
