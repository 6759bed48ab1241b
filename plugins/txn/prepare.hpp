#pragma once
// Prepare: what producers send as part of a transaction becomes a half message.

#include "plugins/txn/context.hpp"

#include "gantry/sdk/interceptor.hpp"

namespace gantry::txn {

/// [shard, concurrently] Takes messages with TRAN_MSG=true: they go to the half topic, and remember where they were to
/// go. Refuses what could never be completed. Other messages are left alone.
void prepare(const sdk::PublishBatch& messages, Context& context);

}  // namespace gantry::txn
