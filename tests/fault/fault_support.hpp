#pragma once
// What the tests that break a store share: seeds, scales, small files, and a model of what the store promised.
//
// Seeds are printed; GANTRY_TEST_SEED repeats one. Counts come from the environment so that one binary is both the
// quick test and the soak.

#include "plugins/storage-mmap/testing/store_harness.hpp"

#include "sdk/check/store_probe.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::storage_mmap::faults {

inline std::uint64_t seed_of_run() {
  if (const char* given = std::getenv("GANTRY_TEST_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device()();
}

/// The number in the environment, or `fallback`.
inline std::int64_t scale(const char* name, std::int64_t fallback) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoll(given, nullptr, 10) : fallback;
}

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void set_content(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// Waits for a condition, looking every millisecond; false after `patience`.
template <typename Condition>
bool eventually(Condition&& condition, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Reads, waiting while the store says that the queue is being rebuilt.
inline Result<check::SeenRead> patient_read(check::StoreProbe& probe, gantry_queue* queue, std::int64_t offset,
                                            const check::ReadLimits& limits = {}) {
  auto seen = probe.read(queue, offset, limits);
  eventually([&] {
    if (seen || seen.error().code != Errc::busy) return true;
    seen = probe.read(queue, offset, limits);
    return seen.has_value();
  });
  return seen;
}

using QueueName = std::pair<std::string, std::int32_t>;

inline std::string to_string(const QueueName& name) { return name.first + "/" + std::to_string(name.second); }

/// What was appended, and how much of it was promised to survive. Queue, offset and text of a message are unique, so
/// that nothing can be taken for something else.
class Model {
 public:
  struct Queue {
    std::vector<std::string> bodies;  ///< by offset; empty: not known
    std::int64_t durable = 0;         ///< that many of them must survive
  };

  /// `offset` must be the next one.
  void appended(const QueueName& name, std::int64_t offset, std::string body) {
    auto& queue = queues_[name];
    ASSERT_EQ(offset, static_cast<std::int64_t>(queue.bodies.size())) << to_string(name);
    queue.bodies.push_back(std::move(body));
  }
  /// Everything that was appended up to now was reported durable.
  void all_is_durable() {
    for (auto& [name, queue] : queues_) queue.durable = static_cast<std::int64_t>(queue.bodies.size());
  }
  void deleted(const std::string& topic) {
    std::erase_if(queues_, [&](const auto& entry) { return entry.first.first == topic; });
    deleted_.insert(topic);
  }
  /// A deletion failed half-way: the topic's messages may be there or not.
  void unsure(const std::string& topic) {
    std::erase_if(queues_, [&](const auto& entry) { return entry.first.first == topic; });
    deleted_.erase(topic);
  }
  [[nodiscard]] std::map<QueueName, Queue>& queues() { return queues_; }

  /// After a restart: every queue holds what is durable and nothing that was never appended. Takes over how much of the
  /// rest is there. Reads the newest `tail` messages of each queue, and the oldest.
  void verify(check::StoreProbe& probe, std::int64_t tail) {
    for (auto& [name, queue] : queues_) {
      auto* handle = *probe.queue(name.first, name.second);
      const auto bounds = probe.store().bounds(handle);
      const auto known = static_cast<std::int64_t>(queue.bodies.size());
      ASSERT_GE(bounds.max, queue.durable) << to_string(name) << " lost messages that were durable";
      ASSERT_LE(bounds.max, known) << to_string(name) << " holds messages that nobody sent";
      if (bounds.max > 0) {
        ASSERT_EQ(bounds.min, 0) << to_string(name) << " lost its oldest messages";
      }
      queue.bodies.resize(static_cast<std::size_t>(bounds.max));
      queue.durable = bounds.max;
      ASSERT_NO_FATAL_FAILURE(read(probe, name, handle, std::max<std::int64_t>(0, bounds.max - tail), bounds.max));
      ASSERT_NO_FATAL_FAILURE(read(probe, name, handle, 0, std::min<std::int64_t>(bounds.max, 3)));
    }
    for (const auto& topic : deleted_) {
      for (std::int32_t id = 0; id < 3; ++id) {
        if (queues_.contains({topic, id})) continue;
        ASSERT_EQ(probe.store().bounds(*probe.queue(topic, id)).max, 0)
            << topic << "/" << id << " came back after it was deleted";
      }
    }
  }

 private:
  void read(check::StoreProbe& probe, const QueueName& name, gantry_queue* handle, std::int64_t from, std::int64_t to) {
    const auto& bodies = queues_[name].bodies;
    for (auto next = from; next < to;) {
      const auto seen = patient_read(probe, handle, next);
      ASSERT_TRUE(seen) << to_string(name) << " offset " << next << ": " << seen.error().text;
      ASSERT_EQ(seen->outcome, static_cast<std::uint32_t>(GANTRY_READ_FOUND)) << to_string(name) << " offset " << next;
      ASSERT_FALSE(seen->records.empty());
      for (const auto& record : seen->records) {
        ASSERT_EQ(record.queue_offset, next) << to_string(name) << ": a hole or a step back";
        const auto& body = bodies.at(static_cast<std::size_t>(next));
        ASSERT_TRUE(body.empty() || record.body == body)
            << to_string(name) << " offset " << next << ": expected " << body.substr(0, 40) << ", found "
            << record.body.substr(0, 40);
        if (++next >= to) break;
      }
    }
  }

  std::map<QueueName, Queue> queues_;
  std::set<std::string> deleted_;
};

/// Puts temporary folders in memory where there is room: these tests cut their own power, and a disk only slows them.
struct MemoryFolders {
  MemoryFolders() {
    constexpr std::uint64_t enough = 1ull << 30;
    std::error_code failed;
    const auto space = std::filesystem::space("/dev/shm", failed);
    if (!failed && space.available >= enough) ::setenv("TMPDIR", "/dev/shm", 0);
  }
};

/// A store with small files, random numbers from a printed seed.
class FaultTest : private MemoryFolders, public testing::Test {
 protected:
  FaultTest() : seed_(seed_of_run()), random_(seed_) {
    RecordProperty("seed", std::to_string(seed_));
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed_));
    harness_.options.segment_size = 64u << 10;
    harness_.options.reserve_ahead = 256u << 10;
  }
  std::string random_body(const std::string& name) {
    return name + std::string(static_cast<std::size_t>(random_() % 3000), static_cast<char>('a' + random_() % 26));
  }
  [[nodiscard]] bool chance(std::uint64_t one_in) { return random_() % one_in == 0; }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  MmapHarness harness_;
};

}  // namespace gantry::storage_mmap::faults
