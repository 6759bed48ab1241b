// gantry bench topics: makes the topics of a load.

#include "cli/bench_options.hpp"
#include "client/topic_bulk.hpp"

#include <cstdio>
#include <memory>

namespace gantry::cli {
namespace {

struct TopicsOptions {
  client::TopicBulk bulk;
  bool json = false;
};

int make(const TopicsOptions& options) {
  auto remoting = client::RemotingClient::start({});
  if (!remoting) return fail(remoting.error());
  const auto report = client::make_topics(**remoting, options.bulk);
  if (!report) return fail(report.error());
  if (options.json) {
    std::printf("%s\n", JsonObject()
                            .add("topics", report->topic_count)
                            .add("queues", options.bulk.spread.queue_count)
                            .add("seconds", report->seconds)
                            .add("slowest_request_ms", report->slowest_request_ms)
                            .text()
                            .c_str());
    return exit_ok;
  }
  std::printf("%llu topics of %u queues in %.1f s; the slowest request of %u topics took %.0f ms\n",
              static_cast<unsigned long long>(report->topic_count), options.bulk.spread.queue_count, report->seconds,
              options.bulk.topics_per_request, report->slowest_request_ms);
  return exit_ok;
}

}  // namespace

void add_bench_topics_command(CLI::App& bench, Run& run) {
  auto options = std::make_shared<TopicsOptions>();
  client::TopicBulk& bulk = options->bulk;
  CLI::App* command = bench.add_subcommand("topics", "Make the topics that a load is spread over");
  command->add_option("--broker,-b", bulk.broker, "the broker, address:port")->capture_default_str();
  command->add_option("--topic,-t", bulk.spread.topic, "the topic; of several, what their names begin with")
      ->capture_default_str();
  command->add_option("--topics", bulk.spread.topic_count, "how many")->capture_default_str();
  command->add_option("--queues", bulk.spread.queue_count, "queues of each")->capture_default_str();
  command->add_option("--per-request", bulk.topics_per_request, "topics of one request")->capture_default_str();
  command->add_option("--in-flight,-f", bulk.requests_in_flight, "requests under way")->capture_default_str();
  command->add_flag("--json", options->json, "one line of JSON");
  command->callback([options, &run] { run = [options] { return make(*options); }; });
}

}  // namespace gantry::cli
