#pragma once
// What one heartbeat does: groups and retry topics come into being, members are registered, others have to be told.

#include "kernel/routing/client_registry.hpp"
#include "kernel/routing/group_table.hpp"
#include "kernel/routing/topic_table.hpp"
#include "protocol/heartbeat.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gantry::routing {

struct HeartbeatOutcome {
  std::vector<ChangeNotice> notices;  ///< to send, also when the sender's connection is gone by then
  bool subscriptions_changed = true;  ///< IS_SUB_CHANGE of the answer
  bool topics_created = false;        ///< retry topics came into being: register them before answering
  std::size_t refused_groups = 0;     ///< skipped: bad name, unknown without auto-creation, or a bound was reached
};

/// Applies a decoded heartbeat. Skips what it may not register, like Apache; the answer is SUCCESS in any case.
/// Linear in the size of the heartbeat. [any-thread]
HeartbeatOutcome apply_heartbeat(const Client& client, const protocol::HeartbeatData& heartbeat, TopicTable& topics,
                                 GroupTable& groups, ClientRegistry& clients);

}  // namespace gantry::routing
