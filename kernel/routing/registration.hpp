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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::routing {

struct RegistrationOptions {
  std::string cluster = "DefaultCluster";
  std::string broker_name = "broker-a";
  std::int64_t broker_id = 0;
  std::string advertise;            ///< "host:port"; empty: the address by which clients reach us
  std::uint16_t port = 10911;       ///< what the broker really listens on
  std::string ha_address;           ///< empty: none
  std::int32_t permission = 6;      ///< topics are published with `perm & permission`
  std::chrono::milliseconds interval{30'000};       ///< between full registrations
  std::chrono::milliseconds change_interval{1'000};  ///< at most one registration for changes in that time
  std::chrono::milliseconds expiry{120'000};         ///< announced to the name servers
};

/// Decides when to register and makes the requests; does no I/O.
///
/// The name server in this process is told directly, by register_with() and at once after each change. External ones get
/// frames: whoever carries them keeps one connection per server (its closing unregisters us there), asks due() now and
/// then, sends encode_registration() and hands the answer to decode_answer().
/// Thread: [control], except note_change(), which is [any-thread].
class Registration {
 public:
  Registration(const TopicTable& topics, const Clock& clock, RegistrationOptions options);

  // ---- the embedded name server ----

  /// The full table, for the start and every `interval`.
  Status register_with(RouteTable& routes) const;
  /// One topic that changed, as a listener of the topic table sees it; quick enough for the thread that changed it.
  /// [any-thread]
  void apply_change(RouteTable& routes, const TopicChange& change) const;
  void unregister_from(RouteTable& routes) const;

  // ---- external name servers ----

  /// [any-thread] The topics changed: the next registration is due `change_interval` after the last one.
  void note_change() noexcept;

  /// True when a registration should be sent; asks again after each interval, and after connecting.
  [[nodiscard]] bool due() const;
  /// How long until due() may be true.
  [[nodiscard]] std::chrono::milliseconds next_due_in() const;
  /// A registration goes out now to all servers.
  void sent();

  /// The REGISTER_BROKER frames of a full registration, in the order in which to send them: one, or several when the
  /// table does not fit a frame. Each carries `opaque`, `opaque` + 1, ... `local_host` is the address of our end of the
  /// connection, used when nothing is advertised.
  [[nodiscard]] std::vector<protocol::ByteBuffer> encode_registration(std::int32_t opaque,
                                                                      std::string_view local_host) const;
  [[nodiscard]] protocol::ByteBuffer encode_unregistration(std::int32_t opaque, std::string_view local_host) const;

  /// The answer to either request. Errors carry the name server's remark.
  [[nodiscard]] static Result<RegistrationReply> decode_answer(const protocol::HeaderView& header);

 private:
  [[nodiscard]] BrokerAddress address() const;
  [[nodiscard]] BrokerRegistration describe() const;
  [[nodiscard]] protocol::TopicConfig published(const protocol::TopicConfig& config) const;

  const TopicTable& topics_;
  const Clock& clock_;
  const RegistrationOptions options_;
  std::atomic<std::uint64_t> changes_{1};
  std::uint64_t sent_changes_ = 0;
  std::optional<std::chrono::milliseconds> last_sent_;
};

}  // namespace gantry::routing
