#include "cli/script_replay.hpp"

#include "cli/json_line.hpp"
#include "cli/table.hpp"
#include "client/consumer.hpp"
#include "kernel/env/files.hpp"
#include "kernel/script/seen_window.hpp"
#include "protocol/buffer.hpp"
#include "protocol/host.hpp"
#include "protocol/properties.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace gantry::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A group of the system's own: what operators bind to "*" does not hide messages from it.
constexpr const char* reading_group = "%SCRIPT%test";
constexpr std::size_t messages_max = 1'000'000;
constexpr std::size_t decisions_bytes_max = 64 * 1024 * 1024;

/// A stored message as a hook sees it. Owns its bytes.
struct Stored {
  explicit Stored(client::ReceivedMessage from) : message(std::move(from)) {
    for (const auto& [name, value] : message.properties) protocol::append_property(properties, name, value);
  }
  [[nodiscard]] script::Message::Fields fields(const std::string& group, std::int32_t queue_count) const {
    script::Message::Fields fields;
    fields.topic = message.topic;
    fields.properties = properties.text();
    fields.body = message.body;
    fields.group = group;
    fields.born_host = protocol::to_abi(message.born_host);
    fields.born_ms = message.born_ms;
    fields.store_ms = message.store_ms;
    fields.queue_offset = message.queue_offset;
    fields.queue_id = message.queue.queue_id;
    fields.queue_count = queue_count;
    fields.flag = message.flag;
    fields.sys_flag = message.sys_flag & ~protocol::sys_flag::compressed;  // the client decompressed it
    fields.reconsume_count = message.reconsume_count;
    return fields;
  }
  client::ReceivedMessage message;
  protocol::ByteBuffer properties;
};

Result<std::vector<Stored>> fetch(const ClusterOptions& cluster, const ReplayOptions& options,
                                  std::int32_t& queue_count) {
  GANTRY_ASSIGN(const auto consumer,
                client::PullConsumer::start(
                    {.name_servers = cluster.name_servers, .group = reading_group, .remoting = cluster.remoting()}));
  GANTRY_ASSIGN(const auto queues, consumer->queues(options.topic));
  queue_count = static_cast<std::int32_t>(queues.size());
  std::vector<Stored> all;
  for (const client::MessageQueue& queue : queues) {
    GANTRY_ASSIGN(const std::int64_t begin, consumer->min_offset(queue));
    GANTRY_ASSIGN(const std::int64_t end, consumer->max_offset(queue));
    std::int64_t at = std::max(begin, end - options.last);
    while (at < end && all.size() < messages_max) {
      client::PullRequest request;
      request.queue = queue;
      request.offset = at;
      GANTRY_ASSIGN(auto pulled, consumer->pull(request));
      for (client::ReceivedMessage& message : pulled.messages) {
        if (message.queue_offset < end) all.emplace_back(std::move(message));
      }
      if (pulled.next_offset <= at) break;
      at = pulled.next_offset;
    }
  }
  return all;
}

struct Tally {
  std::uint64_t passed = 0;
  std::uint64_t refused = 0;
  std::uint64_t changed = 0;
  std::uint64_t failed = 0;
  std::uint64_t differs = 0;
  std::string first_fault;
  std::chrono::nanoseconds spent{0};
};

/// One hook's decision about one message, as a word.
std::string decide(script::Runner& runner, std::size_t hook, script::Message& message, script::Verdict& verdict,
                   Tally& tally) {
  const auto began = Clock::now();
  const script::Fault fault = runner.run(hook, message, verdict);
  tally.spent += Clock::now() - began;
  if (fault != script::Fault::none) {
    if (++tally.failed == 1) tally.first_fault = runner.fault_text();
    return "failed";
  }
  if (!verdict.accepted) {
    ++tally.refused;
    return "refused";
  }
  ++tally.passed;
  if (verdict.queue >= 0) return "queue:" + std::to_string(verdict.queue);
  if (!message.changed().any()) return "passed";
  ++tally.changed;
  const script::Message::Fields& fields = message.fields();
  const std::string rest = std::string(fields.topic) + '\n' + std::string(fields.properties) + '\n' +
                           std::string(fields.body) + '\n' + std::to_string(fields.queue_id);
  char hash[24];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(script::stable_hash(rest)));
  return std::string("changed:") + hash;
}

std::size_t twin_of(const script::Runner& other, const script::Declaration& hook) {
  const auto& all = other.declarations();
  return static_cast<std::size_t>(
      std::find_if(all.begin(), all.end(),
                   [&](const auto& each) { return each.kind == hook.kind && each.name == hook.name; }) -
      all.begin());
}

bool matches_expected(const std::string& expected, const std::string& found, const std::string& file) {
  if (expected == found) return true;
  std::size_t line = 1;
  std::size_t at = 0;
  while (at < expected.size() && at < found.size() && expected[at] == found[at]) line += expected[at++] == '\n' ? 1 : 0;
  const auto line_of = [&](const std::string& text) {
    const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return begin < text.size() ? text.substr(begin, text.find('\n', begin) - begin) : std::string("(the end)");
  };
  std::printf("%s:%zu: expected %s\n%*sfound %s\n", file.c_str(), line, line_of(expected).c_str(), 4, "",
              line_of(found).c_str());
  return false;
}

}  // namespace

