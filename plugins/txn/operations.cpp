#include "plugins/txn/operations.hpp"

#include "plugins/txn/json_writer.hpp"
#include "plugins/txn/message_id.hpp"
#include "plugins/txn/names.hpp"
#include "plugins/txn/store_reader.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

namespace gantry::txn {
namespace {

bool matches(const ListRequest& request, const HalfMessage& half) {
  return (request.topic.empty() || request.topic == half.real_topic) &&
         (request.group.empty() || request.group == half.group);
}

JsonObject describe_half(const HalfMessage& half) {
  JsonObject json;
  json.add("id", half.id()).add("topic", half.real_topic).add("queue", half.real_queue).add("group", half.group);
  json.add("born_ms", half.record.born_ms).add("checks", half.checks);
  if (const auto tags = sdk::find_property(half.record.properties, property::tags)) json.add("tags", *tags);
  json.add("message_id", make_message_id(half.record.store_host, half.record.log_offset));
  json.add("log_offset", half.record.log_offset).add("queue_offset", half.record.queue_offset);
  json.add("store_ms", half.record.store_ms);
  return json;
}

std::string array(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text.append(text.empty() ? "" : ",").append(value);
  return "[" + text + "]";
}

std::string_view why_discarded(const HalfMessage& half) {
  const auto reason = sdk::find_property(half.record.properties, property::discard_reason);
  return reason.value_or("discarded by another broker, which did not say why");
}

JsonObject describe_discarded(const HalfMessage& half) {
  JsonObject json = describe_half(half);
  json.add("reason", why_discarded(half));
  return json;
}

}  // namespace

std::string Operations::list(const ListRequest& request) {
  JsonObject json;
  json.add("open_count", static_cast<std::int64_t>(context_.ledger.open_count()));
  json.add("half_progress", context_.ledger.progress()).add("half_end", context_.store.bounds(context_.half_queue).max);
  json.add("check_max", context_.settings.check_max.load());
  if (request.open) json.raw("open", list_open(request));
  if (request.discarded) json.raw("discarded", list_discarded(request));
  return json.text();
}

std::string Operations::list_open(const ListRequest& request) {
  std::vector<std::string> found;
  for (const Transaction& transaction : context_.ledger.first_open(looked_at_max)) {
    if (found.size() >= request.count_max) break;
    const auto held = HeldRecord::read(context_.store, transaction.log_offset, GANTRY_READ_MAY_BLOCK);
    if (!held) continue;
    const auto half = read_half_message(held->bytes());
    if (!half || !matches(request, *half)) continue;
    JsonObject json = describe_half(*half);
    json.add("state", to_string(transaction.state));
    if (transaction.due_ms != Transaction::never) json.add("due_ms", transaction.due_ms);
    found.push_back(json.text());
  }
  return array(found);
}

std::string Operations::list_discarded(const ListRequest& request) {
  const auto queue = context_.store.open_queue(discard_topic, 0);
  if (!queue) return array({});
  const auto bounds = context_.store.bounds(*queue);
  const auto from = std::max(bounds.min, bounds.max - static_cast<std::int64_t>(looked_at_max));
  std::vector<std::string> found;
  const auto read = read_queue(context_.store, *queue, from, [&](std::string_view bytes) {
    if (const auto half = read_half_message(bytes); half && matches(request, *half)) {
      if (found.size() >= request.count_max) found.erase(found.begin());
      found.push_back(describe_discarded(*half).add("state", "discarded").text());
    }
    return true;
  });
  if (!read) context_.host.log(sdk::LogLevel::warn, "txn.list_failed", {sdk::field("error", read.error())});
  return array(found);
}

Result<std::string> Operations::show(const ShowRequest& request) {
  ShowRequest wanted = request;
  if (wanted.id.empty()) {
    if (wanted.log_offset < 0) {
      GANTRY_ASSIGN(const auto entry,
                    context_.store.entry(context_.half_queue, wanted.half_offset, GANTRY_READ_MAY_BLOCK));
      wanted.log_offset = entry.log_offset;
    }
    GANTRY_ASSIGN(const auto held, HeldRecord::read(context_.store, wanted.log_offset, GANTRY_READ_MAY_BLOCK));
    GANTRY_ASSIGN(const auto half, read_half_message(held.bytes()));
    wanted.id = half.id();
    wanted.group = half.group;
  }
  std::set<std::string, std::less<>> groups;
  if (!wanted.group.empty()) {
    groups.insert(wanted.group);
  } else {
    constexpr std::uint32_t copies_max = 64;
    for (const std::string_view topic : {half_topic, discard_topic}) {
      GANTRY_ASSIGN(const auto places, context_.archive.find(topic, wanted.id, copies_max, 0));
      for (const std::int64_t place : places) {
        const auto held = HeldRecord::read(context_.store, place, GANTRY_READ_MAY_BLOCK);
        if (!held) continue;
        if (const auto half = read_half_message(held->bytes())) groups.emplace(half->group);
      }
    }
  }
  std::vector<std::string> found;
  for (const std::string& group : groups) found.push_back(describe(wanted.id, group));
  return JsonObject().raw("transactions", array(found)).text();
}

std::string Operations::describe(std::string_view id, std::string_view group) {
  constexpr std::uint32_t copies_max = 64;
  const std::uint64_t key = key_of(group, id);
  JsonObject json;
  json.add("id", id).add("group", group);
  std::string topic;
  std::string reason;
  const auto describe_copies = [&](std::string_view where, auto&& describe_one) {
    std::vector<std::string> copies;
    const auto places = context_.archive.find(where, id, copies_max, 0);
    if (!places) return copies;
    for (const std::int64_t place : *places) {
      const auto held = HeldRecord::read(context_.store, place, GANTRY_READ_MAY_BLOCK);
      if (!held) continue;
      const auto half = read_half_message(held->bytes());
      if (!half || half->group != group) continue;
      topic = half->real_topic;
      if (half->record.topic == discard_topic) reason = why_discarded(*half);
      copies.push_back(describe_one(*half).text());
    }
    return copies;
  };
  const auto halves = describe_copies(half_topic, describe_half);
  const auto discarded = describe_copies(discard_topic, describe_discarded);
  json.add("topic", topic).add("copies", static_cast<std::int64_t>(halves.size()));
  if (!reason.empty()) json.add("reason", reason);
  const auto committed = context_.archive.find_committed(topic, group, id, 0);
  const auto open = context_.ledger.find(key);
  State state = open ? open->state : context_.ledger.finished_state(key);
  if (state == State::absent && committed && *committed) state = State::committed;
  if (state == State::absent && !discarded.empty()) state = State::discarded;
  json.add("state", state == State::absent ? "ended, not committed as far as the store can tell" : to_string(state));
  if (open) {
    json.add("checks", open->checks).add("half_offset", open->half_offset).add("log_offset", open->log_offset);
    if (open->due_ms != Transaction::never) json.add("due_ms", open->due_ms);
  }
  if (committed && *committed) json.add("committed_log_offset", **committed);
  return json.raw("half_messages", array(halves)).raw("discarded", array(discarded)).text();
}

void Operations::resume(std::string_view message_id, const Tell& tell) {
  const auto place = log_offset_in(message_id);
  if (!place) {
    return tell(response::system_error,
                "expected the offset message id of a discarded message, of 32 or 56 "
                "hexadecimal digits, found [" +
                    std::string(message_id) + "]");
  }
  const auto held = HeldRecord::read(context_.store, *place, GANTRY_READ_MAY_BLOCK);
  const auto half = held ? read_half_message(held->bytes()) : Result<HalfMessage>(held.error());
  if (!half) {
    return tell(response::system_error,
                "no discarded message has the id [" + std::string(message_id) + "]: " + half.error().text);
  }
  if (half->record.topic != discard_topic) {
    return tell(response::illegal_operation,
                "the message is a half message that was not discarded; its broker asks "
                "about it by itself. Use the id of the one in " +
                    std::string(discard_topic));
  }
  const auto committed = context_.archive.find_committed(half->real_topic, half->group, half->uniq_key, 0);
  if (committed && *committed) {
    return tell(response::illegal_operation, "the transaction [" + half->id() + "] is committed");
  }
  const Step step = context_.ledger.apply(half->key(), Event::resume);
  if (step.what.answer == Answer::refuse) {
    return tell(response::illegal_operation,
                "the transaction [" + half->id() + "] is " + std::string(to_string(step.before)));
  }
  const std::string properties = resume_properties(*half);
  const sdk::Outgoing message = make_copy(*half, half_topic, properties);
  const Status accepted =
      context_.publish({&message, 1}, [this, tell, id = half->id()](std::span<const sdk::Published> published) {
        if (!is_stored(published.front())) {
          return tell(response::system_error, published.front().status.error().text);
        }
        context_.metrics.resumed.add();
        context_.host.log(sdk::LogLevel::info, "txn.resumed", {sdk::field("id", id)});
        tell(response::success, {});
      });
  if (!accepted) tell(response::system_error, accepted.error().text);
}

}  // namespace gantry::txn
