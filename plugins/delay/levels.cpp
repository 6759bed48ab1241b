#include "plugins/delay/levels.hpp"

#include "plugins/delay/names.hpp"
#include "plugins/delay/wish.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <limits>

namespace gantry::delay {

Levels::Levels(const Mail::Office& office, sdk::Store& store, TimerIndex& index, const DelayMetrics& metrics)
    : office_(office), store_(store), index_(index), metrics_(metrics) {}

Status Levels::start(const Settings& settings) {
  const auto& delays = settings.delays_ms;
  const std::int64_t longest = delays.empty() ? 0 : *std::max_element(delays.begin(), delays.end());
  std::int32_t count = std::max(settings.queue_count, static_cast<std::int32_t>(delays.size()));
  if (!settings.offsets.empty()) count = std::max(count, settings.offsets.rbegin()->first);
  constexpr std::int32_t level_count_max = 256;
  count = std::min(count, level_count_max);
  for (std::int32_t number = 1; number <= count; ++number) {
    Level& level = levels_.emplace_back();
    level.number = number;
    const auto index = static_cast<std::size_t>(number - 1);
    level.delay_ms = index < delays.size() ? delays[index] : longest;
    GANTRY_ASSIGN(level.queue, store_.open_queue(level_topic, number - 1));
    const auto bounds = store_.bounds(level.queue);
    const auto offset = settings.offsets.find(number);
    level.next = std::clamp(offset == settings.offsets.end() ? 0 : offset->second, bounds.min, bounds.max);
  }
  return {};
}

std::int64_t Levels::step() {
  const std::int64_t now = office_.host.wall_ms();
  std::int64_t next = now + poll_ms;
  std::int64_t lag = 0;
  for (Level& level : levels_) {
    const std::int64_t again = serve(level, now);
    lag = std::max(lag, now - again);
    next = std::min(next, again);
  }
  metrics_.level_lag_ms.set(lag);
  return next;
}

std::int64_t Levels::serve(Level& level, std::int64_t now_ms) {
  std::int64_t again = now_ms + poll_ms;
  if (level.mail) {
    level.mail->look();
    if (level.mail->is_waiting()) {
      if (level.mail->retry_at_ms() > now_ms) return level.mail->retry_at_ms();
      level.mail->send();
    }
    if (!level.mail->is_done()) return again;  // the acknowledgement rings
    finish(level);
  }
  const std::int64_t begin = level.next;
  std::vector<Letter> letters = take_due(level, now_ms, again);
  if (level.batch_end == begin) return again;
  if (letters.empty()) {  // all of them were to be passed over
    finish(level);
    return now_ms;
  }
  metrics_.level_delivered.add(static_cast<std::int64_t>(letters.size()));
  level.mail = std::make_unique<Mail>(office_, std::move(letters));
  level.mail->send();
  return level.mail->is_waiting() ? level.mail->retry_at_ms() : again;
}

void Levels::finish(Level& level) {
  level.next = level.batch_end;
  index_.set_level(level.number, level.next, level.mail ? level.mail->log_end_needed() : 0);
  level.mail.reset();
}

std::vector<Letter> Levels::take_due(Level& level, std::int64_t now_ms, std::int64_t& look_again_ms) {
  std::vector<Letter> letters;
  const auto bounds = store_.bounds(level.queue);
  level.next = std::clamp(level.next, bounds.min, std::max(bounds.min, bounds.max));
  level.batch_end = level.next;
  std::size_t bytes = 0;
  while (level.batch_end < bounds.max && letters.size() < batch_size && bytes < batch_bytes_max) {
    const auto entry = store_.entry(level.queue, level.batch_end, GANTRY_READ_MAY_BLOCK);
    if (!entry && entry.error().code != Errc::not_found && entry.error().code != Errc::corrupt) {
      return letters;  // the store cannot be read at present
    }
    if (entry) {
      const std::int64_t due = due_of(level, *entry, now_ms);
      if (due > now_ms) {
        look_again_ms = std::min(look_again_ms, due);
        break;
      }
    }
    auto held = entry ? HeldRecord::read(store_, entry->log_offset) : Result<HeldRecord>(entry.error());
    if (!held && (held.error().code == Errc::unavailable || held.error().code == Errc::io)) return letters;
    const std::int64_t offset = level.batch_end++;
    const auto refuse = [&](std::string_view reason) {
      metrics_.lost.add();
      office_.host.log(
          sdk::LogLevel::error, "delay.level_entry_passed_over",
          {sdk::field("level", level.number), sdk::field("queue_offset", offset), sdk::field("reason", reason)});
    };
    if (!held) {
      refuse(held.error().text);
      continue;
    }
    const sdk::Record record = held->record();
    const auto topic = sdk::find_property(record.properties, property::real_topic);
    const auto queue = read_number(sdk::find_property(record.properties, property::real_queue).value_or(""));
    if (!topic || topic->empty() || !queue || *queue < 0 || *queue > std::numeric_limits<std::int32_t>::max()) {
      refuse("it does not say where it belongs");
      continue;
    }
    if (*topic == half_topic) {
      refuse("it is a half message, which a delay would publish without its commit");
      continue;
    }
    bytes += record.size;
    const std::string properties(record.properties);
    Letter& letter = letters.emplace_back(
        address_letter(office_.broker, *std::move(held), *topic, static_cast<std::int32_t>(*queue), properties));
    letter.due_ms = entry->tag_code;
  }
  return letters;
}

std::int64_t Levels::due_of(Level& level, const gantry_queue_entry& entry, std::int64_t now_ms) const {
  if (entry.tag_code <= now_ms + level.delay_ms) {
    level.clock_shift_ms = 0;
    return entry.tag_code;
  }
  // Later than this level would make it now: the list was shortened, or the clock went back.
  if (entry.store_ms <= now_ms) return entry.tag_code;
  if (level.clock_shift_ms == 0) {
    level.clock_shift_ms = entry.store_ms - now_ms;
    office_.host.log(sdk::LogLevel::warn, "delay.clock_went_back",
                     {sdk::field("level", level.number), sdk::field("by_ms", level.clock_shift_ms)});
  }
  return entry.tag_code - level.clock_shift_ms;
}

bool Levels::is_idle() const noexcept {
  return std::none_of(levels_.begin(), levels_.end(), [](const Level& level) { return level.mail != nullptr; });
}

void Levels::settle() {
  for (Level& level : levels_) {
    if (!level.mail) continue;
    level.mail->look();
    if (level.mail->is_done()) finish(level);
  }
}

}  // namespace gantry::delay
