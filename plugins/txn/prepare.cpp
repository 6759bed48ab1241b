#include "plugins/txn/prepare.hpp"

#include "plugins/txn/names.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <cctype>
#include <string>

namespace gantry::txn {
namespace {

/// As Java's Boolean.parseBoolean.
bool is_true(std::string_view text) noexcept {
  return text.size() == 4 && std::equal(text.begin(), text.end(), "true", [](char c, char wanted) {
           return std::tolower(static_cast<unsigned char>(c)) == wanted;
         });
}

struct Wishes {
  bool is_half = false;
  std::string_view delay;  // the property that asks for a delay
  std::string_view delay_level;
  std::string_view group;
  std::string_view uniq_key;
};

Wishes wishes_of(std::string_view properties) {
  Wishes wishes;
  sdk::for_each_property(properties, [&wishes](std::string_view name, std::string_view value) {
    if (name == property::is_half) wishes.is_half = is_true(value);
    if (name == property::delay && parse_number(value).value_or(1) > 0) wishes.delay = name;
    if (name == property::delay) wishes.delay_level = value;
    if (name.starts_with(property::timer_prefix)) wishes.delay = name;
    if (name == property::producer_group) wishes.group = value;
    if (name == property::uniq_key) wishes.uniq_key = value;
    return true;
  });
  return wishes;
}

void refuse(sdk::Publishing& message, Context& context, std::string_view reason, std::int32_t code) {
  message.reject(reason, code);
  context.metrics.refused.add();
}

bool is_full(Context& context) {
  const std::int64_t open_max = context.settings.open_max.load(std::memory_order_relaxed);
  const auto end = context.store.bounds(context.half_queue).max;
  // What the scanner has not come to may be undecided, too.
  const std::int64_t unseen = std::max<std::int64_t>(0, end - context.ledger.scanned());
  return static_cast<std::int64_t>(context.ledger.open_count()) + unseen >= open_max;
}

/// Why not; empty: it was made one.
void make_half(sdk::Publishing& message, const Wishes& wishes, Context& context) {
  using namespace std::string_literals;
  if (context.settings.reject.load(std::memory_order_relaxed)) {
    return refuse(message, context, "transactional messages are forbidden on this broker ([plugins.txn] reject = true)",
                  response::no_permission);
  }
  // The plugin for delays may have looked at it before, and taken the property away.
  if (!wishes.delay.empty() || message.is_taken(GANTRY_TAKEN_DELAY)) {
    const std::string_view asks = wishes.delay.empty() ? "that asks for a delay" : wishes.delay;
    return refuse(message, context,
                  "a half message cannot be delayed: send it without the property "s + std::string(asks),
                  response::message_illegal);
  }
  const std::string_view group = wishes.group.empty() ? message.producer_group() : wishes.group;
  if (group.empty() || !sdk::is_writable_property(property::producer_group, group)) {
    return refuse(message, context, "a half message names its producer group in the property PGROUP",
                  response::message_illegal);
  }
  if (context.half_queue == nullptr || is_full(context)) {
    return refuse(message, context,
                  "[TXN_BUSY]too many transactions are undecided ([plugins.txn] open_max), or the broker just started; "
                  "try again",
                  response::system_busy);
  }
  std::string properties(message.properties());
  if (!properties.empty() && properties.back() != sdk::property_value_end) properties += sdk::property_value_end;
  const auto set = [&properties](std::string_view name, std::string_view value) {
    properties = sdk::with_property(properties, name, value);
  };
  set(property::producer_group, group);
  if (!wishes.uniq_key.empty()) set(property::transaction_id, wishes.uniq_key);
  set(property::real_topic, message.topic());
  set(property::real_queue, std::to_string(std::max(message.queue_id(), 0)));
  if (properties.size() > properties_size_max - properties_reserve) {
    return refuse(message, context,
                  "the properties of a half message take " + std::to_string(properties.size()) +
                      " bytes with those of its transaction, " +
                      std::to_string(properties_size_max - properties_reserve) + " are allowed",
                  response::message_illegal);
  }
  if (!message.set_properties(properties) || !message.set_topic(half_topic)) {
    return refuse(message, context, "[TXN_BUSY]the broker has no memory left for this request; send fewer at once",
                  response::system_busy);
  }
  message.set_queue_id(0);
  message.set_sys_flag(message.sys_flag() & ~sys_flag::transaction_mask);
  if (message.take(GANTRY_TAKEN_TRANSACTION)) context.metrics.prepared.add();
}

}  // namespace

void prepare(const sdk::PublishBatch& messages, Context& context) {
  for (auto message : messages) {
    if (message.is_rejected()) continue;
    const std::string_view properties = message.properties();
    if (properties.find(property::is_half) == std::string_view::npos) continue;
    const Wishes wishes = wishes_of(properties);
    if (!wishes.is_half) continue;
    // A consumer that sends a message back by itself: its transaction is over.
    const bool is_delayed = parse_number(wishes.delay_level).value_or(0) > 0 || message.is_taken(GANTRY_TAKEN_DELAY);
    const bool is_retry = message.reconsume_count() > 0 && is_delayed;
    if (is_retry) {
      message.set_sys_flag(message.sys_flag() & ~sys_flag::transaction_mask);
      static_cast<void>(message.take(GANTRY_TAKEN_TRANSACTION));
      continue;
    }
    make_half(message, wishes, context);
  }
}

}  // namespace gantry::txn
