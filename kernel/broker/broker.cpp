#include "kernel/broker/broker.hpp"

#include "kernel/base/log.hpp"
#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/broker_shard.hpp"
#include "kernel/broker/client_handler.hpp"
#include "kernel/broker/shared.hpp"

#include <string>
#include <utility>

namespace gantry::broker {

namespace {

/// A plugin's answer with its own bytes, on its way to the ticket's shard.
struct OwnedAnswer {
  explicit OwnedAnswer(const CommandAnswer& from)
      : code(from.code), remark(from.remark), body(protocol::as_text(from.body)) {
    fields.reserve(from.fields.size());
    for (const auto& [name, value] : from.fields) fields.emplace_back(name, value);
  }
  std::int32_t code;
  std::string remark;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

}  // namespace

Broker::Broker(Environment environment, Options options)
    : shared_(std::make_unique<Shared>(environment, std::move(options))) {
  for (std::size_t i = 0; i < shared_->env.shards.count(); ++i) {
    shards_.push_back(std::make_unique<BrokerShard>(*shared_, ShardId(static_cast<std::uint32_t>(i))));
  }
  shared_->publish = [this](const OutgoingMessage& message, PublishDone done) {
    return publish(message, std::move(done));
  };
  shared_->rates.sample(shared_->env.clock, shared_->counters);
  gantry_store_listener listener{};
  listener.struct_size = sizeof listener;
  listener.context = this;
  listener.durable = &Broker::on_durable;
  listener.failed = &Broker::on_failed;
  shared_->env.store.listen(listener);
}

Broker::~Broker() = default;

void Broker::start() {
  // What was there before the start is no traffic.
  shared_->traffic.sample(shared_->env.clock, shared_->env.topics, shared_->env.offsets, shared_->env.store);
  shared_->gate.advance(Watermark::durable, shared_->env.store.positions().durable_end);
}

ChannelHandler& Broker::main_port(ShardId shard) { return shards_.at(shard.value())->main_port(); }
ChannelHandler& Broker::fast_port(ShardId shard) { return shards_.at(shard.value())->fast_port(); }
const Options& Broker::options() const noexcept { return shared_->options; }
const Environment& Broker::environment() const noexcept { return shared_->env; }

void Broker::on_durable(void* context, std::int64_t log_offset) {
  static_cast<Broker*>(context)->shared_->gate.advance(Watermark::durable, log_offset);
}

void Broker::on_failed(void* context, gantry_bytes reason) {
  const std::string_view text(static_cast<const char*>(reason.data), reason.size);
  GANTRY_LOG(error, "broker.store_failed", field("reason", text),
             field("consequence", "no message is acknowledged any more, and the node stops"));
  Shared& shared = *static_cast<Broker*>(context)->shared_;
  shared.gate.fail();
  shared.env.node.store_failed(text);
}

Status Broker::publish(const OutgoingMessage& message, PublishDone done) {
  return publish({&message, 1}, next_lane_.fetch_add(1, std::memory_order_relaxed), std::move(done));
}

Status Broker::publish(std::span<const OutgoingMessage> messages, std::uint32_t lane, PublishDone done) {
  if (publishing_.fetch_add(messages.size(), std::memory_order_relaxed) >= shared_->options.deferred_max) {
    publishing_.fetch_sub(messages.size(), std::memory_order_relaxed);
    return Error{Errc::busy, "too many messages of plugins wait to be published; try again"};
  }
  const std::uint32_t at = lane % static_cast<std::uint32_t>(shards_.size());
  BrokerShard* shard = shards_[at].get();
  // The messages go by pointer: a task that fits its executor's slot costs no second allocation.
  shared_->env.shards.at(ShardId(at))
      .post([this, shard, held = std::make_unique<OutgoingBatch>(messages),
             tell = std::make_unique<PublishDone>(std::move(done))] {
        shard->context().turn();
        publishing_.fetch_sub(held->size(), std::memory_order_relaxed);
        shard->publisher().publish(held->messages(), std::move(*tell));
      });
  return {};
}

Status Broker::ask_producer(std::string_view group, std::int32_t code, std::span<const gantry_bytes> fields,
                            protocol::ByteView body) {
  const auto channel = shared_->env.clients.any_producer(group);
  if (!channel) return Error{Errc::not_found, "no producer of the group is connected"};
  auto frame = std::make_shared<protocol::ByteBuffer>();
  const std::int32_t opaque = shared_->next_opaque.fetch_add(1, std::memory_order_relaxed);
  protocol::FrameWriter writer(*frame, protocol::request_meta(protocol::RequestCode{code}, opaque, true));
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) writer.field(to_text(fields[i]), to_text(fields[i + 1]));
  writer.finish(body);
  shared_->env.shards.with_channel(*channel, [frame](Channel* open) {
    if (open != nullptr) open->send(frame->view());
  });
  return {};
}

void Broker::answer(std::uint64_t ticket, const CommandAnswer& answer) {
  const ShardId id = TicketTable::shard_of(ticket);
  if (id.value() >= shards_.size()) return;
  BrokerShard* shard = shards_[id.value()].get();
  Executor& executor = shared_->env.shards.at(id);
  if (executor.runs_here()) return shard->commands().answer(ticket, answer);
  executor.post([shard, ticket, held = std::make_unique<OwnedAnswer>(answer)] {
    std::vector<std::pair<std::string_view, std::string_view>> fields(held->fields.begin(), held->fields.end());
    shard->commands().answer(ticket, {held->code, held->remark, fields, protocol::as_bytes(held->body)});
  });
}

void Broker::announce(std::string_view topic_name, std::int32_t queue_id) {
  const auto topic = shared_->env.topics.find(topic_name);
  if (!topic) return;
  if (routing::QueueState* queue = topic->queue(queue_id)) shared_->arrivals.announce(*queue);
}

void Broker::upkeep() {
  std::vector<routing::ChangeNotice> notices;
  for (const ChannelId silent : shared_->env.clients.expire(notices)) {
    shared_->env.shards.with_channel(silent, [](Channel* channel) {
      if (channel != nullptr) channel->close("no heartbeat for too long");
    });
  }
  send_notices(*shared_, notices);
  shared_->env.locks.expire();
  shared_->traffic.sample(shared_->env.clock, shared_->env.topics, shared_->env.offsets, shared_->env.store);
  shared_->rates.sample(shared_->env.clock, shared_->counters);
}

void Broker::stop() {
  shared_->stopping.store(true, std::memory_order_relaxed);
  for (const auto& shard : shards_) {
    BrokerShard* one = shard.get();
    one->context().executor.post([one] { one->puller().answer_all(); });
  }
}

void Broker::close() { shards_.clear(); }

bool Broker::drained() const noexcept {
  return shared_->counters.unacknowledged.value() == 0 && shared_->counters.deferred.value() == 0 &&
         publishing_.load(std::memory_order_relaxed) == 0;
}

}  // namespace gantry::broker
