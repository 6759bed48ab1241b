#pragma once
// Carries our broker's registrations to the NameServers outside this process.

#include "kernel/base/clock.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/net/connector.hpp"
#include "kernel/routing/registration.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gantry {

/// Keeps one connection to each NameServer, because its closing unregisters the broker there, and opens it again when
/// it is lost. What to send and when is decided by routing::Registration; this class only carries it.
///
/// Thread: [control]. Life: construct, tick() every half second, stop(), then stop the shards, then destroy.
/// Bound: one connection and one attempt at a time for each address.
class Registrar {
 public:
  struct Options {
    std::vector<std::string> addresses;  ///< "host:port", validated before
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds reconnect_interval{2'000};
  };

  /// All references outlive this object.
  Registrar(Options options, routing::Registration& registration, net::Connector& connector, Shards& shards,
            Executor& control, const Clock& clock);
  ~Registrar();
  Registrar(const Registrar&) = delete;
  Registrar& operator=(const Registrar&) = delete;

  /// Connects where there is no connection; registers where that is due.
  void tick();

  /// Tells all NameServers that this broker leaves. What is sent leaves while the shards drain.
  void stop();

 private:
  class Server;
  void send_registration(Server& server);

  const Options options_;
  routing::Registration& registration_;
  net::Connector& connector_;
  Shards& shards_;
  Executor& control_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::int32_t next_opaque_ = 1;
  bool stopping_ = false;
};

}  // namespace gantry
