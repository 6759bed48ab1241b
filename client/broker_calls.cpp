#include "client/broker_calls.hpp"

#include "protocol/client_requests.hpp"
#include "protocol/compression.hpp"
#include "protocol/message_id.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"
#include "protocol/sys_flag.hpp"

namespace gantry::client {
namespace {

constexpr std::size_t body_bytes_max = 64U * 1024 * 1024;  // of a decompressed body

std::string text_of(const MessageQueue& queue) {
  return queue.topic + "/" + queue.broker_name + "/" + std::to_string(queue.queue_id);
}

Result<std::int64_t> offset_of(const Result<Reply>& reply, const char* what, const MessageQueue& queue) {
  if (!reply) return reply.error();
  if (!reply->is_success()) return reply->to_error(std::string(what) + " of " + text_of(queue));
  return reply->number("offset");
}

Result<std::string> plain_body(const protocol::RecordView& record) {
  if ((record.sys_flag & protocol::sys_flag::compressed) == 0) return std::string(protocol::as_text(record.body));
  const std::int32_t kind = record.sys_flag & protocol::sys_flag::compression_mask;
  if (kind != 0 && kind != protocol::sys_flag::compression_zlib) {
    return Error{Errc::unsupported, "the message at log offset " + std::to_string(record.log_offset) +
                                        " is compressed with LZ4 or ZSTD; this client reads zlib only"};
  }
  protocol::ByteBuffer inflated;
  GANTRY_TRY(protocol::zlib_inflate(record.body, body_bytes_max, inflated));
  return std::string(inflated.text());
}

}  // namespace

Result<std::int64_t> ask_queue_offset(RemotingClient& remoting, const std::string& address, protocol::RequestCode code,
                                      const MessageQueue& queue) {
  return offset_of(
      remoting.call(address, code, protocol::QueueHeader{.topic = queue.topic, .queue_id = queue.queue_id}), "offset",
      queue);
}

Result<std::int64_t> ask_offset_by_time(RemotingClient& remoting, const std::string& address, const MessageQueue& queue,
                                        std::int64_t time_ms, std::string_view boundary) {
  protocol::SearchOffsetHeader header;
  header.topic = queue.topic;
  header.queue_id = queue.queue_id;
  header.timestamp_ms = time_ms;
  header.boundary_type = boundary;
  return offset_of(remoting.call(address, protocol::RequestCode::search_offset_by_timestamp, header), "offset by time",
                   queue);
}

Result<std::int64_t> ask_committed_offset(RemotingClient& remoting, const std::string& address,
                                          const std::string& group, const MessageQueue& queue) {
  protocol::QueryConsumerOffsetHeader header;
  header.consumer_group = group;
  header.topic = queue.topic;
  header.queue_id = queue.queue_id;
  const auto reply = remoting.call(address, protocol::RequestCode::query_consumer_offset, header);
  if (reply && static_cast<protocol::ResponseCode>(reply->code) == protocol::ResponseCode::query_not_found) {
    return Error{Errc::not_found, "group " + group + " has no offset for " + text_of(queue)};
  }
  return offset_of(reply, "committed offset", queue);
}

Status tell_committed_offset(RemotingClient& remoting, const std::string& address, const std::string& group,
                             const MessageQueue& queue, std::int64_t offset) {
  protocol::UpdateConsumerOffsetHeader header;
  header.consumer_group = group;
  header.topic = queue.topic;
  header.queue_id = queue.queue_id;
  header.commit_offset = offset;
  GANTRY_ASSIGN(const Reply reply, remoting.call(address, protocol::RequestCode::update_consumer_offset, header));
  if (!reply.is_success()) return reply.to_error("committing the offset of " + text_of(queue));
  return {};
}

ReceivedMessage describe_record(const protocol::RecordView& record, const std::string& broker_name) {
  ReceivedMessage message;
  message.topic = record.topic;
  message.queue = {message.topic, broker_name, record.queue_id};
  message.queue_offset = record.queue_offset;
  message.born_ms = record.born_ms;
  message.store_ms = record.store_ms;
  message.reconsume_count = record.reconsume_count;
  message.flag = record.flag;
  message.sys_flag = record.sys_flag;
  message.born_host = record.born_host;
  message.store_host = record.store_host;
  message.log_offset = record.log_offset;
  message.prepared_offset = record.prepared_offset;
  message.record_size = record.size;
  message.body_crc = record.body_crc;
  for (const protocol::Property& property : protocol::PropertyRange(record.properties)) {
    message.properties.insert_or_assign(std::string(property.name), std::string(property.value));
  }
  message.tags = protocol::find_property(record.properties, protocol::property::tags);
  message.keys = protocol::find_property(record.properties, protocol::property::keys);
  message.offset_message_id = protocol::encode_offset_message_id(record.store_host, record.log_offset).view();
  message.message_id = protocol::find_property(record.properties, protocol::property::uniq_key);
  if (message.message_id.empty()) message.message_id = message.offset_message_id;
  return message;
}

Status decode_messages(std::string_view body, const std::string& broker_name, std::vector<ReceivedMessage>& out,
                       Bodies bodies) {
  protocol::ByteView rest = protocol::as_bytes(body);
  while (!rest.empty()) {
    protocol::RecordView record;
    if (const auto outcome = protocol::decode_record(rest, record); outcome != protocol::RecordOutcome::ok) {
      return Error{Errc::corrupt, "expected a whole record at byte " + std::to_string(body.size() - rest.size()) +
                                      " of the answer, found: " + std::string(to_string(outcome))};
    }
    rest = rest.subspan(record.size);
    auto plain = plain_body(record);
    if (!plain && bodies == Bodies::plain) return std::move(plain).error();
    ReceivedMessage message = describe_record(record, broker_name);
    message.body_is_compressed = !plain;
    message.body = plain ? *std::move(plain) : std::string(protocol::as_text(record.body));
    out.push_back(std::move(message));
  }
  return {};
}

}  // namespace gantry::client
