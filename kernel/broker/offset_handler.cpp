#include "kernel/broker/offset_handler.hpp"

#include "kernel/broker/deferred.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;
using routing::CommitOutcome;

namespace {

bool is_upper(std::string_view boundary) noexcept {
  constexpr std::string_view upper = "upper";
  return std::equal(boundary.begin(), boundary.end(), upper.begin(), upper.end(),
                    [](char given, char wanted) { return (given | 0x20) == wanted; });
}

/// What a store's error is for a client: one that passes, or one that does not.
ResponseCode code_of(const Error& error) noexcept {
  return error.code == Errc::busy ? ResponseCode::system_busy : ResponseCode::system_error;
}

}  // namespace

bool OffsetHandler::handle(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::query_consumer_offset: query(request); return true;
    case RequestCode::update_consumer_offset: update(request); return true;
    case RequestCode::search_offset_by_timestamp: search(request); return true;
    case RequestCode::get_max_offset: bound(request, true); return true;
    case RequestCode::get_min_offset: bound(request, false); return true;
    case RequestCode::get_earliest_msg_storetime: earliest(request); return true;
    default: return false;
  }
}

gantry_queue* OffsetHandler::find_queue(std::string_view topic_name, std::int32_t queue_id) {
  const routing::Topic* topic = context_.topics.find(topic_name);
  if (topic == nullptr || topic->queue(queue_id) == nullptr) return nullptr;
  const auto queue = topic->open(context_.shared.env.store, queue_id);
  return queue ? *queue : nullptr;
}

void OffsetHandler::query(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto header =
      protocol::decode_fields<protocol::QueryConsumerOffsetHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::system_error, header.error().text);
  const routing::OffsetKey key{header->consumer_group, header->topic, header->queue_id};
  if (const auto stored = context_.shared.env.offsets.find(key)) {
    return context_.reply(to, ResponseCode::success, {}, protocol::OffsetResponse{*stored});
  }
  const bool may_be_zero = header->set_zero_if_not_found.value_or(true);
  if (may_be_zero) {
    const auto zero = starts_at_zero(header->topic, header->queue_id);
    // "Not found" would let a new group begin at the end of the queue, past messages that it should get.
    if (!zero) return context_.reply(to, code_of(zero.error()), zero.error().text);
    if (*zero) return context_.reply(to, ResponseCode::success, {}, protocol::OffsetResponse{0});
  }
  context_.reply(to, ResponseCode::query_not_found, "the group has no offset in this queue yet; it may start anywhere");
}

Result<bool> OffsetHandler::starts_at_zero(std::string_view topic, std::int32_t queue_id) {
  gantry_queue* queue = find_queue(topic, queue_id);
  if (queue == nullptr || context_.shared.env.store.bounds(queue).min > 0) return false;
  const auto first = context_.shared.env.store.entry(queue, 0, 0);
  const auto is_hot = [this](std::int64_t log_offset) {
    return context_.shared.env.store.positions().log_end - log_offset <= context_.shared.options.hot_window_bytes;
  };
  if (first) return is_hot(first->log_offset);
  if (first.error().code != Errc::busy) return false;
  // Where the message lies is not known yet, but it is not before the log's begin.
  if (is_hot(context_.shared.env.store.positions().log_begin)) return true;
  return first.error();
}

void OffsetHandler::update(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto header =
      protocol::decode_fields<protocol::UpdateConsumerOffsetHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::invalid_parameter, header.error().text);
  if (context_.groups.find(header->consumer_group) == nullptr) {
    return context_.reply(to, ResponseCode::subscription_group_not_exist,
                          remark::group_unknown(header->consumer_group));
  }
  const routing::Topic* topic = context_.topics.find(header->topic);
  if (topic == nullptr) {
    return context_.reply(to, ResponseCode::topic_not_exist, remark::topic_unknown(header->topic));
  }
  gantry_queue* queue = find_queue(header->topic, header->queue_id);
  const std::int64_t end = queue == nullptr ? 0 : context_.shared.env.store.bounds(queue).max;
  const routing::OffsetKey key{header->consumer_group, header->topic, header->queue_id};
  switch (context_.shared.env.offsets.commit(key, header->commit_offset, {topic->queue_count(), end})) {
    case CommitOutcome::stored: context_.shared.counters.commits.add(); break;
    case CommitOutcome::ignored_negative:
    case CommitOutcome::ignored_reset: break;
    case CommitOutcome::refused_queue:
      return context_.reply(to, ResponseCode::invalid_parameter,
                            remark::no_such_queue(header->topic, header->queue_id, topic->queue_count()));
    case CommitOutcome::refused_beyond:
      return context_.reply(to, ResponseCode::invalid_parameter, remark::offset_beyond(header->commit_offset, end));
    case CommitOutcome::refused_full:
      return context_.reply(to, ResponseCode::system_busy,
                            "the broker keeps as many consumer offsets as it may; delete groups that are not used");
  }
  context_.reply(to, ResponseCode::success);
}

