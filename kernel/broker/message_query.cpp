// The part of AdminHandler that looks messages up: by their position in the log, and by key.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/lent_record.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace gantry::broker {

using protocol::ResponseCode;

namespace {

constexpr std::int32_t query_count_max = 64;   // RocketMQ's maxMsgsNumBatch
constexpr std::int32_t unique_count_max = 32;  // RocketMQ's defaultQueryMaxNum, whatever such a request asks for
/// RocketMQ's clients close a connection that brings them a frame of more than 16 MiB.
constexpr std::size_t answer_bytes_max = 12U << 20;

/// A query that waits for a thread of the pool. Owns its texts. A value.
struct MessageQuery {
  std::string topic;
  std::string key;
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;
  std::uint32_t count_max = 0;
  bool unique_only = false;
};

/// The messages of an answer: lent by the store, in the order of the log.
class FoundMessages {
 public:
  FoundMessages(Shared& shared, const std::vector<std::int64_t>& offsets) {
    const std::int64_t visible_end = shared.visible_end();
    // Newest first: when there is too much for one frame the oldest stay out.
    for (auto at = offsets.rbegin(); at != offsets.rend(); ++at) {
      LentRecord& record = records_.emplace_front(shared.env.store, shared.env.topics, *at, PositionFrom::store);
      const bool shown = record.status() && record.log_end() <= visible_end;
      const bool fits = shown && (byte_count_ == 0 || byte_count_ + record.bytes().size() <= answer_bytes_max);
      if (!fits) records_.pop_front();
      if (shown && !fits) {
        omitted_ = static_cast<std::size_t>(offsets.rend() - at);
        break;
      }
      if (fits) byte_count_ += record_bytes();
    }
  }

  [[nodiscard]] bool empty() const noexcept { return records_.empty(); }
  /// How many of the oldest were left out.
  [[nodiscard]] std::size_t omitted() const noexcept { return omitted_; }
  [[nodiscard]] protocol::ByteBuffer body() const {
    protocol::ByteBuffer body(byte_count_);
    for (const LentRecord& record : records_) body.append(record.bytes());
    return body;
  }

 private:
  [[nodiscard]] std::size_t record_bytes() const { return records_.front().bytes().size(); }

  std::deque<LentRecord> records_;
  std::size_t byte_count_ = 0;
  std::size_t omitted_ = 0;
};

void answer_query(Shared& shared, Deferred& later, const MessageQuery& query) {
  std::vector<std::int64_t> offsets(query.count_max);
  gantry_query_request request{};
  request.struct_size = sizeof request;
  request.options = query.unique_only ? GANTRY_QUERY_UNIQUE : 0;
  request.topic = to_bytes(query.topic);
  request.key = to_bytes(query.key);
  request.begin_ms = query.begin_ms;
  request.end_ms = query.end_ms;
  request.count_max = query.count_max;
  gantry_query_result result{};
  result.struct_size = sizeof result;
  result.log_offsets = offsets.data();
  if (const Status asked = shared.env.store.query(request, result); !asked) {
    if (asked.error().code == Errc::unsupported) {
      return later.answer(ResponseCode::request_code_not_supported, remark::query_needs_index);
    }
    const bool busy = asked.error().code == Errc::busy;
    return later.answer(busy ? ResponseCode::system_busy : ResponseCode::system_error, asked.error().text);
  }
  offsets.resize(std::min(result.count, query.count_max));
  const FoundMessages found(shared, offsets);
  const protocol::QueryMessageResponse header{result.last_ms, result.last_log_offset};
  if (!found.empty()) {
    const std::string remark = found.omitted() > 0 ? remark::query_cut_short(found.omitted()) : std::string();
    return later.answer(ResponseCode::success, remark, header, found.body().view());
  }
  std::string remark = remark::query_found_nothing(query.topic, query.key, query.begin_ms, query.end_ms);
  if (const auto log_end = shared.env.store.positions().log_end; result.indexed_end < log_end) {
    remark += remark::query_came_early(result.indexed_end, log_end);
  }
  later.answer(ResponseCode::query_not_found, remark, header);
}

}  // namespace

void AdminHandler::view_message(const Request& request) {
  protocol::ViewMessageHeader header;
  if (!decode(request, header)) return;
  on_pool(request, [at = header.log_offset](Shared& shared, Deferred later) {
    const LentRecord record(shared.env.store, shared.env.topics, at, PositionFrom::client);
    if (!record.status() && record.status().error().code == Errc::busy) {
      return later.answer(ResponseCode::system_busy, record.status().error().text);
    }
    if (!record.status() || record.log_end() > shared.visible_end()) {
      return later.answer(ResponseCode::system_error, remark::record_unknown(at));
    }
    later.answer(ResponseCode::success, {}, record.bytes());
  });
}

// As with RocketMQ's broker, read permission is no matter here: this is how operators look into dead letters, whose
// topic has none where a broker of version 4 made it.
void AdminHandler::query_messages(const Request& request) {
  const ReplyTo to = request.reply_to();
  protocol::QueryMessageHeader header;
  if (!decode(request, header)) return;
  if (context_.topics.find(header.topic) == nullptr) {
    return context_.reply(to, ResponseCode::query_not_found, remark::topic_unknown(header.topic),
                          protocol::QueryMessageResponse{});
  }
  const std::int32_t count_max = header.is_unique_key ? unique_count_max : std::min(header.count_max, query_count_max);
  if (count_max < 1 || header.key.empty()) {
    return context_.reply(to, ResponseCode::invalid_parameter, remark::query_asks_nothing);
  }
  MessageQuery query{.topic = std::string(header.topic),
                     .key = std::string(header.key),
                     .begin_ms = header.begin_ms,
                     .end_ms = header.end_ms,
                     .count_max = static_cast<std::uint32_t>(count_max),
                     .unique_only = header.is_unique_key};
  on_pool(request, [held = std::move(query)](Shared& shared, Deferred later) { answer_query(shared, later, held); });
}

}  // namespace gantry::broker
