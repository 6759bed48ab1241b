#pragma once
// Hooks over messages that are stored already: what a script would have decided, before it decides anything.

#include "cli/command.hpp"
#include "gantry/sdk/result.hpp"
#include "kernel/script/runner.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gantry::cli {

struct ReplayOptions {
  std::string topic;
  std::int64_t last = 1000;
  std::string group = "gantry_script_test";
  std::string against;
  std::string expect;
  std::string record;
};

using LoadScript = std::function<Result<std::unique_ptr<script::Runner>>(const std::string& file)>;

/// Runs every hook of the script over the last messages of each queue of the topic and prints, for each: how many
/// passed, were refused, were rewritten and failed, and the time. Nothing is changed in the broker. False: the
/// decisions are not those of `expect`, or hooks failed.
Result<bool> replay(const ClusterOptions& cluster, const ReplayOptions& options, const std::string& file,
                    const LoadScript& load);

/// Runs every hook over one made-up message for half a second each and prints the time.
Status bench_hooks(script::Runner& runner, const std::string& file, bool json);

}  // namespace gantry::cli
