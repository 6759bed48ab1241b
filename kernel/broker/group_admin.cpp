// The part of AdminHandler that is about groups and their members.

#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/group_progress.hpp"
#include "kernel/routing/refusal.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/group_config.hpp"
#include "protocol/names.hpp"
#include "protocol/responses.hpp"
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

protocol::Connection describe(const routing::Client& client) {
  return {client.client_id, client.address, client.language, client.version};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace

bool AdminHandler::handle_groups(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::update_and_create_subscriptiongroup: put_group(request); return true;
    case RequestCode::update_and_create_subscriptiongroup_list: put_groups(request); return true;
    case RequestCode::delete_subscriptiongroup: delete_group(request); return true;
    case RequestCode::get_subscriptiongroup_config: get_group(request); return true;
    case RequestCode::get_all_subscriptiongroup_config: list_groups(request); return true;
    case RequestCode::get_consumer_connection_list: consumer_connections(request); return true;
    case RequestCode::get_producer_connection_list: producer_connections(request); return true;
    case RequestCode::get_consume_stats: consume_stats(request); return true;
    case RequestCode::update_and_get_group_forbidden: group_forbidden(request); return true;
    case RequestCode::set_message_request_mode: request_mode(request); return true;
    default: return false;
  }
}

void AdminHandler::put_group(const Request& request) {
  protocol::SubscriptionGroupConfig config;
  if (!admit_change(request) || !decode_body(request, config)) return;
  protocol::SubscriptionGroupList list;
  list.groups.push_back(std::move(config));
  put_groups(request, list);
}

void AdminHandler::put_groups(const Request& request) {
  protocol::SubscriptionGroupList list;
  if (!admit_change(request) || !decode_body(request, list)) return;
  put_groups(request, list);
}

void AdminHandler::put_groups(const Request& request, const protocol::SubscriptionGroupList& list) {
  auto& env = context_.shared.env;
  if (const Status put = env.groups.put_all(list.groups); !put) {
    return context_.reply(request.reply_to(), routing::group_refusal(put.error()), put.error().text);
  }
  // Tools find a group's brokers by the route of its retry topic, so it exists from the beginning.
  for (const protocol::SubscriptionGroupConfig& config : list.groups) {
    if (config.retry_queue_count <= 0) continue;
    if (const auto made = env.topics.ensure_retry_topic(config.group_name, config.retry_queue_count); !made) {
      return context_.reply(request.reply_to(), routing::topic_refusal(made.error()), made.error().text);
    }
  }
  answer_when_saved(request);
}

void AdminHandler::delete_group(const Request& request) {
  protocol::DeleteGroupHeader header;
  if (!admit_change(request) || !decode(request, header)) return;
  auto& env = context_.shared.env;
  if (const Status removed = env.groups.remove(header.group_name); !removed) {
    if (removed.error().code != Errc::not_found) {
      return context_.reply(request.reply_to(), routing::group_refusal(removed.error()), removed.error().text);
    }
  }
  if (header.clean_offset || header.remove_offset) env.offsets.remove_group(header.group_name);
  env.locks.remove_group(header.group_name);
  answer_when_saved(request);
}

void AdminHandler::get_group(const Request& request) {
  protocol::GroupHeader header;
  if (!decode(request, header)) return;
  const routing::Group* group = context_.groups.find(header.group);
  if (group == nullptr) {
    return context_.reply(request.reply_to(), ResponseCode::subscription_group_not_exist,
                          remark::group_unknown(header.group));
  }
  const std::string body = protocol::encode_body(group->config());
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::as_bytes(body));
}

void AdminHandler::list_groups(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) {
    const protocol::SubscriptionGroupTable table = shared.env.groups.image().first;
    const auto total = static_cast<std::int32_t>(table.groups.size());
    const std::string body = protocol::encode_body(table);
    later.answer(ResponseCode::success, {}, protocol::GetAllGroupConfigResponse{total}, protocol::as_bytes(body));
  });
}

