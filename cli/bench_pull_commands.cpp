// gantry bench follow, gantry bench read: loads that consume.

#include "cli/bench_options.hpp"
#include "client/follow_load.hpp"
#include "client/read_load.hpp"

#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct FollowOptions : BenchOptions {
  client::FollowLoad load;
};

int follow(FollowOptions options) {
  client::FollowLoad& load = options.load;
  if (const Status applied = options.apply(load); !applied) return fail(applied.error());
  const auto warm_up = parse_duration(options.warm_up);
  if (!warm_up) return fail(warm_up.error());
  load.warm_up = *warm_up;
  const auto report = client::run_follow_load(load);
  if (!report) return fail(report.error());
  if (options.json) {
    std::printf("%s\n", JsonObject()
                            .add("messages", report->message_count)
                            .add("without_stamp", report->without_stamp)
                            .add("gaps", report->gap_count)
                            .add("refused", codes_object(report->refused))
                            .add("seconds", report->seconds)
                            .add("messages_per_second", report->messages_per_second)
                            .add("load_busy_share", report->load_busy_share)
                            .add("p50_us", report->p50_us)
                            .add("p99_us", report->p99_us)
                            .add("p999_us", report->p999_us)
                            .add("max_us", report->max_us)
                            .text()
                            .c_str());
  } else {
    std::printf("%llu messages in %.1f s: %.0f msg/s; %llu gaps, %llu not from a load\n",
                static_cast<unsigned long long>(report->message_count), report->seconds, report->messages_per_second,
                static_cast<unsigned long long>(report->gap_count),
                static_cast<unsigned long long>(report->without_stamp));
    std::printf("end to end: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n", report->p50_us, report->p99_us,
                report->p999_us, report->max_us);
    for (const auto& [code, count] : report->refused) {
      std::printf("refused with code %d: %llu\n", code, static_cast<unsigned long long>(count));
    }
  }
  return report->message_count > 0 && report->gap_count == 0 && report->refused.empty() ? exit_ok : exit_failed;
}

struct ReadOptions : BenchOptions {
  client::ReadLoad load;
  std::string rate = "0B";
};

int read(ReadOptions options) {
  client::ReadLoad& load = options.load;
  if (const Status applied = options.apply(load); !applied) return fail(applied.error());
  const auto rate = parse_bytes(options.rate);
  if (!rate) return fail(rate.error());
  load.bytes_per_second = static_cast<double>(*rate);
  const auto report = client::run_read_load(load);
  if (!report) return fail(report.error());
  const bool all_done = report->queues_done == report->queue_count || load.repeat;
  if (options.json) {
    std::printf("%s\n", JsonObject()
                            .add("queues", report->queue_count)
                            .add("queues_done", report->queues_done)
                            .add("messages", report->message_count)
                            .add("bytes", report->byte_count)
                            .add("pulls", report->pull_count)
                            .add("short_answers", report->short_answers)
                            .add("refused", codes_object(report->refused))
                            .add("wrong_count", report->wrong_count)
                            .add("wrong", report->wrong)
                            .add("seconds", report->seconds)
                            .add("seconds_to_first_queue", report->seconds_to_first_queue)
                            .add("mib_per_second", report->mib_per_second)
                            .add("load_busy_share", report->load_busy_share)
                            .add("pull_p50_us", report->pull_p50_us)
                            .add("pull_p99_us", report->pull_p99_us)
                            .add("pull_max_us", report->pull_max_us)
                            .text()
                            .c_str());
  } else {
    std::printf(
        "%llu of %llu queues, %llu messages in %.1f s: %.1f MiB/s; a pull took p50 %.0f us, p99 %.0f us, "
        "max %.0f us\n",
        static_cast<unsigned long long>(report->queues_done), static_cast<unsigned long long>(report->queue_count),
        static_cast<unsigned long long>(report->message_count), report->seconds, report->mib_per_second,
        report->pull_p50_us, report->pull_p99_us, report->pull_max_us);
    if (report->short_answers > 0) {
      std::printf("answers that ended a queue too early: %llu\n",
                  static_cast<unsigned long long>(report->short_answers));
    }
    for (const auto& [code, count] : report->refused) {
      std::printf("refused with code %d: %llu\n", code, static_cast<unsigned long long>(count));
    }
    for (const std::string& text : report->wrong) std::printf("wrong: %s\n", text.c_str());
  }
  return all_done && report->wrong_count == 0 ? exit_ok : exit_failed;
}

}  // namespace

void add_bench_follow_command(CLI::App& bench, Run& run) {
  auto options = std::make_shared<FollowOptions>();
  CLI::App* command = bench.add_subcommand(
      "follow",
      "Consume what `gantry bench` publishes meanwhile on this machine, by long polling, and report how long "
      "messages are under way");
  options->add_to(*command);
  options->add_warm_up_to(*command);
  command->add_option("--connections,-c", options->load.connection_count, "connections")->capture_default_str();
  command->callback([options, &run] { run = [options] { return follow(*options); }; });
}

void add_bench_read_command(CLI::App& bench, Run& run) {
  auto options = std::make_shared<ReadOptions>();
  options->duration = "60s";
  CLI::App* command = bench.add_subcommand(
      "read",
      "Read queues from their beginning to their end, as a consumer that is far behind; on request check that "
      "every message of `gantry bench --messages` is there");
  options->add_to(*command);
  client::ReadLoad& load = options->load;
  command->add_option("--ends", load.ends, "with --expect: so many messages at both ends of each queue; 0: all")
      ->capture_default_str();
  command->add_option("--sample", load.queue_sample, "so many queues, evenly chosen; 0: all")->capture_default_str();
  command->add_option("--connections,-c", load.connection_count, "connections")->capture_default_str();
  command->add_option("--in-flight,-f", load.pulls_in_flight, "queues that are read at a time")->capture_default_str();
  command->add_option("--batch", load.message_count_max, "messages of one pull")->capture_default_str();
  command->add_option("--bytes", load.bytes_max, "bytes of one pull's answer; 0: the broker's default")
      ->capture_default_str();
  command->add_option("--sql", load.sql,
                      "read only what this SQL92 expression selects; messages count that it passes over");
  command->add_option("--rate,-r", options->rate, "bytes per second, as 20MiB; 0B: as fast as it goes")
      ->capture_default_str();
  command->add_flag("--repeat", load.repeat, "begin anew at the end until --duration is over");
  command->add_option("--expect", load.expected_count,
                      "messages 0 to n-1 must be there, each once and whole; queues that do not answer so yet are "
                      "asked again");
  command->callback([options, &run] { run = [options] { return read(*options); }; });
}

}  // namespace gantry::cli
