// Reads bodies in fastjson's dialect; a heartbeat that was read survives being written and read again.
#include "protocol/json_body.hpp"

#include "protocol/group_config.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/offset_table.hpp"
#include "protocol/route.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto strict = normalise_fastjson(text);
  if (!strict) return 0;
  check(static_cast<bool>(normalise_fastjson(*strict)));
  if (const auto heartbeat = decode_body<HeartbeatData>(text)) {
    const std::string written = encode_body(*heartbeat);
    const auto back = decode_body<HeartbeatData>(written);
    check(back && encode_body(*back) == written);
  }
  (void)decode_body<TopicRouteData>(text);
  (void)decode_body<QueueOffsetsBody>(text);
  (void)decode_body<ConsumerOffsetTable>(text);
  (void)decode_body<SubscriptionGroupTable>(text);
  return 0;
}
