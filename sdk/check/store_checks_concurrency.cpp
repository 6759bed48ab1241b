#include "sdk/check/store_checks.hpp"
#include "sdk/check/store_probe.hpp"

#include <atomic>
#include <thread>

namespace gantry::check {
namespace {

constexpr std::string_view topic = "ContractTopic";
constexpr int writer_count = 3;
constexpr int messages_per_writer = 400;

/// The first failure of several threads.
class Verdict {
 public:
  void fail(Error error) {
    if (!failed_.exchange(true)) error_ = std::move(error);
  }
  void take(Status status) {
    if (!status) fail(std::move(status).error());
  }
  [[nodiscard]] bool failed() const { return failed_; }
  /// After all threads were joined.
  [[nodiscard]] Status status() const { return failed_ ? Status(error_) : Status(); }

 private:
  std::atomic<bool> failed_{false};
  Error error_;
};

std::string body_of(int writer, int number) { return std::to_string(writer) + ":" + std::to_string(number); }

Status write_some(StoreProbe& probe, gantry_queue* queue, int writer) {
  for (int number = 0; number < messages_per_writer; number += 4) {
    std::vector<Draft> drafts;
    for (int i = 0; i < 4; ++i) drafts.push_back({.queue = queue, .body = body_of(writer, number + i)});
    GANTRY_ASSIGN(const auto results, probe.append(drafts));
    for (const auto& result : results) GANTRY_TRY(expect_equal(result.status, GANTRY_OK, "status"));
  }
  return {};
}

Status read_all(StoreProbe& probe, gantry_queue* queue, std::int64_t count, const Verdict& verdict) {
  std::vector<int> next_number(writer_count, 0);
  for (std::int64_t next = 0; next < count && !verdict.failed();) {
    GANTRY_ASSIGN(const auto seen, probe.read(queue, next, {.messages = 32}));
    if (seen.outcome == GANTRY_READ_AT_END || seen.outcome == GANTRY_READ_EMPTY_QUEUE) {
      std::this_thread::yield();
      continue;
    }
    GANTRY_TRY(expect_equal(seen.outcome, GANTRY_READ_FOUND, "outcome while others append"));
    for (const auto& record : seen.records) {
      GANTRY_TRY(expect_equal(record.queue_offset, next++, "queue offset while others append"));
      const int writer = record.body.at(0) - '0';
      GANTRY_TRY(expect_true(writer >= 0 && writer < writer_count, "the body names a writer"));
      auto& number = next_number[static_cast<std::size_t>(writer)];
      GANTRY_TRY(expect_equal(record.body, body_of(writer, number++), "order of one writer's messages"));
    }
  }
  return {};
}

Status writers_and_readers_do_not_disturb_each_other(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  Verdict verdict;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writer_count; ++writer) {
    threads.emplace_back([&probe, &verdict, queue, writer] { verdict.take(write_some(*probe, queue, writer)); });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&probe, &verdict, queue] {
      verdict.take(read_all(*probe, queue, std::int64_t{writer_count} * messages_per_writer, verdict));
    });
  }
  for (auto& thread : threads) thread.join();
  GANTRY_TRY(verdict.status());
  return expect_equal(probe->store().bounds(queue).max, writer_count * messages_per_writer, "messages in the queue");
}

Status queues_open_and_vanish_under_load(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  Verdict verdict;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&probe, &verdict, &stop, writer] {
      for (int i = 0; !stop && !verdict.failed(); ++i) {
        const auto queue = probe->queue("Vanishing", (i + writer) % 5);
        if (!queue) return verdict.fail(queue.error());
        const auto results = probe->append({{.queue = *queue, .body = "v"}});
        if (!results) return verdict.fail(results.error());
        const auto status = (*results)[0].status;
        if (status != GANTRY_OK && status != GANTRY_E_UNAVAILABLE) {
          return verdict.fail(
              unexpected("append while the topic is deleted", "ok or unavailable", std::to_string(status)));
        }
        if (auto seen = probe->read(*queue, 0); !seen) return verdict.fail(std::move(seen).error());
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    verdict.take(probe->store().delete_topic("Vanishing"));
    std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  return verdict.status();
}

Status many_waiters_are_all_released(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  Verdict verdict;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writer_count; ++writer) {
    threads.emplace_back([&probe, &verdict, writer] {
      const auto queue = probe->queue(topic, writer);
      if (!queue) return verdict.fail(queue.error());
      for (int i = 0; i < 20 && !verdict.failed(); ++i) {
        const auto at = probe->append_one(*queue, "sync");
        if (!at) return verdict.fail(at.error());
        verdict.take(probe->wait_durable(at->log_offset + at->record_size));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  GANTRY_TRY(expect_true(!probe->events().went_backwards, "durable_end never decreases"));
  return verdict.status();
}

constexpr StoreCheck checks[] = {
    {"writers_and_readers_do_not_disturb_each_other", "Messages would be lost or swapped under load.",
     writers_and_readers_do_not_disturb_each_other},
    {"queues_open_and_vanish_under_load", "Deleting a busy topic would crash the broker.",
     queues_open_and_vanish_under_load},
    {"many_waiters_are_all_released", "A synchronous send would hang beside others.", many_waiters_are_all_released},
};

}  // namespace

std::span<const StoreCheck> concurrency_checks() { return checks; }

}  // namespace gantry::check
