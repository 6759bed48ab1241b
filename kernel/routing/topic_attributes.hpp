#pragma once
// The attributes of a topic: which there are, what they may say, and how a request changes them.
// Source: RocketMQ classes TopicAttributes and AttributeUtil.

#include "gantry/sdk/result.hpp"

#include <map>
#include <string>
#include <string_view>

namespace gantry::routing {

using AttributeMap = std::map<std::string, std::string>;

/// Applies "+key=value,-key" to `attributes`: known keys and values only, no key twice, only additions when
/// `creating` the topic, nothing that cannot be changed later. Values that ask for what no store of ours does (batch
/// queues, compaction, tiered storage) are refused rather than ignored. An empty text changes nothing.
/// Error: Errc::unsupported with what was wrong; then `attributes` is as it was. [any-thread]
Status apply_attributes(std::string_view text, bool creating, AttributeMap& attributes);

/// Whether the text asks for message.type=MIXED, which RocketMQ refuses with INVALID_PARAMETER.
[[nodiscard]] bool asks_for_mixed_messages(std::string_view text) noexcept;

}  // namespace gantry::routing
