#include "client/read_load.hpp"

#include "client/latency_histogram.hpp"
#include "client/load_sockets.hpp"
#include "client/process_usage.hpp"
#include "client/pull_frames.hpp"
#include "protocol/codes.hpp"
#include "protocol/stored_record.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace gantry::client {
namespace {

using Clock = LoadSockets::Clock;
using protocol::ResponseCode;

constexpr std::uint64_t expected_count_max = 4'000'000'000;
constexpr std::size_t wrong_described_max = 10;
constexpr std::chrono::milliseconds retry_delay{50};
constexpr std::chrono::milliseconds look_interval{20};

/// What every place must hold, and what of it was seen.
class Expectations {
 public:
  Expectations(const LoadSpread& spread, std::uint64_t count)
      : spread_(spread), seen_(count), per_place_(spread.place_count()) {
    for (std::uint64_t number = 0; number < count; ++number) ++per_place_[spread.place_of(number)];
  }
  [[nodiscard]] bool any() const { return !seen_.empty(); }
  [[nodiscard]] std::int64_t count_of(std::uint64_t place) const { return per_place_[place]; }
  /// Nothing is seen yet of a queue that is read anew.
  void forget(std::uint64_t number) { seen_[number] = false; }

  /// Empty when the message is the one that may stand there.
  std::string judge(const protocol::RecordView& record, std::uint64_t place, std::uint64_t& number) {
    const auto stamp = LoadStamp::read(record.body);
    if (!stamp) return "a body without a stamp";
    number = stamp->number;
    if (number >= seen_.size()) return "number " + std::to_string(number) + ", which was never sent";
    if (spread_.place_of(number) != place) return "number " + std::to_string(number) + ", which belongs elsewhere";
    if (record.queue_id != spread_.queue_of(place) || record.topic != spread_.topic_name(spread_.topic_of(place))) {
      return "a record of " + std::string(record.topic) + "/" + std::to_string(record.queue_id);
    }
    if (seen_[number]) return "number " + std::to_string(number) + " a second time";
    seen_[number] = true;
    return {};
  }

 private:
  const LoadSpread& spread_;
  std::vector<bool> seen_;
  std::vector<std::uint32_t> per_place_;
};

class Reading {
 public:
  Reading(const ReadLoad& load, LoadSockets sockets)
      : load_(load),
        sockets_(std::move(sockets)),
        frames_(load.spread,
                {.message_count_max = load.message_count_max, .bytes_max = load.bytes_max, .sql = load.sql}),
        expectations_(load.spread, load.expected_count) {
    const std::uint64_t places = load.spread.place_count();
    const std::uint64_t wanted = load.queue_sample == 0 ? places : std::min(load.queue_sample, places);
    for (std::uint64_t i = 0; i < wanted; ++i) waiting_.push_back(Queue{.place = i * places / wanted});
    report_.queue_count = wanted;
    slots_.resize(std::min<std::uint64_t>(load.pulls_in_flight, wanted));
  }

  Result<ReadReport> run() {
    start_ = Clock::now();
    const auto end = start_ + load_.duration;
    const std::int64_t own_cpu_ns = process_cpu_ns(0);
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) idle_.push_back(slot);
    for (auto now = start_; now < end && report_.queues_done < report_.queue_count; now = Clock::now()) {
      GANTRY_TRY(start_pulls(now));
      GANTRY_TRY(sockets_.wait(
          std::min(end, idle_.empty() ? now + look_interval : next_start(now)),
          [this](const LoadSockets::Arrival& arrival) { return answered(arrival); },
          [](std::uint32_t) { return Status{}; }));
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    report_.seconds = seconds;
    report_.mib_per_second = static_cast<double>(report_.byte_count) / (1024.0 * 1024.0) / seconds;
    report_.load_busy_share = static_cast<double>(process_cpu_ns(0) - own_cpu_ns) / 1e9 / seconds;
    report_.pull_p50_us = latencies_.quantile_us(0.50);
    report_.pull_p99_us = latencies_.quantile_us(0.99);
    report_.pull_max_us = latencies_.quantile_us(1.0);
    return std::move(report_);
  }

