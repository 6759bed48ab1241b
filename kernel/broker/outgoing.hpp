#pragma once
// Messages that the broker or a plugin publishes itself.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"
#include "kernel/base/unique_function.hpp"
#include "protocol/message_id.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::broker {

/// A message and all that its record says. Texts are borrowed.
struct OutgoingMessage {
  std::string_view topic;
  std::string_view body;
  std::string_view properties;  ///< stored as given
  std::int32_t queue_id = -1;   ///< below 0: the broker chooses
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;
  std::int32_t reconsume_count = 0;
  std::int64_t born_ms = 0;  ///< 0: now
  std::int64_t prepared_offset = 0;
  gantry_address born_host{};
  bool after = false;  ///< stored only when the one before it in the batch was
};

/// Messages with their bytes, on their way to a shard: one block of memory for all texts. Movable.
class OutgoingBatch {
 public:
  /// Copies `messages`.
  explicit OutgoingBatch(std::span<const OutgoingMessage> messages)
      : messages_(messages.begin(), messages.end()), bytes_(size_of(messages)) {
    char* to = bytes_.data();
    for (OutgoingMessage& message : messages_) {
      for (std::string_view* text : {&message.topic, &message.body, &message.properties}) {
        to += text->copy(to, text->size());
        *text = {to - text->size(), text->size()};
      }
    }
  }

  [[nodiscard]] std::span<const OutgoingMessage> messages() const noexcept { return messages_; }
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }

 private:
  static std::size_t size_of(std::span<const OutgoingMessage> messages) {
    std::size_t size = 0;
    for (const OutgoingMessage& each : messages) size += each.topic.size() + each.body.size() + each.properties.size();
    return size;
  }

  std::vector<OutgoingMessage> messages_;
  std::vector<char> bytes_;  // a vector, because moving it leaves the bytes where they are
};

/// Where a message was stored.
struct PublishedMessage {
  std::int64_t log_offset = 0;
  std::int64_t queue_offset = 0;
  std::int32_t queue_id = 0;
  protocol::MessageIdText message_id;
};

/// Called once, on a shard, with one outcome for each message of the batch. An error timed_out means: stored, but its
/// promise was not kept in time.
using PublishDone = UniqueFunction<void(std::span<const Result<PublishedMessage>>)>;

}  // namespace gantry::broker
