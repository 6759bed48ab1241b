#pragma once
// Requests whose codes plugins serve.

#include "kernel/broker/shard_context.hpp"
#include "kernel/broker/ticket_table.hpp"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::broker {

/// An answer on its way from a plugin to its client. Borrowed for the call.
struct CommandAnswer {
  std::int32_t code = 0;
  std::string_view remark;
  std::span<const std::pair<std::string_view, std::string_view>> fields;
  protocol::ByteView body;
};

/// [shard] Hands requests to plugins and their answers to clients.
class PluginCommands {
 public:
  explicit PluginCommands(ShardContext& context) : context_(context), tickets_(context) {}

  /// False: no plugin serves the code.
  bool handle(const Request& request);
  /// A plugin answers. A ticket that is no longer open is ignored.
  void answer(std::uint64_t ticket, const CommandAnswer& answer);

 private:
  ShardContext& context_;
  TicketTable tickets_;
  std::vector<gantry_command_field> fields_;
  bool executing_ = false;  // answers given meanwhile go into the buffer of the request's channel
  ChannelId executing_for_;
};

}  // namespace gantry::broker
