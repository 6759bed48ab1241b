// The part of AdminHandler that is about topics.

#include "kernel/broker/admin_handler.hpp"
#include "kernel/routing/refusal.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/lists.hpp"
#include "protocol/offset_table.hpp"
#include "protocol/responses.hpp"
#include "protocol/stats.hpp"
#include "protocol/topic_config.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

bool AdminHandler::handle_topics(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::update_and_create_topic: put_topic(request); return true;
    case RequestCode::update_and_create_topic_list: put_topics(request); return true;
    case RequestCode::delete_topic_in_broker: delete_topic(request); return true;
    case RequestCode::get_topic_config: get_topic(request); return true;
    case RequestCode::get_all_topic_config: list_topics(request); return true;
    case RequestCode::get_system_topic_list_from_broker: list_system_topics(request); return true;
    case RequestCode::get_all_consumer_offset: list_offsets(request); return true;
    case RequestCode::get_topic_stats_info: topic_stats(request); return true;
    case RequestCode::query_topic_consume_by_who: groups_of_topic(request); return true;
    default: return false;
  }
}

void AdminHandler::put_topic(const Request& request) {
  const ReplyTo to = request.reply_to();
  protocol::CreateTopicHeader header;
  if (!admit_change(request) || !decode(request, header)) return;
  if (!header.filter_type.empty() && header.filter_type != "SINGLE_TAG" && header.filter_type != "MULTI_TAG") {
    return context_.reply(
        to, ResponseCode::invalid_parameter,
        "topicFilterType: expected SINGLE_TAG or MULTI_TAG, found " + std::string(header.filter_type));
  }
  routing::TopicRequest wish;
  wish.config.topic_name = header.topic;
  wish.config.read_queue_count = header.read_queue_count;
  wish.config.write_queue_count = header.write_queue_count;
  wish.config.perm = header.perm;
  wish.config.filter_type =
      header.filter_type == "MULTI_TAG" ? protocol::TopicFilterType::multi_tag : protocol::TopicFilterType::single_tag;
  wish.config.topic_sys_flag = header.topic_sys_flag;
  wish.config.order = header.order;
  wish.attributes = header.attributes;
  if (const auto put = context_.shared.env.topics.put(wish); !put) {
    return context_.reply(to, routing::topic_refusal(put.error()), put.error().text);
  }
  answer_when_saved(request);
}

void AdminHandler::put_topics(const Request& request) {
  protocol::TopicConfigList list;
  if (!admit_change(request) || !decode_body(request, list)) return;
  std::vector<routing::TopicRequest> wishes;
  wishes.reserve(list.topics.size());
  for (protocol::TopicConfig& config : list.topics) {
    // In this form attributes come as a map whose keys carry the sign.
    std::string attributes;
    for (const auto& [key, value] : config.attributes) {
      if (!attributes.empty()) attributes.push_back(',');
      attributes.append(key).append("=").append(value);
    }
    wishes.push_back({std::move(config), std::move(attributes)});
  }
  if (const Status put = context_.shared.env.topics.put_all(wishes); !put) {
    return context_.reply(request.reply_to(), routing::topic_refusal(put.error()), put.error().text);
  }
  answer_when_saved(request);
}

void AdminHandler::delete_topic(const Request& request) {
  const ReplyTo to = request.reply_to();
  protocol::TopicHeader header;
  if (!admit_change(request) || !decode(request, header)) return;
  auto removed = context_.shared.env.topics.remove(header.topic);
  if (!removed && removed.error().code == Errc::not_found) {  // Tools send this to brokers that never had the topic.
    return context_.reply(to, ResponseCode::success);
  }
  if (!removed) return context_.reply(to, routing::topic_refusal(removed.error()), removed.error().text);
  Shared& shared = context_.shared;
  shared.env.control.post(
      [&shared, topic = *std::move(removed), later = Deferred(shared, request.channel.id(), to)]() mutable {
        shared.env.offsets.remove_topic(topic->name());
        const Status deleted = shared.env.store.delete_topic(topic->name());
        // Pulls that wait for the topic learn now that it is gone.
        for (std::int32_t id = 0; id < topic->queue_count(); ++id) shared.arrivals.announce(*topic->queue(id));
        if (!deleted) return later.answer(ResponseCode::system_error, deleted.error().text);
        shared.env.persistence.when_saved([answer = std::move(later)](const Status& saved) mutable {
          if (saved) return answer.answer(ResponseCode::success);
          answer.answer(ResponseCode::system_error, "deleted, but not saved yet: " + saved.error().text);
        });
      });
}

