// gantry consume: shows what arrives, as a member of a consumer group.

#include "cli/command.hpp"
#include "cli/message_json.hpp"
#include "cli/progress.hpp"
#include "client/consumer.hpp"
#include "kernel/base/units.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>

namespace gantry::cli {
namespace {

struct ConsumeOptions {
  ClusterOptions cluster;
  client::PushConsumerOptions consumer;
  std::string from = "last";
  std::string model = "clustering";
  std::string timeout;
  std::uint64_t count = 0;
  bool quiet = false;
  bool json = false;
};

volatile std::sig_atomic_t interrupted = 0;

/// Text as it is when a terminal can show it, with control characters replaced.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = '.';
  }
  return text;
}

void print(const ConsumeOptions& options, const client::ReceivedMessage& message) {
  if (options.quiet) return;
  if (options.json) {
    std::printf("%s\n", message_json(message).text().c_str());
  } else {
    std::printf("%s/%d@%lld%s%s  %s\n", message.queue.broker_name.c_str(), message.queue.queue_id,
                static_cast<long long>(message.queue_offset), message.tags.empty() ? "" : " ", message.tags.c_str(),
                printable(message.body).c_str());
  }
  std::fflush(stdout);
}

int consume(ConsumeOptions& options) {
  options.consumer.name_servers = options.cluster.name_servers;
  options.consumer.remoting = options.cluster.remoting();
  options.consumer.from = options.from == "first" ? client::ConsumeFrom::first : client::ConsumeFrom::last;
  options.consumer.model =
      options.model == "broadcasting" ? client::MessageModel::broadcasting : client::MessageModel::clustering;
  std::chrono::milliseconds timeout{0};
  if (!options.timeout.empty()) {
    const auto parsed = parse_duration(options.timeout);
    if (!parsed) return fail(parsed.error());
    timeout = *parsed;
  }
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });

  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t received = 0;
  Progress progress("consumed", options.quiet ? Progress::Mode::on : Progress::Mode::off);
  auto consumer = client::PushConsumer::start(options.consumer, [&](const client::ReceivedMessage& message) {
    const std::lock_guard lock(mutex);
    if (options.count > 0 && received >= options.count) return client::ConsumeVerdict::stop;
    ++received;
    print(options, message);
    progress.update(received);
    changed.notify_one();
    return client::ConsumeVerdict::done;
  });
  if (!consumer) return fail(consumer.error());
  if (!options.json && !options.quiet) {
    std::fprintf(stderr, "consuming %s as %s; Ctrl-C ends\n", options.consumer.topic.c_str(),
                 options.consumer.group.c_str());
  }

  const auto started = std::chrono::steady_clock::now();
  bool late = false;
  {
    std::unique_lock lock(mutex);
    while (interrupted == 0 && (options.count == 0 || received < options.count) && !late) {
      changed.wait_for(lock, std::chrono::milliseconds(100));
      late = timeout.count() > 0 && std::chrono::steady_clock::now() - started >= timeout;
    }
  }
  consumer->reset();  // commits offsets and leaves the group
  progress.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (!options.json)
    std::fprintf(stderr, "consumed %llu in %.2f s\n", static_cast<unsigned long long>(received), seconds);
  if (late && options.count > 0 && received < options.count) {
    return fail(Error{Errc::timed_out, "expected " + std::to_string(options.count) + " messages within " +
                                           options.timeout + ", received " + std::to_string(received)});
  }
  return exit_ok;
}

}  // namespace

void add_consume_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<ConsumeOptions>();
  options->consumer.group = "gantry_cli_consumer";
  CLI::App* command = app.add_subcommand("consume", "Show the messages of a topic as they arrive");
  options->cluster.add_to(*command);
  command->add_option("topic", options->consumer.topic, "the topic")->required();
  command->add_option("--group,-g", options->consumer.group, "consumer group")->capture_default_str();
  command->add_option("--tags,-t", options->consumer.expression, "tags joined by '||', or '*'")->capture_default_str();
  command->add_option("--from", options->from, "where a new group begins: last or first")
      ->capture_default_str()
      ->check(CLI::IsMember({"last", "first"}));
  command->add_option("--model", options->model, "clustering (share) or broadcasting (everything)")
      ->capture_default_str()
      ->check(CLI::IsMember({"clustering", "broadcasting"}));
  command->add_option("--count,-c", options->count, "end after so many messages; 0: never")->capture_default_str();
  command->add_option("--timeout", options->timeout, "end after this time, for example 30s");
  command->add_flag("--quiet,-q", options->quiet, "count only");
  command->add_flag("--json", options->json, "one line of JSON a message");
  command->callback([options, &run] { run = [options] { return consume(*options); }; });
}

}  // namespace gantry::cli
