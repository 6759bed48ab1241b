#pragma once
// What all shards of a broker share.

#include "kernel/broker/ack_gate.hpp"
#include "kernel/broker/arrivals.hpp"
#include "kernel/broker/counters.hpp"
#include "kernel/broker/environment.hpp"
#include "kernel/broker/options.hpp"
#include "kernel/broker/outgoing.hpp"
#include "kernel/broker/runtime_info.hpp"
#include "kernel/broker/traffic_log.hpp"
#include "protocol/message_id.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace gantry::broker {

/// Constant after construction except for what is atomic or thread-safe by itself. [any-thread]
class ClientCalls;

struct Shared {
  Shared(Environment environment, Options given);
  ~Shared();

  Environment env;
  const Options options;
  Counters counters;
  RateLog rates;
  TrafficLog traffic;
  std::atomic<int> permission;  ///< what clients may do with all topics; Options::permission at first
  AckGate gate;
  Arrivals arrivals;
  protocol::UniqKeyGenerator uniq_keys;
  /// "MSG_REGION..TRACE_ON..CLUSTER.." as properties: what every message gets besides its own.
  const std::string own_properties;
  std::atomic<bool> stopping{false};
  std::atomic<std::int32_t> next_opaque{1};  ///< of the broker's own requests
  const std::int64_t started_ms;
  /// Broker::publish(), for handlers.
  UniqueFunction<Status(const OutgoingMessage&, PublishDone)> publish;
  /// What clients were asked and have not answered.
  std::unique_ptr<ClientCalls> client_calls;

  /// Whether the peer may change the broker.
  [[nodiscard]] bool may_administrate(const gantry_address& peer) const noexcept {
    return options.admin_allow_from.contains(peer);
  }
  /// The address that records of messages from this channel carry.
  [[nodiscard]] gantry_address store_host(const gantry_address& local) const noexcept {
    if (options.advertise) return *options.advertise;
    gantry_address host = local;
    host.port = options.port;
    return host;
  }
  /// How far consumers may read the log.
  [[nodiscard]] std::int64_t visible_end() const noexcept {
    return options.ack == AckPromise::disk ? gate.position(Watermark::durable) : AckGate::nobody;
  }
};

}  // namespace gantry::broker
