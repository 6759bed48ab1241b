#include "client/pull_frames.hpp"

#include "protocol/codes.hpp"
#include "protocol/frame.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/pull_header.hpp"

namespace gantry::client {

void PullFrames::append(std::string& out, std::uint64_t place, std::int64_t offset, std::chrono::milliseconds hold,
                        std::int32_t opaque) {
  const std::string topic = spread_.topic_name(spread_.topic_of(place));
  protocol::PullHeader header;
  header.consumer_group = options_.group;
  header.topic = topic;
  header.queue_id = spread_.queue_of(place);
  header.queue_offset = offset;
  header.message_count_max = options_.message_count_max;
  header.sys_flag = protocol::PullHeader::subscription_bit;
  if (hold.count() > 0) header.sys_flag |= protocol::PullHeader::suspend_bit;
  header.suspend_timeout_ms = hold.count();
  const bool selects = !options_.sql.empty();
  header.subscription = selects ? std::string_view(options_.sql) : std::string_view("*");
  header.expression_type = selects ? "SQL92" : "TAG";
  if (options_.bytes_max > 0) header.bytes_max = options_.bytes_max;
  frame_.clear();
  protocol::write_frame(frame_, protocol::request_meta(protocol::RequestCode::pull_message, opaque), header);
  out += frame_.text();
}

Result<PullAnswer> PullFrames::decode(std::span<const char> frame) {
  const auto cut = protocol::cut_frame(std::as_bytes(frame));
  if (cut.outcome != protocol::CutOutcome::frame) return Error{Errc::corrupt, "an answer: " + cut.describe()};
  GANTRY_TRY(protocol::decode_header(cut.frame, header_));
  if (!header_.is_response()) return Error{Errc::corrupt, "expected an answer, found a request of the broker"};
  PullAnswer answer;
  answer.opaque = header_.opaque;
  answer.code = header_.code;
  // Absent in refusals: the defaults stay.
  static_cast<void>(header_.ext.get("nextBeginOffset", answer.next_offset));
  static_cast<void>(header_.ext.get("minOffset", answer.min_offset));
  static_cast<void>(header_.ext.get("maxOffset", answer.max_offset));
  answer.records = cut.frame.body;
  return answer;
}

}  // namespace gantry::client
