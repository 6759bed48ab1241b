#pragma once
// How far a group has come in a topic.

#include "gantry/sdk/result.hpp"
#include "kernel/broker/shared.hpp"
#include "protocol/stats.hpp"

#include <string>

namespace gantry::broker {

/// [any-thread][may block] Adds one line for each queue of the topic to `stats`; none when there is no such topic.
Status add_progress(Shared& shared, const std::string& group, const std::string& topic, protocol::ConsumeStats& stats);

}  // namespace gantry::broker