void OffsetHandler::search(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto header = protocol::decode_fields<protocol::SearchOffsetHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::system_error, header.error().text);
  gantry_queue* queue = find_queue(header->topic, header->queue_id);
  if (queue == nullptr) return context_.reply(to, ResponseCode::success, {}, protocol::OffsetResponse{0});
  const std::uint32_t boundary = is_upper(header->boundary_type) ? GANTRY_SEARCH_UPPER : GANTRY_SEARCH_LOWER;
  const auto found = context_.shared.env.store.search_time(queue, header->timestamp_ms, boundary, 0);
  if (found) return context_.reply(to, ResponseCode::success, {}, protocol::OffsetResponse{*found});
  if (found.error().code != Errc::would_block) {
    return context_.reply(to, code_of(found.error()), found.error().text);
  }
  search_cold(request, queue, header->timestamp_ms, boundary);
}

void OffsetHandler::search_cold(const Request& request, gantry_queue* queue, std::int64_t time_ms,
                                std::uint32_t boundary) {
  Shared& shared = context_.shared;
  const ReplyTo to = request.reply_to();
  if (!Deferred::admit(shared)) return context_.reply(to, ResponseCode::system_busy, remark::too_many_deferred);
  Deferred later(shared, request.channel.id(), to);
  const bool posted = shared.env.pool.post([&shared, queue, time_ms, boundary, answer = std::move(later)]() mutable {
    const auto found = shared.env.store.search_time(queue, time_ms, boundary, GANTRY_READ_MAY_BLOCK);
    if (!found) return answer.answer(code_of(found.error()), found.error().text);
    answer.answer(ResponseCode::success, {}, protocol::OffsetResponse{*found});
  });
  if (!posted) context_.reply(to, ResponseCode::system_busy, remark::pool_full);
}

void OffsetHandler::bound(const Request& request, bool maximum) {
  const ReplyTo to = request.reply_to();
  const auto header = protocol::decode_fields<protocol::QueueHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::system_error, header.error().text);
  sdk::Store::Bounds bounds;
  if (gantry_queue* queue = find_queue(header->topic, header->queue_id))
    bounds = context_.shared.env.store.bounds(queue);
  context_.reply(to, ResponseCode::success, {}, protocol::OffsetResponse{maximum ? bounds.max : bounds.min});
}

void OffsetHandler::earliest(const Request& request) {
  const ReplyTo to = request.reply_to();
  const auto header = protocol::decode_fields<protocol::QueueHeader>(request.header.ext, context_.scratch);
  if (!header) return context_.reply(to, ResponseCode::system_error, header.error().text);
  gantry_queue* queue = find_queue(header->topic, header->queue_id);
  if (queue == nullptr) return context_.reply(to, ResponseCode::success, {}, protocol::TimestampResponse{-1});
  const auto first = context_.shared.env.store.entry(queue, context_.shared.env.store.bounds(queue).min, 0);
  if (!first && first.error().code == Errc::would_block) return earliest_cold(request, queue);
  if (!first && first.error().code == Errc::busy) {
    return context_.reply(to, ResponseCode::system_busy, first.error().text);
  }
  context_.reply(to, ResponseCode::success, {}, protocol::TimestampResponse{first ? first->store_ms : -1});
}

void OffsetHandler::earliest_cold(const Request& request, gantry_queue* queue) {
  Shared& shared = context_.shared;
  const ReplyTo to = request.reply_to();
  if (!Deferred::admit(shared)) return context_.reply(to, ResponseCode::system_busy, remark::too_many_deferred);
  Deferred later(shared, request.channel.id(), to);
  const bool posted = shared.env.pool.post([&shared, queue, answer = std::move(later)]() mutable {
    const auto first = shared.env.store.entry(queue, shared.env.store.bounds(queue).min, GANTRY_READ_MAY_BLOCK);
    if (!first && first.error().code == Errc::busy) {
      return answer.answer(ResponseCode::system_busy, first.error().text);
    }
    answer.answer(ResponseCode::success, {}, protocol::TimestampResponse{first ? first->store_ms : -1});
  });
  if (!posted) context_.reply(to, ResponseCode::system_busy, remark::pool_full);
}

}  // namespace gantry::broker
