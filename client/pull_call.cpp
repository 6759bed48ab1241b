#include "client/pull_call.hpp"

#include "client/broker_calls.hpp"

namespace gantry::client {

protocol::PullHeader PullCall::header() const {
  protocol::PullHeader header;
  header.consumer_group = group_;
  header.topic = request_.queue.topic;
  header.queue_id = request_.queue.queue_id;
  header.queue_offset = request_.offset;
  header.message_count_max = request_.message_count_max;
  header.sys_flag = protocol::PullHeader::subscription_bit;
  if (request_.wait_max.count() > 0) header.sys_flag |= protocol::PullHeader::suspend_bit;
  header.suspend_timeout_ms = request_.wait_max.count();
  header.subscription = request_.expression;
  header.expression_type = request_.expression_type;
  return header;
}

std::chrono::milliseconds PullCall::timeout() const { return request_.wait_max + std::chrono::seconds(10); }

Result<PullResult> PullCall::result_of(const Reply& reply, const std::string& broker_name) {
  PullResult result;
  switch (static_cast<protocol::ResponseCode>(reply.code)) {
    case protocol::ResponseCode::success: result.status = PullStatus::found; break;
    case protocol::ResponseCode::pull_not_found: result.status = PullStatus::nothing_new; break;
    case protocol::ResponseCode::pull_retry_immediately: result.status = PullStatus::nothing_matched; break;
    case protocol::ResponseCode::pull_offset_moved: result.status = PullStatus::offset_illegal; break;
    default: return reply.to_error("pulling");
  }
  result.next_offset = reply.number("nextBeginOffset");
  result.min_offset = reply.number("minOffset");
  result.max_offset = reply.number("maxOffset");
  if (result.status == PullStatus::found) GANTRY_TRY(decode_messages(reply.body, broker_name, result.messages));
  return result;
}

}  // namespace gantry::client