void AdminHandler::get_topic(const Request& request) {
  protocol::TopicHeader header;
  if (!decode(request, header)) return;
  const routing::Topic* topic = context_.topics.find(header.topic);
  if (topic == nullptr) {
    return context_.reply(request.reply_to(), ResponseCode::topic_not_exist, remark::topic_unknown(header.topic));
  }
  const std::string body = protocol::encode_body(topic->config());
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::as_bytes(body));
}

void AdminHandler::list_topics(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) {
    const routing::TopicTable::Image image = shared.env.topics.image();
    protocol::TopicConfigTable table;
    for (const auto& topic : image.topics) table.topics.emplace(topic->name(), topic->config());
    table.data_version = image.version;
    // Paged requests get everything in one page: a total that is already reached ends the tool's loop.
    const auto total = static_cast<std::int32_t>(table.topics.size());
    const std::string body = protocol::encode_body(table);
    later.answer(ResponseCode::success, {}, protocol::GetAllTopicConfigResponse{total}, protocol::as_bytes(body));
  });
}

void AdminHandler::list_system_topics(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) {
    protocol::TopicList list;
    for (const auto& topic : shared.env.topics.all()) {
      if (topic->traits().system) list.topics.emplace_back(topic->name());
    }
    answer_text(later, protocol::encode_body(list));
  });
}

void AdminHandler::list_offsets(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) {
    answer_text(later, protocol::encode_body(shared.env.offsets.image()));
  });
}

void AdminHandler::topic_stats(const Request& request) {
  protocol::TopicHeader header;
  if (!decode(request, header)) return;
  const auto* topic = context_.topics.find_shared(header.topic);
  if (topic == nullptr) {
    return context_.reply(request.reply_to(), ResponseCode::topic_not_exist, remark::topic_unknown(header.topic));
  }
  on_pool(request, [held = *topic](Shared& shared, Deferred later) {
    protocol::TopicStatsTable stats;
    for (std::int32_t id = 0; id < held->queue_count(); ++id) {
      const auto queue = held->open(shared.env.store, id);
      if (!queue) return later.answer(ResponseCode::system_error, queue.error().text);
      const auto bounds = shared.env.store.bounds(*queue);
      protocol::TopicStatsTable::Queue& line = stats.queues[{std::string(held->name()), shared.options.name, id}];
      line.min_offset = bounds.min;
      line.max_offset = bounds.max;
      if (bounds.max == bounds.min) continue;
      const auto last = shared.env.store.entry(*queue, bounds.max - 1, GANTRY_READ_MAY_BLOCK);
      line.last_update_ms = last ? last->store_ms : 0;
    }
    answer_text(later, protocol::encode_body(stats));
  });
}

void AdminHandler::groups_of_topic(const Request& request) {
  protocol::TopicHeader header;
  if (!decode(request, header)) return;
  on_pool(request, [topic = std::string(header.topic)](Shared& shared, Deferred later) {
    const std::vector<std::string> live = shared.env.clients.groups_of(topic);
    const std::vector<std::string> known = shared.env.offsets.groups_of(topic);
    protocol::GroupList list;
    std::set_union(live.begin(), live.end(), known.begin(), known.end(), std::back_inserter(list.groups));
    answer_text(later, protocol::encode_body(list));
  });
}

}  // namespace gantry::broker