void AdminHandler::consumer_connections(const Request& request) {
  protocol::ConsumerGroupHeader header;
  if (!decode(request, header)) return;
  const routing::ConsumerGroup* group = context_.consumers.find(header.consumer_group);
  if (group == nullptr) {
    return context_.reply(request.reply_to(), ResponseCode::consumer_not_online,
                          remark::group_offline(header.consumer_group));
  }
  protocol::ConsumerConnection answer;
  for (const routing::ClientPtr& member : group->members) answer.connections.push_back(describe(*member));
  for (const auto& subscription : group->subscriptions) answer.subscriptions[subscription->topic] = *subscription;
  answer.consume_type = group->consume_type;
  answer.message_model = group->message_model;
  answer.consume_from = group->consume_from;
  const std::string body = protocol::encode_body(answer);
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::as_bytes(body));
}

void AdminHandler::producer_connections(const Request& request) {
  protocol::ProducerGroupHeader header;
  if (!decode(request, header)) return;
  const auto group = context_.shared.env.clients.producer_group(header.producer_group);
  if (!group) {
    return context_.reply(request.reply_to(), ResponseCode::system_error,
                          remark::producers_offline(header.producer_group));
  }
  protocol::ProducerConnection answer;
  for (const routing::ClientPtr& member : group->members) answer.connections.push_back(describe(*member));
  const std::string body = protocol::encode_body(answer);
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::as_bytes(body));
}

void AdminHandler::consume_stats(const Request& request) {
  protocol::ConsumeStatsHeader header;
  if (!decode(request, header)) return;
  std::vector<std::string> named = split(header.topic_list, ';');
  if (!header.topic.empty()) named.assign(1, std::string(header.topic));
  on_pool(request, [group = std::string(header.consumer_group), topics = std::move(named)](Shared& shared,
                                                                                           Deferred later) mutable {
    const bool chosen = !topics.empty();
    if (!chosen) topics = shared.env.offsets.topics_of(group);
    const auto live = shared.env.clients.consumer_group(group);
    protocol::ConsumeStats stats;
    for (const std::string& topic : topics) {
      // What the live group does not subscribe to any more is history.
      if (!chosen && live && live->find(topic) == nullptr) continue;
      if (const Status added = add_progress(shared, group, topic, stats); !added) {
        return later.answer(ResponseCode::system_error, added.error().text);
      }
      if (const auto traffic = shared.traffic.find(topic + "@" + group)) stats.consume_tps += traffic->minute.tps;
    }
    answer_text(later, protocol::encode_body(stats));
  });
}

void AdminHandler::group_forbidden(const Request& request) {
  protocol::GroupForbiddenHeader header;
  if (!decode(request, header)) return;
  auto& groups = context_.shared.env.groups;
  if (header.readable) {
    if (!admit_change(request)) return;
    if (const Status set = groups.set_readable(header.group, header.topic, *header.readable); !set) {
      return context_.reply(request.reply_to(), routing::group_refusal(set.error()), set.error().text);
    }
  }
  // Names were checked when they were created or set, so they need no escaping.
  if (!protocol::is_group_name(header.group) || !protocol::is_topic_name(header.topic)) {
    return context_.reply(request.reply_to(), ResponseCode::invalid_parameter,
                          "expected the names of a group and a topic");
  }
  const std::string body = "{\"group\":\"" + std::string(header.group) +
                           "\",\"readable\":" + (groups.readable(header.group, header.topic) ? "true" : "false") +
                           ",\"topic\":\"" + std::string(header.topic) + "\"}";
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::as_bytes(body));
}

// How a group gets its messages. It pulls them: there is nothing to change, and nothing else to change to.
void AdminHandler::request_mode(const Request& request) {
  protocol::RequestModeBody wish;
  if (!admit_change(request) || !decode_body(request, wish)) return;
  const ReplyTo to = request.reply_to();
  if (context_.topics.find(wish.topic) == nullptr) {
    return context_.reply(to, ResponseCode::topic_not_exist, remark::topic_unknown(wish.topic));
  }
  if (protocol::is_retry_topic(wish.topic)) {
    return context_.reply(to, ResponseCode::no_permission, "retry topics are always pulled");
  }
  if (context_.groups.find(wish.consumer_group) == nullptr) {
    return context_.reply(to, ResponseCode::subscription_group_not_exist, remark::group_unknown(wish.consumer_group));
  }
  if (wish.mode != "PULL") {
    return context_.reply(
        to, ResponseCode::request_code_not_supported,
        "mode: expected PULL, found " + wish.mode + "; POP consumption needs a plugin that serves it");
  }
  context_.reply(to, ResponseCode::success);
}

}  // namespace gantry::broker
