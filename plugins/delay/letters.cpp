#include "plugins/delay/letters.hpp"

#include "plugins/delay/names.hpp"
#include "plugins/delay/timer_record.hpp"

#include <algorithm>
#include <chrono>

namespace gantry::delay {
namespace {

constexpr std::int64_t pause_min_ms = 5;
constexpr std::int64_t pause_max_ms = 1'000;
constexpr std::int64_t clock_checked_ms = 200;

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void Bell::wait_until_ms(std::int64_t wall_ms) {
  using std::chrono::milliseconds;
  using std::chrono::system_clock;
  const auto latest = system_clock::now() + milliseconds(clock_checked_ms);
  const auto until = std::min(latest, system_clock::time_point(milliseconds(wall_ms)));
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, until, [this] { return rung_; });
  rung_ = false;
}

DelayMetrics::DelayMetrics(sdk::Host host)
    : delivered(host.counter("timers_delivered", "Messages with a time of their own that were delivered.")),
      level_delivered(host.counter("levels_delivered", "Messages with a delay level that were delivered.")),
      recalled(host.counter("recalled", "Timers that ended because they were recalled or cancelled.")),
      rolled(host.counter("rolled", "Records of timers that were appended again before they expire.")),
      discarded(host.counter("discarded", "Messages whose topic was gone when they fell due; they are kept in " +
                                              std::string(undeliverable_topic) + ".")),
      lost(host.counter("lost", "Timers that could not be delivered because their record was gone or unreadable.")),
      repeated(host.counter("repeated", "Second copies of timers that were passed over.")),
      pending(host.gauge("pending", "Timers that wait.")),
      due_lag_ms(host.gauge("due_lag_ms", "How long the first timer has been due; 0: none is.")),
      runs(host.gauge("runs", "Files of sorted timers.")),
      run_bytes(host.gauge("run_bytes", "Size of the files of sorted timers.")),
      level_lag_ms(host.gauge("level_lag_ms", "How long the first message with a delay level has been due.")),
      lateness_us(host.histogram("lateness_us", "From the time that was asked for to the acknowledged delivery.")) {}

Mail::Mail(const Office& office, std::vector<Letter> letters)
    : office_(office), letters_(std::move(letters)), left_(letters_.size()) {
  for (std::size_t i = 0; i < left_.size(); ++i) left_[i] = i;
}

void Mail::send() {
  std::vector<sdk::Outgoing> messages;
  messages.reserve(left_.size());
  for (const std::size_t index : left_) {
    const Letter& letter = letters_[index];
    sdk::Outgoing& message = messages.emplace_back(to_outgoing(letter.held.record()));
    message.topic = letter.topic;
    message.properties = letter.properties;
    message.queue_id = letter.queue_id;
  }
  auto reply = std::make_shared<Reply>();
  reply_ = reply;
  const Status sent =
      office_.broker.publish(messages, [reply, bell = office_.bell](std::span<const sdk::Published> published) {
        {
          const std::lock_guard lock(reply->mutex);
          for (const sdk::Published& each : published) {
            reply->outcomes.emplace_back(each.status ? Errc::ok : each.status.error().code, each.log_offset);
          }
          reply->is_there = true;
        }
        bell->ring();
      });
  is_sent_ = static_cast<bool>(sent);
  if (sent) return;
  reply_.reset();
  // One that is refused for itself must not hold back the others.
  if (sent.error().code == Errc::invalid_argument || sent.error().code == Errc::not_found) {
    if (left_.size() == 1) {
      if (settle(letters_[left_.front()], sent.error().code, -1)) left_.clear();
      return;
    }
  }
  back_off();
}

void Mail::back_off() {
  pause_ms_ = std::clamp(pause_ms_ * 2, pause_min_ms, pause_max_ms);
  retry_at_ms_ = office_.host.wall_ms() + pause_ms_;
}

void Mail::look() {
  if (!is_sent_) return;
  std::vector<std::pair<Errc, std::int64_t>> outcomes;
  {
    const std::lock_guard lock(reply_->mutex);
    if (!reply_->is_there) return;
    outcomes = std::move(reply_->outcomes);
  }
  reply_.reset();
  is_sent_ = false;
  const std::vector<std::size_t> sent = std::exchange(left_, {});
  const std::int64_t now_us = wall_us();
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const Errc outcome = i < outcomes.size() ? outcomes[i].first : Errc::internal;
    if (!settle(letters_[sent[i]], outcome, i < outcomes.size() ? outcomes[i].second : -1)) left_.push_back(sent[i]);
    const Letter& letter = letters_[sent[i]];
    if (outcome == Errc::ok && !letter.is_roll) {
      office_.metrics->lateness_us.record(std::max<std::int64_t>(now_us - letter.due_ms * 1'000, 0));
    }
  }
  if (!left_.empty()) back_off();
}

bool Mail::settle(Letter& letter, Errc outcome, std::int64_t log_offset) {
  switch (outcome) {
    case Errc::ok:
    case Errc::timed_out:  // stored, but not confirmed in time
      log_end_needed_ = std::max(log_end_needed_, log_offset + 1);
      break;
    case Errc::not_found:
    case Errc::invalid_argument:
    case Errc::too_large:
    case Errc::permission_denied:
      if (!letter.is_undeliverable) {
        make_undeliverable(letter, outcome);
        return false;
      }
      office_.metrics->lost.add();
      office_.host.log(
          sdk::LogLevel::error, "delay.lost",
          {sdk::field("topic", letter.held.record().topic), sdk::field("log_offset", letter.held.record().log_offset),
           sdk::field("reason", to_string(outcome))});
      break;
    default: return false;  // the broker cannot take it at present
  }
  return true;
}

void Mail::make_undeliverable(Letter& letter, Errc why) {
  office_.host.log(sdk::LogLevel::warn, "delay.undeliverable",
                   {sdk::field("topic", letter.topic), sdk::field("log_offset", letter.held.record().log_offset),
                    sdk::field("reason", to_string(why)), sdk::field("kept_in", undeliverable_topic)});
  office_.metrics->discarded.add();
  letter.is_undeliverable = true;
  letter.topic = undeliverable_topic;
  letter.queue_id = 0;
  letter.properties = letter.held.record().properties;
}

Letter address_letter(const sdk::Broker& broker, HeldRecord held, std::string_view real_topic, std::int32_t real_queue,
                      std::string properties) {
  Letter letter;
  letter.topic = real_topic;
  letter.properties = std::move(properties);
  const auto topic = broker.find_topic(real_topic);
  letter.queue_id = topic && topic->write_queues > 0 ? real_queue % topic->write_queues : real_queue;
  letter.held = std::move(held);
  return letter;
}

}  // namespace gantry::delay
