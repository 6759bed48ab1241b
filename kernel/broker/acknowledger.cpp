#include "kernel/broker/acknowledger.hpp"

#include "kernel/broker/remarks.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <utility>

namespace gantry::broker {

using protocol::ResponseCode;

namespace {
constexpr std::size_t kept_text_max =
    1024;  // a used entry keeps its text's memory up to here; batches have longer ones
}

Acknowledger::Acknowledger(ShardContext& context) : context_(context) {}

void Acknowledger::answer(const SendAnswer& answer, ResponseCode code) {
  const Options& options = context_.shared.options;
  protocol::SendResponse header;
  header.message_id = answer.message_id;
  header.queue_id = answer.queue_id;
  header.queue_offset = answer.queue_offset;
  header.transaction_id = answer.transaction_id;
  header.recall_handle = answer.recall_handle;
  header.region = options.region;
  header.trace_on = options.trace_on;
  context_.reply(answer.to, code, {}, header);
}

Acknowledger::Entry& Acknowledger::push(std::int64_t log_end, std::shared_ptr<routing::TopicQueues> keeps,
                                        routing::QueueState& queue) {
  Entry& entry = waiting_.push();
  entry.log_end = log_end;
  entry.deadline_ns = context_.steady_ns() + ShardContext::to_ns(context_.shared.options.sync_flush_timeout);
  entry.answered = false;
  entry.keeps = std::move(keeps);
  entry.queue = &queue;
  context_.shared.counters.unacknowledged.add(1);
  return entry;
}

void Acknowledger::wait(const SendAnswer& answer, Channel* channel, std::int64_t log_end,
                        std::shared_ptr<routing::TopicQueues> keeps, routing::QueueState& queue) {
  Entry& entry = push(log_end, std::move(keeps), queue);
  entry.answered = channel == nullptr || answer.to.oneway;
  entry.channel = channel == nullptr ? ChannelId{} : channel->id();
  entry.to = answer.to;
  entry.queue_id = answer.queue_id;
  entry.queue_offset = answer.queue_offset;
  entry.message_id.assign(answer.message_id);
  entry.transaction_id.assign(answer.transaction_id);
  entry.recall_handle.assign(answer.recall_handle);
}

void Acknowledger::wait(std::int64_t log_end, std::shared_ptr<routing::TopicQueues> keeps, routing::QueueState& queue,
                        UniqueFunction<void(ResponseCode)> done) {
  push(log_end, std::move(keeps), queue).done = std::move(done);
}

void Acknowledger::arm(std::int64_t wanted_end) {
  if (waiting_.empty()) return;
  context_.shared.gate.wait_for(context_.id, Watermark::durable, waiting_.front().log_end);
  if (wanted_end > 0) context_.shared.env.store.want_durable(wanted_end);
  arm_timer();
}

void Acknowledger::on_gate() {
  AckGate& gate = context_.shared.gate;
  const bool failed = gate.has_failed();
  const std::int64_t durable = gate.position(Watermark::durable);
  routing::QueueState* announced = nullptr;
  const std::size_t before = waiting_.size();
  while (!waiting_.empty() && (failed || waiting_.front().log_end <= durable)) {
    Entry& entry = waiting_.front();
    if (entry.log_end <= durable) {
      finish(entry, ResponseCode::success, {});
      if (entry.queue != announced) context_.shared.arrivals.announce(*entry.queue);
      announced = entry.queue;
    } else {
      finish(entry, ResponseCode::service_not_available, remark::store_failed);
    }
    entry.keeps.reset();
    if (entry.message_id.capacity() > kept_text_max) std::string().swap(entry.message_id);
    waiting_.pop();
    if (timed_out_ > 0) --timed_out_;
  }
  context_.shared.counters.unacknowledged.add(-static_cast<std::int64_t>(before - waiting_.size()));
  send_finished();
  arm(0);
}

void Acknowledger::finish(Entry& entry, ResponseCode code, std::string_view remark) {
  if (entry.answered) return;
  entry.answered = true;
  if (entry.done) {
    std::exchange(entry.done, nullptr)(code);
    return;
  }
  // Answers to one connection, which usually come in runs, leave together.
  if (entry.channel != open_channel_) {
    send_finished();
    open_channel_ = entry.channel;
  }
  if (code == ResponseCode::service_not_available) {
    const Options& options = context_.shared.options;
    context_.reply(entry.to, code, remark, protocol::SendErrorResponse{options.region, options.trace_on});
    return;
  }
  answer({entry.to, entry.message_id, entry.transaction_id, entry.recall_handle, entry.queue_id, entry.queue_offset},
         code);
}

void Acknowledger::send_finished() {
  if (context_.out.empty()) return;
  if (Session* session = context_.session(open_channel_)) {
    context_.flush(*session->channel);
  } else {
    context_.out.clear();  // The client went away; its message stays.
  }
}

void Acknowledger::on_timer() {
  timer_armed_ = false;
  const std::int64_t now = context_.steady_ns();
  for (; timed_out_ < waiting_.size() && waiting_.at(timed_out_).deadline_ns <= now; ++timed_out_) {
    Entry& entry = waiting_.at(timed_out_);
    if (entry.answered) continue;
    context_.shared.counters.flush_timeouts.add();
    finish(entry, ResponseCode::flush_disk_timeout, {});
  }
  send_finished();
  arm_timer();
}

void Acknowledger::arm_timer() {
  if (timer_armed_ || timed_out_ >= waiting_.size()) return;
  timer_armed_ = true;
  const std::int64_t left_ns = waiting_.at(timed_out_).deadline_ns - context_.steady_ns();
  const auto delay = std::chrono::milliseconds(std::max<std::int64_t>(left_ns / 1'000'000 + 1, 1));
  context_.executor.call_after(delay, [this] { on_timer(); });
}

}  // namespace gantry::broker
