#pragma once
// What the broker's behaviour depends on. kernel.cpp fills this from the configuration; tests fill it by hand.

#include "gantry/abi/types.h"
#include "kernel/base/cidr.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace gantry::broker {

/// When a stored message is acknowledged, unless the message itself asks not to wait (property WAIT=false).
enum class AckPromise : std::uint8_t {
  memory,  ///< as soon as it is in the log (RocketMQ's ASYNC_FLUSH)
  disk,    ///< when it survives a power cut (SYNC_FLUSH); consumers see it from then on, not earlier
};

/// A value: read at construction of the Broker, not changed afterwards.
struct Options {
  // ---- who we are ----
  std::string cluster = "DefaultCluster";
  std::string name = "broker-a";
  std::int64_t id = 0;  ///< 0: master
  std::string region = "DefaultRegion";
  bool trace_on = true;
  /// The address that records and message ids name. Without one: the address by which the client reached us, with
  /// `port`.
  std::optional<gantry_address> advertise;
  std::uint16_t port = 10911;  ///< of the main listener

  // ---- publish ----
  std::uint32_t message_bytes_max = 4 * 1024 * 1024;  ///< body of one message
  int permission = 6;                                 ///< of the broker: read 4, write 2
  bool enforce_topic_write_permission = true;         ///< refuse sends to a topic without the write bit
  AckPromise ack = AckPromise::memory;
  std::chrono::milliseconds sync_flush_timeout{5'000};  ///< then FLUSH_DISK_TIMEOUT is answered
  std::size_t unacknowledged_max = 65'536;              ///< per shard; beyond it sends are answered SYSTEM_BUSY

  // ---- pull ----
  bool long_polling = true;  ///< false: requests are held for `short_polling` only
  std::chrono::milliseconds short_polling{1'000};
  std::chrono::milliseconds hold_max{60'000};  ///< longest time that a pull is held, whatever it asks for
  std::size_t holds_per_shard_max = 100'000;   ///< beyond it pulls are answered PULL_NOT_FOUND at once
  std::size_t holds_per_channel_max = 8'192;
  std::uint32_t pull_count_max = 4'096;                  ///< messages in one answer, whatever the request asks for
  std::uint32_t pull_bytes_default = 256 * 1024;         ///< bytes in one answer when the request names none
  std::uint32_t pull_bytes_max = 4 * 1024 * 1024;        ///< and whatever it names
  std::uint32_t pull_cold_bytes_max = 64 * 1024;         ///< of that, when it has to be read from the disk
  std::uint32_t pull_scan_max = 800;                     ///< queue entries examined for one answer
  std::size_t pull_pending_bytes_max = 8 * 1024 * 1024;  ///< unsent bytes of a connection above which it gets no more
  bool broadcast_consumption = true;
  /// A queue whose first record lies at most this far behind the log's end is young: a group without an offset starts
  /// at 0 (RocketMQ's "still in memory": 40 % of the machine's memory).
  std::int64_t hot_window_bytes = std::int64_t{1} << 30;

  // ---- clients ----
  std::chrono::milliseconds client_expiry{120'000};
  bool notify_consumer_ids_changed = true;

  // ---- administration and plugins ----
  CidrSet admin_allow_from;                           ///< peers that may send administrative requests
  std::chrono::milliseconds command_timeout{30'000};  ///< for a plugin to answer a request that it took
  std::size_t deferred_max = 16'384;  ///< per shard: requests that wait for the pool, control or a plugin
};

}  // namespace gantry::broker
