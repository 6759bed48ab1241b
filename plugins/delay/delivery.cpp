#include "plugins/delay/delivery.hpp"

#include "plugins/delay/names.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gantry::delay {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t trouble_pause_ms = 100;
constexpr std::int64_t sleep_max_ms = 200;

}  // namespace

Delivery::Delivery(const Mail::Office& office, sdk::Store& store, TimerIndex& index, const DelayMetrics& metrics,
                   Settings settings)
    : office_(office), store_(store), index_(index), metrics_(metrics), settings_(settings) {
  for (const CancelMark& cancel : index.recovered_cancels()) {
    cancels_.emplace(cancel.key_hash, cancel);
    cancels_by_time_.emplace(cancel.due_ms, cancel.key_hash);
  }
}

std::int64_t Delivery::step() {
  asleep_until_ms_ = std::numeric_limits<std::int64_t>::min();
  for (;;) {
    collect();
    const std::int64_t now = office_.host.wall_ms();
    bool moved = stage(now);
    bool held_back = false;
    for (const Batch& batch : in_flight_) held_back = held_back || (batch.mail && batch.mail->is_waiting());
    if (!held_back && in_flight_.size() < settings_.batches_in_flight) moved = send_batch(now) || moved;
    if (moved) continue;

    std::int64_t next = never;
    for (const Batch& batch : in_flight_) {
      if (batch.mail && batch.mail->is_waiting()) next = std::min(next, batch.mail->retry_at_ms());
    }
    const bool full = in_flight_.size() >= settings_.batches_in_flight;  // then an acknowledgement rings
    metrics_.due_lag_ms.set(staged_.empty() ? 0
                                            : std::max<std::int64_t>(now - staged_.front().popped.entry.action_ms, 0));
    if (!staged_.empty() && !full && !held_back) next = std::min(next, staged_.front().popped.entry.action_ms);
    if (staged_.size() >= staged_max || staged_bytes_ >= staged_bytes_max) return next;
    const auto first = index_.next_action_ms();
    if (!first) return std::min(next, now + trouble_pause_ms);
    if (*first) next = std::min(next, std::max(**first - prefetch_ms, now + 1));
    return next;
  }
}

void Delivery::sleep_until(std::int64_t wall_ms) {
  // An entry that comes from here on rings; one that came before is seen by the look after it.
  asleep_until_ms_ = wall_ms == never ? never : wall_ms + prefetch_ms;
  const auto first = index_.next_action_ms();
  if (first && *first && staged_.size() < staged_max) wall_ms = std::min(wall_ms, **first - prefetch_ms);
  office_.bell->wait_until_ms(std::min(wall_ms, office_.host.wall_ms() + sleep_max_ms));
  asleep_until_ms_ = std::numeric_limits<std::int64_t>::min();
}

void Delivery::collect() {
  const std::int64_t now = office_.host.wall_ms();
  for (Batch& batch : in_flight_) {
    if (!batch.mail) continue;
    batch.mail->look();
    if (batch.mail->is_waiting() && batch.mail->retry_at_ms() <= now) batch.mail->send();
    if (batch.mail->is_waiting()) break;  // those behind it wait for their turn
  }
  while (!in_flight_.empty() && (!in_flight_.front().mail || in_flight_.front().mail->is_done())) {
    const Batch& batch = in_flight_.front();
    index_.retire(batch.entries, batch.mail ? batch.mail->log_end_needed() : 0);
    in_flight_.pop_front();
  }
}

bool Delivery::stage(std::int64_t now_ms) {
  bool moved = false;
  while (staged_.size() < staged_max && staged_bytes_ < staged_bytes_max) {
    // What is due has precedence over what is read ahead.
    if (staged_.size() >= settings_.batch_size && staged_.front().popped.entry.action_ms <= now_ms) break;
    auto popped = index_.pop(now_ms + prefetch_ms);
    if (!popped) {
      office_.host.log(sdk::LogLevel::error, "timers.unreadable", {sdk::field("reason", popped.error())});
      break;  // the keeper sees to it
    }
    if (!*popped) break;
    moved = true;
    Staged staged = prepare(**std::move(popped));
    staged_bytes_ += staged.popped.entry.record_size;
    // Nearly always at the end; before others only when it was accepted after they were read.
    const auto place = std::upper_bound(staged_.begin(), staged_.end(), staged, [](const Staged& a, const Staged& b) {
      return comes_before(a.popped.entry, b.popped.entry);
    });
    staged_.insert(place, std::move(staged));
  }
  return moved;
}

