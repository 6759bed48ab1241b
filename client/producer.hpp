#pragma once
// Publishes messages.

#include "client/message.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"
#include "kernel/base/unique_function.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gantry::client {

struct ProducerOptions {
  std::vector<std::string> name_servers{"127.0.0.1:9876"};
  std::string group = "gantry_producer";
  std::chrono::milliseconds timeout{3'000};  ///< of one attempt
  int attempts_max = 3;                      ///< on different brokers where there are some; not for send_async
  std::size_t body_bytes_max = 4U * 1024 * 1024;
  std::size_t compress_from_bytes = 4096;  ///< larger bodies are sent compressed (zlib); 0: never
  RemotingOptions remoting;
};

/// A producer of one group. Unknown topics are created by the broker from its template when it allows that.
///
/// Thread: [any-thread] after start(). Life: start(), send, destroy. Bound: RemotingOptions::pending_max for
/// send_async.
class Producer {
 public:
  using Done = UniqueFunction<void(Result<SendResult>)>;
  /// Chooses one of the topic's write queues; the result is taken modulo their number.
  using Selector = std::function<std::size_t(const std::vector<MessageQueue>& queues)>;

  static Result<std::unique_ptr<Producer>> start(ProducerOptions options);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// Waits for the answer. Retries what another broker may do better (unknown topic, busy, not writable, network).
  Result<SendResult> send(const Message& message);
  /// To the queue that `select` names; a message of one key always to the same queue keeps the key's order. No retries.
  Result<SendResult> send(const Message& message, const Selector& select);
  /// All or none, to one queue; all of one topic. The result's offset is that of the first.
  Result<SendResult> send_batch(std::span<const Message> messages);
  /// `done` runs exactly once, on the I/O thread, and must not block.
  void send_async(const Message& message, Done done);
  /// Nobody learns whether it arrived.
  Status send_oneway(const Message& message);

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::client
