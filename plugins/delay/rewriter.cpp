#include "plugins/delay/rewriter.hpp"

#include "plugins/delay/names.hpp"
#include "plugins/delay/recall_handle.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace gantry::delay {
namespace {

using Change = std::pair<std::string_view, std::string_view>;

/// The properties without those in `changes`, and then these; a change to nothing only takes away.
std::string changed(std::string_view properties, std::initializer_list<Change> changes) {
  std::string out;
  out.reserve(properties.size() + 160);
  const auto append = [&out](std::string_view name, std::string_view value) {
    out.append(name).push_back(sdk::property_name_end);
    out.append(value).push_back(sdk::property_value_end);
  };
  sdk::for_each_property(properties, [&](std::string_view name, std::string_view value) {
    const bool kept =
        std::none_of(changes.begin(), changes.end(), [&](const Change& change) { return change.first == name; });
    if (kept) append(name, value);
    return true;
  });
  for (const auto& [name, value] : changes) {
    if (!value.empty()) append(name, value);
  }
  return out;
}

bool is_half(const sdk::Publishing& message) {
  constexpr std::int32_t transaction_bits = 0xC;
  constexpr std::int32_t committed = 0x8;
  const std::int32_t bits = message.sys_flag() & transaction_bits;
  return (bits != 0 && bits != committed) || message.property(property::half_message) == "true";
}

/// Where it shall go in the end; what the producer left open is decided now, so that a repetition cannot decide anew.
std::int32_t real_queue(const sdk::Publishing& message, std::int64_t seed) {
  if (message.queue_id() >= 0) return message.queue_id();
  return static_cast<std::int32_t>(seed % std::max<std::int64_t>(message.queue_count(), 1));
}

Error no_memory() { return {Errc::too_large, "delayed message: the memory for rewritten messages is used up"}; }

}  // namespace

Result<Rewriter::Outcome> Rewriter::rewrite(sdk::Publishing& message, std::int64_t now_ms) const {
  if (message.is_rejected()) return Outcome{};
  if (message.topic() == timer_topic || message.topic() == level_topic) {
    message.reject("the topic " + std::string(message.topic()) +
                   " belongs to the broker; send to your own topic with DELAY or TIMER_DELIVER_MS instead");
    return Outcome{};
  }
  const Wish wish = read_wish(message.properties(), now_ms, settings_.limits);
  // Delay and transaction do not go together; the half message is left to who knows about transactions.
  if (!wish.asks || is_half(message)) return Outcome{};
  if (wish.is_cancel && wish.kind != Wish::Kind::refused) {
    const auto key = message.property(property::cancel_key).value_or("");
    const bool is_own = key.size() > message.topic().size() + 1 && key.starts_with(message.topic()) &&
                        key[message.topic().size()] == '+';
    if (!settings_.recall || !is_own || wish.kind != Wish::Kind::timer) {
      message.reject(!settings_.recall
                         ? "TIMER_DEL_UNIQKEY: recalling is switched off (option \"recall\" of the plugin delay)"
                     : !is_own ? "TIMER_DEL_UNIQKEY: expected <topic of this message>+<UNIQ_KEY>"
                               : "TIMER_DEL_UNIQKEY: the time of what it recalls is over, or missing");
      return Outcome{};
    }
  }
  switch (wish.kind) {
    case Wish::Kind::refused: message.reject(wish.reason, code::message_illegal); return Outcome{};
    case Wish::Kind::now: break;
    case Wish::Kind::level: GANTRY_TRY(to_level(message, wish.level)); break;
    case Wish::Kind::timer: GANTRY_TRY(to_timer(message, wish)); break;
  }
  if (!message.take(GANTRY_TAKEN_DELAY)) {
    return Error{Errc::unsupported, "this broker does not let a plugin take over delayed messages"};
  }
  return Outcome{.is_timer = wish.kind == Wish::Kind::timer, .due_ms = wish.due_ms};
}

Status Rewriter::to_level(sdk::Publishing& message, std::int32_t level) const {
  const std::string queue = std::to_string(real_queue(message, message.born_ms()));
  const std::string properties = changed(message.properties(), {{property::delay_sec, {}},
                                                                {property::delay_ms, {}},
                                                                {property::deliver_ms, {}},
                                                                {property::delay, std::to_string(level)},
                                                                {property::real_topic, message.topic()},
                                                                {property::real_queue, queue}});
  if (!message.set_properties(properties) || !message.set_topic(level_topic)) return no_memory();
  message.set_queue_id(level - 1);
  return {};
}

Status Rewriter::to_timer(sdk::Publishing& message, const Wish& wish) const {
  const std::string topic(message.topic());
  const std::string queue = std::to_string(real_queue(message, message.born_ms()));
  const std::string out_ms = std::to_string(wish.due_ms);
  const std::string unique_key(message.property(property::unique_key).value_or(""));
  const std::string properties = changed(message.properties(), {{property::enqueue_ms, {}},
                                                                {property::dequeue_ms, {}},
                                                                {property::roll_times, {}},
                                                                {property::out_ms, out_ms},
                                                                {property::exact, "1"},
                                                                {property::real_topic, topic},
                                                                {property::real_queue, queue}});
  if (settings_.recall && !wish.is_cancel && !unique_key.empty() && !topic.starts_with(retry_prefix)) {
    if (!message.set_recall_handle(encode_handle({topic, settings_.broker_name, wish.due_ms, unique_key}))) {
      return no_memory();
    }
  }
  if (!message.set_properties(properties) || !message.set_topic(timer_topic)) return no_memory();
  message.set_queue_id(0);
  return {};
}

}  // namespace gantry::delay
