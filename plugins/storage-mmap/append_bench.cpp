// What the store costs per message, single-threaded, all in: checksum, lock, encoding into the mapping, queue entry,
// and the share of the store's own threads that runs beside it.
#include "plugins/storage-mmap/mmap_store.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace {

using gantry::storage_mmap::MmapStore;
using gantry::storage_mmap::StoreOptions;

class Fixture {
 public:
  explicit Fixture(std::uint64_t bytes_max) : bytes_max_(bytes_max) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gantry-bench-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    StoreOptions options;
    options.path = folder_;
    store_ = std::make_unique<MmapStore>(options, gantry::storage_mmap::Surroundings{});
    if (auto started = store_->start(); !started) std::abort();
    queue_ = *store_->open_queue("BenchTopic", 0);
  }
  ~Fixture() {
    if (auto stopped = store_->stop(); !stopped) std::abort();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  MmapStore& store() { return *store_; }
  gantry_queue* queue() { return queue_; }
  [[nodiscard]] bool is_worn_out() const {
    return static_cast<std::uint64_t>(store_->positions().log_end) > bytes_max_;
  }

 private:
  const std::uint64_t bytes_max_;
  std::string folder_;
  std::unique_ptr<MmapStore> store_;
  gantry_queue* queue_ = nullptr;
};

constexpr std::uint64_t fixture_bytes = 6ull << 30;
constexpr std::string_view properties =
    "UNIQ_KEY\x01"
    "7F000001000018B4AAC2208D9B9E0000\x02WAIT\x01true\x02TAGS\x01TagA\x02";

gantry_append_item item_of(gantry_queue* queue, const std::string& body) {
  gantry_append_item item{};
  item.queue = queue;
  item.body = {body.data(), body.size()};
  item.properties = {properties.data(), properties.size()};
  item.born_ms = 1700000000000;
  item.born_host.ip_size = item.store_host.ip_size = 4;
  return item;
}

double process_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// range(0): body bytes, range(1): messages per call.
void append(benchmark::State& state) {
  Fixture fixture(fixture_bytes);
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  const auto batch = static_cast<std::size_t>(state.range(1));
  const std::vector<gantry_append_item> items(batch, item_of(fixture.queue(), body));
  std::vector<gantry_append_result> results(batch);
  std::int64_t busy = 0;
  std::int64_t stored = 0;
  const auto cpu_before = process_cpu_seconds();
  for (auto _ : state) {
    fixture.store().append(items, results);
    for (const auto& result : results) {
      if (result.status == GANTRY_OK) {
        ++stored;
      } else {
        ++busy;
      }
    }
    if (fixture.is_worn_out()) {
      state.SkipWithError("more than 6 GiB were written: lower the minimal time");
      break;
    }
  }
  const auto cpu = process_cpu_seconds() - cpu_before;
  state.SetItemsProcessed(stored);
  state.counters["busy"] = static_cast<double>(busy);
  state.counters["cpu_ns_all_threads"] = stored == 0 ? 0 : cpu * 1e9 / static_cast<double>(stored);
}
BENCHMARK(append)->Args({1024, 1})->Args({1024, 32})->Args({128, 1})->Args({128, 32})->MinTime(0.5)->UseRealTime();

/// Reads 32 messages of 1 KiB from the hot end.
void read_hot(benchmark::State& state) {
  Fixture fixture(fixture_bytes);
  const std::string body(1024, 'x');
  const auto item = item_of(fixture.queue(), body);
  gantry_append_result result{};
  for (int i = 0; i < 10'000; ++i) fixture.store().append({&item, 1}, {&result, 1});
  std::array<gantry_slice, 32> slices{};
  gantry_read_request request{};
  request.struct_size = sizeof request;
  request.queue = fixture.queue();
  request.visible_end = INT64_MAX;
  request.message_count_max = 32;
  request.bytes_max = 256 << 10;
  request.scan_count_max = 800;
  request.offset = 9000;
  std::int64_t messages = 0;
  for (auto _ : state) {
    gantry_read_result read{};
    read.struct_size = sizeof read;
    read.slices = slices.data();
    read.slice_capacity = slices.size();
    if (auto status = fixture.store().read(request, read); !status) std::abort();
    messages += read.message_count;
    fixture.store().release(read.owner);
  }
  state.SetItemsProcessed(messages);
}
BENCHMARK(read_hot);

/// An empty folder, from nothing to ready.
void start_empty(benchmark::State& state) {
  for (auto _ : state) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gantry-bench-XXXXXX").string();
    const std::string folder = ::mkdtemp(pattern.data());
    StoreOptions options;
    options.path = folder;
    auto store = std::make_unique<MmapStore>(options, gantry::storage_mmap::Surroundings{});
    if (auto started = store->start(); !started) std::abort();
    state.PauseTiming();
    if (auto stopped = store->stop(); !stopped) std::abort();
    store.reset();
    std::filesystem::remove_all(folder);
    state.ResumeTiming();
  }
}
BENCHMARK(start_empty)->Iterations(20)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
