#include "kernel/broker/broker_shard.hpp"

#include "kernel/broker/client_calls.hpp"
#include "kernel/broker/frame_loop.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/codes.hpp"

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

/// Codes that the fast port leaves to the main port: whatever may wait for messages.
bool is_pull_family(std::int32_t code) noexcept {
  switch (RequestCode{code}) {
    case RequestCode::pull_message:
    case RequestCode::lite_pull_message:
    case RequestCode::pop_message:
    case RequestCode::peek_message:
    case RequestCode::notification:
    case RequestCode::polling_info: return true;
    default: return false;
  }
}

}  // namespace

BrokerShard::BrokerShard(Shared& shared, ShardId id)
    : context_(shared, id),
      acknowledger_(context_),
      publisher_(context_, acknowledger_),
      puller_(context_),
      clients_(context_),
      offsets_(context_),
      replies_(context_),
      admin_(context_),
      commands_(context_) {
  shared.gate.attach(id, [this] { acknowledger_.on_gate(); });
  shared.arrivals.attach(id, [this](std::span<routing::QueueState* const> queues) { puller_.on_arrivals(queues); });
}

void BrokerShard::on_open(Channel& channel) { context_.sessions[channel.id().value()].channel = &channel; }

void BrokerShard::on_close(Channel& channel, std::string_view /*reason*/) {
  const auto session = context_.sessions.find(channel.id().value());
  if (session == context_.sessions.end()) return;
  puller_.on_close(session->second);
  context_.sessions.erase(session);
  clients_.on_close(channel);
  context_.shared.client_calls->closed(channel.id());
}

Consumed BrokerShard::on_bytes(Channel& channel, std::span<const std::byte> bytes, bool serves_pulls) {
  context_.turn();
  std::uint64_t requests = 0;
  const Consumed consumed = consume_frames(
      channel, bytes, header_,
      [&](const protocol::FrameView& frame) {
        ++requests;
        serve({frame, header_, channel}, serves_pulls);
      },
      [&](const protocol::FrameView& frame) {
        context_.shared.client_calls->answered(channel.id(), header_, frame.body, context_.scratch);
      });
  publisher_.flush(channel);
  context_.flush(channel);
  context_.shared.counters.requests.add(requests);
  if (!consumed.fault.empty()) context_.shared.counters.frames_malformed.add();
  return consumed;
}

void BrokerShard::serve(const Request& request, bool serves_pulls) {
  const std::int32_t code = request.header.code;
  if (context_.shared.stopping.load(std::memory_order_relaxed) && refuse_while_stopping(request)) return;
  if (Publisher::serves(code)) return publisher_.add(request);
  publisher_.flush(request.channel);
  if (!serves_pulls && is_pull_family(code)) {
    return context_.reply(request.reply_to(), ResponseCode::request_code_not_supported,
                          remark::wrong_port(code, context_.shared.options.port));
  }
  if (Puller::serves(code)) return puller_.handle(request);
  if (clients_.handle(request) || offsets_.handle(request) || replies_.handle(request)) return;
  // Plugins come before administration: some of its codes are theirs once they are loaded.
  if (commands_.handle(request) || admin_.handle(request)) return;
  context_.shared.counters.requests_unknown.add();
  context_.reply(request.reply_to(), ResponseCode::request_code_not_supported, remark::unknown_code(code));
}

bool BrokerShard::refuse_while_stopping(const Request& request) {
  if (request.header.version > protocol::version::v5_3_1) {
    context_.reply(request.reply_to(), ResponseCode::go_away, remark::stopping);
    return true;
  }
  // Older clients do not know that answer. What they may still do without losing anything they do.
  if (!Publisher::serves(request.header.code)) return false;
  context_.reply(request.reply_to(), ResponseCode::service_not_available, remark::stopping);
  return true;
}

}  // namespace gantry::broker
