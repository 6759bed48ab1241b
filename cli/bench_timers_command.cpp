// gantry bench timers: how punctual timed messages are.

#include "cli/bench_options.hpp"
#include "client/admin.hpp"
#include "client/consumer.hpp"
#include "client/latency_histogram.hpp"
#include "client/producer.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <memory>
#include <thread>

namespace gantry::cli {
namespace {

struct TimersOptions {
  ClusterOptions cluster;
  std::string topic = "bench-timers";
  std::int64_t count = 100'000;
  std::int32_t queue_count = 4;
  int in_flight = 512;
  std::size_t size = 100;
  std::string lead = "10s";
  std::string over = "10s";
  bool json = false;
};

struct Report {
  client::LatencyHistogram lateness;
  std::int64_t delivered = 0;
  std::int64_t early = 0;
  std::int64_t max_ms = 0;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Publishes all timers; how many were stored.
Result<std::int64_t> publish(const TimersOptions& options, std::int64_t begin_ms, std::int64_t over_ms) {
  client::ProducerOptions producing;
  producing.name_servers = options.cluster.name_servers;
  producing.remoting = options.cluster.remoting();
  GANTRY_ASSIGN(const auto producer, client::Producer::start(producing));
  std::atomic<std::int64_t> stored{0};
  std::atomic<std::int64_t> answered{0};
  for (std::int64_t i = 0; i < options.count; ++i) {
    while (i - answered.load() >= options.in_flight) std::this_thread::sleep_for(std::chrono::microseconds(100));
    client::Message message;
    message.topic = options.topic;
    message.body.assign(options.size, 'x');
    // Spread over the whole time in an order that has nothing to do with that of publishing.
    const auto place =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(i) * 7'919 % static_cast<std::uint64_t>(options.count));
    message.properties["TIMER_DELIVER_MS"] = std::to_string(begin_ms + place * over_ms / options.count);
    producer->send_async(message, [&](const Result<client::SendResult>& sent) {
      if (sent) ++stored;
      ++answered;
    });
  }
  while (answered.load() < options.count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return stored.load();
}

/// The times at which the messages of a queue were stored, beside those at which they were due.
Status read_queue(client::PullConsumer& consumer, const client::MessageQueue& queue, std::int64_t from_ms,
                  Report& report) {
  GANTRY_ASSIGN(const std::int64_t end, consumer.max_offset(queue));
  GANTRY_ASSIGN(std::int64_t at, consumer.search_offset(queue, from_ms));
  while (at < end) {
    client::PullRequest request;
    request.queue = queue;
    request.offset = at;
    request.message_count_max = 1024;
    GANTRY_ASSIGN(const auto pulled, consumer.pull(request));
    if (pulled.next_offset <= at) break;
    at = pulled.next_offset;
    for (const client::ReceivedMessage& message : pulled.messages) {
      const auto due_text = message.properties.find("TIMER_OUT_MS");
      if (due_text == message.properties.end()) continue;
      std::int64_t due_ms = 0;
      std::from_chars(due_text->second.data(), due_text->second.data() + due_text->second.size(), due_ms);
      const std::int64_t late_ms = message.store_ms - due_ms;
      ++report.delivered;
      if (late_ms < 0) ++report.early;
      report.max_ms = std::max(report.max_ms, late_ms);
      report.lateness.record(std::max<std::int64_t>(late_ms, 0) * 1'000'000);
    }
  }
  return {};
}

Result<Report> read_all(const TimersOptions& options, std::int64_t from_ms) {
  client::PullConsumerOptions reading;
  reading.name_servers = options.cluster.name_servers;
  reading.remoting = options.cluster.remoting();
  GANTRY_ASSIGN(const auto consumer, client::PullConsumer::start(reading));
  GANTRY_ASSIGN(const auto queues, consumer->queues(options.topic));
  Report report;
  for (const client::MessageQueue& queue : queues) GANTRY_TRY(read_queue(*consumer, queue, from_ms, report));
  return report;
}

Result<int> measure(const TimersOptions& options) {
  GANTRY_ASSIGN(const auto lead, parse_duration(options.lead));
  GANTRY_ASSIGN(const auto over, parse_duration(options.over));
  const std::int64_t over_ms = std::chrono::duration_cast<std::chrono::milliseconds>(over).count();
  GANTRY_ASSIGN(const auto admin, client::Admin::start({.name_servers = options.cluster.name_servers,
                                                        .remoting = options.cluster.remoting()}));
  client::TopicSettings topic;
  topic.topic = options.topic;
  topic.read_queues = topic.write_queues = options.queue_count;
  GANTRY_TRY(admin->create_topic(topic));

  const std::int64_t start_ms = now_ms();
  const std::int64_t begin_ms = start_ms + std::chrono::duration_cast<std::chrono::milliseconds>(lead).count();
  GANTRY_ASSIGN(const std::int64_t stored, publish(options, begin_ms, over_ms));
  const std::int64_t published_ms = now_ms();
  const std::int64_t wait_ms = begin_ms + over_ms + 500 - now_ms();
  if (wait_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  GANTRY_ASSIGN(Report report, read_all(options, start_ms));
  for (int round = 0; round < 60 && report.delivered < stored; ++round) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    GANTRY_ASSIGN(report, read_all(options, start_ms));
  }
  const double publish_seconds = static_cast<double>(published_ms - start_ms) / 1'000;
  const bool overlapped = published_ms > begin_ms;
  const auto quantile_ms = [&report](double share) { return report.lateness.quantile_us(share) / 1'000; };
  if (options.json) {
    std::printf("%s\n", JsonObject()
                            .add("timers", stored)
                            .add("delivered", report.delivered)
                            .add("early", report.early)
                            .add("due_per_second", static_cast<double>(stored) * 1'000 / static_cast<double>(over_ms))
                            .add("publish_seconds", publish_seconds)
                            .add("published_while_due", overlapped)
                            .add("p50_ms", quantile_ms(0.5))
                            .add("p99_ms", quantile_ms(0.99))
                            .add("p999_ms", quantile_ms(0.999))
                            .add("max_ms", report.max_ms)
                            .text()
                            .c_str());
  } else {
    std::printf("%lld timers published in %.1f s%s, due at %.0f per second\n", static_cast<long long>(stored),
                publish_seconds, overlapped ? " (the first were due before the last were published)" : "",
                static_cast<double>(stored) * 1'000 / static_cast<double>(over_ms));
    std::printf("%lld delivered, %lld early; late by p50 %.0f ms, p99 %.0f ms, p99.9 %.0f ms, at most %lld ms\n",
                static_cast<long long>(report.delivered), static_cast<long long>(report.early), quantile_ms(0.5),
                quantile_ms(0.99), quantile_ms(0.999), static_cast<long long>(report.max_ms));
  }
  return report.delivered == stored && report.early == 0 ? exit_ok : exit_failed;
}

}  // namespace

void add_bench_timers_command(CLI::App& bench, Run& run) {
  auto options = std::make_shared<TimersOptions>();
  CLI::App* command = bench.add_subcommand(
      "timers",
      "Publish timed messages and report how late they came, by the broker's clock, and whether any was early");
  command->add_option("--topic,-t", options->topic, "the topic; made when it is missing")->capture_default_str();
  command->add_option("--queues", options->queue_count, "its queues")->capture_default_str();
  command->add_option("--timers", options->count, "how many")->check(CLI::Range(1, 100'000'000))->capture_default_str();
  command->add_option("--in-flight,-f", options->in_flight, "messages under way")->capture_default_str();
  command->add_option("--size,-s", options->size, "bytes of a body")->capture_default_str();
  command->add_option("--lead", options->lead, "from now to when the first is due")->capture_default_str();
  command->add_option("--over", options->over, "from the first to the last")->capture_default_str();
  command->add_flag("--json", options->json, "one line of JSON");
  options->cluster.add_to(*command);
  command->callback([options, &run] {
    run = [options] {
      const auto measured = measure(*options);
      return measured ? *measured : fail(measured.error());
    };
  });
}

}  // namespace gantry::cli
