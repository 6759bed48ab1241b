#pragma once
// What tools ask NameServers and brokers.

#include "client/message.hpp"
#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gantry::client {

struct AdminOptions {
  std::vector<std::string> name_servers{"127.0.0.1:9876"};
  RemotingOptions remoting;
};

struct BrokerInfo {
  std::string cluster;
  std::string name;
  std::int64_t id = 0;  ///< 0 is the master
  std::string address;
};

struct TopicRouteInfo {
  struct Queues {
    std::string broker_name;
    std::int32_t read_count = 0;
    std::int32_t write_count = 0;
    std::int32_t perm = 0;
  };
  std::vector<BrokerInfo> brokers;
  std::vector<Queues> queues;
};

struct TopicSettings {
  std::string topic;
  std::int32_t read_queues = 8;
  std::int32_t write_queues = 8;
  std::int32_t perm = 6;
  bool order = false;
  std::string attributes;
};

struct QueueState {
  MessageQueue queue;
  std::int64_t min_offset = 0;
  std::int64_t max_offset = 0;
  std::int64_t last_update_ms = 0;
};

class Routes;
/// All brokers that the NameServers know.
Result<std::vector<BrokerInfo>> list_brokers(Routes& routes);

/// Administration of a cluster. Thread: [any-thread] after start(); every call waits for its answers.
class Admin {
 public:
  static Result<std::unique_ptr<Admin>> start(AdminOptions options);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  Result<std::vector<BrokerInfo>> brokers();
  Result<std::vector<std::string>> topics();
  Result<TopicRouteInfo> route(const std::string& topic);
  Result<std::vector<QueueState>> topic_state(const std::string& topic);
  /// On all masters, or on the one of that name.
  Status create_topic(const TopicSettings& settings, const std::string& broker_name = {});
  /// On all brokers that have it, and in the NameServers.
  Status delete_topic(const std::string& topic);

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::client
