#pragma once
// What a broker acknowledged, kept beside it while it is killed, starved and lied to; and the proof that it is all
// there.

#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "gantry/sdk/result.hpp"
#include "tests/support/broker_process.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gantry::testing {

/// Queue, offset and body of each acknowledged message. [any-thread]
class AckLedger {
 public:
  using Queue = std::map<std::int64_t, std::string>;  // bodies by offset

  void acknowledged(const client::SendResult& result, const std::string& body, std::int64_t offset_in_batch = 0);
  /// The topic was deleted: nothing of it is expected any more.
  void forget(const std::string& topic);

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::map<client::MessageQueue, Queue> queues() const;
  /// Empty, or what was acknowledged wrongly: one offset given to two messages.
  [[nodiscard]] std::string error() const;

 private:
  mutable std::mutex mutex_;
  std::map<client::MessageQueue, Queue> queues_;
  std::size_t count_ = 0;
  std::string error_;
};

struct LoadOptions {
  std::vector<std::string> topics{"load-0", "load-1", "load-2"};
  int threads = 4;
  std::size_t body_bytes_max = 700;
  std::size_t batch_max = 8;  ///< about every fourth request is a batch of up to so many; 1: none
};

/// Publishes messages with keys and tags, one by one and in batches, from several threads, until it is stopped.
class AckLoad {
 public:
  static Result<std::unique_ptr<AckLoad>> start(const BrokerProcess& broker, AckLedger& ledger,
                                                const LoadOptions& options = {});
  ~AckLoad() { stop(); }
  AckLoad(const AckLoad&) = delete;
  AckLoad& operator=(const AckLoad&) = delete;

  void stop();
  /// Requests that were refused or got no answer; the newest refusal's text.
  [[nodiscard]] std::size_t refused_count() const { return refused_; }
  [[nodiscard]] std::string last_refusal() const;

 private:
  AckLoad(AckLedger& ledger, const LoadOptions& options) : ledger_(ledger), options_(options) {}
  void run(std::uint64_t number);
  void refused(const Error& error);

  AckLedger& ledger_;
  const LoadOptions options_;
  std::unique_ptr<client::Producer> producer_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> refused_{0};
  mutable std::mutex mutex_;
  std::string last_refusal_;
  std::vector<std::thread> threads_;
};

/// Reads queues back and compares them with the ledger. An Error names queue, offset, expected and found.
/// `tail`: that many of the newest acknowledged messages of each queue; -1: every message from the first on, without a
/// hole and in order.
Status check_acknowledged(const BrokerProcess& broker, const AckLedger& ledger, std::int64_t tail = -1);

}  // namespace gantry::testing
