#pragma once
// A closed-loop load of published messages, so cheap that the server is the limit: frames are encoded once, and for
// each answer only the opaque and the message's unique key are patched before the frame is sent again. One thread,
// plain non-blocking sockets. Used by `gantry bench` and by bench/design_check.py.

#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace gantry::client {

struct PublishLoad {
  std::string host = "127.0.0.1";
  std::uint16_t port = 10911;  ///< of the broker itself; no route is asked for
  std::string topic = "BenchmarkTest";
  std::uint32_t queue_count = 4;  ///< queues 0..n-1 are used in turn
  std::uint32_t body_bytes = 1024;
  std::uint32_t connection_count = 8;
  std::uint32_t in_flight = 256;            ///< over all connections, spread evenly; at least one each
  std::chrono::milliseconds warm_up{1000};  ///< not counted
  std::chrono::milliseconds duration{5000};
  bool binary_header = false;   ///< ROCKETMQ header encoding instead of JSON
  std::int32_t server_pid = 0;  ///< whose CPU time is read; 0: none
};

struct PublishReport {
  std::uint64_t message_count = 0;                ///< answered with success
  std::map<std::int32_t, std::uint64_t> refused;  ///< answers by response code, other than success
  double seconds = 0;
  double messages_per_second = 0;
  double server_cpu_us_per_message = 0;  ///< 0 when no pid was given
  double load_cpu_us_per_message = 0;    ///< of this process: tells whether the load was the limit
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
};

/// Runs the load to its end. [any-thread], blocks for warm_up + duration plus at most 5 s. An Error names the
/// connection and what went wrong with it.
Result<PublishReport> run_publish_load(const PublishLoad& load);

}  // namespace gantry::client
