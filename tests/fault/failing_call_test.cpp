// Concern: no failing call to the operating system makes the store lie, lose what it reported durable, or refuse to
// start once the disk works again. Method: one scenario (start, append, wait, read, delete a topic, save a blob, stop,
// start again) runs again and again; the Nth call that can fail does, for N = 1, 2, 3 ... until none was left to fail;
// with EIO and with ENOSPC; once, or from there on. Then the power is cut, and what was reported durable must be there.
// GANTRY_FAULT_STRIDE takes every n-th N only.
#include "tests/fault/fault_disk.hpp"
#include "tests/fault/fault_support.hpp"

namespace gantry::storage_mmap {
namespace {

using check::StoreProbe;
using faults::Model;
using faults::QueueName;
using faults::to_string;

class FailingCallTest : public faults::FaultTest {
 protected:
  static constexpr std::int64_t calls_max = 5000;
  static constexpr std::int64_t for_ever = INT64_MAX / 2;

  void walk(Errc code, std::int64_t count) {
    const auto stride = faults::scale("GANTRY_FAULT_STRIDE", 1);
    std::int64_t number = 1 + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(stride));
    bool failed = true;
    std::int64_t rounds = 0;
    for (; failed; number += stride, ++rounds) {
      SCOPED_TRACE("call " + std::to_string(number) + " fails with " + std::string(to_string(code)));
      ASSERT_LT(number, calls_max);
      ASSERT_NO_FATAL_FAILURE(failed = survive(number, code, count));
    }
    std::printf("%lld rounds, calls up to %lld\n", static_cast<long long>(rounds), static_cast<long long>(number));
  }

  /// Whether a call failed.
  bool survive(std::int64_t number, Errc code, std::int64_t count) {
    (void)harness_.wipe().has_value();
    model_ = {};
    FaultDisk disk(harness_.options.path);
    harness_.disk = &disk;
    disk.fail_call(number, code, count);
    for (int start = 0; start < 2; ++start) scenario(start);
    const auto failed_calls = disk.failed_calls();
    std::string trace;
    for (std::size_t i = 0; i < std::min<std::size_t>(failed_calls.size(), 3); ++i) trace += failed_calls[i] + "; ";
    SCOPED_TRACE(trace);
    disk.fail_call(0);
    disk.cut_power(FaultDisk::Cut::mix, random_);
    auto probe = StoreProbe::open(harness_);
    if (!probe) {
      ADD_FAILURE() << "it does not start on a disk that works again: " << probe.error().text;
    } else {
      check_promises(**probe);
      harness_.crash();
    }
    harness_.disk = nullptr;
    return !failed_calls.empty();
  }

  void check_promises(StoreProbe& probe) {
    model_.verify(probe, INT64_MAX);
    // It works again.
    const QueueName name{"T", 0};
    const auto at = probe.append_one(*probe.queue(name.first, name.second), "after");
    ASSERT_TRUE(at) << at.error().text;
    ASSERT_TRUE(probe.wait_durable(at->log_offset + at->record_size));
  }

  void scenario(int start) {
    auto probe = StoreProbe::open(harness_);
    if (!probe) {
      EXPECT_FALSE(probe.error().text.empty());
      return;
    }
    auto& store = (*probe)->store();
    // Records larger than a page, so that files roll and queues get second files.
    for (int i = 0; i < 30; ++i) {
      if (!append(**probe, start, i)) break;
    }
    // A deletion that failed may have happened or not: repeating it is what the caller does.
    const auto deleted = store.delete_topic("gone");
    if (deleted || store.delete_topic("gone")) {
      model_.deleted("gone");
    } else {
      model_.unsure("gone");
    }
    const auto saved = store.save_blob("topics.json", "{}");
    (void)saved.has_value();
    const auto closed = harness_.close();
    if (closed && (*probe)->events().failures == 0) model_.all_is_durable();
    harness_.crash();
  }

  bool append(StoreProbe& probe, int start, int i) {
    const QueueName name{i % 3 == 2 ? "gone" : "T", i % 2};
    const auto body = std::to_string(start * 100 + i) + std::string(5000, 'x');
    const check::Draft draft{.queue = *probe.queue(name.first, name.second), .body = body};
    const auto item = check::to_item(draft);
    gantry_append_result at{};
    for (int attempt = 0; attempt < 50; ++attempt) {
      const bool had_failed = probe.events().failures > 0;
      probe.store().append({&item, 1}, {&at, 1});
      EXPECT_FALSE(had_failed && at.status == GANTRY_OK) << "the store failed, and takes messages all the same";
      if (at.status != GANTRY_E_BUSY || had_failed) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (at.status != GANTRY_OK) return false;
    auto& queue = model_.queues()[name];
    queue.bodies.resize(static_cast<std::size_t>(at.queue_offset));
    queue.bodies.push_back(body);
    queue.durable = std::min(queue.durable, at.queue_offset);
    if (i % 10 != 9) return true;
    const auto end = at.log_offset + at.record_size;
    probe.store().want_durable(end);
    for (int wait = 0; wait < 200 && probe.events().durable_end < end && probe.events().failures == 0; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (probe.events().durable_end >= end) model_.all_is_durable();
    read_some(probe);
    return true;
  }

  /// A read may fail, but not lie.
  void read_some(StoreProbe& probe) {
    for (const auto& [name, queue] : model_.queues()) {
      const auto seen = probe.read(*probe.queue(name.first, name.second), 0);
      if (!seen || seen->outcome != GANTRY_READ_FOUND) continue;
      for (const auto& record : seen->records) {
        const auto& body = queue.bodies.at(static_cast<std::size_t>(record.queue_offset));
        EXPECT_TRUE(body.empty() || record.body == body) << to_string(name) << " offset " << record.queue_offset;
      }
    }
  }

  Model model_;
};

TEST_F(FailingCallTest, any_single_failing_call_is_survived) { walk(Errc::io, 1); }
TEST_F(FailingCallTest, any_single_call_without_space_is_survived) { walk(Errc::full, 1); }
TEST_F(FailingCallTest, a_disk_that_fails_from_any_call_on_is_survived) { walk(Errc::io, for_ever); }
TEST_F(FailingCallTest, a_disk_that_is_full_from_any_call_on_is_survived) { walk(Errc::full, for_ever); }

}  // namespace
}  // namespace gantry::storage_mmap
