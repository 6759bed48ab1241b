#pragma once
// Consumes messages: by asking for them (PullConsumer), or by being called (PushConsumer).

#include "client/message.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantry::client {

enum class PullStatus : std::uint8_t { found, nothing_new, nothing_matched, offset_illegal };

struct PullResult {
  PullStatus status = PullStatus::nothing_new;
  std::int64_t next_offset = 0;
  std::int64_t min_offset = 0;
  std::int64_t max_offset = 0;
  std::vector<ReceivedMessage> messages;
};

struct PullRequest {
  MessageQueue queue;
  std::int64_t offset = 0;
  std::int32_t message_count_max = 32;
  std::string expression = "*";  ///< tags joined by "||", or "*"
  std::string expression_type = "TAG";
  std::chrono::milliseconds wait_max{0};  ///< how long the broker may hold the request; 0: answer at once
};

struct PullConsumerOptions {
  std::vector<std::string> name_servers{"127.0.0.1:9876"};
  std::string group = "gantry_consumer";
  RemotingOptions remoting;
};

/// Reads queues at offsets that the application keeps. Takes part in no rebalance.
/// Thread: [any-thread] after start().
class PullConsumer {
 public:
  static Result<std::unique_ptr<PullConsumer>> start(PullConsumerOptions options);
  ~PullConsumer();
  PullConsumer(const PullConsumer&) = delete;
  PullConsumer& operator=(const PullConsumer&) = delete;

  Result<std::vector<MessageQueue>> queues(const std::string& topic);
  Result<PullResult> pull(const PullRequest& request);

  Result<std::int64_t> min_offset(const MessageQueue& queue);
  Result<std::int64_t> max_offset(const MessageQueue& queue);
  /// The first offset stored at or after that time (milliseconds since 1970).
  Result<std::int64_t> search_offset(const MessageQueue& queue, std::int64_t time_ms);
  /// The group's committed offset; Errc::not_found when it has none.
  Result<std::int64_t> committed_offset(const MessageQueue& queue);
  Status commit_offset(const MessageQueue& queue, std::int64_t offset);

 private:
  struct Impl;
  explicit PullConsumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

enum class MessageModel : std::uint8_t {
  clustering,    ///< the members of the group share the queues
  broadcasting,  ///< every member gets everything, from where it starts; offsets are not kept
};

/// Where a group without a committed offset begins.
enum class ConsumeFrom : std::uint8_t { last, first };

enum class ConsumeVerdict : std::uint8_t {
  done,
  later,  ///< given to the broker for redelivery; when the broker refuses, delivered again by this client after a while
  stop,   ///< not consumed, and the listener wants no more: somebody else of the group will get it
};

struct PushConsumerOptions {
  std::vector<std::string> name_servers{"127.0.0.1:9876"};
  std::string group = "gantry_consumer";
  std::string topic;
  std::string expression = "*";
  MessageModel model = MessageModel::clustering;
  ConsumeFrom from = ConsumeFrom::last;
  std::int32_t batch_max = 32;                        ///< messages of one pull
  std::chrono::milliseconds hold{15'000};             ///< how long the broker holds an empty pull
  std::chrono::milliseconds redelivery_delay{5'000};  ///< for `later`, when the broker does not take it back
  std::chrono::milliseconds commit_interval{5'000};
  std::chrono::milliseconds rebalance_interval{20'000};  ///< besides the broker's notices
  RemotingOptions remoting;
};

/// A member of a consumer group: heartbeats, shares the queues with the other members (RocketMQ's AVG strategy), pulls
/// them in parallel, and calls the listener, one call at a time, in order within each queue.
///
/// Thread: start() and destruction by one thread; the listener runs on the consumer's own thread and may block.
/// Bound: one batch per queue is in memory.
class PushConsumer {
 public:
  using Listener = std::function<ConsumeVerdict(const ReceivedMessage& message)>;

  static Result<std::unique_ptr<PushConsumer>> start(PushConsumerOptions options, Listener listener);
  /// Commits offsets, leaves the group, and returns when the listener runs no more.
  ~PushConsumer();
  PushConsumer(const PushConsumer&) = delete;
  PushConsumer& operator=(const PushConsumer&) = delete;

  /// [any-thread] The queues this member holds at present.
  [[nodiscard]] std::vector<MessageQueue> assigned() const;

 private:
  struct Impl;
  explicit PushConsumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// RocketMQ's default strategy: the share of member `index` of `members` in `queues` (sorted). Neighbouring queues; the
/// first `queues % members` members get one more.
std::vector<MessageQueue> allocate_averagely(const std::vector<MessageQueue>& queues, std::size_t members,
                                             std::size_t index);

}  // namespace gantry::client
