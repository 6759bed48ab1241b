#include "kernel/broker/group_progress.hpp"

namespace gantry::broker {

Status add_progress(Shared& shared, const std::string& group, const std::string& topic_name,
                    protocol::ConsumeStats& stats) {
  const auto topic = shared.env.topics.find(topic_name);
  if (!topic) return {};
  for (std::int32_t id = 0; id < topic->read_queues(); ++id) {
    GANTRY_ASSIGN(gantry_queue * queue, topic->open(shared.env.store, id));
    const auto bounds = shared.env.store.bounds(queue);
    const std::int64_t offset = shared.env.offsets.find({group, topic_name, id}).value_or(0);
    protocol::ConsumeStats::Queue& line = stats.queues[{topic_name, shared.options.name, id}];
    line.broker_offset = bounds.max;
    line.consumer_offset = offset;
    line.pull_offset = offset;
    if (offset <= bounds.min || offset > bounds.max) continue;
    const auto last = shared.env.store.entry(queue, offset - 1, GANTRY_READ_MAY_BLOCK);
    line.last_ms = last ? last->store_ms : 0;
  }
  return {};
}

}  // namespace gantry::broker
