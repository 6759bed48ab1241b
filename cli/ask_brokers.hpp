#pragma once
// A request to every broker of the cluster.

#include "cli/command.hpp"
#include "client/admin.hpp"
#include "client/remoting_client.hpp"
#include "protocol/codes.hpp"

#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

namespace gantry::cli {

struct AskOptions {
  const ClusterOptions& cluster;
  bool json = false;  ///< print each answer's body as it is, instead of showing it
  /// Brokers that answer with it know nothing of what was asked: they are passed over as long as another one does.
  std::optional<protocol::ResponseCode> passed_over = {};
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
  bool answered = false;
  Error nothing_known;
  for (const client::BrokerInfo& broker : *brokers) {
    const auto reply = (*remoting)->call_within(std::chrono::seconds(30), broker.address, code, header);
    if (!reply) {
      status = fail(reply.error());
    } else if (options.passed_over && protocol::ResponseCode{reply->code} == *options.passed_over) {
      nothing_known = reply->to_error("broker " + broker.name);
    } else if (!reply->is_success()) {
      status = fail(reply->to_error("broker " + broker.name));
    } else {
      answered = true;
      options.json ? static_cast<void>(std::printf("%s\n", reply->body.c_str())) : show(broker.name, reply->body);
    }
  }
  if (options.passed_over && !answered && status == exit_ok) return fail(nothing_known);
  return status;
}

}  // namespace gantry::cli
