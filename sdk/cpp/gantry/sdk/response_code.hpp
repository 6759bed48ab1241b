#pragma once
// RocketMQ's response codes, as far as plugins answer with them.

#include <cstdint>

namespace gantry::sdk::response_code {

inline constexpr std::int32_t success = 0;
inline constexpr std::int32_t system_error = 1;
inline constexpr std::int32_t system_busy = 2;
inline constexpr std::int32_t message_illegal = 13;
inline constexpr std::int32_t service_not_available = 14;
inline constexpr std::int32_t no_permission = 16;
inline constexpr std::int32_t topic_not_exist = 17;
inline constexpr std::int32_t query_not_found = 22;
inline constexpr std::int32_t illegal_operation = 604;

}  // namespace gantry::sdk::response_code
