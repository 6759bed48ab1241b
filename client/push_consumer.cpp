#include "client/broker_calls.hpp"
#include "client/consumer.hpp"
#include "client/pull_call.hpp"
#include "client/routes.hpp"
#include "kernel/base/log.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/json_body.hpp"
#include "protocol/lists.hpp"
#include "protocol/message_id.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <unistd.h>

namespace gantry::client {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds retry_interval{500};  // after something that may heal by itself
constexpr std::chrono::milliseconds heartbeat_interval{30'000};

std::string make_client_id() {
  std::random_device random;
  return "127.0.0.1@" + std::to_string(getpid()) + "#" + std::to_string((std::uint64_t{random()} << 32) | random());
}

}  // namespace

std::vector<MessageQueue> allocate_averagely(const std::vector<MessageQueue>& queues, std::size_t members,
                                             std::size_t index) {
  if (members == 0 || index >= members) return {};
  const std::size_t share = queues.size() / members;
  const std::size_t extra = queues.size() % members;
  const std::size_t begin = index * share + std::min(index, extra);
  const std::size_t count = share + (index < extra ? 1 : 0);
  return {queues.begin() + static_cast<std::ptrdiff_t>(begin),
          queues.begin() + static_cast<std::ptrdiff_t>(begin + count)};
}

/// Two threads besides the I/O thread: the member thread (heartbeats, rebalance, commits, restarts of failed pulls) and
/// the listener thread. Both and the callbacks of pulls meet in `mutex`, which is never held across a call.
struct PushConsumer::Impl {
  /// A queue that this member holds. A dropped one is left to its callbacks, which see `dropped`.
  struct Holding {
    MessageQueue queue;
    std::string address;
    std::int64_t next_offset = 0;      // of the next pull
    std::int64_t consumed_offset = 0;  // everything below was consumed: this is committed
    std::int64_t committed_offset = -1;
    std::deque<ReceivedMessage> ready;
    Clock::time_point not_before{};  // of the next pull or delivery, after something went wrong
    bool pulling = false;
    bool delivering = false;
    bool dropped = false;
  };
  using HoldingPtr = std::shared_ptr<Holding>;

  Impl(PushConsumerOptions given, Listener on_message)
      : options(std::move(given)), listener(std::move(on_message)), client_id(make_client_id()) {}

  Status begin() {
    GANTRY_ASSIGN(remoting, RemotingClient::start(options.remoting));
    routes.emplace(*remoting, options.name_servers);
    remoting->on_request([this](const protocol::HeaderView& header, protocol::ByteView) {
      if (header.code != static_cast<std::int32_t>(protocol::RequestCode::notify_consumer_ids_changed)) return;
      const std::lock_guard lock(mutex);
      rebalance_wanted = true;
      wake_member.notify_one();
    });
    member_thread = std::thread([this] { run_member(); });
    listener_thread = std::thread([this] { run_listener(); });
    return {};
  }

