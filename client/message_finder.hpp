#pragma once
// Finds messages that are stored already: by id, by key, by time.

#include "client/message.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace gantry::client {

struct MessageFinderOptions {
  std::vector<std::string> name_servers{"127.0.0.1:9876"};
  RemotingOptions remoting;
};

/// What to look for by key.
struct MessageQuery {
  std::string topic;
  std::string key;
  bool unique_only = false;   ///< `key` is a unique key (what producers call the message id), not one of KEYS
  std::int64_t begin_ms = 0;  ///< store time, both ends included
  std::int64_t end_ms = std::numeric_limits<std::int64_t>::max();
  std::int32_t count_max = 32;  ///< the newest of what the brokers answer; they answer 64 at most, 32 by unique key
};

struct FoundMessages {
  std::vector<ReceivedMessage> messages;  ///< by store time, oldest first
  std::vector<Error> problems;            ///< of brokers that could not say; the others' messages are there
};

/// Which of two neighbouring offsets a search by time answers.
enum class TimeBoundary : std::uint8_t {
  lower,  ///< the first message stored at or after the time; the end of the queue when there is none
  upper,  ///< the last message stored at or before the time; the beginning of the queue when there is none
};

/// Thread: [any-thread] after start(); every call waits for its answers. What cannot be decompressed comes as it is
/// stored, see ReceivedMessage::body_is_compressed.
class MessageFinder {
 public:
  static Result<std::unique_ptr<MessageFinder>> start(MessageFinderOptions options);
  ~MessageFinder();
  MessageFinder(const MessageFinder&) = delete;
  MessageFinder& operator=(const MessageFinder&) = delete;

  /// The message that an offset message id names, from the broker whose address the id holds.
  Result<ReceivedMessage> view(const std::string& offset_message_id);
  /// The newest message of a topic with that unique key; Errc::not_found without one. When `id` is an offset message
  /// id of one of the topic's brokers, the message that it names.
  Result<ReceivedMessage> find(const std::string& topic, const std::string& id);
  /// Asks all brokers of the topic. What their answers hold besides (RocketMQ's brokers look for hashes of keys, and
  /// for whole seconds) is left out. Errors: no route, or no broker that could say.
  Result<FoundMessages> query(const MessageQuery& query);

  /// The queues of that id, one for each of the topic's brokers.
  Result<std::vector<MessageQueue>> queues(const std::string& topic, std::int32_t queue_id);
  Result<std::int64_t> search_offset(const MessageQueue& queue, std::int64_t time_ms, TimeBoundary boundary);
  /// The message at an offset; Errc::not_found when the queue does not hold it.
  Result<ReceivedMessage> message_at(const MessageQueue& queue, std::int64_t offset);

 private:
  struct Impl;
  explicit MessageFinder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::client
