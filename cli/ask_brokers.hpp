#pragma once
// A request to every broker of the cluster.

#include "cli/command.hpp"
#include "client/admin.hpp"
#include "client/remoting_client.hpp"
#include "protocol/codes.hpp"

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

namespace gantry::cli {

struct AskOptions {
  const ClusterOptions& cluster;
  bool json = false;  ///< print each answer's body as it is, instead of showing it
};

/// Sends the request to one broker after the other. Those that fail are reported and make the exit status exit_failed.
template <typename Header>
int ask_brokers(const AskOptions& options, protocol::RequestCode code, const Header& header,
                const std::function<void(const std::string& broker, const std::string& body)>& show) {
  auto admin =
      client::Admin::start({.name_servers = options.cluster.name_servers, .remoting = options.cluster.remoting()});
  if (!admin) return fail(admin.error());
  const auto brokers = (*admin)->brokers();
  if (!brokers) return fail(brokers.error());
  auto remoting = client::RemotingClient::start(options.cluster.remoting());
  if (!remoting) return fail(remoting.error());
  int status = exit_ok;
  for (const client::BrokerInfo& broker : *brokers) {
    const auto reply = (*remoting)->call_within(std::chrono::seconds(30), broker.address, code, header);
    if (!reply) {
      status = fail(reply.error());
    } else if (!reply->is_success()) {
      status = fail(reply->to_error("broker " + broker.name));
    } else if (options.json) {
      std::printf("%s\n", reply->body.c_str());
    } else {
      show(broker.name, reply->body);
    }
  }
  return status;
}

}  // namespace gantry::cli