Delivery::Staged Delivery::prepare(Popped popped) {
  Staged staged;
  staged.popped = std::move(popped);
  const Entry& entry = staged.popped.entry;
  if (entry.is_void) return staged;
  if (entry.kind == EntryKind::cancel && !entry.is_roll) {
    staged.action = Action::cancel;
    return staged;
  }
  auto held = HeldRecord::read(store_, entry.log_offset);
  if (!held) {
    lose(entry, held.error().text);
    return staged;
  }
  const sdk::Record& record = held->record();
  if (record.topic != timer_topic || record.queue_offset != entry.queue_offset) {
    lose(entry, "another record is in its place");
    return staged;
  }
  const auto timer = read_timer_record(record, settings_.roll_after_ms);
  if (!timer) {
    lose(entry, timer.error().text);
    return staged;
  }
  staged.action = entry.is_roll ? Action::roll : Action::deliver;
  staged.held = *std::move(held);
  return staged;
}

void Delivery::lose(const Entry& entry, std::string_view reason) {
  metrics_.lost.add();
  office_.host.log(sdk::LogLevel::error, "timers.lost",
                   {sdk::field("log_offset", entry.log_offset), sdk::field("queue_offset", entry.queue_offset),
                    sdk::field("due_ms", entry.action_ms), sdk::field("reason", reason)});
}

bool Delivery::send_batch(std::int64_t now_ms) {
  Batch batch;
  std::vector<Letter> letters;
  std::size_t bytes = 0;
  while (!staged_.empty() && batch.entries.size() < settings_.batch_size && bytes < batch_bytes_max &&
         staged_.front().popped.entry.action_ms <= now_ms) {
    Staged staged = std::move(staged_.front());
    staged_.pop_front();
    const Entry& entry = staged.popped.entry;
    staged_bytes_ -= entry.record_size;
    bytes += entry.record_size;
    forget_cancels(entry.action_ms);
    if (staged.action == Action::cancel) {
      cancels_.emplace(entry.key_hash, CancelMark{entry.key_hash, entry.action_ms, entry.log_offset});
      cancels_by_time_.emplace(entry.action_ms, entry.key_hash);
    } else if (staged.action == Action::roll) {
      std::string properties = rolled_properties(staged.held.record());
      Letter& letter = letters.emplace_back(address_letter(office_.broker, std::move(staged.held), timer_topic, 0, {}));
      letter.properties = std::move(properties);
      letter.due_ms = entry.action_ms;
      letter.is_roll = true;
      metrics_.rolled.add();
    } else if (staged.action == Action::deliver && !is_passed_over(staged)) {
      const sdk::Record& record = staged.held.record();
      const auto timer = read_timer_record(record, settings_.roll_after_ms);
      std::string properties = delivered_properties(record, now_ms);
      const std::string topic(timer->topic);
      const std::int32_t queue = timer->queue_id;
      Letter& letter = letters.emplace_back(
          address_letter(office_.broker, std::move(staged.held), topic, queue, std::move(properties)));
      letter.due_ms = entry.action_ms;
      metrics_.delivered.add();
    }
    batch.entries.push_back(std::move(staged.popped));
  }
  if (batch.entries.empty()) return false;
  if (!letters.empty()) {
    batch.mail = std::make_unique<Mail>(office_, std::move(letters));
    batch.mail->send();
  }
  in_flight_.push_back(std::move(batch));
  return true;
}

bool Delivery::is_passed_over(const Staged& staged) {
  const Entry& entry = staged.popped.entry;
  if (entry.key_hash == 0) return false;
  if (is_cancelled(staged)) {
    metrics_.recalled.add();
    return true;
  }
  // A timer has several rolled copies when a crash hid that it had been rolled, or RocketMQ rolled it, too.
  const bool is_copy =
      last_rolled_ && last_rolled_->action_ms == entry.action_ms && last_rolled_->key_hash == entry.key_hash;
  if (entry.kind == EntryKind::rolled) last_rolled_ = entry;
  if (is_copy) metrics_.repeated.add();
  return is_copy;
}

bool Delivery::is_cancelled(const Staged& staged) const {
  if (cancels_.empty()) return false;
  const auto [begin, end] = cancels_.equal_range(staged.popped.entry.key_hash);
  for (auto each = begin; each != end; ++each) {
    const std::int64_t distance = staged.popped.entry.action_ms - each->second.due_ms;
    if (distance < 0 || distance > cancel_reach_ms) continue;
    // Hashes can be made to collide; the cancel's own words decide.
    const auto timer = read_timer_record(staged.held.record(), settings_.roll_after_ms);
    const std::string wanted = std::string(timer->topic) + "+" + std::string(timer->unique_key);
    const auto cancel = HeldRecord::read(store_, each->second.log_offset);
    if (cancel && sdk::find_property(cancel->record().properties, property::cancel_key) == wanted) return true;
  }
  return false;
}

void Delivery::forget_cancels(std::int64_t time_ms) {
  while (!cancels_by_time_.empty() && cancels_by_time_.begin()->first + cancel_reach_ms < time_ms) {
    const auto [time, key] = *cancels_by_time_.begin();
    cancels_by_time_.erase(cancels_by_time_.begin());
    const auto [begin, end] = cancels_.equal_range(key);
    for (auto each = begin; each != end; ++each) {
      if (each->second.due_ms != time) continue;
      cancels_.erase(each);
      break;
    }
  }
}

}  // namespace gantry::delay
