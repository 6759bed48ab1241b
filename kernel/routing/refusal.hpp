#pragma once
// From the errors of this room to the response codes of RocketMQ.

#include "gantry/sdk/result.hpp"
#include "protocol/codes.hpp"

namespace gantry::routing {

/// How a request about a topic is answered that ended in `error`: invalid_argument INVALID_PARAMETER, not_found
/// TOPIC_NOT_EXIST, permission_denied NO_PERMISSION, busy SYSTEM_BUSY, everything else SYSTEM_ERROR.
[[nodiscard]] protocol::ResponseCode topic_refusal(const Error& error) noexcept;

/// The same about a group: not_found is SUBSCRIPTION_GROUP_NOT_EXIST.
[[nodiscard]] protocol::ResponseCode group_refusal(const Error& error) noexcept;

}  // namespace gantry::routing
