// What scripts cost per message on one core, limits switched on: the host is asked as the broker asks it, in batches.

#include "gantry/abi/filter.h"
#include "gantry/abi/interceptor.h"
#include "kernel/base/metrics.hpp"
#include "kernel/env/clock.hpp"
#include "kernel/env/files.hpp"
#include "kernel/script/host.hpp"
#include "protocol/buffer.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace gantry::script {
namespace {

constexpr std::size_t batch = 32;

/// Records as producers of orders send them: nine properties, a kilobyte of body.
class Messages {
 public:
  Messages() {
    for (std::size_t i = 0; i < batch; ++i) {
      protocol::ByteBuffer properties;
      const auto add = [&](std::string_view name, const std::string& value) {
        protocol::append_property(properties, name, std::string_view(value));
      };
      add("UNIQ_KEY", "7F0000010A1B18B4AAC2" + std::to_string(1'000'000 + i));
      add("KEYS", "order-" + std::to_string(i));
      add("TAGS", i % 2 == 0 ? "paid" : "open");
      add("CLUSTER", "DefaultCluster");
      add("WAIT", "true");
      add("region", i % 10 == 0 ? "eu" : "us");
      add("amount", std::to_string(i * 37 % 1000));
      add("tenant", "tenant-" + std::to_string(i % 7));
      add("TRACE_ON", "true");
      properties_.emplace_back(properties.text());
    }
    for (const std::string& properties : properties_) {
      protocol::RecordSource source;
      source.topic = "orders";
      source.body = protocol::as_bytes(body_);
      source.properties = properties;
      std::string& record = records_.emplace_back(*protocol::record_size(source), '\0');
      protocol::encode_record(source, reinterpret_cast<std::byte*>(record.data()));
    }
    for (std::size_t i = 0; i < batch; ++i) {
      protocol::RecordView view;
      protocol::decode_record(protocol::as_bytes(std::string_view(records_[i])), view);
      stored_.push_back(
          {{view.properties.data(), view.properties.size()}, {records_[i].data(), records_[i].size()}, 0});
    }
  }

  [[nodiscard]] const std::vector<gantry_filter_message>& stored() const { return stored_; }
  [[nodiscard]] std::vector<gantry_publishing> publishing() const {
    std::vector<gantry_publishing> all(batch);
    for (std::size_t i = 0; i < batch; ++i) {
      all[i].struct_size = sizeof all[i];
      all[i].topic = {"orders", 6};
      all[i].properties = {properties_[i].data(), properties_[i].size()};
      all[i].body = {body_.data(), body_.size()};
      all[i].producer_group = {"producers", 9};
      all[i].queue_count = 16;
    }
    return all;
  }

 private:
  const std::string body_ = std::string(1024, 'b');
  std::vector<std::string> properties_;
  std::vector<std::string> records_;
  std::vector<gantry_filter_message> stored_;
};

class Loaded {
 public:
  explicit Loaded(const std::string& script) {
    const std::string file = (folder_ / "bench.txt").string();
    std::ofstream(file) << script;
    const auto report = host.load({{.name = "bench", .file = file}});
    for (const Error& refusal : report.refusals) {
      std::fprintf(stderr, "%s\n", refusal.text.c_str());
      std::exit(1);
    }
  }

 private:
  TempDir folder_;
  SystemClock clock_;
  MetricsRegistry metrics_;

 public:
  ScriptHost host{{}, clock_, metrics_};
};

void count_messages(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch));
  state.counters["ns_per_message"] = benchmark::Counter(static_cast<double>(state.iterations() * batch),
                                                        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void run_filter(benchmark::State& state, const char* body) {
  Loaded loaded(std::string("gantry.hook{name = 'f', on = 'filter', topics = '*', run = function(msg) ") + body +
                " end}");
  const Messages messages;
  const auto filter = loaded.host.bound_filter("orders", "group");
  std::uint8_t verdicts[batch];
  for (auto _ : state) {
    filter->match(messages.stored(), verdicts);
    benchmark::DoNotOptimize(verdicts);
  }
  count_messages(state);
}

void filter_one_property(benchmark::State& state) { run_filter(state, "return msg.properties.region == 'eu'"); }
void filter_two_properties(benchmark::State& state) {
  run_filter(state, "local p = msg.properties return p.tenant ~= 'tenant-9' and tonumber(p.amount) > 500");
}
void filter_two_texts(benchmark::State& state) {
  run_filter(state, "return msg.properties.tenant ~= 'x' and msg.properties.region == 'eu'");
}
void filter_nothing(benchmark::State& state) { run_filter(state, "return true"); }
BENCHMARK(filter_nothing);
BENCHMARK(filter_one_property);
BENCHMARK(filter_two_texts);
BENCHMARK(filter_two_properties);

void run_publish(benchmark::State& state, const char* script) {
  Loaded loaded(script);
  const Messages messages;
  const auto given = messages.publishing();
  const std::vector<std::uint8_t> open(batch, 1);
  std::vector<gantry_publishing> work(batch);
  std::vector<char> memory(1 << 20);
  struct Arena {
    std::vector<char>& memory;
    std::size_t used = 0;
  } arena{memory};
  const gantry_scratch scratch{&arena, [](void* context, std::uint64_t size) -> void* {
                                 auto* to = static_cast<Arena*>(context);
                                 if (to->memory.size() - to->used < size) return nullptr;
                                 void* at = to->memory.data() + to->used;
                                 to->used += size;
                                 return at;
                               }};
  for (auto _ : state) {
    work = given;
    arena.used = 0;
    loaded.host.publish(work, open, scratch);
    benchmark::DoNotOptimize(work.data());
  }
  count_messages(state);
}

void select_queue_by_key(benchmark::State& state) {
  run_publish(state,
              "gantry.hook{name = 's', on = 'select_queue', topics = '*', run = function(msg) "
              "return gantry.bucket(msg.keys or msg.id, msg.queue_count) end}");
}
void publish_set_property(benchmark::State& state) {
  run_publish(state,
              "gantry.hook{name = 'p', on = 'on_publish', topics = '*', run = function(msg) "
              "if msg.properties.tenant == 'tenant-1' then msg.properties.lane = 'fast' end end}");
}
BENCHMARK(select_queue_by_key);
BENCHMARK(publish_set_property);

// A broker without scripts: what the publish and pull paths pay for the question.
void idle(benchmark::State& state) {
  Loaded loaded("gantry.hook{name = 'f', on = 'filter', run = function(msg) return true end}");
  for (auto _ : state) {
    benchmark::DoNotOptimize(loaded.host.intercepts_publish());
    benchmark::DoNotOptimize(loaded.host.binds_pulls());
  }
}
BENCHMARK(idle);

}  // namespace
}  // namespace gantry::script

BENCHMARK_MAIN();
