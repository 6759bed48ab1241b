#pragma once
// Requests about one queue or group that consumers and tools have in common.

#include "client/message.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"
#include "protocol/codes.hpp"
#include "protocol/stored_record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::client {

/// GET_MIN_OFFSET, GET_MAX_OFFSET.
Result<std::int64_t> ask_queue_offset(RemotingClient& remoting, const std::string& address, protocol::RequestCode code,
                                      const MessageQueue& queue);
Result<std::int64_t> ask_offset_by_time(RemotingClient& remoting, const std::string& address, const MessageQueue& queue,
                                        std::int64_t time_ms, std::string_view boundary = "LOWER");
/// Errc::not_found when the group has none.
Result<std::int64_t> ask_committed_offset(RemotingClient& remoting, const std::string& address,
                                          const std::string& group, const MessageQueue& queue);
Status tell_committed_offset(RemotingClient& remoting, const std::string& address, const std::string& group,
                             const MessageQueue& queue, std::int64_t offset);

/// A stored record as a message, without its body.
ReceivedMessage describe_record(const protocol::RecordView& record, const std::string& broker_name);

/// What to do with a body that this client cannot decompress.
enum class Bodies : std::uint8_t {
  plain,              ///< fail
  plain_if_possible,  ///< take it as it is stored
};

/// The records of a pull's body as messages, decompressed. What cannot be decoded is an Error; nothing is skipped.
Status decode_messages(std::string_view body, const std::string& broker_name, std::vector<ReceivedMessage>& out,
                       Bodies bodies = Bodies::plain);

}  // namespace gantry::client
