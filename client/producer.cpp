#include "client/producer.hpp"

#include "client/routes.hpp"
#include "protocol/batch.hpp"
#include "protocol/compression.hpp"
#include "protocol/message_id.hpp"
#include "protocol/properties.hpp"
#include "protocol/send_header.hpp"
#include "protocol/sys_flag.hpp"

#include <atomic>
#include <unistd.h>

namespace gantry::client {
namespace {

constexpr int zlib_level = 5;  // what RocketMQ's clients use
constexpr std::string_view template_topic = "TBW102";
constexpr std::int32_t template_queues = 4;

std::int64_t wall_ms() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// A loopback address in the ids: they must be unique, not routable.
protocol::Host id_host() {
  protocol::Host host;
  host.ip = {127, 0, 0, 1};
  return host;
}

bool worth_another_broker(std::int32_t code) {
  switch (static_cast<protocol::ResponseCode>(code)) {
    case protocol::ResponseCode::topic_not_exist:
    case protocol::ResponseCode::service_not_available:
    case protocol::ResponseCode::system_error:
    case protocol::ResponseCode::system_busy:
    case protocol::ResponseCode::no_permission:
    case protocol::ResponseCode::go_away: return true;
    default: return false;
  }
}

/// A message ready to be sent: encoded properties and body, and the header around them.
struct Prepared {
  protocol::ByteBuffer properties;
  std::string body;
  std::string message_id;
  std::int32_t sys_flag = 0;
  std::int32_t flag = 0;
  bool batch = false;
};

}  // namespace

struct Producer::Impl {
  explicit Impl(ProducerOptions given, std::unique_ptr<RemotingClient> client)
      : options(std::move(given)),
        remoting(std::move(client)),
        routes(*remoting, options.name_servers),
        ids(id_host(), static_cast<std::uint16_t>(getpid()),
            static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(this) >> 4)) {}

  Status append_properties(const Message& message, Prepared& to) {
    const auto append = [&to](std::string_view name, std::string_view value) -> Status {
      if (value.empty() || protocol::append_property(to.properties, name, value)) return {};
      return Error{Errc::invalid_argument,
                   "property '" + std::string(name) +
                       "': names and values must not hold the bytes 0x01 and 0x02, and a name must not be empty"};
    };
    for (const auto& [name, value] : message.properties) GANTRY_TRY(append(name, value));
    GANTRY_TRY(append(protocol::property::keys, message.keys));
    GANTRY_TRY(append(protocol::property::tags, message.tags));
    const protocol::MessageIdText id = ids.next(wall_ms());
    to.message_id = id.view();
    GANTRY_TRY(append(protocol::property::uniq_key, id.view()));
    GANTRY_TRY(append(protocol::property::wait, "true"));
    if (to.properties.size() > protocol::properties_size_max) {
      return Error{Errc::too_large, "the message's properties take " + std::to_string(to.properties.size()) +
                                        " bytes; at most " + std::to_string(protocol::properties_size_max) +
                                        " are possible"};
    }
    return {};
  }

  Status check_body(std::string_view body) const {
    if (body.empty()) return Error{Errc::invalid_argument, "a message must have a body of at least one byte"};
    if (body.size() > options.body_bytes_max) {
      return Error{Errc::too_large, "the message's body takes " + std::to_string(body.size()) + " bytes; at most " +
                                        std::to_string(options.body_bytes_max) + " are allowed"};
    }
    return {};
  }

  Result<Prepared> prepare(const Message& message) {
    GANTRY_TRY(check_body(message.body));
    Prepared prepared;
    prepared.flag = message.flag;
    GANTRY_TRY(append_properties(message, prepared));
    if (options.compress_from_bytes > 0 && message.body.size() > options.compress_from_bytes) {
      protocol::ByteBuffer compressed;
      GANTRY_TRY(protocol::zlib_deflate(protocol::as_bytes(message.body), zlib_level, compressed));
      prepared.body = compressed.text();
      prepared.sys_flag |= protocol::sys_flag::compressed | protocol::sys_flag::compression_zlib;
    } else {
      prepared.body = message.body;
    }
    return prepared;
  }

  [[nodiscard]] protocol::SendHeader header(const Prepared& message, const MessageQueue& queue) const {
    protocol::SendHeader header;
    header.producer_group = options.group;
    header.topic = queue.topic;
    header.default_topic = template_topic;
    header.default_topic_queue_count = template_queues;
    header.queue_id = queue.queue_id;
    header.sys_flag = message.sys_flag;
    header.born_ms = wall_ms();
    header.flag = message.flag;
    header.properties = message.properties.text();
    header.batch = message.batch;
    header.broker_name = queue.broker_name;
    return header;
  }

  static protocol::RequestCode code_of(const Prepared& message) {
    return message.batch ? protocol::RequestCode::send_batch_message : protocol::RequestCode::send_message_v2;
  }

  static Result<SendResult> result_of(const Reply& reply, const std::string& message_id, const MessageQueue& queue) {
    SendResult result;
    switch (static_cast<protocol::ResponseCode>(reply.code)) {
      case protocol::ResponseCode::success: result.status = SendStatus::stored; break;
      case protocol::ResponseCode::flush_disk_timeout: result.status = SendStatus::flush_disk_timeout; break;
      case protocol::ResponseCode::flush_slave_timeout: result.status = SendStatus::flush_slave_timeout; break;
      case protocol::ResponseCode::slave_not_available: result.status = SendStatus::slave_not_available; break;
      default: return reply.to_error("publishing to " + queue.topic);
    }
    result.message_id = message_id;
    result.offset_message_id = reply.field("msgId");
    result.recall_handle = reply.field("recallHandle");
    result.queue = queue;
    result.queue.queue_id = static_cast<std::int32_t>(reply.number("queueId", queue.queue_id));
    result.queue_offset = reply.number("queueOffset");
    return result;
  }

