#pragma once
// A load of published messages, so cheap that the server is the limit. One thread, plain non-blocking sockets. Used by
// `gantry bench` and by the scripts in bench/.
//
// Closed loop: `in_flight` messages are kept under way, and the server sets the pace. Open loop (`rate`): every message
// has a time at which it is due, whatever became of those before it, and its latency counts from then. A server that
// stalls for a second is seen to stall by all the messages of that second, not by one.

#include "client/load_spread.hpp"
#include "client/process_usage.hpp"
#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace gantry::client {

struct PublishLoad {
  std::string host = "127.0.0.1";
  std::uint16_t port = 10911;  ///< of the broker itself; no route is asked for
  LoadSpread spread;
  std::uint64_t first_number = 0;       ///< of the messages: where an earlier load ended, so that none has two
  std::uint64_t message_count_max = 0;  ///< sent in all, warm-up included; 0: what `duration` brings
  std::uint32_t body_bytes = 1024;
  std::uint32_t key_count = 0;
  bool binary_header = false;  ///< ROCKETMQ header encoding instead of JSON
  std::uint32_t connection_count = 8;
  /// Over all connections, spread evenly; at least one each. In an open loop it is a bound that must not be met: what
  /// is due then leaves late, and its latency says so. 0: 256 in a closed loop, 100,000 in an open one.
  std::uint32_t in_flight = 0;
  double rate = 0;                          ///< messages per second of an open loop; 0: closed
  std::chrono::milliseconds warm_up{1000};  ///< not counted
  std::chrono::milliseconds duration{5000};
  std::int32_t server_pid = 0;  ///< of this machine; whose use of it is read; 0: none
};

struct PublishReport {
  std::uint64_t message_count = 0;                ///< answered with success while it counted
  std::uint64_t acknowledged = 0;                 ///< answered with success in all
  std::uint64_t next_number = 0;                  ///< the first that was not used
  std::uint64_t late_count = 0;                   ///< open loop: due, but held back by the bound `in_flight`
  std::uint64_t unanswered = 0;                   ///< within 5 s of the end
  std::map<std::int32_t, std::uint64_t> refused;  ///< answers by response code, other than success
  double seconds = 0;
  double messages_per_second = 0;
  double server_cpu_us_per_message = 0;  ///< 0 when no pid was given
  double load_cpu_us_per_message = 0;    ///< of this process
  double load_busy_share = 0;            ///< of one core, by this process: tells whether the load was the limit
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  ProcessUsage server_before;  ///< before the first message, warm-up included; zeros when no pid was given
  ProcessUsage server_after;   ///< behind the last answer
};

/// Runs the load to its end. [any-thread], blocks for warm_up + duration (or until all messages are sent) plus at most
/// 5 s. An Error names the connection and what went wrong with it.
Result<PublishReport> run_publish_load(const PublishLoad& load);

}  // namespace gantry::client
