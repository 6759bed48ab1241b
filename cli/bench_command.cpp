// gantry bench: loads. Without a subcommand, published messages.

#include "cli/bench_options.hpp"
#include "client/publish_load.hpp"

#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct PublishOptions : BenchOptions {
  client::PublishLoad load;
  std::string size = "1024";
};

JsonObject usage_object(const client::ProcessUsage& usage) {
  return JsonObject()
      .add("resident_bytes", usage.resident_bytes)
      .add("anonymous_bytes", usage.anonymous_bytes)
      .add("open_files", usage.open_files)
      .add("mappings", usage.mappings)
      .add("switches_voluntary", usage.switches_voluntary)
      .add("switches_forced", usage.switches_forced);
}

void print_json(const client::PublishLoad& load, const client::PublishReport& report) {
  JsonObject line = JsonObject()
                        .add("body_bytes", load.body_bytes)
                        .add("topics", load.spread.topic_count)
                        .add("queues", load.spread.queue_count)
                        .add("connections", load.connection_count)
                        .add("rate", load.rate)
                        .add("messages", report.message_count)
                        .add("acknowledged", report.acknowledged)
                        .add("next_number", report.next_number)
                        .add("late", report.late_count)
                        .add("unanswered", report.unanswered)
                        .add("refused", codes_object(report.refused))
                        .add("seconds", report.seconds)
                        .add("messages_per_second", report.messages_per_second)
                        .add("server_cpu_us_per_message", report.server_cpu_us_per_message)
                        .add("load_cpu_us_per_message", report.load_cpu_us_per_message)
                        .add("load_busy_share", report.load_busy_share)
                        .add("p50_us", report.p50_us)
                        .add("p99_us", report.p99_us)
                        .add("p999_us", report.p999_us)
                        .add("max_us", report.max_us);
  if (load.server_pid != 0) {
    line.add("server_before", usage_object(report.server_before)).add("server", usage_object(report.server_after));
  }
  std::printf("%s\n", line.text().c_str());
}

void print_text(const client::PublishLoad& load, const client::PublishReport& report) {
  std::printf("%llu messages of %u bytes in %.1f s: %.0f msg/s, %.1f MiB/s\n",
              static_cast<unsigned long long>(report.message_count), load.body_bytes, report.seconds,
              report.messages_per_second, report.messages_per_second * load.body_bytes / (1024.0 * 1024.0));
  std::printf("latency: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n", report.p50_us, report.p99_us,
              report.p999_us, report.max_us);
  if (load.server_pid != 0) {
    std::printf(
        "server: %.3f us CPU per message, %lld MiB resident, %lld MiB of it anonymous, %lld files, "
        "%lld mappings\n",
        report.server_cpu_us_per_message, static_cast<long long>(report.server_after.resident_bytes >> 20),
        static_cast<long long>(report.server_after.anonymous_bytes >> 20),
        static_cast<long long>(report.server_after.open_files), static_cast<long long>(report.server_after.mappings));
  }
  std::printf("load: %.3f us CPU per message, %.0f %% of a core\n", report.load_cpu_us_per_message,
              report.load_busy_share * 100);
  if (report.late_count > 0 || report.unanswered > 0) {
    std::printf("held back by the bound of what is under way: %llu; never answered: %llu\n",
                static_cast<unsigned long long>(report.late_count), static_cast<unsigned long long>(report.unanswered));
  }
  for (const auto& [code, count] : report.refused) {
    std::printf("refused with code %d: %llu\n", code, static_cast<unsigned long long>(count));
  }
}

int publish(PublishOptions options) {
  client::PublishLoad& load = options.load;
  if (const Status applied = options.apply(load); !applied) return fail(applied.error());
  const auto size = parse_bytes(options.size);
  if (!size) return fail(size.error());
  load.body_bytes = static_cast<std::uint32_t>(*size);
  const auto warm_up = parse_duration(options.warm_up);
  if (!warm_up) return fail(warm_up.error());
  load.warm_up = *warm_up;

  if (!options.json) {
    std::fprintf(stderr, "publishing to %s at %s: %u topics of %u queues, %u connections, %s + %s ...\n",
                 load.spread.topic.c_str(), options.broker.c_str(), load.spread.topic_count, load.spread.queue_count,
                 load.connection_count, options.warm_up.c_str(), options.duration.c_str());
  }
  const auto report = client::run_publish_load(load);
  if (!report) return fail(report.error());
  options.json ? print_json(load, *report) : print_text(load, *report);
  return report->acknowledged > 0 && report->refused.empty() && report->unanswered == 0 ? exit_ok : exit_failed;
}

}  // namespace

void add_bench_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<PublishOptions>();
  CLI::App* command = app.add_subcommand(
      "bench",
      "Publish as fast as the broker answers (or at a rate), and report rate, latency and what the broker uses");
  options->add_to(*command);
  options->add_warm_up_to(*command);
  client::PublishLoad& load = options->load;
  command->add_option("--size,-s", options->size, "bytes of a message's body, or 4KiB")->capture_default_str();
  command->add_option("--connections,-c", load.connection_count, "connections")->capture_default_str();
  command->add_option("--in-flight,-f", load.in_flight,
                      "messages under way over all connections; 0: 256, or with --rate 100000");
  command->add_option("--rate,-r", load.rate,
                      "messages per second, whatever the answers do (latency counts from when a message is due); "
                      "0: a closed loop");
  command->add_option("--messages,-n", load.message_count_max, "end after so many messages instead of --duration");
  command->add_option("--first-number", load.first_number, "number of the first message; its place follows from it");
  command->add_option("--keys", load.key_count, "keys of each message, besides its unique key");
  command->add_flag("--binary", load.binary_header, "ROCKETMQ headers instead of JSON ones");
  command->add_option("--server-pid", load.server_pid, "report what this process uses, too");
  command->callback([options, command, &run] {
    if (command->get_subcommands().empty()) run = [options] { return publish(*options); };
  });
  add_bench_topics_command(*command, run);
  add_bench_follow_command(*command, run);
  add_bench_read_command(*command, run);
  add_bench_timers_command(*command, run);
}

}  // namespace gantry::cli
