#include "client/message_finder.hpp"

#include "client/broker_calls.hpp"
#include "client/consumer.hpp"
#include "client/pull_call.hpp"
#include "client/routes.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/message_id.hpp"
#include "protocol/properties.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace gantry::client {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

constexpr std::int32_t answer_count_max = 64;  // more than this no broker answers
constexpr std::int64_t second_ms = 1'000;
constexpr std::uint32_t port_max = 65'535;

/// Where an offset message id says that the message is.
struct Place {
  std::string address;
  std::int64_t log_offset = 0;
};

Result<Place> place_of(const std::string& id) {
  const auto decoded = protocol::decode_offset_message_id(id);
  if (!decoded || decoded->store_host.port == 0 || decoded->store_host.port > port_max) {
    return Error{
        Errc::invalid_argument,
        "'" + id +
            "' is no offset message id (the hexadecimal address, port and log offset of a stored message); if it "
            "is a unique key, which producers call the message id, name its topic too"};
  }
  return Place{protocol::to_string(decoded->store_host), decoded->log_offset};
}

/// Whether the message is what was asked for: brokers may answer with more.
bool is_wanted(const ReceivedMessage& message, const MessageQuery& query) {
  if (message.topic != query.topic || message.store_ms < query.begin_ms || message.store_ms > query.end_ms)
    return false;
  const auto uniq_key = message.properties.find(std::string(protocol::property::uniq_key));
  const bool is_unique_key = uniq_key != message.properties.end() && uniq_key->second == query.key;
  return is_unique_key || (!query.unique_only && protocol::keys_contain(message.keys, query.key));
}

}  // namespace

struct MessageFinder::Impl {
  Impl(MessageFinderOptions given, std::unique_ptr<RemotingClient> client)
      : remoting(std::move(client)), routes(*remoting, std::move(given.name_servers)) {}

  Result<ReceivedMessage> view_at(const Place& place, const std::string& broker_name);
  /// Appends what one broker found.
  Status query_broker(const std::string& broker_name, const std::string& address, const MessageQuery& query,
                      std::vector<ReceivedMessage>& found);
  Result<std::string> master_of(const MessageQueue& queue);

  std::unique_ptr<RemotingClient> remoting;
  Routes routes;
};

Result<ReceivedMessage> MessageFinder::Impl::view_at(const Place& place, const std::string& broker_name) {
  protocol::ViewMessageHeader header;
  header.log_offset = place.log_offset;
  auto reply = remoting->call(place.address, RequestCode::view_message_by_id, header);
  if (!reply) return std::move(reply).error().within("asking the broker that the id names, " + place.address);
  if (!reply->is_success()) {
    Error error = reply->to_error("broker " + place.address);
    error.code = Errc::not_found;
    return error;
  }
  std::vector<ReceivedMessage> messages;
  GANTRY_TRY(decode_messages(reply->body, broker_name, messages, Bodies::plain_if_possible));
  if (messages.size() != 1) {
    return Error{Errc::corrupt,
                 "broker " + place.address + ": expected one message, found " + std::to_string(messages.size())};
  }
  return std::move(messages.front());
}

Status MessageFinder::Impl::query_broker(const std::string& broker_name, const std::string& address,
                                         const MessageQuery& query, std::vector<ReceivedMessage>& found) {
  protocol::QueryMessageHeader header;
  header.topic = query.topic;
  header.key = query.key;
  header.count_max = answer_count_max;
  // RocketMQ's index rounds times down to seconds.
  header.begin_ms = std::max<std::int64_t>(query.begin_ms, second_ms) - second_ms;
  header.end_ms = query.end_ms;
  header.is_unique_key = query.unique_only;
  GANTRY_ASSIGN(const Reply reply, remoting->call(address, RequestCode::query_message, header));
  if (static_cast<ResponseCode>(reply.code) == ResponseCode::query_not_found) return {};
  if (!reply.is_success()) return reply.to_error("broker " + broker_name);
  std::vector<ReceivedMessage> messages;
  GANTRY_TRY(decode_messages(reply.body, broker_name, messages, Bodies::plain_if_possible));
  for (ReceivedMessage& message : messages) {
    if (is_wanted(message, query)) found.push_back(std::move(message));
  }
  return {};
}

Result<std::string> MessageFinder::Impl::master_of(const MessageQueue& queue) {
  GANTRY_ASSIGN(const Route route, routes.get(queue.topic));
  const auto master = route.masters.find(queue.broker_name);
  if (master == route.masters.end()) {
    return Error{Errc::not_found, "topic " + queue.topic + " is not on a broker called " + queue.broker_name};
  }
  return master->second;
}

MessageFinder::MessageFinder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MessageFinder::~MessageFinder() = default;

Result<std::unique_ptr<MessageFinder>> MessageFinder::start(MessageFinderOptions options) {
  GANTRY_ASSIGN(auto remoting, RemotingClient::start(options.remoting));
  return std::unique_ptr<MessageFinder>(
      new MessageFinder(std::make_unique<Impl>(std::move(options), std::move(remoting))));
}

