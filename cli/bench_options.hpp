#pragma once
// What the loads of `gantry bench` have in common.

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "client/load_spread.hpp"
#include "kernel/base/units.hpp"
#include "kernel/net/address.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace gantry::cli {

struct BenchOptions {
  std::string broker = "127.0.0.1:10911";
  client::LoadSpread spread;
  bool random = false;
  std::string warm_up = "1s";
  std::string duration = "5s";
  bool json = false;

  void add_to(CLI::App& command) {
    command.add_option("--broker,-b", broker, "the broker, IPv4 address:port")->capture_default_str();
    command.add_option("--topic,-t", spread.topic, "the topic; of several, what their names begin with")
        ->capture_default_str();
    command.add_option("--topics", spread.topic_count, "how many topics, numbered: <topic>-000000 and so on")
        ->capture_default_str();
    command.add_option("--queues", spread.queue_count, "queues of each topic, from 0 on")->capture_default_str();
    command.add_flag("--random", random, "places in random order instead of in turn");
    command.add_option("--duration,-d", duration, "time that counts")->capture_default_str();
    command.add_flag("--json", json, "one line of JSON");
  }
  void add_warm_up_to(CLI::App& command) {
    command.add_option("--warm-up", warm_up, "time before counting begins")->capture_default_str();
  }

  /// Fills in what every load has.
  template <typename Load>
  Status apply(Load& load) const {
    GANTRY_ASSIGN(const auto address, net::parse_host_port(broker));
    load.host = address.host;
    load.port = address.port;
    load.spread = spread;
    if (random) load.spread.order = client::LoadSpread::Order::random;
    GANTRY_ASSIGN(load.duration, parse_duration(duration));
    return {};
  }
};

inline JsonObject codes_object(const std::map<std::int32_t, std::uint64_t>& counts) {
  JsonObject object;
  for (const auto& [code, count] : counts) object.add(std::to_string(code), count);
  return object;
}

/// The loads that are subcommands of `gantry bench`.
void add_bench_topics_command(CLI::App& bench, Run& run);
void add_bench_follow_command(CLI::App& bench, Run& run);
void add_bench_read_command(CLI::App& bench, Run& run);
void add_bench_timers_command(CLI::App& bench, Run& run);

}  // namespace gantry::cli
