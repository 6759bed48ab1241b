#include "plugins/delay/service.hpp"

#include "plugins/delay/delay_offsets.hpp"
#include "plugins/delay/names.hpp"
#include "plugins/delay/takeover.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <set>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::delay {
namespace {

constexpr std::int64_t scan_poll_ms = 20;
constexpr std::int64_t scan_hurry_ms = 20;          ///< how long a message may take from the interceptor to the queue
constexpr std::int64_t expected_ahead_ms = 1'000;   ///< timers further ahead wait for the scanner's next look
constexpr std::int64_t first_scan_max_ms = 30'000;  ///< then delivery begins all the same
constexpr std::int64_t stop_max_ms = 3'000;
constexpr std::int64_t keeper_poll_ms = 100;
constexpr std::int64_t sync_every_ms = 1'000;
constexpr std::int64_t trouble_pause_ms = 1'000;
constexpr std::chrono::milliseconds save_levels_every{10'000};

/// For work that may wait: the thread yields to those that answer clients.
void run_in_background() noexcept {
  constexpr int background_nice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), background_nice);
}

}  // namespace

Service::Service(sdk::Host host, Settings settings)
    : host_(host), broker_(host.broker()), settings_(settings), metrics_(host) {}

Service::~Service() { static_cast<void>(stop()); }

Status Service::open() {
  GANTRY_ASSIGN(sdk::StoreClient store, broker_.store());
  store_ = std::make_unique<sdk::StoreClient>(store);
  GANTRY_ASSIGN(gantry_queue * queue, store_->open_queue(timer_topic, 0));
  const Watermark takeover = read_takeover();
  GANTRY_ASSIGN(index_, TimerIndex::open(
                            host_,
                            {.folder = std::filesystem::path(host_.data_folder()) / "gantry" / "delay",
                             .table_entries_max = settings_.table_entries},
                            {.bounds =
                                 [this, queue] {
                                   const auto bounds = store_->bounds(queue);
                                   return TimerIndex::StoreBounds{bounds.min, bounds.max, store_->positions().log_end};
                                 },
                             .durable_end =
                                 [this](std::int64_t wanted) {
                                   const std::int64_t end = store_->positions().durable_end;
                                   if (end < wanted) store_->want_durable(wanted);
                                   return end;
                                 }},
                            takeover));
  scan_target_ = store_->bounds(queue).max;

  const Mail::Office office{host_, broker_, delivery_bell_, &metrics_};
  delivery_ = std::make_unique<Delivery>(
      office, *store_, *index_, metrics_,
      Delivery::Settings{.roll_after_ms = settings_.roll_after_ms, .batches_in_flight = settings_.batches_in_flight});
  scanner_ = std::make_unique<Scanner>(
      host_, *store_, queue, *index_, metrics_,
      Scanner::Settings{.roll_after_ms = settings_.roll_after_ms,
                        .added = [this](std::int64_t action_ms) { delivery_->added(action_ms); }});

  Levels::Settings levels;
  const auto delays = broker_.delay_levels();
  levels.delays_ms.assign(delays.begin(), delays.end());
  levels.offsets = index_->levels();
  for (const sdk::BlobVersion version : {sdk::BlobVersion::newest, sdk::BlobVersion::backup}) {
    const auto blob = store_->load_blob(delay_offsets_blob, version);
    if (!blob) continue;
    const auto read = decode_delay_offsets(*blob);
    if (!read) {
      host_.log(sdk::LogLevel::warn, "delay.offsets_unreadable", {sdk::field("reason", read.error())});
      continue;
    }
    // RocketMQ may have gone on meanwhile; ours are saved more often.
    saved_counter_ = read->counter;
    for (const auto& [level, offset] : read->levels) levels.offsets[level] = std::max(levels.offsets[level], offset);
    break;
  }
  for (const auto& [level, offset] : levels.offsets) index_->set_level(level, offset, 0);
  levels.queue_count = rocketmq_level_count;
  levels_ = std::make_unique<Levels>(Mail::Office{host_, broker_, level_bell_, &metrics_}, *store_, *index_, metrics_);
  return levels_->start(levels);
}

Watermark Service::read_takeover() {
  const auto blob = store_->load_blob(timer_checkpoint_blob, sdk::BlobVersion::newest);
  if (!blob) return {};
  const auto watermark = decode_timer_checkpoint(*blob);
  if (!watermark) {
    host_.log(sdk::LogLevel::warn, "timers.checkpoint_unreadable", {sdk::field("reason", watermark.error())});
    return {};
  }
  return *watermark;
}

