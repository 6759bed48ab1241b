#pragma once
// What the broker counts. Names are API; they are listed in docs/ and shown by the metrics plugin.

#include "kernel/base/metrics.hpp"

namespace gantry::broker {

/// Shared by all shards; shards add per chunk or per answer, not per message, where they can.
struct Counters {
  explicit Counters(MetricsRegistry& metrics)
      : requests(metrics.counter("gantry_requests_total", "requests received")),
        requests_unknown(metrics.counter("gantry_requests_unknown_total", "requests with a code nobody serves")),
        frames_malformed(metrics.counter("gantry_frames_malformed_total", "connections closed for a damaged frame")),
        publish_messages(metrics.counter("gantry_publish_messages_total", "messages stored for clients")),
        publish_bytes(metrics.counter("gantry_publish_bytes_total", "bytes of records stored for clients")),
        publish_refused(metrics.counter("gantry_publish_refused_total", "sends answered with an error")),
        flush_timeouts(metrics.counter("gantry_publish_flush_timeouts_total", "sends answered FLUSH_DISK_TIMEOUT")),
        unacknowledged(metrics.gauge("gantry_publish_unacknowledged", "sends that wait for their promise")),
        pull_messages(metrics.counter("gantry_pull_messages_total", "messages delivered by pulls")),
        pull_bytes(metrics.counter("gantry_pull_bytes_total", "bytes of records delivered by pulls")),
        pull_found(metrics.counter("gantry_pull_found_total", "pulls that found messages")),
        pull_empty(metrics.counter("gantry_pull_empty_total", "pulls that found none")),
        pull_refused(metrics.counter("gantry_pull_refused_total", "pulls answered with an error")),
        pull_cold(metrics.counter("gantry_pull_cold_total", "pulls that went to the blocking pool")),
        holds(metrics.gauge("gantry_pull_held", "pulls that wait for a message")),
        holds_refused(metrics.counter("gantry_pull_holds_refused_total", "pulls not held because of a bound")),
        deferred(metrics.gauge("gantry_requests_deferred", "requests that wait for the pool, control or a plugin")),
        deferred_refused(metrics.counter("gantry_requests_deferred_refused_total", "requests refused at that bound")),
        commits(metrics.counter("gantry_offset_commits_total", "consumer offsets stored")),
        heartbeats(metrics.counter("gantry_heartbeats_total", "heartbeats received")) {}

  Counter& requests;
  Counter& requests_unknown;
  Counter& frames_malformed;
  Counter& publish_messages;
  Counter& publish_bytes;
  Counter& publish_refused;
  Counter& flush_timeouts;
  Gauge& unacknowledged;
  Counter& pull_messages;
  Counter& pull_bytes;
  Counter& pull_found;
  Counter& pull_empty;
  Counter& pull_refused;
  Counter& pull_cold;
  Gauge& holds;
  Counter& holds_refused;
  Gauge& deferred;
  Counter& deferred_refused;
  Counter& commits;
  Counter& heartbeats;
};

}  // namespace gantry::broker
