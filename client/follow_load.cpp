#include "client/follow_load.hpp"

#include "client/latency_histogram.hpp"
#include "client/load_sockets.hpp"
#include "client/process_usage.hpp"
#include "client/pull_frames.hpp"
#include "protocol/codes.hpp"
#include "protocol/stored_record.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace gantry::client {
namespace {

using Clock = LoadSockets::Clock;
using protocol::ResponseCode;

constexpr std::uint64_t places_max = 100'000;
constexpr std::int64_t beyond_every_end = std::int64_t{1} << 60;  // the broker answers with the queue's end
constexpr std::chrono::milliseconds retry_delay{50};
constexpr std::chrono::milliseconds look_interval{100};

class Following {
 public:
  Following(const FollowLoad& load, LoadSockets sockets)
      : load_(load), sockets_(std::move(sockets)), frames_(load.spread, {}), queues_(load.spread.place_count()) {}

  Result<FollowReport> run() {
    const auto start = Clock::now();
    count_from_ = start + load_.warm_up;
    const auto end = count_from_ + load_.duration;
    const std::int64_t own_cpu_ns = process_cpu_ns(0);
    for (std::uint64_t place = 0; place < queues_.size(); ++place) GANTRY_TRY(pull(place));
    for (auto now = start; now < end; now = Clock::now()) {
      GANTRY_TRY(sockets_.wait(
          std::min(end, now + (again_.empty() ? look_interval : retry_delay)),
          [this](const LoadSockets::Arrival& arrival) { return answered(arrival); },
          [](std::uint32_t) { return Status{}; }));
      GANTRY_TRY(pull_again());
    }
    const auto now = Clock::now();
    report_.seconds = std::chrono::duration<double>(now - count_from_).count();
    report_.messages_per_second = static_cast<double>(report_.message_count) / report_.seconds;
    report_.load_busy_share =
        static_cast<double>(process_cpu_ns(0) - own_cpu_ns) / 1e9 / std::chrono::duration<double>(now - start).count();
    report_.p50_us = latencies_.quantile_us(0.50);
    report_.p99_us = latencies_.quantile_us(0.99);
    report_.p999_us = latencies_.quantile_us(0.999);
    report_.max_us = latencies_.quantile_us(1.0);
    return std::move(report_);
  }

 private:
  struct Queue {
    std::int64_t offset = beyond_every_end;
    Clock::time_point retry_at;
  };

  // The first pull asks where the queue ends, so it must not be held.
  Status pull(std::uint64_t place) {
    const auto socket = static_cast<std::uint32_t>(place % sockets_.count());
    const std::int64_t offset = queues_[place].offset;
    frames_.append(sockets_.out(socket), place, offset,
                   offset == beyond_every_end ? std::chrono::milliseconds(0) : load_.hold,
                   static_cast<std::int32_t>(place));
    return sockets_.send(socket);
  }

  Status pull_again() {
    const auto now = Clock::now();
    std::vector<std::uint64_t> waiting = std::exchange(again_, {});
    for (const std::uint64_t place : waiting) {
      if (queues_[place].retry_at > now) {
        again_.push_back(place);
      } else {
        GANTRY_TRY(pull(place));
      }
    }
    return {};
  }

  Status answered(const LoadSockets::Arrival& arrival) {
    GANTRY_ASSIGN(const PullAnswer answer, frames_.decode(arrival.frame));
    const auto place = static_cast<std::uint64_t>(answer.opaque);
    if (place >= queues_.size()) return Error{Errc::corrupt, "an answer to nothing that was asked"};
    Queue& queue = queues_[place];
    switch (static_cast<ResponseCode>(answer.code)) {
      case ResponseCode::success: GANTRY_TRY(received(queue, answer, arrival.at)); break;
      case ResponseCode::pull_not_found:
      case ResponseCode::pull_retry_immediately: break;
      case ResponseCode::pull_offset_moved:
        if (queue.offset != beyond_every_end) ++report_.gap_count;
        break;
      default:
        ++report_.refused[answer.code];
        queue.retry_at = Clock::now() + retry_delay;
        again_.push_back(place);
        return {};
    }
    if (answer.next_offset >= 0) queue.offset = answer.next_offset;
    return pull(place);
  }

  Status received(const Queue& queue, const PullAnswer& answer, Clock::time_point at) {
    std::int64_t offset = queue.offset;
    for (auto rest = answer.records; !rest.empty();) {
      protocol::RecordView record;
      if (const auto outcome = protocol::decode_record(rest, record); outcome != protocol::RecordOutcome::ok) {
        return Error{Errc::corrupt, "a pulled record: " + std::string(to_string(outcome))};
      }
      rest = rest.subspan(record.size);
      if (record.queue_offset != offset) ++report_.gap_count;
      offset = record.queue_offset + 1;
      const auto stamp = LoadStamp::read(record.body);
      if (!stamp || stamp->sent > at) {
        ++report_.without_stamp;
      } else if (stamp->sent >= count_from_) {
        ++report_.message_count;
        latencies_.record(std::chrono::duration_cast<std::chrono::nanoseconds>(at - stamp->sent).count());
      }
    }
    return {};
  }

  const FollowLoad& load_;
  LoadSockets sockets_;
  PullFrames frames_;
  std::vector<Queue> queues_;  // by place, which is also the opaque of its pulls
  std::vector<std::uint64_t> again_;
  Clock::time_point count_from_;
  LatencyHistogram latencies_;
  FollowReport report_;
};

}  // namespace

Result<FollowReport> run_follow_load(const FollowLoad& load) {
  const std::uint64_t places = load.spread.place_count();
  if (places == 0 || places > places_max) {
    return Error{Errc::invalid_argument,
                 "topics x queues: expected 1 to " + std::to_string(places_max) + ", found " + std::to_string(places)};
  }
  const auto connections = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(load.connection_count, 1, places));
  GANTRY_ASSIGN(LoadSockets sockets, LoadSockets::open(load.host, load.port, connections));
  return Following(load, std::move(sockets)).run();
}

}  // namespace gantry::client