 private:
  struct Queue {
    std::uint64_t place = 0;
    std::int64_t offset = 0;
    std::int64_t left_out = 0;  // between its beginning and its end
    Clock::time_point not_before{};
    std::vector<std::uint64_t> numbers{};  // seen in this attempt, when that is checked
  };
  struct Slot {  // its index is the opaque
    Queue queue;
    Clock::time_point asked;
    bool is_used = false;
  };

  /// When the rate allows the next byte.
  [[nodiscard]] Clock::time_point allowed_from() const {
    if (load_.bytes_per_second <= 0) return start_;
    const double seconds = static_cast<double>(report_.byte_count) / load_.bytes_per_second;
    return start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  [[nodiscard]] Clock::time_point next_start(Clock::time_point now) const {
    const auto look = now + look_interval;
    if (waiting_.empty()) return look;
    return std::clamp(std::max(allowed_from(), waiting_.front().not_before), now + std::chrono::microseconds(100),
                      look);
  }

  Status start_pulls(Clock::time_point now) {
    // The queue at the front waits longest; those behind it that may be asked are found within one turn.
    for (std::size_t looked = waiting_.size(); looked > 0 && !idle_.empty(); --looked) {
      if (allowed_from() > now) return {};
      Queue queue = std::move(waiting_.front());
      waiting_.pop_front();
      if (queue.not_before > now) {
        waiting_.push_back(std::move(queue));
        continue;
      }
      const std::uint32_t slot = idle_.back();
      idle_.pop_back();
      slots_[slot].queue = std::move(queue);
      slots_[slot].is_used = true;
      GANTRY_TRY(pull(slot, now));
    }
    return {};
  }

  Status pull(std::uint32_t slot, Clock::time_point now) {
    const auto socket = slot % sockets_.count();
    frames_.append(sockets_.out(socket), slots_[slot].queue.place, slots_[slot].queue.offset,
                   std::chrono::milliseconds(0), static_cast<std::int32_t>(slot));
    slots_[slot].asked = now;
    ++report_.pull_count;
    return sockets_.send(socket);
  }

  /// The queue's turn is over; it goes on at `not_before`.
  void put_back(std::uint32_t slot, Clock::time_point not_before) {
    Queue queue = std::move(slots_[slot].queue);
    queue.not_before = not_before;
    waiting_.push_back(std::move(queue));
    free_slot(slot);
  }

  void free_slot(std::uint32_t slot) {
    slots_[slot].is_used = false;
    idle_.push_back(slot);
  }

  void restart(Queue& queue) {
    for (const std::uint64_t number : queue.numbers) expectations_.forget(number);
    queue.numbers.clear();
    queue.offset = queue.left_out = 0;
  }

  void wrong(const Queue& queue, const std::string& found) {
    ++report_.wrong_count;
    if (report_.wrong.size() >= wrong_described_max) return;
    report_.wrong.push_back(load_.spread.topic_name(load_.spread.topic_of(queue.place)) + "/" +
                            std::to_string(load_.spread.queue_of(queue.place)) + " at offset " +
                            std::to_string(queue.offset) + ": " + found);
  }

  Status answered(const LoadSockets::Arrival& arrival) {
    GANTRY_ASSIGN(const PullAnswer answer, frames_.decode(arrival.frame));
    const auto slot = static_cast<std::uint32_t>(answer.opaque);
    if (slot >= slots_.size() || !slots_[slot].is_used) return Error{Errc::corrupt, "an answer to nothing"};
    Queue& queue = slots_[slot].queue;
    latencies_.record(std::chrono::duration_cast<std::chrono::nanoseconds>(arrival.at - slots_[slot].asked).count());
    switch (static_cast<ResponseCode>(answer.code)) {
      case ResponseCode::success: GANTRY_TRY(received(queue, answer)); break;
      case ResponseCode::pull_retry_immediately:
      case ResponseCode::pull_offset_moved:
        if (answer.next_offset > queue.offset) {
          if (expectations_.any()) wrong(queue, "nothing; the next offset is " + std::to_string(answer.next_offset));
          if (!load_.sql.empty())
            report_.message_count += static_cast<std::uint64_t>(answer.next_offset - queue.offset);
          queue.offset = answer.next_offset;
          break;
        }
        return ended(slot);
      case ResponseCode::pull_not_found: return ended(slot);
      default:
        ++report_.refused[answer.code];
        put_back(slot, arrival.at + retry_delay);
        return {};
    }
    // Known from the answer, so that the last pull need not be asked for nothing.
    if (answer.max_offset >= 0 && queue.offset >= answer.max_offset) return ended(slot);
    if (allowed_from() > arrival.at) {
      put_back(slot, allowed_from());
      return {};
    }
    return pull(slot, arrival.at);
  }

  Status received(Queue& queue, const PullAnswer& answer) {
    const auto check = expectations_.any() ? protocol::CheckBody::crc : protocol::CheckBody::no;
    report_.byte_count += answer.records.size();
    if (!expectations_.any()) {
      // Who only wants to be a burden need not look at every record; their count is told by the offsets.
      report_.message_count += static_cast<std::uint64_t>(std::max<std::int64_t>(0, answer.next_offset - queue.offset));
      queue.offset = std::max(queue.offset + 1, answer.next_offset);
      return {};
    }
    for (auto rest = answer.records; !rest.empty();) {
      protocol::RecordView record;
      if (const auto outcome = protocol::decode_record(rest, record, check); outcome != protocol::RecordOutcome::ok) {
        wrong(queue, "a record that is damaged: " + std::string(to_string(outcome)));
        break;
      }
      rest = rest.subspan(record.size);
      if (record.queue_offset != queue.offset) wrong(queue, "offset " + std::to_string(record.queue_offset));
      std::uint64_t number = 0;
      if (const std::string found = expectations_.judge(record, queue.place, number); !found.empty()) {
        wrong(queue, found);
      } else {
        queue.numbers.push_back(number);
      }
      queue.offset = record.queue_offset + 1;
      ++report_.message_count;
    }
    const std::int64_t last_part = expectations_.count_of(queue.place) - load_.ends;
    if (load_.ends > 0 && queue.left_out == 0 && queue.offset >= load_.ends && queue.offset < last_part) {
      queue.left_out = last_part - queue.offset;
      queue.offset = last_part;
    }
    return {};
  }

  Status ended(std::uint32_t slot) {
    Queue& queue = slots_[slot].queue;
    const auto now = Clock::now();
    const auto seen = static_cast<std::int64_t>(queue.numbers.size()) + queue.left_out;
    if (expectations_.any() && seen != expectations_.count_of(queue.place)) {
      ++report_.short_answers;
      restart(queue);
      put_back(slot, now + retry_delay);
      return {};
    }
    if (load_.repeat) {
      restart(queue);
      put_back(slot, now);
      return {};
    }
    if (report_.queues_done++ == 0)
      report_.seconds_to_first_queue = std::chrono::duration<double>(now - start_).count();
    queue = {};
    free_slot(slot);
    return {};
  }

  const ReadLoad& load_;
  LoadSockets sockets_;
  PullFrames frames_;
  Expectations expectations_;
  std::deque<Queue> waiting_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> idle_;
  Clock::time_point start_;
  LatencyHistogram latencies_;
  ReadReport report_;
};

}  // namespace

Result<ReadReport> run_read_load(const ReadLoad& load) {
  const std::uint64_t places = load.spread.place_count();
  if (places == 0) return Error{Errc::invalid_argument, "topics and queues: expected at least 1 of each, found 0"};
  if (load.expected_count > expected_count_max) {
    return Error{Errc::invalid_argument, "expected messages: at most " + std::to_string(expected_count_max) +
                                             " can be checked, found " + std::to_string(load.expected_count)};
  }
  if (load.pulls_in_flight == 0 || load.pulls_in_flight > 100'000) {
    return Error{Errc::invalid_argument,
                 "pulls under way: expected 1 to 100000, found " + std::to_string(load.pulls_in_flight)};
  }
  const auto connections = std::clamp<std::uint32_t>(load.connection_count, 1, load.pulls_in_flight);
  GANTRY_ASSIGN(LoadSockets sockets, LoadSockets::open(load.host, load.port, connections));
  return Reading(load, std::move(sockets)).run();
}

}  // namespace gantry::client