void Service::begin() {
  const auto level_queues = std::max(rocketmq_level_count, static_cast<std::int32_t>(broker_.delay_levels().size()));
  for (const auto& [topic, queues] :
       {std::pair(level_topic, level_queues), std::pair(timer_topic, 1), std::pair(undeliverable_topic, 1)}) {
    if (const Status made = broker_.ensure_topic(topic, queues); !made) {
      host_.fault(sdk::FaultSeverity::degraded,
                  "the topic " + std::string(topic) + " cannot be made: " + made.error().text);
    }
  }
  threads_.emplace_back([this] { scan(); });
  threads_.emplace_back([this] { deliver(); });
  threads_.emplace_back([this] { keep(); });
  threads_.emplace_back([this] { serve_levels(); });
  schedule_saving();
}

Status Service::stop() {
  saving_.cancel();
  if (is_stopping_.exchange(true)) return {};
  delivery_bell_->ring();
  level_bell_->ring();
  keeper_bell_.ring();
  scanner_bell_.ring();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (!index_) return {};
  save_level_offsets();
  return index_->sync();
}

void Service::expect(std::int64_t due_ms) {
  const std::int64_t now = host_.wall_ms();
  if (due_ms - now > expected_ahead_ms) return;
  // Only the first of many has to ring.
  if (expected_ms_.exchange(now + scan_hurry_ms) < now) scanner_bell_.ring();
}

void Service::scan() {
  while (!is_stopping_) {
    const Scanner::Found found = scanner_->step();
    if (!is_scanned_ && index_->scan_position().offset >= scan_target_) {
      is_scanned_ = true;
      delivery_bell_->ring();
    }
    const std::int64_t now = host_.wall_ms();
    switch (found) {
      case Scanner::Found::something: break;
      case Scanner::Found::nothing:
        if (expected_ms_.load() > now) {
          std::this_thread::sleep_for(std::chrono::microseconds(200));
        } else {
          scanner_bell_.wait_until_ms(now + scan_poll_ms);
        }
        break;
      case Scanner::Found::no_room:
        keeper_bell_.ring();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        break;
      case Scanner::Found::trouble: scanner_bell_.wait_until_ms(now + trouble_pause_ms); break;
    }
  }
}

void Service::deliver() {
  // What fell due during a downtime is delivered in order: not before all of it is known.
  const std::int64_t begin = host_.steady_ns();
  while (!is_stopping_ && !is_scanned_ && host_.steady_ns() - begin < first_scan_max_ms * 1'000'000) {
    delivery_bell_->wait_until_ms(host_.wall_ms() + scan_poll_ms);
  }
  while (!is_stopping_) delivery_->sleep_until(delivery_->step());
  const std::int64_t end = host_.steady_ns() + stop_max_ms * 1'000'000;
  for (delivery_->settle(); !delivery_->is_idle() && host_.steady_ns() < end; delivery_->settle()) {
    delivery_bell_->wait_until_ms(host_.wall_ms() + scan_poll_ms);
  }
}

void Service::keep() {
  run_in_background();
  std::int64_t synced_ns = 0;
  while (!is_stopping_) {
    const auto did = index_->maintain();
    const bool sync_is_due = host_.steady_ns() - synced_ns >= sync_every_ms * 1'000'000;
    const Status synced = sync_is_due ? index_->sync() : Status();
    if (sync_is_due) {
      synced_ns = host_.steady_ns();
      const auto counts = index_->counts();
      metrics_.pending.set(counts.pending);
      metrics_.runs.set(counts.run_count);
      metrics_.run_bytes.set(counts.run_bytes);
    }
    if (!did || !synced) {
      host_.log(sdk::LogLevel::error, "timers.not_written", {sdk::field("reason", did ? synced.error() : did.error())});
      keeper_bell_.wait_until_ms(host_.wall_ms() + trouble_pause_ms);
    } else if (!*did) {
      keeper_bell_.wait_until_ms(host_.wall_ms() + keeper_poll_ms);
    }
  }
}

void Service::serve_levels() {
  while (!is_stopping_) level_bell_->wait_until_ms(levels_->step());
  const std::int64_t end = host_.steady_ns() + stop_max_ms * 1'000'000;
  for (levels_->settle(); !levels_->is_idle() && host_.steady_ns() < end; levels_->settle()) {
    level_bell_->wait_until_ms(host_.wall_ms() + scan_poll_ms);
  }
}

void Service::schedule_saving() {
  auto timer = host_.start_timer(save_levels_every, [this] {
    save_level_offsets();
    if (!is_stopping_) schedule_saving();
  });
  if (timer) saving_ = *std::move(timer);
}

