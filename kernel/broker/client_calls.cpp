#include "kernel/broker/client_calls.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace gantry::broker {

using protocol::ResponseCode;

void ClientCalls::send(ChannelId channel, std::int32_t opaque, protocol::ByteBuffer frame, Done done) {
  {
    const std::lock_guard lock(mutex_);
    calls_.emplace(opaque, Call{channel, shared_.env.clock.steady_ns() + std::chrono::nanoseconds(timeout).count(),
                                std::move(done)});
  }
  shared_.env.shards.with_channel(
      channel, [this, opaque, channel, held = std::make_unique<protocol::ByteBuffer>(std::move(frame))](Channel* open) {
        if (open != nullptr) return open->send(held->view());
        if (auto call = take(opaque, channel)) call->done({ResponseCode::system_error, remark::client_gone, {}});
      });
  shared_.env.control.post([this] { shared_.env.control.call_after(timeout, [this] { expire(); }); });
}

std::optional<ClientCalls::Call> ClientCalls::take(std::int32_t opaque, ChannelId channel) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(opaque);
  if (found == calls_.end() || found->second.channel != channel) return std::nullopt;
  std::optional<Call> call(std::move(found->second));
  calls_.erase(found);
  return call;
}

void ClientCalls::answered(ChannelId channel, const protocol::HeaderView& header, protocol::ByteView body,
                           protocol::Scratch& scratch) {
  if (auto call = take(header.opaque, channel)) {
    call->done({ResponseCode{header.code}, header.remark_text(scratch), body});
  }
}

void ClientCalls::closed(ChannelId channel) {
  std::vector<Call> gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto call = calls_.begin(); call != calls_.end();) {
      if (call->second.channel == channel) {
        gone.push_back(std::move(call->second));
        call = calls_.erase(call);
      } else {
        ++call;
      }
    }
  }
  for (Call& call : gone) call.done({ResponseCode::system_error, remark::client_gone, {}});
}

void ClientCalls::expire() {
  std::vector<Call> late;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = shared_.env.clock.steady_ns();
    for (auto call = calls_.begin(); call != calls_.end();) {
      if (call->second.deadline_ns <= now) {
        late.push_back(std::move(call->second));
        call = calls_.erase(call);
      } else {
        ++call;
      }
    }
  }
  for (Call& call : late) call.done({ResponseCode::consume_msg_timeout, remark::client_silent, {}});
}

}  // namespace gantry::broker
