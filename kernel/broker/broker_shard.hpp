#pragma once
// One shard of the broker: reads requests of its connections and has them served.

#include "kernel/broker/acknowledger.hpp"
#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/client_handler.hpp"
#include "kernel/broker/offset_handler.hpp"
#include "kernel/broker/plugin_commands.hpp"
#include "kernel/broker/publisher.hpp"
#include "kernel/broker/puller.hpp"
#include "kernel/broker/reply_handler.hpp"
#include "kernel/broker/shard_context.hpp"

#include <span>
#include <string_view>

namespace gantry::broker {

/// Owned by the Broker; everything in it belongs to one shard. The two listeners of a broker share it: the main port,
/// and the fast port, which serves everything but pulls.
///
/// Sends of one chunk of bytes are gathered and appended together; any other request first completes what was gathered.
class BrokerShard {
 public:
  BrokerShard(Shared& shared, ShardId id);
  BrokerShard(const BrokerShard&) = delete;
  BrokerShard& operator=(const BrokerShard&) = delete;

  [[nodiscard]] ChannelHandler& main_port() noexcept { return main_; }
  [[nodiscard]] ChannelHandler& fast_port() noexcept { return fast_; }

  [[nodiscard]] PluginCommands& commands() noexcept { return commands_; }
  [[nodiscard]] Publisher& publisher() noexcept { return publisher_; }
  [[nodiscard]] Acknowledger& acknowledger() noexcept { return acknowledger_; }
  [[nodiscard]] Puller& puller() noexcept { return puller_; }
  [[nodiscard]] ShardContext& context() noexcept { return context_; }

 private:
  class Port final : public ChannelHandler {
   public:
    Port(BrokerShard& shard, bool serves_pulls) : shard_(shard), serves_pulls_(serves_pulls) {}
    void on_open(Channel& channel) override { shard_.on_open(channel); }
    Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes) override {
      return shard_.on_bytes(channel, bytes, serves_pulls_);
    }
    void on_close(Channel& channel, std::string_view reason) override { shard_.on_close(channel, reason); }

   private:
    BrokerShard& shard_;
    const bool serves_pulls_;
  };

  void on_open(Channel& channel);
  Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes, bool serves_pulls);
  void on_close(Channel& channel, std::string_view reason);
  void serve(const Request& request, bool serves_pulls);
  bool refuse_while_stopping(const Request& request);

  ShardContext context_;
  Acknowledger acknowledger_;
  Publisher publisher_;
  Puller puller_;
  ClientHandler clients_;
  OffsetHandler offsets_;
  ReplyHandler replies_;
  AdminHandler admin_;
  PluginCommands commands_;
  protocol::HeaderView header_;
  Port main_{*this, true};
  Port fast_{*this, false};
};

}  // namespace gantry::broker
