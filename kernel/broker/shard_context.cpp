#include "kernel/broker/shard_context.hpp"

namespace gantry::broker {

ShardContext::ShardContext(Shared& all, ShardId shard)
    : shared(all),
      id(shard),
      executor(all.env.shards.at(shard)),
      topics(all.env.topics.reader()),
      groups(all.env.groups.reader()),
      consumers(all.env.clients.consumer_reader()) {
  out.reserve(out_bytes);
}

void ShardContext::turn() {
  topics.turn();
  groups.turn();
  consumers.turn();
  scratch.reset();
}

const routing::Group* ShardContext::group(std::string_view name, Error& error) {
  if (const routing::Group* found = groups.find(name)) return found;
  if (auto made = shared.env.groups.find_or_create(name); !made) {
    error = std::move(made).error();
    return nullptr;
  }
  return groups.find(name);
}

}  // namespace gantry::broker
