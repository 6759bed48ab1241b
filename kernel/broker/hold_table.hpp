#pragma once
// The pulls that wait on one shard: by queue (an append wakes them), by deadline (they are answered at last), and by
// connection (they go with it).

#include "kernel/broker/request.hpp"
#include "kernel/broker/session.hpp"
#include "kernel/routing/topic.hpp"
#include "protocol/pull_header.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gantry::broker {

/// A pull that waits. Owned by its HoldTable and reused, with the memory of its texts.
struct Hold {
  protocol::PullHeader query;  ///< texts point into `text`; queue_offset moves on past what did not match
  ReplyTo to;
  std::string text;
  std::shared_ptr<routing::TopicQueues> keeps;  ///< keeps `queue` in place
  routing::QueueState* queue = nullptr;
  Session* session = nullptr;
  std::int64_t look_at_ns = 0;    ///< steady time: when to look again without being woken
  std::int64_t answer_by_ns = 0;  ///< steady time: when to answer whatever is there; look_at_ns <= answer_by_ns
  bool advanced = false;          ///< queue_offset is not the one that was asked for

  // Links, kept by HoldTable.
  Hold* queue_previous = nullptr;
  Hold* queue_next = nullptr;
  Hold* session_previous = nullptr;
  Hold* session_next = nullptr;
  std::size_t heap_index = 0;

  /// Copies a header whose texts belong to a request. Allocates only when this hold never held as much text.
  void keep(const protocol::PullHeader& header, ReplyTo reply_to);
};

/// [shard] Bound: `count_max` holds. After warm-up neither adding nor removing allocates.
class HoldTable {
 public:
  explicit HoldTable(std::size_t count_max) : count_max_(count_max) {}
  HoldTable(const HoldTable&) = delete;
  HoldTable& operator=(const HoldTable&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] bool full() const noexcept { return heap_.size() >= count_max_; }

  /// A blank hold, to be filled and given to insert() or discard(). Needs !full().
  [[nodiscard]] Hold& acquire();
  void discard(Hold& hold);

  /// `queue`, `session` and the times of the hold are set.
  void insert(Hold& hold);
  /// Unlinks the hold and takes it back.
  void remove(Hold& hold);
  /// `look_at_ns` is to change.
  void look_again(Hold& hold, std::int64_t at_ns);

  /// The first hold of the queue, in order of arrival (follow queue_next); nullptr when there is none.
  [[nodiscard]] Hold* of_queue(const routing::QueueState* queue) const;
  /// The hold to look at first; nullptr when there is none.
  [[nodiscard]] Hold* earliest() const noexcept { return heap_.empty() ? nullptr : heap_.front(); }
  /// Removes all holds of a connection.
  void drop(Session& session);

 private:
  struct QueueList {
    Hold* first = nullptr;
    Hold* last = nullptr;
  };
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void place(std::size_t index, Hold* hold) {
    heap_[index] = hold;
    hold->heap_index = index;
  }
  void forget_empty_queues();

  std::size_t count_max_;
  std::unordered_map<const routing::QueueState*, QueueList> queues_;  // empty lists stay, to be used again
  std::vector<Hold*> heap_;                                           // by look_at_ns, the earliest first
  std::vector<std::unique_ptr<Hold>> all_;
  std::vector<Hold*> free_;
};

}  // namespace gantry::broker
