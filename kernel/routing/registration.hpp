#pragma once
// How our own broker tells name servers about itself: what to send, to whom it is due, and what came back.

#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/routing/route_table.hpp"
#include "kernel/routing/topic_table.hpp"
#include "protocol/buffer.hpp"
#include "protocol/bytes.hpp"
#include "protocol/header.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::routing {

struct RegistrationOptions {
  std::string cluster = "DefaultCluster";
  std::string broker_name = "broker-a";
  std::int64_t broker_id = 0;
  std::string advertise;                             ///< "host:port"; empty: the address by which clients reach us
  std::uint16_t port = 10911;                        ///< what the broker really listens on
  std::string ha_address;                            ///< empty: none
  std::int32_t permission = 6;                       ///< topics are published with `perm & permission`
  std::chrono::milliseconds interval{30'000};        ///< between full registrations
  std::chrono::milliseconds change_interval{1'000};  ///< at most one registration for changes in that time
  std::chrono::milliseconds expiry{120'000};         ///< announced to the name servers
};

/// Decides when to register and makes the requests; does no I/O.
///
/// The name server in this process is told directly: once by register_with(), then by apply_change() after each change.
/// External ones get frames: whoever carries them keeps one connection per server (its closing unregisters us there),
/// asks due() now and then, sends encode_registration() and hands the answer to decode_answer().
/// Thread: [control], except where said otherwise.
class Registration {
 public:
  /// Both references outlive this object.
  Registration(const TopicTable& topics, const Clock& clock, RegistrationOptions options);

  /// Instead of RegistrationOptions::permission; the embedded name server is told by another register_with().
  void set_permission(std::int32_t permission) noexcept {
    permission_.store(permission, std::memory_order_relaxed);
    note_change();
  }

  // ---- the embedded name server ----

  /// Tells it everything.
  Status register_with(RouteTable& routes) const;
  /// Tells it about one topic that changed; for a listener of the topic table. Quick. [any-thread]
  void apply_change(RouteTable& routes, const TopicChange& change) const;
  void unregister_from(RouteTable& routes) const;

  // ---- external name servers ----

  /// The topics changed: a registration is due `change_interval` after the last one. [any-thread]
  void note_change() noexcept { changes_.fetch_add(1, std::memory_order_relaxed); }

  /// True when all servers should be told: at the start, after `interval`, and soon after changes. A server that was
  /// just connected is told in any case.
  [[nodiscard]] bool due() const;
  /// How long until due() says true if nothing changes meanwhile.
  [[nodiscard]] std::chrono::milliseconds next_due_in() const;
  /// The servers are being told now.
  void sent();

  /// The REGISTER_BROKER frames of a full registration, to be sent in that order: one, or several when the table does
  /// not fit a frame. They carry `opaque`, `opaque` + 1, ... `local_host` is the address of our end of the connection,
  /// without port; it is what we register when nothing is advertised. Error: too_large.
  [[nodiscard]] Result<std::vector<protocol::ByteBuffer>> encode_registration(std::int32_t opaque,
                                                                              std::string_view local_host) const;
  [[nodiscard]] protocol::ByteBuffer encode_unregistration(std::int32_t opaque, std::string_view local_host) const;

  /// The answer to either request. An error carries the name server's code and remark.
  [[nodiscard]] static Result<RegistrationReply> decode_answer(const protocol::HeaderView& header);

 private:
  [[nodiscard]] BrokerIdentity identity() const;
  [[nodiscard]] protocol::TopicConfig published(const protocol::TopicConfig& config) const;
  Status encode_part(std::span<const std::shared_ptr<const Topic>> topics, const protocol::DataVersion& version,
                     std::int32_t opaque, std::string_view local_host, std::vector<protocol::ByteBuffer>& frames) const;

  const TopicTable& topics_;
  const Clock& clock_;
  const RegistrationOptions options_;
  std::atomic<std::int32_t> permission_{options_.permission};
  mutable std::mutex applying_;  // changes reach the embedded name server in order: the last one wins
  std::atomic<std::uint64_t> changes_{1};
  std::uint64_t sent_changes_ = 0;
  std::optional<std::chrono::milliseconds> last_sent_;
};

}  // namespace gantry::routing
