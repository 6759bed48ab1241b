// The part of AdminHandler that tells numbers: traffic, lags, entries of queues.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/group_progress.hpp"
#include "kernel/broker/selector.hpp"
#include "protocol/admin_requests.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/host.hpp"
#include "protocol/stats.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

constexpr std::int32_t entries_max = 32;  // of one answer to QUERY_CONSUME_QUEUE, as RocketMQ's tools ask

bool is_kept(std::string_view name) noexcept {
  return name == "TOPIC_PUT_NUMS" || name == "GROUP_GET_NUMS" || name == "BROKER_PUT_NUMS" || name == "BROKER_GET_NUMS";
}

/// What the rates of the whole broker say, in the form of the others.
protocol::BrokerStatsData broker_rates(Shared& shared, bool put) {
  const RateLog::Rates rates = shared.rates.rates(shared.env.clock, shared.counters);
  const auto& of = put ? rates.put : rates.got;
  const auto item = [](double per_second, double seconds) {
    return protocol::BrokerStatsData::Item{static_cast<std::int64_t>(per_second * seconds), per_second,
                                           per_second > 0 ? 1.0 : 0.0};
  };
  const RateLog::Totals now = RateLog::totals_of(shared.counters);
  const RateLog::Totals midnight = shared.rates.at_last_midnight();
  protocol::BrokerStatsData data;
  data.minute = item(of[1], 60);
  data.hour = item(of[2], 600);
  data.day.sum = static_cast<std::int64_t>(put ? now.put - midnight.put : now.got - midnight.got);
  data.day.tps = of[2];
  data.day.average_per_tick = data.day.sum > 0 ? 1 : 0;
  return data;
}

}  // namespace

bool AdminHandler::handle_statistics(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::view_broker_stats_data: broker_stats(request); return true;
    case RequestCode::get_broker_consume_stats: broker_consume_stats(request); return true;
    case RequestCode::query_consume_queue: queue_entries(request); return true;
    default: return false;
  }
}

void AdminHandler::broker_stats(const Request& request) {
  protocol::BrokerStatsHeader header;
  if (!decode(request, header)) return;
  const ReplyTo to = request.reply_to();
  const std::string_view name = header.stats_name;
  std::optional<protocol::BrokerStatsData> data;
  if (name == "BROKER_PUT_NUMS" || name == "BROKER_GET_NUMS") {
    data = broker_rates(context_.shared, name == "BROKER_PUT_NUMS");
  } else if (is_kept(name)) {
    data = context_.shared.traffic.find(header.stats_key);
  }
  if (!data) {
    return context_.reply(to, ResponseCode::system_error, remark::no_statistics(name, header.stats_key, is_kept(name)));
  }
  const std::string body = protocol::encode_body(*data);
  context_.reply(to, ResponseCode::success, {}, protocol::as_bytes(body));
}

// All groups that have an offset in a topic, with how far they are behind.
void AdminHandler::broker_consume_stats(const Request& request) {
  protocol::BrokerConsumeStatsHeader header;
  if (!decode(request, header)) return;
  const gantry_address own = context_.shared.store_host(request.channel.local());
  on_pool(request, [order = header.is_order, address = protocol::to_string(protocol::host_of(own))](Shared& shared,
                                                                                                    Deferred later) {
    protocol::ConsumeStatsList list;
    list.broker_address = address;
    for (const auto& [name, config] : shared.env.groups.image().first.groups) {
      std::vector<protocol::ConsumeStats> of_group;
      for (const std::string& topic : shared.env.offsets.topics_of(name)) {
        const auto known = shared.env.topics.find(topic);
        if (!known || known->config().order != order) continue;
        protocol::ConsumeStats stats;
        if (const Status added = add_progress(shared, name, topic, stats); !added) {
          return later.answer(ResponseCode::system_error, added.error().text);
        }
        for (const auto& [queue, line] : stats.queues) {
          list.total_diff += line.broker_offset - line.consumer_offset;
          list.total_inflight_diff += line.pull_offset - line.consumer_offset;
        }
        of_group.push_back(std::move(stats));
      }
      if (!of_group.empty()) list.stats.push_back({{name, std::move(of_group)}});
    }
    answer_text(later, protocol::encode_body(list));
  });
}

// The entries of a queue as they are, and whether the group's subscription lets each of them pass.
void AdminHandler::queue_entries(const Request& request) {
  protocol::QueryConsumeQueueHeader header;
  if (!decode(request, header)) return;
  struct Wish {
    std::string topic;
    std::string group;
    std::int32_t queue_id = 0;
    std::int64_t index = 0;
    std::int32_t count = 0;
  };
  on_pool(request, [wish = Wish{std::string(header.topic), std::string(header.consumer_group), header.queue_id,
                                header.index, header.count}](Shared& shared, Deferred later) {
    const auto topic = shared.env.topics.find(wish.topic);
    if (!topic) return later.answer(ResponseCode::topic_not_exist, remark::topic_unknown(wish.topic));
    if (wish.queue_id < 0 || wish.queue_id >= topic->queue_count()) {
      return later.answer(ResponseCode::system_error,
                          remark::no_such_queue(wish.topic, wish.queue_id, topic->queue_count()));
    }
    const auto queue = topic->open(shared.env.store, wish.queue_id);
    if (!queue) return later.answer(ResponseCode::system_error, queue.error().text);
    const auto bounds = shared.env.store.bounds(*queue);
    protocol::QueueEntriesAnswer answer;
    answer.min_index = bounds.min;
    answer.max_index = bounds.max;
    const auto group = shared.env.clients.consumer_group(wish.group);
    const protocol::SubscriptionData* subscription = group ? group->find(wish.topic) : nullptr;
    if (subscription != nullptr) answer.subscription = *subscription;
    const std::int64_t first = std::max(wish.index, bounds.min);
    const std::int64_t end = std::min(bounds.max, first + std::clamp(wish.count, 0, entries_max));
    for (std::int64_t at = first; at < end; ++at) {
      const auto entry = shared.env.store.entry(*queue, at, GANTRY_READ_MAY_BLOCK);
      protocol::QueueEntriesAnswer::Entry& line = answer.entries.emplace_back();
      if (!entry) {
        line.message = entry.error().text;
        continue;
      }
      line.log_offset = entry->log_offset;
      line.size = static_cast<std::int32_t>(entry->record_size);
      line.tag_code = entry->tag_code;
      if (subscription != nullptr) line.passes = passes_tags(*subscription, entry->tag_code);
    }
    answer_text(later, protocol::encode_body(answer));
  });
}

}  // namespace gantry::broker
