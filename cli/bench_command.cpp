// gantry bench: a closed-loop load of published messages.

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "client/publish_load.hpp"
#include "kernel/base/units.hpp"
#include "kernel/net/address.hpp"

#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct BenchOptions {
  client::PublishLoad load;
  std::string broker = "127.0.0.1:10911";
  std::string size = "1024";
  std::string warm_up = "1s";
  std::string duration = "5s";
  bool json = false;
};

void print_json(const BenchOptions& options, const client::PublishReport& report) {
  JsonObject refused;
  for (const auto& [code, count] : report.refused) refused.add(std::to_string(code), count);
  const JsonObject line = JsonObject()
                              .add("body_bytes", options.load.body_bytes)
                              .add("connections", options.load.connection_count)
                              .add("in_flight", options.load.in_flight)
                              .add("messages", report.message_count)
                              .add("refused", refused)
                              .add("seconds", report.seconds)
                              .add("messages_per_second", report.messages_per_second)
                              .add("server_cpu_us_per_message", report.server_cpu_us_per_message)
                              .add("load_cpu_us_per_message", report.load_cpu_us_per_message)
                              .add("p50_us", report.p50_us)
                              .add("p99_us", report.p99_us)
                              .add("p999_us", report.p999_us)
                              .add("max_us", report.max_us);
  std::printf("%s\n", line.text().c_str());
}

void print_text(const BenchOptions& options, const client::PublishReport& report) {
  std::printf("%llu messages of %u bytes in %.1f s: %.0f msg/s, %.1f MiB/s\n",
              static_cast<unsigned long long>(report.message_count), options.load.body_bytes, report.seconds,
              report.messages_per_second, report.messages_per_second * options.load.body_bytes / (1024.0 * 1024.0));
  std::printf("latency: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n", report.p50_us, report.p99_us,
              report.p999_us, report.max_us);
  if (options.load.server_pid != 0) std::printf("server CPU: %.3f us per message\n", report.server_cpu_us_per_message);
  std::printf("load CPU: %.3f us per message\n", report.load_cpu_us_per_message);
  for (const auto& [code, count] : report.refused) {
    std::printf("refused with code %d: %llu\n", code, static_cast<unsigned long long>(count));
  }
}

int bench(BenchOptions options) {
  const auto broker = net::parse_host_port(options.broker);
  if (!broker) return fail(broker.error());
  options.load.host = broker->host;
  options.load.port = broker->port;
  const auto size = parse_bytes(options.size);
  if (!size) return fail(size.error());
  options.load.body_bytes = static_cast<std::uint32_t>(*size);
  const auto warm_up = parse_duration(options.warm_up);
  if (!warm_up) return fail(warm_up.error());
  options.load.warm_up = *warm_up;
  const auto duration = parse_duration(options.duration);
  if (!duration) return fail(duration.error());
  options.load.duration = *duration;

  if (!options.json) {
    std::fprintf(stderr, "publishing to %s at %s: %u connections, %u in flight, %s + %s ...\n",
                 options.load.topic.c_str(), options.broker.c_str(), options.load.connection_count,
                 options.load.in_flight, options.warm_up.c_str(), options.duration.c_str());
  }
  const auto report = client::run_publish_load(options.load);
  if (!report) return fail(report.error());
  options.json ? print_json(options, *report) : print_text(options, *report);
  return report->message_count > 0 && report->refused.empty() ? exit_ok : exit_failed;
}

}  // namespace

void add_bench_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Publish as fast as the broker answers, and report rate and latency");
  command->add_option("--broker,-b", options->broker, "the broker, IPv4 address:port")->capture_default_str();
  command->add_option("--topic,-t", options->load.topic, "the topic")->capture_default_str();
  command->add_option("--queues", options->load.queue_count, "queues used, from 0 on")->capture_default_str();
  command->add_option("--size,-s", options->size, "bytes of a message's body, or 4KiB")->capture_default_str();
  command->add_option("--connections,-c", options->load.connection_count, "connections")->capture_default_str();
  command->add_option("--in-flight,-f", options->load.in_flight, "messages under way over all connections")
      ->capture_default_str();
  command->add_option("--warm-up", options->warm_up, "time before counting begins")->capture_default_str();
  command->add_option("--duration,-d", options->duration, "time that counts")->capture_default_str();
  command->add_flag("--binary", options->load.binary_header, "ROCKETMQ headers instead of JSON ones");
  command->add_option("--server-pid", options->load.server_pid, "report the CPU time of this process, too");
  command->add_flag("--json", options->json, "one line of JSON");
  command->callback([options, &run] { run = [options] { return bench(*options); }; });
}

}  // namespace gantry::cli
