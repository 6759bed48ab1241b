#include "plugins/delay/commands.hpp"

#include "plugins/delay/names.hpp"
#include "plugins/delay/recall_handle.hpp"
#include "plugins/delay/wish.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

namespace gantry::delay {
namespace {

constexpr std::int64_t list_limit_default = 20;
constexpr std::int64_t list_limit_max = 256;

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_of(const std::vector<TimerView>& timers) {
  std::string json = "[";
  for (const TimerView& timer : timers) {
    if (json.size() > 1) json += ',';
    json += "{\"topic\":";
    append_json_text(json, timer.topic);
    json += ",\"uniqKey\":";
    append_json_text(json, timer.unique_key);
    json += ",\"keys\":";
    append_json_text(json, timer.keys);
    json += ",\"dueMs\":" + std::to_string(timer.due_ms) + ",\"storedMs\":" + std::to_string(timer.stored_ms) +
            ",\"queueId\":" + std::to_string(timer.queue_id) +
            ",\"cancelled\":" + (timer.is_cancelled ? "true" : "false") + "}";
  }
  return json + "]";
}

}  // namespace

std::span<const gantry_command_code> Commands::codes() const { return served; }

void Commands::execute(const sdk::CommandRequest& request) {
  switch (request.code()) {
    case recall_message_code: recall(request); return;
    case timer_list_code: list(request); return;
    case timer_cancel_code: cancel(request); return;
    default: refuse(request.ticket(), code::system_error, "the plugin delay does not serve this request"); return;
  }
}

void Commands::recall(const sdk::CommandRequest& request) {
  const std::uint64_t ticket = request.ticket();
  const std::string topic(request.field("topic").value_or(""));
  if (!settings_.recall) {
    refuse(ticket, code::no_permission, "recalling is switched off (option \"recall\" of the plugin delay)");
    return;
  }
  if (topic.empty() || !host_.broker().find_topic(topic)) {
    refuse(ticket, code::topic_not_exist, "the topic \"" + topic + "\" does not exist on this broker");
    return;
  }
  const auto handle = decode_handle(request.field("recallHandle").value_or(""));
  if (!handle) {
    refuse(ticket, code::illegal_operation, handle.error().text);
    return;
  }
  const std::int64_t left_ms = handle->due_ms - host_.wall_ms();
  std::string wrong;
  if (handle->topic != topic) {
    wrong = "it belongs to the topic \"" + handle->topic + "\", the request names \"" + topic + "\"";
  } else if (handle->broker_name != settings_.broker_name) {
    wrong = "it belongs to the broker \"" + handle->broker_name + "\", this is \"" + settings_.broker_name + "\"";
  } else if (left_ms <= 0) {
    wrong = "the message was due " + std::to_string(-left_ms) + " ms ago";
  } else if (left_ms > settings_.horizon_ms) {
    wrong = "its time lies beyond the horizon of " + std::to_string(settings_.horizon_ms) + " ms";
  }
  if (!wrong.empty()) {
    refuse(ticket, code::illegal_operation, "recall handle: " + wrong);
    return;
  }
  on_pool(ticket, [this, ticket, handle = *handle] {
    const Status sent = service_.cancel(
        handle.topic, handle.unique_key, handle.due_ms, [this, ticket, key = handle.unique_key](const Status& stored) {
          if (!stored) {
            refuse(ticket, stored.error());
            return;
          }
          const std::pair<std::string_view, std::string_view> fields[] = {{"msgId", key}};
          host_.answer(ticket, {.fields = fields});
        });
    if (!sent) refuse(ticket, sent.error());
  });
}

void Commands::list(const sdk::CommandRequest& request) {
  const std::uint64_t ticket = request.ticket();
  const std::string topic(request.field("topic").value_or(""));
  const std::string key(request.field("key").value_or(""));
  const auto limit = read_number(request.field("limit").value_or(std::to_string(list_limit_default)));
  if (!limit || *limit < 0 || *limit > list_limit_max) {
    refuse(ticket, code::system_error, "limit: expected a number up to " + std::to_string(list_limit_max));
    return;
  }
  if (topic.empty() != key.empty()) {
    refuse(ticket, code::system_error, "expected topic and key, or neither of them");
    return;
  }
  on_pool(ticket, [this, ticket, topic, key, limit = static_cast<std::size_t>(*limit)] {
    const auto timers = key.empty() ? service_.next(limit) : service_.find(topic, key, false);
    if (!timers) {
      refuse(ticket, timers.error());
      return;
    }
    const TimerIndex::Counts counts = service_.counts();
    std::string json = "{\"pending\":" + std::to_string(counts.pending) +
                       ",\"inMemory\":" + std::to_string(counts.in_memory) +
                       ",\"runs\":" + std::to_string(counts.run_count) +
                       ",\"runBytes\":" + std::to_string(counts.run_bytes) + ",\"topics\":[";
    const char* separator = "";
    for (const auto& [hash, count] : counts.topics) {
      json += separator;
      json += "{\"topic\":";
      append_json_text(json, count.name);
      json += ",\"pending\":" + std::to_string(count.pending) + "}";
      separator = ",";
    }
    json += "],\"timers\":" + json_of(*timers) + "}";
    host_.answer(ticket, {.body = json});
  });
}

void Commands::cancel(const sdk::CommandRequest& request) {
  const std::uint64_t ticket = request.ticket();
  const std::string topic(request.field("topic").value_or(""));
  const std::string unique_key(request.field("uniqKey").value_or(""));
  const std::string key(request.field("key").value_or(""));
  if (topic.empty() || unique_key.empty() == key.empty()) {
    refuse(ticket, code::system_error, "expected a topic, and either a key or a uniqKey");
    return;
  }
  on_pool(ticket, [this, ticket, topic, unique_key, key] {
    const auto timers = service_.find(topic, unique_key.empty() ? key : unique_key, !unique_key.empty());
    if (!timers) {
      refuse(ticket, timers.error());
      return;
    }
    if (timers->empty()) {
      refuse(ticket, code::query_not_found,
             "no timer of the topic \"" + topic + "\" waits under \"" + (unique_key.empty() ? key : unique_key) + "\"");
      return;
    }
    struct Cancelling {
      std::atomic<std::size_t> left;
      std::atomic<bool> failed{false};
      std::string json;
    };
    auto state = std::make_shared<Cancelling>();
    state->left = timers->size();
    state->json = "{\"cancelled\":" + json_of(*timers) + "}";
    const auto one_done = [this, ticket, state](const Status& stored) {
      if (!stored && !state->failed.exchange(true)) refuse(ticket, stored.error());
      if (state->left.fetch_sub(1) == 1 && !state->failed) host_.answer(ticket, {.body = state->json});
    };
    for (const TimerView& timer : *timers) {
      if (const Status sent = service_.cancel(timer.topic, timer.unique_key, timer.due_ms, one_done); !sent) {
        one_done(sent);
      }
    }
  });
}

void Commands::on_pool(std::uint64_t ticket, std::function<void()> work) {
  const Status accepted = host_.run_blocking([this, ticket, work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& thrown) {
      refuse(ticket, code::system_error, thrown.what());
    }
  });
  if (!accepted) refuse(ticket, accepted.error());
}

void Commands::refuse(std::uint64_t ticket, std::int32_t code, std::string_view remark) const {
  host_.answer(ticket, {.code = code, .remark = remark});
}

void Commands::refuse(std::uint64_t ticket, const Error& error) const {
  const bool later = error.code == Errc::busy || error.code == Errc::full;
  const std::int32_t code = later                             ? code::system_busy
                            : error.code == Errc::unavailable ? code::service_not_available
                                                              : code::system_error;
  refuse(ticket, code, error.text);
}

}  // namespace gantry::delay
