#include "client/broker_calls.hpp"
#include "client/consumer.hpp"
#include "client/pull_call.hpp"
#include "client/routes.hpp"
#include "protocol/client_requests.hpp"

namespace gantry::client {

struct PullConsumer::Impl {
  Impl(PullConsumerOptions given, std::unique_ptr<RemotingClient> client)
      : options(std::move(given)), remoting(std::move(client)), routes(*remoting, options.name_servers) {}

  Result<std::string> address_of(const MessageQueue& queue) {
    GANTRY_ASSIGN(const Route route, routes.get(queue.topic));
    const auto at = route.masters.find(queue.broker_name);
    if (at == route.masters.end()) {
      return Error{Errc::not_found, "topic " + queue.topic + " has no broker called " + queue.broker_name};
    }
    return at->second;
  }

  PullConsumerOptions options;
  std::unique_ptr<RemotingClient> remoting;
  Routes routes;
};

PullConsumer::PullConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PullConsumer::~PullConsumer() = default;

Result<std::unique_ptr<PullConsumer>> PullConsumer::start(PullConsumerOptions options) {
  GANTRY_ASSIGN(auto remoting, RemotingClient::start(options.remoting));
  return std::unique_ptr<PullConsumer>(
      new PullConsumer(std::make_unique<Impl>(std::move(options), std::move(remoting))));
}

Result<std::vector<MessageQueue>> PullConsumer::queues(const std::string& topic) {
  GANTRY_ASSIGN(Route route, impl_->routes.get(topic));
  return std::move(route.read_queues);
}

Result<PullResult> PullConsumer::pull(const PullRequest& request) {
  GANTRY_ASSIGN(const std::string address, impl_->address_of(request.queue));
  const PullCall call(impl_->options.group, request);
  GANTRY_ASSIGN(const Reply reply, impl_->remoting->call_within(call.timeout(), address,
                                                                protocol::RequestCode::pull_message, call.header()));
  return PullCall::result_of(reply, request.queue.broker_name);
}

Result<std::int64_t> PullConsumer::min_offset(const MessageQueue& queue) {
  GANTRY_ASSIGN(const std::string address, impl_->address_of(queue));
  return ask_queue_offset(*impl_->remoting, address, protocol::RequestCode::get_min_offset, queue);
}

Result<std::int64_t> PullConsumer::max_offset(const MessageQueue& queue) {
  GANTRY_ASSIGN(const std::string address, impl_->address_of(queue));
  return ask_queue_offset(*impl_->remoting, address, protocol::RequestCode::get_max_offset, queue);
}

Result<std::int64_t> PullConsumer::search_offset(const MessageQueue& queue, std::int64_t time_ms) {
  GANTRY_ASSIGN(const std::string address, impl_->address_of(queue));
  return ask_offset_by_time(*impl_->remoting, address, queue, time_ms);
}

Result<std::int64_t> PullConsumer::committed_offset(const MessageQueue& queue) {
  GANTRY_ASSIGN(const std::string address, impl_->address_of(queue));
  return ask_committed_offset(*impl_->remoting, address, impl_->options.group, queue);
}

Status PullConsumer::commit_offset(const MessageQueue& queue, std::int64_t offset) {
  GANTRY_ASSIGN(const std::string address, impl_->address_of(queue));
  return tell_committed_offset(*impl_->remoting, address, impl_->options.group, queue, offset);
}

}  // namespace gantry::client
