// The part of AdminHandler that moves consumer groups: resets and clones of offsets. Source: class
// AdminBrokerProcessor.

#include "kernel/broker/admin_handler.hpp"
#include "protocol/admin_requests.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/message_queue.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

/// A reset that waits for a thread of the pool. Owns its texts. A value.
struct Reset {
  std::string topic;
  std::string group;
  std::int64_t timestamp_ms = 0;  // below 0: the end
  std::int32_t queue_id = -1;     // below 0: all queues
  std::optional<std::int64_t> offset;
};

/// Where the reset takes a queue. An error names what was expected and found.
Result<std::int64_t> target_of(Shared& shared, const Reset& reset, gantry_queue* queue, std::int32_t queue_id) {
  const auto bounds = shared.env.store.bounds(queue);
  if (reset.queue_id >= 0 && reset.offset && *reset.offset >= 0) {
    if (*reset.offset >= bounds.min && *reset.offset <= bounds.max) return *reset.offset;
    return Error{Errc::invalid_argument, "queue " + std::to_string(queue_id) + " of topic [" + reset.topic +
                                             "] holds offsets " + std::to_string(bounds.min) + " to " +
                                             std::to_string(bounds.max) + ": expected one of them, found " +
                                             std::to_string(*reset.offset)};
  }
  if (reset.timestamp_ms < 0) return bounds.max;
  return shared.env.store.search_time(queue, reset.timestamp_ms, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK);
}

void run_reset(Shared& shared, const Reset& reset, Deferred later) {
  const auto topic = shared.env.topics.find(reset.topic);
  if (!topic) return later.answer(ResponseCode::topic_not_exist, remark::topic_unknown(reset.topic));
  if (!shared.env.groups.find(reset.group)) {
    return later.answer(ResponseCode::subscription_group_not_exist, remark::group_unknown(reset.group));
  }
  std::int32_t first = 0;
  std::int32_t end = topic->write_queues();
  if (reset.queue_id >= 0) {
    if (reset.queue_id >= topic->queue_count()) {
      return later.answer(ResponseCode::system_error,
                          remark::no_such_queue(reset.topic, reset.queue_id, topic->queue_count()));
    }
    first = reset.queue_id;
    end = first + 1;
  }
  protocol::QueueOffsetsBody moved;
  for (std::int32_t id = first; id < end; ++id) {
    const auto queue = topic->open(shared.env.store, id);
    if (!queue) return later.answer(ResponseCode::system_error, queue.error().text);
    const auto target = target_of(shared, reset, *queue, id);
    if (!target) return later.answer(ResponseCode::system_error, target.error().text);
    moved.offsets[{reset.topic, shared.options.name, id}] = *target;
  }
  // All are known: none is moved unless all can be. Live members learn of it with the pull that they hold or the next
  // one. RocketMQ's other way, RESET_CONSUMER_CLIENT_OFFSET, makes Java clients stand still for ten seconds.
  const bool live = shared.env.clients.consumer_group(reset.group) != nullptr;
  for (const auto& [queue, offset] : moved.offsets) {
    const routing::OffsetKey key{reset.group, reset.topic, queue.queue_id};
    const bool stored = live ? shared.env.offsets.reset(key, offset) : shared.env.offsets.set(key, offset);
    if (!stored) return later.answer(ResponseCode::system_error, "the table of consumer offsets is full");
    // A pull that waits at the old end learns of it now.
    if (routing::QueueState* state = topic->queue(queue.queue_id)) shared.arrivals.announce(*state);
  }
  const std::string body = protocol::encode_body(moved);
  later.answer(ResponseCode::success, {}, protocol::as_bytes(body));
}

}  // namespace

bool AdminHandler::handle_offsets(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::invoke_broker_to_reset_offset: reset_offsets(request); return true;
    case RequestCode::clone_group_offset: clone_offsets(request); return true;
    default: return false;
  }
}

void AdminHandler::reset_offsets(const Request& request) {
  protocol::ResetOffsetHeader header;
  if (!admit_change(request) || !decode(request, header)) return;
  on_pool(request, [reset = Reset{std::string(header.topic), std::string(header.group), header.timestamp_ms,
                                  header.queue_id, header.offset}](Shared& shared, Deferred later) {
    run_reset(shared, reset, std::move(later));
  });
}

void AdminHandler::clone_offsets(const Request& request) {
  protocol::CloneGroupOffsetHeader header;
  if (!admit_change(request) || !decode(request, header)) return;
  const ReplyTo to = request.reply_to();
  auto& env = context_.shared.env;
  if (context_.groups.find(header.from_group) == nullptr) {
    return context_.reply(to, ResponseCode::subscription_group_not_exist, remark::group_unknown(header.from_group));
  }
  Error error;
  if (context_.group(header.to_group, error) == nullptr) {
    return context_.reply(to, ResponseCode::subscription_group_not_exist, error.text);
  }
  std::vector<std::string> topics(1, std::string(header.topic));
  if (header.topic.empty()) topics = env.offsets.topics_of(header.from_group);
  for (const std::string& topic : topics) env.offsets.clone(header.from_group, header.to_group, topic);
  context_.reply(to, ResponseCode::success);
}

}  // namespace gantry::broker
