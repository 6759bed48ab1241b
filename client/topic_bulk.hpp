#pragma once
// Makes the topics of a load, many at a time.

#include "client/load_spread.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace gantry::client {

struct TopicBulk {
  std::string broker = "127.0.0.1:10911";
  LoadSpread spread;
  std::uint32_t topics_per_request = 1'000;  ///< of one UPDATE_AND_CREATE_TOPIC_LIST
  std::uint32_t requests_in_flight = 4;
  std::chrono::milliseconds request_timeout{120'000};
};

struct TopicBulkReport {
  std::uint64_t topic_count = 0;
  double seconds = 0;
  double slowest_request_ms = 0;
};

/// Creates every topic of the spread with its queues; existing ones are set to that. The broker answers when they are
/// durable. [any-thread], waits for all answers; the first refusal ends it.
Result<TopicBulkReport> make_topics(RemotingClient& remoting, const TopicBulk& bulk);

}  // namespace gantry::client
