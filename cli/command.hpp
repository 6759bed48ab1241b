#pragma once
// What every command of `gantry` has in common.

#include "client/remoting_client.hpp"
#include "gantry/sdk/result.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;  ///< what was asked for did not happen
inline constexpr int exit_usage = 2;   ///< the command line does not make sense

/// Where the commands that talk to a cluster find it.
struct ClusterOptions {
  std::vector<std::string> name_servers{"127.0.0.1:9876"};
  bool tls = false;
  bool tls_insecure = false;
  std::string tls_ca;

  void add_to(CLI::App& command);
  [[nodiscard]] client::RemotingOptions remoting() const;
};

/// Prints "gantry: <error>" to stderr and returns exit_failed.
int fail(const Error& error);

/// Each adds its subcommand to `app`; when it is chosen on the command line, `run` is set to what does it.
using Run = std::function<int()>;
void add_run_command(CLI::App& app, Run& run);
void add_topic_command(CLI::App& app, Run& run);
void add_message_command(CLI::App& app, Run& run);
void add_produce_command(CLI::App& app, Run& run);
void add_consume_command(CLI::App& app, Run& run);
void add_config_command(CLI::App& app, Run& run);
void add_plugin_command(CLI::App& app, Run& run);
void add_bench_command(CLI::App& app, Run& run);
void add_store_command(CLI::App& app, Run& run);
void add_script_command(CLI::App& app, Run& run);
void add_group_command(CLI::App& app, Run& run);
void add_txn_command(CLI::App& app, Run& run);
void add_timer_command(CLI::App& app, Run& run);

}  // namespace gantry::cli
