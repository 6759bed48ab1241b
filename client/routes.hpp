#pragma once
// Which brokers and queues a topic has, as the NameServers say.

#include "client/message.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"
#include "protocol/route.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::client {

/// A topic's route in the form that producers and consumers need.
struct Route {
  std::vector<MessageQueue> write_queues;      ///< sorted; on brokers that have a master
  std::vector<MessageQueue> read_queues;       ///< sorted
  std::map<std::string, std::string> masters;  ///< broker name -> address of its master
  protocol::TopicRouteData data;
};

/// Asks the NameServers, one after the other until one answers, and remembers the answers for a while.
/// Thread: [any-thread]; asking waits for the network. Bound: one entry per topic that was asked for.
class Routes {
 public:
  Routes(RemotingClient& remoting, std::vector<std::string> name_servers);

  /// The topic's route, at most `fresh` old.
  Result<Route> get(const std::string& topic, std::chrono::milliseconds fresh = std::chrono::seconds(30));
  /// Where a producer may send to a topic that does not exist yet: the queues of the template topic under the topic's
  /// name, at most four on each broker, as RocketMQ's clients do it.
  Result<Route> get_or_template(const std::string& topic);
  /// The next get() asks again.
  void forget(const std::string& topic);

  /// Any request, answered by the first NameServer that can be reached.
  template <typename Header>
  Result<Reply> ask(protocol::RequestCode code, const Header& header) {
    Error last{Errc::invalid_argument, "no NameServer is given"};
    for (const std::string& address : name_servers_) {
      Result<Reply> reply = remoting_.call(address, code, header);
      if (reply) return reply;
      last = std::move(reply).error();
    }
    return std::move(last).within("asking the NameServers");
  }
  [[nodiscard]] const std::vector<std::string>& name_servers() const noexcept { return name_servers_; }

 private:
  struct Entry {
    Route route;
    std::chrono::steady_clock::time_point at;
  };
  Result<Route> fetch(const std::string& topic);

  RemotingClient& remoting_;
  std::vector<std::string> name_servers_;
  std::mutex mutex_;
  std::map<std::string, Entry> known_;  // guarded by mutex_
};

}  // namespace gantry::client
