#pragma once
// Long-polling consumers of a topic that somebody publishes to: how long messages are under way from the moment when
// they were meant to be sent. Reads the stamps of run_publish_load() of the same machine.

#include "client/load_spread.hpp"
#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace gantry::client {

struct FollowLoad {
  std::string host = "127.0.0.1";
  std::uint16_t port = 10911;
  LoadSpread spread;                         ///< every queue of it has one pull under way, from its end on
  std::uint32_t connection_count = 4;        ///< at most one for each queue is used
  std::chrono::milliseconds hold{15'000};    ///< how long the broker may hold a pull
  std::chrono::milliseconds warm_up{1'000};  ///< messages sent in this time do not count
  std::chrono::milliseconds duration{5'000};
};

struct FollowReport {
  std::uint64_t message_count = 0;                ///< received, of those that count
  std::uint64_t without_stamp = 0;                ///< received, but not from a load
  std::uint64_t gap_count = 0;                    ///< answers that left out offsets
  std::map<std::int32_t, std::uint64_t> refused;  ///< answers that no consumer expects, by code
  double seconds = 0;
  double messages_per_second = 0;
  double load_busy_share = 0;  ///< of one core, by this process
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
};

/// [any-thread], blocks for warm_up + duration. An Error names the connection and what went wrong with it.
Result<FollowReport> run_follow_load(const FollowLoad& load);

}  // namespace gantry::client