Result<bool> replay(const ClusterOptions& cluster, const ReplayOptions& options, const std::string& file,
                    const LoadScript& load) {
  std::int32_t queue_count = 0;
  GANTRY_ASSIGN(const auto messages, fetch(cluster, options, queue_count));
  GANTRY_ASSIGN(const auto runner, load(file));
  std::unique_ptr<script::Runner> other;
  if (!options.against.empty()) {
    GANTRY_ASSIGN(other, load(options.against));
  }
  Table table({"hook", "on", "messages", "passed", "refused", "changed", "failed", "differs", "ns/call"});
  std::string decisions;
  std::string faults;
  bool ok = true;
  script::Message message;
  script::Verdict verdict;
  for (std::size_t hook = 0; hook < runner->declarations().size(); ++hook) {
    const script::Declaration& declared = runner->declarations()[hook];
    if (declared.kind == script::HookKind::function) continue;
    Tally tally;
    Tally of_other;
    const std::size_t twin = other ? twin_of(*other, declared) : 0;
    for (const Stored& stored : messages) {
      const auto fields = stored.fields(options.group, queue_count);
      message.show(fields);
      const std::string decision = decide(*runner, hook, message, verdict, tally);
      decisions += declared.name + " " + std::to_string(stored.message.queue.queue_id) + " " +
                   std::to_string(stored.message.queue_offset) + " " + decision + "\n";
      if (other && twin < other->declarations().size()) {
        message.show(fields);
        if (decide(*other, twin, message, verdict, of_other) != decision) ++tally.differs;
      }
    }
    const auto calls = std::max<std::size_t>(messages.size(), 1);
    table.add({declared.name, std::string(to_string(declared.kind)), std::to_string(messages.size()),
               std::to_string(tally.passed), std::to_string(tally.refused), std::to_string(tally.changed),
               std::to_string(tally.failed), other ? std::to_string(tally.differs) : "-",
               std::to_string(tally.spent.count() / static_cast<std::int64_t>(calls))});
    if (tally.failed > 0) {
      ok = false;
      faults += declared.name + ": " + tally.first_fault + "\n";
    }
  }
  table.print();
  std::fputs(faults.c_str(), stdout);
  if (!options.record.empty()) GANTRY_TRY(write_file_atomically(options.record, decisions));
  if (!options.expect.empty()) {
    GANTRY_ASSIGN(const std::string expected, read_file(options.expect, decisions_bytes_max));
    ok = matches_expected(expected, decisions, options.expect) && ok;
  }
  return ok;
}

Status bench_hooks(script::Runner& runner, const std::string& file, bool json) {
  constexpr std::chrono::milliseconds duration{500};
  constexpr int calls_per_look = 256;
  protocol::ByteBuffer properties;
  for (const auto& [name, value] :
       {std::pair("UNIQ_KEY", "7F0000010A1B18B4AAC2000000001"), std::pair("KEYS", "order-1"), std::pair("TAGS", "paid"),
        std::pair("region", "eu"), std::pair("amount", "120"), std::pair("tenant", "tenant-1")}) {
    protocol::append_property(properties, name, std::string_view(value));
  }
  const std::string body = R"({"amount":120,"currency":"EUR","email":"a@example.com"})";
  script::Message::Fields fields;
  fields.topic = "orders";
  fields.properties = properties.text();
  fields.body = body;
  fields.group = "bench";
  fields.queue_count = 8;
  fields.born_ms = 1'700'000'000'000;
  script::Message message;
  script::Verdict verdict;
  for (std::size_t hook = 0; hook < runner.declarations().size(); ++hook) {
    const script::Declaration& declared = runner.declarations()[hook];
    if (declared.kind == script::HookKind::function) continue;
    std::vector<double> samples;
    const auto began = Clock::now();
    while (Clock::now() - began < duration) {
      const auto from = Clock::now();
      for (int i = 0; i < calls_per_look; ++i) {
        message.show(fields);
        if (runner.run(hook, message, verdict) != script::Fault::none) {
          return Error{Errc::invalid_argument, file + ": " + declared.name + ": " + runner.fault_text()};
        }
      }
      samples.push_back(static_cast<double>(std::chrono::nanoseconds(Clock::now() - from).count()) / calls_per_look);
    }
    std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2), samples.end());
    const double median = samples[samples.size() / 2];
    if (json) {
      std::printf("%s\n", JsonObject()
                              .add("file", file)
                              .add("hook", declared.name)
                              .add("on", to_string(declared.kind))
                              .add("median_ns", median)
                              .add("memory_bytes", runner.memory_bytes())
                              .text()
                              .c_str());
    } else {
      std::printf("%s: %s %s: %.0f ns per message, %zu KiB of memory\n", file.c_str(),
                  std::string(to_string(declared.kind)).c_str(), declared.name.c_str(), median,
                  runner.memory_bytes() / 1024);
    }
  }
  return {};
}

}  // namespace gantry::cli
