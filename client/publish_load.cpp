#include "client/publish_load.hpp"

#include "client/latency_histogram.hpp"
#include "client/load_sockets.hpp"
#include "client/publish_frames.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::client {
namespace {

using Clock = LoadSockets::Clock;

constexpr std::uint32_t closed_in_flight = 256;
constexpr std::uint32_t open_in_flight = 100'000;
constexpr std::uint32_t in_flight_max = 10'000'000;
constexpr double rate_max = 10'000'000;
constexpr std::chrono::seconds drain_max{5};
constexpr std::chrono::milliseconds look_interval{100};  // at the clock, when nothing happens

/// The code of an answer. JSON: the number behind "code":, wherever it stands; binary: the first two bytes.
std::int32_t response_code(std::span<const char> frame, bool binary) {
  if (binary && frame.size() >= 10) {
    return static_cast<std::int16_t>((static_cast<unsigned char>(frame[8]) << 8) |
                                     static_cast<unsigned char>(frame[9]));
  }
  const std::size_t header_bytes = std::min<std::size_t>(frame_length_at(frame, 4) & 0xFFFFFF, frame.size() - 8);
  const std::string_view header(frame.data() + 8, header_bytes);
  const auto at = header.find("\"code\":");
  std::int32_t code = -1;
  if (at != std::string_view::npos) std::from_chars(header.data() + at + 7, header.data() + header.size(), code);
  return code;
}

Error expected(const std::string& what, const std::string& bounds, std::uint64_t found) {
  return Error{Errc::invalid_argument, what + ": expected " + bounds + ", found " + std::to_string(found)};
}

Status check(const PublishLoad& load) {
  if (load.connection_count == 0 || load.connection_count > 10'000) {
    return expected("connections", "1 to 10000", load.connection_count);
  }
  if (load.in_flight != 0 && (load.in_flight < load.connection_count || load.in_flight > in_flight_max)) {
    return expected("in-flight", "at least one message per connection (" + std::to_string(load.connection_count) + ")",
                    load.in_flight);
  }
  if (load.spread.queue_count == 0 || load.spread.queue_count > 65'536) {
    return expected("queues", "1 to 65536", load.spread.queue_count);
  }
  if (load.spread.topic_count == 0 || load.spread.topic_count > LoadSpread::topics_max) {
    return expected("topics", "1 to " + std::to_string(LoadSpread::topics_max), load.spread.topic_count);
  }
  if (load.body_bytes == 0 || load.body_bytes > 4U * 1024 * 1024) {
    return expected("size", "1 byte to 4 MiB", load.body_bytes);
  }
  if (load.key_count > 100) return expected("keys", "at most 100", load.key_count);
  if (load.rate < 0 || load.rate > rate_max) {
    return Error{Errc::invalid_argument,
                 "rate: expected 0 (closed loop) to ten million, found " + std::to_string(load.rate)};
  }
  return {};
}

/// One run. What is under way on a connection is answered in order, so a ring of times is all that is remembered.
class Publishing {
 public:
  Publishing(const PublishLoad& load, LoadSockets sockets)
      : load_(load),
        sockets_(std::move(sockets)),
        frames_(load.spread, {.body_bytes = load.body_bytes,
                              .key_count = load.key_count,
                              .tags = true,
                              .binary_header = load.binary_header}),
        next_(load.first_number),
        end_number_(load.message_count_max == 0 ? std::numeric_limits<std::uint64_t>::max()
                                                : load.first_number + load.message_count_max) {
    const std::uint32_t in_flight =
        load.in_flight != 0 ? load.in_flight
                            : std::max(load.rate > 0 ? open_in_flight : closed_in_flight, load.connection_count);
    lanes_.resize(load.connection_count);
    for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i].due.resize(in_flight / load.connection_count + (i < in_flight % load.connection_count ? 1 : 0));
    }
    ready_.reserve(lanes_.size());
  }

  Result<PublishReport> run() {
    // Reading /proc takes long for a process with many files, so it is not done while latencies are measured.
    if (load_.server_pid != 0) {
      GANTRY_ASSIGN(report_.server_before, read_process_usage(load_.server_pid));
    }
    start_ = Clock::now();
    const auto count_from = start_ + load_.warm_up;
    const auto end = load_.message_count_max == 0 ? count_from + load_.duration : Clock::time_point::max();
    GANTRY_TRY(fill(start_));
    for (auto now = start_; now < end && !all_answered(); now = Clock::now()) {
      if (!counting_ && now >= count_from) begin_counting(now);
      GANTRY_TRY(step(std::min(end, next_look(now))));
    }
    if (counting_) end_counting(Clock::now());
    // Latencies of what was due before the end count in an open loop: leaving out the slowest would flatter.
    closed_ = true;
    counting_ = counting_ && load_.rate > 0;
    const auto patience = Clock::now() + drain_max;
    while (outstanding_ > 0 && Clock::now() < patience) GANTRY_TRY(step(patience));
    if (load_.server_pid != 0) {
      GANTRY_ASSIGN(report_.server_after, read_process_usage(load_.server_pid));
    }
    report_.unanswered = outstanding_;
    report_.next_number = next_;
    report_.p50_us = latencies_.quantile_us(0.50);
    report_.p99_us = latencies_.quantile_us(0.99);
    report_.p999_us = latencies_.quantile_us(0.999);
    report_.max_us = latencies_.quantile_us(1.0);
    return std::move(report_);
  }

 private:
  struct Lane {
    std::vector<Clock::time_point> due;  // of what is under way, a ring
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;

    [[nodiscard]] bool has_room() const { return sent - answered < due.size(); }
  };

  [[nodiscard]] bool all_answered() const { return next_ >= end_number_ && outstanding_ == 0; }

  [[nodiscard]] Clock::time_point due_time(std::uint64_t number) const {
    const double seconds = static_cast<double>(number - load_.first_number) / load_.rate;
    return start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  [[nodiscard]] Clock::time_point next_look(Clock::time_point now) const {
    const auto look = now + look_interval;
    if (load_.rate <= 0 || next_ >= end_number_) return look;
    // Without room it waits for an answer, not for the clock.
    return lanes_[next_ % lanes_.size()].has_room() ? std::min(look, due_time(next_)) : look;
  }

  Status step(Clock::time_point deadline) {
    GANTRY_TRY(sockets_.wait(
        deadline, [this](const LoadSockets::Arrival& arrival) { return answered(arrival); },
        [this](std::uint32_t lane) { return closed_ || load_.rate > 0 ? Status{} : fill_lane(lane, Clock::now()); }));
    if (!closed_ && load_.rate > 0) return fill_due(Clock::now());
    return {};
  }

  Status fill(Clock::time_point now) {
    if (load_.rate > 0) return fill_due(now);
    for (std::uint32_t lane = 0; lane < lanes_.size(); ++lane) GANTRY_TRY(fill_lane(lane, now));
    return {};
  }

  // Closed loop: what a connection may have under way is sent.
  Status fill_lane(std::uint32_t lane, Clock::time_point now) {
    while (lanes_[lane].has_room() && next_ < end_number_) put(lane, now);
    return sockets_.send(lane);
  }

  // Open loop: what is due is sent, by the connections in turn.
  Status fill_due(Clock::time_point now) {
    ready_.clear();
    while (next_ < end_number_) {
      const auto due = due_time(next_);
      if (due > now) break;
      const auto lane = static_cast<std::uint32_t>(next_ % lanes_.size());
      if (!lanes_[lane].has_room()) {
        if (std::exchange(held_back_, next_ + 1) != next_ + 1) ++report_.late_count;
        break;
      }
      put(lane, due);
      if (std::find(ready_.begin(), ready_.end(), lane) == ready_.end()) ready_.push_back(lane);
    }
    for (const std::uint32_t lane : ready_) GANTRY_TRY(sockets_.send(lane));
    return {};
  }

  void put(std::uint32_t index, Clock::time_point due) {
    Lane& lane = lanes_[index];
    frames_.append(sockets_.out(index), {due, next_++}, static_cast<std::uint32_t>(lane.sent));
    lane.due[lane.sent++ % lane.due.size()] = due;
    ++outstanding_;
  }

  Status answered(const LoadSockets::Arrival& arrival) {
    Lane& lane = lanes_[arrival.socket];
    if (lane.answered == lane.sent) return Error{Errc::corrupt, "an answer to nothing that was asked"};
    const Clock::time_point due = lane.due[lane.answered++ % lane.due.size()];
    --outstanding_;
    const std::int32_t code = response_code(arrival.frame, load_.binary_header);
    if (code != 0) {
      ++report_.refused[code];
      return {};
    }
    ++report_.acknowledged;
    if (!counting_) return {};
    if (!closed_) ++report_.message_count;
    latencies_.record(std::chrono::duration_cast<std::chrono::nanoseconds>(arrival.at - due).count());
    return {};
  }

  void begin_counting(Clock::time_point now) {
    counting_ = true;
    counted_from_ = now;
    own_cpu_ns_ = process_cpu_ns(0);
    server_cpu_ns_ = load_.server_pid != 0 ? process_cpu_ns(load_.server_pid) : 0;
  }

  void end_counting(Clock::time_point now) {
    const double messages = std::max<double>(1, static_cast<double>(report_.message_count));
    report_.seconds = std::chrono::duration<double>(now - counted_from_).count();
    const double own_us = static_cast<double>(process_cpu_ns(0) - own_cpu_ns_) / 1000.0;
    if (load_.server_pid != 0) {
      const double server_us = static_cast<double>(process_cpu_ns(load_.server_pid) - server_cpu_ns_) / 1000.0;
      report_.server_cpu_us_per_message = server_us / messages;
    }
    report_.load_cpu_us_per_message = own_us / messages;
    report_.load_busy_share = own_us / 1e6 / report_.seconds;
    report_.messages_per_second = static_cast<double>(report_.message_count) / report_.seconds;
  }

  const PublishLoad& load_;
  LoadSockets sockets_;
  const PublishFrames frames_;
  std::vector<Lane> lanes_;
  std::vector<std::uint32_t> ready_;  // lanes that got something in this turn
  Clock::time_point start_;
  std::uint64_t next_;
  const std::uint64_t end_number_;
  std::uint64_t outstanding_ = 0;
  std::uint64_t held_back_ = 0;  // the last number that was, plus one
  bool counting_ = false;
  bool closed_ = false;  // nothing is sent any more
  Clock::time_point counted_from_;
  std::int64_t own_cpu_ns_ = 0;
  std::int64_t server_cpu_ns_ = 0;
  LatencyHistogram latencies_;
  PublishReport report_;
};

}  // namespace

Result<PublishReport> run_publish_load(const PublishLoad& load) {
  GANTRY_TRY(check(load));
  GANTRY_ASSIGN(LoadSockets sockets, LoadSockets::open(load.host, load.port, load.connection_count));
  return Publishing(load, std::move(sockets)).run();
}

}  // namespace gantry::client