Result<ReceivedMessage> MessageFinder::view(const std::string& offset_message_id) {
  GANTRY_ASSIGN(const Place place, place_of(offset_message_id));
  GANTRY_ASSIGN(ReceivedMessage message, impl_->view_at(place, place.address));
  // The broker's name is for people; the address does without NameServers.
  if (const auto route = impl_->routes.get(message.topic)) {
    for (const auto& [name, address] : route->masters) {
      if (address == place.address) message.queue.broker_name = name;
    }
  }
  return message;
}

Result<ReceivedMessage> MessageFinder::find(const std::string& topic, const std::string& id) {
  MessageQuery query;
  query.topic = topic;
  query.key = id;
  query.unique_only = true;
  GANTRY_ASSIGN(FoundMessages found, this->query(query));
  if (!found.messages.empty()) return std::move(found.messages.back());
  if (const auto place = place_of(id)) {
    GANTRY_ASSIGN(const Route route, impl_->routes.get(topic));
    for (const auto& [name, address] : route.masters) {
      if (address != place->address) continue;
      auto message = impl_->view_at(*place, name);
      if (message && message->topic != topic) {
        return Error{Errc::not_found, "the message with this id is in topic " + message->topic + ", not in " + topic};
      }
      return message;
    }
  }
  if (!found.problems.empty()) return std::move(found.problems.front());
  return Error{Errc::not_found, "no message of topic " + topic + " has the unique key " + id +
                                    "; it may have expired, or be in another topic (retries are in %RETRY%<group>)"};
}

Result<FoundMessages> MessageFinder::query(const MessageQuery& query) {
  GANTRY_ASSIGN(const Route route, impl_->routes.get(query.topic));
  FoundMessages found;
  for (const auto& [name, address] : route.masters) {
    if (auto asked = impl_->query_broker(name, address, query, found.messages); !asked) {
      found.problems.push_back(std::move(asked).error());
    }
  }
  if (!found.problems.empty() && found.problems.size() == route.masters.size()) {
    return std::move(found.problems.front());
  }
  std::stable_sort(found.messages.begin(), found.messages.end(),
                   [](const ReceivedMessage& a, const ReceivedMessage& b) { return a.store_ms < b.store_ms; });
  const auto wanted = static_cast<std::size_t>(std::max(query.count_max, 0));
  if (found.messages.size() > wanted) {
    found.messages.erase(found.messages.begin(), found.messages.end() - static_cast<std::ptrdiff_t>(wanted));
  }
  return found;
}

Result<std::vector<MessageQueue>> MessageFinder::queues(const std::string& topic, std::int32_t queue_id) {
  GANTRY_ASSIGN(const Route route, impl_->routes.get(topic));
  // A queue that is not written to any more may hold messages, and the other way round.
  std::set<MessageQueue> queues;
  for (const auto* list : {&route.read_queues, &route.write_queues}) {
    for (const MessageQueue& queue : *list) {
      if (queue.queue_id == queue_id && route.masters.contains(queue.broker_name)) queues.insert(queue);
    }
  }
  if (queues.empty()) {
    return Error{Errc::not_found,
                 "topic " + topic + " has no queue " + std::to_string(queue_id) + "; see gantry topic show " + topic};
  }
  return std::vector<MessageQueue>(queues.begin(), queues.end());
}

Result<std::int64_t> MessageFinder::search_offset(const MessageQueue& queue, std::int64_t time_ms,
                                                  TimeBoundary boundary) {
  GANTRY_ASSIGN(const std::string address, impl_->master_of(queue));
  return ask_offset_by_time(*impl_->remoting, address, queue, time_ms,
                            boundary == TimeBoundary::upper ? "UPPER" : "LOWER");
}

Result<ReceivedMessage> MessageFinder::message_at(const MessageQueue& queue, std::int64_t offset) {
  GANTRY_ASSIGN(const std::string address, impl_->master_of(queue));
  // RocketMQ's group for tools: it needs no configuration and keeps no offsets.
  static const std::string group = "TOOLS_CONSUMER";
  const PullRequest request{.queue = queue, .offset = offset, .message_count_max = 1};
  const PullCall call(group, request);
  GANTRY_ASSIGN(const Reply reply,
                impl_->remoting->call_within(call.timeout(), address, RequestCode::pull_message, call.header()));
  if (reply.is_success()) {
    std::vector<ReceivedMessage> messages;
    GANTRY_TRY(decode_messages(reply.body, queue.broker_name, messages, Bodies::plain_if_possible));
    if (!messages.empty() && messages.front().queue_offset == offset) return std::move(messages.front());
  }
  return Error{Errc::not_found, "queue " + std::to_string(queue.queue_id) + " of topic " + queue.topic + " on " +
                                    queue.broker_name + " holds no message at offset " + std::to_string(offset)};
}

}  // namespace gantry::client
