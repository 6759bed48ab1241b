#pragma once
// A node: everything that `gantry run` is made of.

#include "kernel/configuration.hpp"

#include <string>

namespace gantry {

struct RunRequest {
  ConfigurationSource source;
  std::string ports_file;  ///< where the ports in use are written, as JSON, once the node serves; empty: nowhere
};

/// [main thread] Boots a node, serves until SIGTERM or SIGINT (or until the node cannot keep its promises any more),
/// and stops it again. SIGHUP reads the configuration again. Returns the process's exit status: 0 after an orderly
/// stop, 1 after a failure, 2 when the configuration was refused.
///
/// "gantry ready" with the addresses goes to standard output when clients may connect.
int run_node(const RunRequest& request);

}  // namespace gantry