  void end() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      wake_member.notify_all();
      wake_listener.notify_all();
    }
    if (listener_thread.joinable()) listener_thread.join();
    if (member_thread.joinable()) member_thread.join();
    if (!remoting) return;
    commit_all();
    {
      const std::lock_guard lock(mutex);
      for (auto& [queue, holding] : holdings) holding->dropped = true;
    }
    for (const std::string& address : brokers) {
      protocol::UnregisterClientHeader header;
      header.client_id = client_id;
      header.consumer_group = options.group;
      (void)remoting->call(address, protocol::RequestCode::unregister_client, header);
    }
    remoting.reset();
  }

  // ---- member thread ----

  void run_member() {
    Clock::time_point heartbeat_at{};
    Clock::time_point rebalance_at{};
    Clock::time_point commit_at = Clock::now() + options.commit_interval;
    while (true) {
      const Clock::time_point now = Clock::now();
      bool wanted = false;
      {
        std::unique_lock lock(mutex);
        if (stopping) return;
        wanted = std::exchange(rebalance_wanted, false);
      }
      if (wanted || now >= rebalance_at || now >= heartbeat_at) {
        const bool balanced = balance(now >= heartbeat_at || brokers.empty());
        rebalance_at = Clock::now() + (balanced ? options.rebalance_interval : retry_interval);
        if (balanced && now >= heartbeat_at) heartbeat_at = now + heartbeat_interval;
      }
      if (now >= commit_at) {
        commit_all();
        commit_at = now + options.commit_interval;
      }
      const Clock::time_point retry_at = restart_pulls();
      std::unique_lock lock(mutex);
      const auto next = std::min({rebalance_at, heartbeat_at, commit_at, retry_at});
      wake_member.wait_until(lock, next, [this] { return stopping || rebalance_wanted; });
    }
  }

  /// Heartbeat where due, then take the queues that are this member's share. False: try again soon.
  bool balance(bool heartbeat) {
    auto route = routes->get(options.topic, retry_interval);
    if (!route) {
      GANTRY_LOG_EVERY(std::chrono::seconds(10), debug, "consumer.no_route", field("error", route.error()));
      return false;
    }
    std::set<std::string> addresses;
    for (const auto& [name, address] : route->masters) addresses.insert(address);
    if (heartbeat || addresses != brokers) {
      brokers = addresses;
      for (const std::string& address : addresses) {
        if (!send_heartbeat(address)) return false;
      }
    }
    std::vector<MessageQueue> share = route->read_queues;
    if (options.model == MessageModel::clustering) {
      const auto members = ask_members();
      if (!members) return false;
      const auto own = std::find(members->begin(), members->end(), client_id);
      if (own == members->end()) return false;
      share = allocate_averagely(share, members->size(), static_cast<std::size_t>(own - members->begin()));
    }
    return hold(share, *route);
  }

  bool send_heartbeat(const std::string& address) {
    protocol::HeartbeatData data;
    data.client_id = client_id;
    protocol::ConsumerData consumer;
    consumer.group = options.group;
    consumer.consume_type = protocol::ConsumeType::passively;
    consumer.message_model = options.model == MessageModel::broadcasting ? protocol::MessageModel::broadcasting
                                                                         : protocol::MessageModel::clustering;
    consumer.consume_from =
        options.from == ConsumeFrom::first ? protocol::ConsumeFrom::first_offset : protocol::ConsumeFrom::last_offset;
    consumer.subscriptions.push_back(
        protocol::make_tag_subscription(options.topic, options.expression, subscription_version));
    data.consumers.push_back(std::move(consumer));
    const auto reply =
        remoting->call(address, protocol::RequestCode::heart_beat, NoFields{}, protocol::encode_body(data));
    if (reply && reply->is_success()) return true;
    GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "consumer.heartbeat_failed", field("broker", address),
                     field("error", reply ? reply->remark : reply.error().text));
    return false;
  }

  Result<std::vector<std::string>> ask_members() {
    Error last{Errc::not_found, "no broker"};
    for (const std::string& address : brokers) {
      const auto reply = remoting->call(address, protocol::RequestCode::get_consumer_list_by_group,
                                        protocol::ConsumerGroupHeader{.consumer_group = options.group});
      if (!reply) {
        last = reply.error();
        continue;
      }
      if (!reply->is_success()) {
        last = reply->to_error("members of group " + options.group);
        continue;
      }
      GANTRY_ASSIGN(auto list, protocol::decode_body<protocol::ConsumerIdList>(reply->body));
      std::sort(list.client_ids.begin(), list.client_ids.end());
      return std::move(list.client_ids);
    }
    return last;
  }

  bool hold(const std::vector<MessageQueue>& share, const Route& route) {
    std::vector<HoldingPtr> lost;
    std::vector<MessageQueue> gained;
    {
      const std::lock_guard lock(mutex);
      const std::set<MessageQueue> wanted(share.begin(), share.end());
      for (auto at = holdings.begin(); at != holdings.end();) {
        if (wanted.contains(at->first)) {
          ++at;
          continue;
        }
        at->second->dropped = true;
        lost.push_back(at->second);
        at = holdings.erase(at);
      }
      for (const MessageQueue& queue : share) {
        if (!holdings.contains(queue)) gained.push_back(queue);
      }
    }
    for (const HoldingPtr& holding : lost) commit(*holding);
    bool complete = true;
    for (const MessageQueue& queue : gained) {
      const auto address = route.masters.find(queue.broker_name);
      if (address == route.masters.end()) continue;
      const auto offset = first_offset(queue, address->second);
      if (!offset) {
        GANTRY_LOG(warn, "consumer.no_offset", field("queue", queue.queue_id), field("error", offset.error()));
        complete = false;
        continue;
      }
      auto holding = std::make_shared<Holding>();
      holding->queue = queue;
      holding->address = address->second;
      holding->next_offset = holding->consumed_offset = *offset;
      {
        const std::lock_guard lock(mutex);
        holdings[queue] = holding;
      }
      pull(holding);
    }
    return complete;
  }

  Result<std::int64_t> first_offset(const MessageQueue& queue, const std::string& address) {
    if (options.model == MessageModel::clustering) {
      auto committed = ask_committed_offset(*remoting, address, options.group, queue);
      if (committed || committed.error().code != Errc::not_found) return committed;
    }
    return ask_queue_offset(*remoting, address,
                            options.from == ConsumeFrom::first ? protocol::RequestCode::get_min_offset
                                                               : protocol::RequestCode::get_max_offset,
                            queue);
  }

  void commit(Holding& holding) {
    if (options.model == MessageModel::broadcasting) return;
    std::int64_t offset = 0;
    {
      const std::lock_guard lock(mutex);
      if (holding.consumed_offset == holding.committed_offset) return;
      offset = holding.committed_offset = holding.consumed_offset;
    }
    if (const auto told = tell_committed_offset(*remoting, holding.address, options.group, holding.queue, offset);
        !told) {
      GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "consumer.commit_failed", field("error", told.error()));
      const std::lock_guard lock(mutex);
      holding.committed_offset = -1;
    }
  }

  void commit_all() {
    std::vector<HoldingPtr> all;
    {
      const std::lock_guard lock(mutex);
      for (const auto& [queue, holding] : holdings) all.push_back(holding);
    }
    for (const HoldingPtr& holding : all) commit(*holding);
  }

  /// Pulls again where the last pull failed a while ago; returns when the next one is due.
  Clock::time_point restart_pulls() {
    std::vector<HoldingPtr> due;
    Clock::time_point next = Clock::time_point::max();
    {
      const std::lock_guard lock(mutex);
      const Clock::time_point now = Clock::now();
      for (const auto& [queue, holding] : holdings) {
        if (holding->pulling || holding->delivering || !holding->ready.empty()) continue;
        if (holding->not_before <= now) {
          due.push_back(holding);
        } else {
          next = std::min(next, holding->not_before);
        }
      }
    }
    for (const HoldingPtr& holding : due) pull(holding);
    return next;
  }

  // ---- any thread ----

  void pull(const HoldingPtr& holding) {
    PullRequest request;
    {
      const std::lock_guard lock(mutex);
      if (holding->dropped || holding->pulling || stopping) return;
      holding->pulling = true;
      request.offset = holding->next_offset;
    }
    request.queue = holding->queue;
    request.message_count_max = options.batch_max;
    request.expression = options.expression;
    request.wait_max = options.hold;
    const PullCall call(options.group, request);
    remoting->call_async(call.timeout(), holding->address, protocol::RequestCode::pull_message, call.header(), {},
                         [this, holding](Result<Reply> reply) { pulled(holding, std::move(reply)); });
  }

  // I/O thread.
  void pulled(const HoldingPtr& holding, Result<Reply> reply) {
    Result<PullResult> result =
        reply ? PullCall::result_of(*reply, holding->queue.broker_name) : Result<PullResult>(std::move(reply).error());
    bool again = false;
    {
      const std::lock_guard lock(mutex);
      holding->pulling = false;
      if (holding->dropped || stopping) return;
      if (!result) {
        holding->not_before = Clock::now() + retry_interval;
        rebalance_wanted = true;  // the route may have changed; also wakes the member thread for the next attempt
        wake_member.notify_one();
      } else {
        holding->next_offset = result->next_offset;
        if (result->status == PullStatus::found) {
          for (ReceivedMessage& message : result->messages) holding->ready.push_back(std::move(message));
          runnable.push_back(holding);
          wake_listener.notify_one();
        } else {
          holding->consumed_offset = result->next_offset;
          again = true;
        }
      }
    }
    if (!result) {
      GANTRY_LOG_EVERY(std::chrono::seconds(5), warn, "consumer.pull_failed", field("queue", holding->queue.queue_id),
                       field("error", result.error()));
    }
    if (again) pull(holding);
  }

  // ---- listener thread ----

  void run_listener() {
    while (true) {
      HoldingPtr holding;
      {
        std::unique_lock lock(mutex);
        wake_listener.wait(lock, [this] { return stopping || !runnable.empty(); });
        if (stopping) return;
        holding = runnable.front();
        runnable.pop_front();
        if (holding->dropped) continue;
        holding->delivering = true;
      }
      const bool emptied = deliver(*holding);
      {
        const std::lock_guard lock(mutex);
        holding->delivering = false;
        if (stopping) return;
      }
      if (emptied) pull(holding);
    }
  }

  /// Gives the queue's messages to the listener. False when it wants no more, or the queue is no longer ours.
  bool deliver(Holding& holding) {
    while (true) {
      {
        const std::lock_guard lock(mutex);
        if (holding.dropped || stopping) return false;
        if (holding.ready.empty()) return true;
      }
      const ReceivedMessage& message = holding.ready.front();
      const ConsumeVerdict verdict = listener(message);
      if (verdict == ConsumeVerdict::stop) {
        const std::lock_guard lock(mutex);
        stopping = true;
        wake_member.notify_all();
        return false;
      }
      if (verdict == ConsumeVerdict::later && !send_back(holding, message)) {
        std::unique_lock lock(mutex);
        wake_listener.wait_for(lock, options.redelivery_delay, [this] { return stopping; });
        continue;
      }
      const std::lock_guard lock(mutex);
      holding.consumed_offset = message.queue_offset + 1;
      holding.ready.pop_front();
      if (holding.ready.empty()) holding.consumed_offset = holding.next_offset;
    }
  }

  bool send_back(const Holding& holding, const ReceivedMessage& message) {
    const auto id = protocol::decode_offset_message_id(message.offset_message_id);
    if (!id || options.model == MessageModel::broadcasting) return false;
    protocol::SendBackHeader header;
    header.log_offset = id->log_offset;
    header.group = options.group;
    header.origin_message_id = message.message_id;
    header.origin_topic = message.topic;
    header.reconsume_count_max = 16;
    const auto reply = remoting->call(holding.address, protocol::RequestCode::consumer_send_msg_back, header);
    if (reply && reply->is_success()) return true;
    GANTRY_LOG_EVERY(std::chrono::seconds(30), warn, "consumer.send_back_refused",
                     field("error", reply ? reply->remark : reply.error().text));
    return false;
  }

  const PushConsumerOptions options;
  const Listener listener;
  const std::string client_id;
  const std::int64_t subscription_version =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::unique_ptr<RemotingClient> remoting;
  std::optional<Routes> routes;
  std::set<std::string> brokers;  // member thread

  mutable std::mutex mutex;
  std::condition_variable wake_member;
  std::condition_variable wake_listener;
  std::map<MessageQueue, HoldingPtr> holdings;  // guarded by mutex, like everything below
  std::deque<HoldingPtr> runnable;
  bool rebalance_wanted = false;
  bool stopping = false;

  std::thread member_thread;
  std::thread listener_thread;
};

PushConsumer::PushConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PushConsumer::~PushConsumer() { impl_->end(); }

Result<std::unique_ptr<PushConsumer>> PushConsumer::start(PushConsumerOptions options, Listener listener) {
  std::unique_ptr<PushConsumer> consumer(
      new PushConsumer(std::make_unique<Impl>(std::move(options), std::move(listener))));
  GANTRY_TRY(consumer->impl_->begin());
  return consumer;
}

std::vector<MessageQueue> PushConsumer::assigned() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<MessageQueue> queues;
  for (const auto& [queue, holding] : impl_->holdings) queues.push_back(queue);
  return queues;
}

}  // namespace gantry::client