  Result<Route> writable_route(const std::string& topic) {
    GANTRY_ASSIGN(Route route, routes.get_or_template(topic));
    if (route.write_queues.empty()) {
      return Error{Errc::permission_denied, "topic " + topic + " has no queue that may be written to"};
    }
    return route;
  }

  /// The next queue in turn, not on `avoid` when another broker has one.
  MessageQueue next_queue(const Route& route, const std::string& avoid) {
    const std::size_t count = route.write_queues.size();
    for (std::size_t i = 0; i < count; ++i) {
      const MessageQueue& queue = route.write_queues[turn.fetch_add(1, std::memory_order_relaxed) % count];
      if (queue.broker_name != avoid) return queue;
    }
    return route.write_queues[turn.fetch_add(1, std::memory_order_relaxed) % count];
  }

  Result<SendResult> send_once(const Prepared& message, const Route& route, const MessageQueue& queue) {
    GANTRY_ASSIGN(const Reply reply, remoting->call_within(options.timeout, route.masters.at(queue.broker_name),
                                                           code_of(message), header(message, queue), message.body));
    return result_of(reply, message.message_id, queue);
  }

  ProducerOptions options;
  std::unique_ptr<RemotingClient> remoting;
  Routes routes;
  protocol::UniqKeyGenerator ids;
  std::atomic<std::size_t> turn{0};
};

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::start(ProducerOptions options) {
  GANTRY_ASSIGN(auto remoting, RemotingClient::start(options.remoting));
  return std::unique_ptr<Producer>(new Producer(std::make_unique<Impl>(std::move(options), std::move(remoting))));
}

Result<SendResult> Producer::send(const Message& message) {
  GANTRY_ASSIGN(const Prepared prepared, impl_->prepare(message));
  Error last{Errc::internal, "no attempt was made"};
  std::string failed_broker;
  for (int attempt = 0; attempt < impl_->options.attempts_max; ++attempt) {
    GANTRY_ASSIGN(const Route route, impl_->writable_route(message.topic));
    const MessageQueue queue = impl_->next_queue(route, failed_broker);
    const auto reply =
        impl_->remoting->call_within(impl_->options.timeout, route.masters.at(queue.broker_name),
                                     Impl::code_of(prepared), impl_->header(prepared, queue), prepared.body);
    if (reply) {
      auto result = Impl::result_of(*reply, prepared.message_id, queue);
      if (result || !worth_another_broker(reply->code)) return result;
      last = std::move(result).error();
    } else {
      last = reply.error();
    }
    failed_broker = queue.broker_name;
    impl_->routes.forget(message.topic);
  }
  return last;
}

Result<SendResult> Producer::send(const Message& message, const Selector& select) {
  GANTRY_ASSIGN(const Prepared prepared, impl_->prepare(message));
  GANTRY_ASSIGN(const Route route, impl_->writable_route(message.topic));
  const MessageQueue& queue = route.write_queues[select(route.write_queues) % route.write_queues.size()];
  return impl_->send_once(prepared, route, queue);
}

Result<SendResult> Producer::send_batch(std::span<const Message> messages) {
  if (messages.empty()) return Error{Errc::invalid_argument, "a batch must hold at least one message"};
  protocol::ByteBuffer body;
  Prepared batch;
  batch.batch = true;
  for (const Message& message : messages) {
    if (message.topic != messages.front().topic) {
      return Error{Errc::invalid_argument, "all messages of a batch go to one topic; found '" + messages.front().topic +
                                               "' and '" + message.topic + "'"};
    }
    GANTRY_TRY(impl_->check_body(message.body));
    Prepared element;
    GANTRY_TRY(impl_->append_properties(message, element));
    GANTRY_TRY(protocol::append_batch_element(
        body, {message.flag, protocol::as_bytes(message.body), element.properties.text()}));
    if (!batch.message_id.empty()) batch.message_id += ",";
    batch.message_id += element.message_id;
  }
  if (body.size() > impl_->options.body_bytes_max) {
    return Error{Errc::too_large, "the batch takes " + std::to_string(body.size()) + " bytes; at most " +
                                      std::to_string(impl_->options.body_bytes_max) + " are allowed"};
  }
  batch.body = body.text();
  GANTRY_ASSIGN(const Route route, impl_->writable_route(messages.front().topic));
  return impl_->send_once(batch, route, impl_->next_queue(route, {}));
}

void Producer::send_async(const Message& message, Done done) {
  auto prepared = impl_->prepare(message);
  if (!prepared) return done(std::move(prepared).error());
  const auto route = impl_->writable_route(message.topic);
  if (!route) return done(route.error());
  const MessageQueue queue = impl_->next_queue(*route, {});
  impl_->remoting->call_async(impl_->options.timeout, route->masters.at(queue.broker_name), Impl::code_of(*prepared),
                              impl_->header(*prepared, queue), prepared->body,
                              [queue, id = prepared->message_id, done = std::move(done)](Result<Reply> reply) mutable {
                                if (!reply) return done(std::move(reply).error());
                                done(Impl::result_of(*reply, id, queue));
                              });
}

Status Producer::send_oneway(const Message& message) {
  GANTRY_ASSIGN(const Prepared prepared, impl_->prepare(message));
  GANTRY_ASSIGN(const Route route, impl_->writable_route(message.topic));
  const MessageQueue queue = impl_->next_queue(route, {});
  impl_->remoting->send_oneway(route.masters.at(queue.broker_name), Impl::code_of(prepared),
                               impl_->header(prepared, queue), prepared.body);
  return {};
}

}  // namespace gantry::client
