#pragma once
// Reads queues from their beginning to their end, as a consumer that is far behind does: as fast as the broker answers
// or at a given rate. On request it checks every message against what run_publish_load() must have stored.

#include "client/load_spread.hpp"
#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gantry::client {

struct ReadLoad {
  std::string host = "127.0.0.1";
  std::uint16_t port = 10911;
  LoadSpread spread;
  std::uint64_t queue_sample = 0;  ///< so many queues, evenly chosen; 0: all
  std::uint32_t connection_count = 4;
  std::uint32_t pulls_in_flight = 16;  ///< queues that are read at a time; each has one pull under way
  std::int32_t message_count_max = 32;
  std::int32_t bytes_max = 0;                  ///< of an answer; 0: the broker's default
  std::string sql;                             ///< the broker leaves out what this does not select; empty: nothing
  double bytes_per_second = 0;                 ///< 0: as fast as it goes
  std::chrono::milliseconds duration{60'000};  ///< at most
  bool repeat = false;                         ///< begin anew at the end, until `duration` is over
  /// Numbers 0 to this one (excluded) were acknowledged and nothing else was stored: every queue must answer exactly
  /// its messages, each once, in the right place, with the right checksum. A queue that does not yet is asked again
  /// until `duration` is over. 0: nothing is checked but the shape of the answers.
  std::uint64_t expected_count = 0;
  /// Of a queue that is checked only so many messages at its beginning and at its end; 0: all.
  std::int64_t ends = 0;
};

struct ReadReport {
  std::uint64_t queue_count = 0;    ///< that were to be read
  std::uint64_t queues_done = 0;    ///< read to their end (and right, if that was checked)
  std::uint64_t message_count = 0;  ///< received, or passed over because `sql` does not select them
  std::uint64_t byte_count = 0;     ///< of records
  std::uint64_t pull_count = 0;
  std::uint64_t short_answers = 0;                ///< said that a queue ends before its end
  std::map<std::int32_t, std::uint64_t> refused;  ///< answers such as SYSTEM_BUSY, by code; asked again
  std::uint64_t wrong_count = 0;                  ///< messages that must not be, or be there
  std::vector<std::string> wrong;                 ///< the first of them, described
  double seconds = 0;
  double seconds_to_first_queue = 0;  ///< until the first queue was done
  double mib_per_second = 0;
  double load_busy_share = 0;  ///< of one core, by this process
  double pull_p50_us = 0;
  double pull_p99_us = 0;
  double pull_max_us = 0;
};

/// [any-thread], blocks until all is read or `duration` is over. An Error names the connection and what went wrong.
Result<ReadReport> run_read_load(const ReadLoad& load);

}  // namespace gantry::client