void Service::save_level_offsets() {
  const auto levels = index_->levels();
  if (levels == saved_levels_) return;
  const Status saved =
      store_->save_blob(delay_offsets_blob, encode_delay_offsets({levels, ++saved_counter_}, host_.wall_ms()));
  if (saved) {
    saved_levels_ = levels;
  } else {
    host_.log(sdk::LogLevel::warn, "delay.offsets_not_saved", {sdk::field("reason", saved.error())});
  }
}

std::optional<TimerView> Service::view(std::int64_t log_offset) {
  const auto held = HeldRecord::read(*store_, log_offset);
  if (!held || held->record().topic != timer_topic) return std::nullopt;
  const sdk::Record& record = held->record();
  const auto timer = read_timer_record(record, settings_.roll_after_ms);
  if (!timer) return std::nullopt;
  TimerView view;
  view.topic = timer->topic;
  view.unique_key = timer->unique_key;
  view.keys = sdk::find_property(record.properties, property::keys).value_or("");
  view.due_ms = timer->due_ms;
  view.stored_ms = record.store_ms;
  view.queue_offset = record.queue_offset;
  view.queue_id = timer->queue_id;
  view.is_cancelled = !timer->cancel_key.empty();
  if (view.is_cancelled) view.unique_key = timer->cancel_key;  // see find()
  return view;
}

Result<std::vector<TimerView>> Service::find(std::string_view topic, std::string_view key, bool unique_only) {
  constexpr std::uint32_t count_max = 256;
  std::array<std::int64_t, count_max> offsets = {};
  gantry_query_request request = {};
  request.struct_size = sizeof request;
  request.options = unique_only ? GANTRY_QUERY_UNIQUE : 0;
  request.topic = {timer_topic.data(), timer_topic.size()};
  request.key = {key.data(), key.size()};
  request.end_ms = INT64_MAX;
  request.count_max = count_max;
  gantry_query_result result = {};
  result.struct_size = sizeof result;
  result.log_offsets = offsets.data();
  GANTRY_TRY(store_->query(request, result));
  std::vector<TimerView> found;
  for (std::uint32_t i = result.count; i > 0; --i) {  // the newest first: of a rolled timer the last copy counts
    auto timer = view(offsets[i - 1]);
    if (!timer || timer->topic != topic || timer->is_cancelled || timer->due_ms <= host_.wall_ms()) continue;
    const bool known = std::any_of(found.begin(), found.end(), [&](const TimerView& each) {
      return each.unique_key == timer->unique_key && each.due_ms == timer->due_ms;
    });
    if (!known) found.push_back(*std::move(timer));
  }
  return found;
}

Result<std::vector<TimerView>> Service::next(std::size_t count_max) {
  GANTRY_ASSIGN(const auto entries, index_->peek(count_max));
  std::vector<TimerView> timers;
  std::set<std::string> cancelled;
  for (const Entry& entry : entries) {
    auto timer = view(entry.log_offset);
    if (!timer || timer->queue_offset != entry.queue_offset) continue;
    if (timer->is_cancelled) {
      cancelled.insert(timer->unique_key);
      continue;
    }
    timer->is_cancelled = cancelled.contains(timer->topic + "+" + timer->unique_key);
    timers.push_back(*std::move(timer));
  }
  return timers;
}

Status Service::cancel(std::string_view topic, std::string_view unique_key, std::int64_t due_ms,
                       std::function<void(const Status&)> done) {
  std::string properties;
  const auto append = [&properties](std::string_view name, std::string_view value) {
    properties.append(name).push_back(sdk::property_name_end);
    properties.append(value).push_back(sdk::property_value_end);
  };
  append("TAGS", "_RECALL_TAG_");
  append(property::cancel_key, std::string(topic) + "+" + std::string(unique_key));
  append(property::deliver_ms, std::to_string(due_ms + 1));
  append(property::out_ms, std::to_string(due_ms));
  append(property::exact, "1");
  append(property::real_topic, topic);
  append(property::real_queue, "0");
  const sdk::Outgoing message{.topic = timer_topic, .body = "0", .properties = properties, .queue_id = 0};
  GANTRY_TRY(broker_.publish({&message, 1}, [done = std::move(done)](std::span<const sdk::Published> published) {
    done(published.empty() ? Status(Error{Errc::internal, "no outcome"}) : published.front().status);
  }));
  expect(due_ms);
  return {};
}

}  // namespace gantry::delay
