// gantry produce: publishes messages from the command line, from a file or from standard input.

#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/progress.hpp"
#include "client/producer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <unistd.h>

namespace gantry::cli {
namespace {

constexpr std::uint64_t in_flight_max = 1024;

struct ProduceOptions {
  ClusterOptions cluster;
  client::Message message;
  std::string group = "gantry_cli_producer";
  std::string body;
  std::string file;
  std::vector<std::string> properties;
  std::uint64_t count = 1;
  bool json = false;
};

Status read_properties(ProduceOptions& options) {
  for (const std::string& property : options.properties) {
    const auto equals = property.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Errc::invalid_argument, "--property: expected name=value, found '" + property + "'"};
    }
    options.message.properties[property.substr(0, equals)] = property.substr(equals + 1);
  }
  return {};
}

/// Publishes many messages, a bounded number of them at a time, and counts how they fared.
class Publisher {
 public:
  explicit Publisher(client::Producer& producer) : producer_(producer) {}

  void publish(const client::Message& message) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return under_way_ < in_flight_max; });
      ++under_way_;
    }
    producer_.send_async(message, [this](Result<client::SendResult> result) {
      const std::lock_guard lock(mutex_);
      --under_way_;
      if (result) {
        ++stored_;
        last_ = *std::move(result);
      } else if (failed_++ == 0) {
        first_error_ = std::move(result).error();
      }
      room_.notify_all();
    });
  }

  void wait() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return under_way_ == 0; });
  }

  std::uint64_t finished() {
    const std::lock_guard lock(mutex_);
    return stored_ + failed_;
  }
  std::uint64_t stored() const { return stored_; }
  std::uint64_t failed() const { return failed_; }
  const client::SendResult& last() const { return last_; }
  const Error& first_error() const { return first_error_; }

 private:
  client::Producer& producer_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t under_way_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t failed_ = 0;
  client::SendResult last_;
  Error first_error_;
};

int produce(ProduceOptions& options) {
  if (const auto read = read_properties(options); !read) return fail(read.error());
  auto producer = client::Producer::start(
      {.name_servers = options.cluster.name_servers, .group = options.group, .remoting = options.cluster.remoting()});
  if (!producer) return fail(producer.error());

  // The first message is sent alone: it creates the topic where that is allowed, and tells early what is wrong.
  Publisher publisher(**producer);
  Progress progress("published", options.json ? Progress::Mode::off : Progress::Mode::on);
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t sent = 0;
  const auto publish = [&](std::string body) -> Status {
    options.message.body = std::move(body);
    if (sent++ == 0) {
      const auto first = (*producer)->send(options.message);
      if (!first) return first.error();
      return {};
    }
    publisher.publish(options.message);
    progress.update(publisher.finished() + 1);
    return {};
  };

  if (!options.file.empty()) {
    std::ifstream from_file;
    if (options.file != "-") {
      from_file.open(options.file, std::ios::binary);
      if (!from_file) return fail(Error{Errc::not_found, "--file: cannot open '" + options.file + "'"});
    }
    std::istream& lines = options.file == "-" ? std::cin : from_file;
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      if (const auto ok = publish(line); !ok) return fail(ok.error());
    }
    if (sent == 0) return fail(Error{Errc::invalid_argument, "--file: there is no line in '" + options.file + "'"});
  } else {
    for (std::uint64_t i = 0; i < options.count; ++i) {
      if (const auto ok = publish(options.count == 1 ? options.body : options.body + " " + std::to_string(i)); !ok) {
        return fail(ok.error());
      }
    }
  }
  publisher.wait();
  progress.finish();

  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const std::uint64_t stored = publisher.stored() + 1;
  if (options.json) {
    std::printf("%s\n", JsonObject()
                            .add("topic", options.message.topic)
                            .add("stored", stored)
                            .add("failed", publisher.failed())
                            .add("seconds", seconds)
                            .text()
                            .c_str());
  } else {
    std::printf("published %llu message%s to %s in %.2f s\n", static_cast<unsigned long long>(stored),
                stored == 1 ? "" : "s", options.message.topic.c_str(), seconds);
  }
  if (publisher.failed() > 0) {
    std::fprintf(stderr, "gantry: %llu messages were not stored; the first because: %s\n",
                 static_cast<unsigned long long>(publisher.failed()), publisher.first_error().text.c_str());
    return exit_failed;
  }
  return exit_ok;
}

}  // namespace

void add_produce_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<ProduceOptions>();
  CLI::App* command = app.add_subcommand("produce", "Publish messages to a topic");
  options->cluster.add_to(*command);
  command->add_option("topic", options->message.topic, "the topic")->required();
  CLI::Option* body = command->add_option("--body,-m", options->body, "the message's body; numbered when --count > 1");
  CLI::Option* file =
      command->add_option("--file,-f", options->file, "one message a line from this file; - is standard input");
  body->excludes(file);
  command->add_option("--count,-c", options->count, "messages to publish")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--tag", options->message.tags, "the messages' tag");
  command->add_option("--key", options->message.keys, "the messages' keys, separated by blanks");
  command->add_option("--property,-p", options->properties, "name=value; may be repeated");
  command->add_option("--group,-g", options->group, "producer group")->capture_default_str();
  command->add_flag("--json", options->json, "one line of JSON");
  command->callback([options, &run, body, file] {
    if (body->count() == 0 && file->count() == 0) {
      throw CLI::ValidationError("produce", "say what to publish: --body TEXT or --file PATH");
    }
    run = [options] { return produce(*options); };
  });
}

}  // namespace gantry::cli
