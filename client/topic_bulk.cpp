#include "client/topic_bulk.hpp"

#include "protocol/json_body.hpp"
#include "protocol/topic_config.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace gantry::client {
namespace {

using Clock = std::chrono::steady_clock;

/// What the answers, which arrive on the I/O thread, leave for the one who waits.
struct Progress {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint32_t in_flight = 0;
  double slowest_ms = 0;
  std::optional<Error> failed;

  void answered(const Result<Reply>& reply, Clock::duration took) {
    const std::lock_guard lock(mutex);
    --in_flight;
    slowest_ms = std::max(slowest_ms, std::chrono::duration<double, std::milli>(took).count());
    if (!failed && !reply) failed = reply.error();
    if (!failed && !reply->is_success()) failed = reply->to_error("creating topics");
    changed.notify_all();
  }
};

std::string request_body(const TopicBulk& bulk, std::uint32_t first, std::uint32_t end) {
  protocol::TopicConfigList list;
  for (std::uint32_t index = first; index < end; ++index) {
    protocol::TopicConfig config;
    config.topic_name = bulk.spread.topic_name(index);
    config.read_queue_count = static_cast<std::int32_t>(bulk.spread.queue_count);
    config.write_queue_count = config.read_queue_count;
    list.topics.push_back(std::move(config));
  }
  return protocol::encode_body(list);
}

}  // namespace

Result<TopicBulkReport> make_topics(RemotingClient& remoting, const TopicBulk& bulk) {
  if (bulk.topics_per_request == 0 || bulk.requests_in_flight == 0) {
    return Error{Errc::invalid_argument, "topics per request and requests under way: expected at least 1, found 0"};
  }
  if (bulk.spread.topic_count == 0 || bulk.spread.topic_count > LoadSpread::topics_max) {
    return Error{Errc::invalid_argument, "topics: expected 1 to " + std::to_string(LoadSpread::topics_max) +
                                             ", found " + std::to_string(bulk.spread.topic_count)};
  }
  const auto progress = std::make_shared<Progress>();
  const auto start = Clock::now();
  const auto wait_until_below = [&](std::uint32_t in_flight) {
    std::unique_lock lock(progress->mutex);
    progress->changed.wait(lock, [&] { return progress->in_flight < in_flight; });
    return !progress->failed;
  };
  for (std::uint32_t first = 0; first < bulk.spread.topic_count; first += bulk.topics_per_request) {
    if (!wait_until_below(bulk.requests_in_flight)) break;
    const std::uint32_t end = std::min(bulk.spread.topic_count, first + bulk.topics_per_request);
    {
      const std::lock_guard lock(progress->mutex);
      ++progress->in_flight;
    }
    remoting.call_async(
        bulk.request_timeout, bulk.broker, protocol::RequestCode::update_and_create_topic_list, NoFields{},
        request_body(bulk, first, end),
        [progress, asked = Clock::now()](Result<Reply> reply) { progress->answered(reply, Clock::now() - asked); });
  }
  wait_until_below(1);
  if (progress->failed) return *progress->failed;
  return TopicBulkReport{bulk.spread.topic_count, std::chrono::duration<double>(Clock::now() - start).count(),
                         progress->slowest_ms};
}

}  // namespace gantry::client
