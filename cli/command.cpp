#include "cli/command.hpp"

#include <cstdio>

namespace gantry::cli {

void ClusterOptions::add_to(CLI::App& command) {
  command.add_option("--namesrv,-n", name_servers, "NameServers, host:port, separated by ','")
      ->delimiter(',')
      ->envname("NAMESRV_ADDR")
      ->capture_default_str();
  command.add_flag("--tls", tls, "encrypt all connections");
  command.add_flag("--tls-insecure", tls_insecure, "accept any certificate");
  command.add_option("--tls-ca", tls_ca, "PEM file of the authority that signed the servers' certificates");
}

client::RemotingOptions ClusterOptions::remoting() const {
  client::RemotingOptions options;
  options.tls = tls || tls_insecure || !tls_ca.empty();
  options.tls_verify = !tls_insecure;
  options.tls_ca_file = tls_ca;
  return options;
}

int fail(const Error& error) {
  std::fprintf(stderr, "gantry: %s\n", error.text.c_str());
  return exit_failed;
}

}  // namespace gantry::cli
