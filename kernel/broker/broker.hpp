#pragma once
// The broker: everything behind the listeners that clients of RocketMQ talk to.

#include "kernel/base/channel.hpp"
#include "kernel/broker/environment.hpp"
#include "kernel/broker/options.hpp"
#include "kernel/broker/outgoing.hpp"
#include "kernel/broker/plugin_commands.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace gantry::broker {

class BrokerShard;
struct Shared;

/// Made of one BrokerShard per shard, which serve requests without locks, and of what they share.
///
/// Life: construct on control before the shards run (it listens to the store, so before the store starts too); hand its
/// handlers to the listeners; start() once the store has started; stop() refuses new work; once drained() and once the
/// shards and the pool have stopped, destroy. What Environment refers to outlives it.
class Broker {
 public:
  Broker(Environment environment, Options options);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// [control] After the store has started and before clients connect: what it recovered counts as durable.
  void start();

  /// [control] What the listeners of the main port (10911) and the fast port (10909) call on that shard.
  [[nodiscard]] ChannelHandler& main_port(ShardId shard);
  [[nodiscard]] ChannelHandler& fast_port(ShardId shard);

  /// [any-thread] Stores messages of the broker's or a plugin's own in existing topics, past the interceptors: in
  /// order, with one append. `done` is called once, on a shard, after the acknowledgement promise is kept for all.
  /// Batches of one lane are stored in the order of the calls. Errc::busy, and `done` is not called: `deferred_max`
  /// messages wait for their shard already.
  Status publish(std::span<const OutgoingMessage> messages, std::uint32_t lane, PublishDone done);
  /// The same for one message in no order to others.
  Status publish(const OutgoingMessage& message, PublishDone done);

  /// [any-thread] Sends a request of the broker's own, without an answer, to one member of a producer group, another
  /// one each time. Fields are name, value, name, value. Errc::not_found when nobody of the group is connected.
  Status ask_producer(std::string_view group, std::int32_t code, std::span<const gantry_bytes> fields,
                      protocol::ByteView body);

  /// [any-thread] Answers a request that a plugin took. A ticket that is not open (any more) is ignored; everything is
  /// copied when the caller is not on the ticket's shard.
  void answer(std::uint64_t ticket, const CommandAnswer& answer);

  /// [any-thread] A queue has messages that were not published through the broker (a plugin appended them).
  void announce(std::string_view topic, std::int32_t queue_id);

  /// [control] Every ten seconds: clients without a heartbeat leave, expired locks go, rates are sampled.
  void upkeep();

  /// [control] From now on new work is refused (GO_AWAY to clients that know it) and held pulls are answered.
  void stop();
  /// [control] Once the shards and the pool have stopped and before the plugins do: gives back everything that came
  /// from a plugin, compiled filters above all. What the store still says afterwards is heard and forgotten.
  void close();
  /// [any-thread] Nothing waits for an acknowledgement, the pool or a plugin any more.
  [[nodiscard]] bool drained() const noexcept;

  [[nodiscard]] const Options& options() const noexcept;
  [[nodiscard]] const Environment& environment() const noexcept;

 private:
  static void on_durable(void* context, std::int64_t log_offset);
  static void on_failed(void* context, gantry_bytes reason);

  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<BrokerShard>> shards_;
  std::atomic<std::uint32_t> next_lane_{0};
  std::atomic<std::size_t> publishing_{0};  // messages of our own on their way to a shard
};

}  // namespace gantry::broker
