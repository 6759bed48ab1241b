#pragma once
// Replies to requests that travelled as messages: the broker pushes them to the client that asked.
// Source: class ReplyMessageProcessor.

#include "kernel/broker/shard_context.hpp"

#include <string_view>

namespace gantry::broker {

/// [shard] Serves SEND_REPLY_MESSAGE(324) and SEND_REPLY_MESSAGE_V2(325). A reply names the client that waits for it
/// (REPLY_TO_CLIENT), which must be connected to this broker as a producer. What the client says to the push decides
/// the answer's code; the reply is stored in its topic as well, for those who look for it later.
class ReplyHandler {
 public:
  explicit ReplyHandler(ShardContext& context) : context_(context) {}

  /// False: not one of its codes.
  bool handle(const Request& request);

 private:
  void refuse(const ReplyTo& to, protocol::ResponseCode code, std::string_view remark);

  ShardContext& context_;
};

}  // namespace gantry::broker
