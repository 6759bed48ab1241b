// Concern: what a store reported durable survives every power cut, nothing else is ever served, and it always starts.
// Method: a store on a disk that drops what was not synced takes single messages, batches, keys, deletions of topics
// and blobs; the power is cut in every way that FaultDisk knows; what is there afterwards is compared with a model.
// GANTRY_POWER_CYCLES says how often (`./dev soak power`).
#include "tests/fault/fault_disk.hpp"
#include "tests/fault/fault_support.hpp"

namespace gantry::storage_mmap {
namespace {

using check::Draft;
using check::property;
using check::StoreProbe;
using faults::Model;
using faults::QueueName;

class PowerCutTest : public faults::FaultTest {
 protected:
  static constexpr std::int64_t quick_cycles = 60;
  static constexpr std::int64_t full_check_every = 50;
  static constexpr std::int64_t fresh_store_every = 250;  // so that a long run stays linear
  static constexpr std::int64_t tail = 40;

  /// `cycles` times: start, check, load, cut.
  void run(FlushMode flush, std::int64_t cycles) {
    harness_.options.flush = flush;
    auto disk = std::make_unique<FaultDisk>(harness_.options.path);
    std::int64_t promised = 0;
    std::map<FaultDisk::Cut, int> cuts;
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) {
      if (cycle % fresh_store_every == fresh_store_every - 1) {
        ASSERT_TRUE(harness_.wipe());
        model_ = {};
        blob_.clear();
        disk = std::make_unique<FaultDisk>(harness_.options.path);
      }
      harness_.disk = disk.get();
      SCOPED_TRACE("cycle " + std::to_string(cycle));
      auto probe = StoreProbe::open(harness_);
      ASSERT_TRUE(probe) << probe.error().text;
      ASSERT_NO_FATAL_FAILURE(model_.verify(**probe, cycle % full_check_every == 0 ? INT64_MAX : tail));
      if (!blob_.empty()) {
        const auto blob = (*probe)->store().load_blob("topics.json", sdk::BlobVersion::newest);
        ASSERT_TRUE(blob) << blob.error().text;
        ASSERT_EQ(*blob, blob_);
      }
      ASSERT_NO_FATAL_FAILURE(load(**probe, cycle));
      if (chance(12)) {
        ASSERT_TRUE(harness_.close());
        model_.all_is_durable();
      }
      harness_.crash();
      for (const auto& [name, queue] : model_.queues()) promised += queue.durable;
      const auto how = FaultDisk::every_cut[random_() % FaultDisk::every_cut.size()];
      ++cuts[how];
      disk->cut_power(how, random_);
    }
    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe) << probe.error().text;
    ASSERT_NO_FATAL_FAILURE(model_.verify(**probe, INT64_MAX));
    harness_.crash();
    std::printf("%lld cuts, %lld durable messages expected:", static_cast<long long>(cycles),
                static_cast<long long>(promised));
    for (const auto& [how, count] : cuts) std::printf(" %s %d", FaultDisk::to_string(how).data(), count);
    std::printf("\n");
  }

  void load(StoreProbe& probe, std::int64_t cycle) {
    const auto steps = 1 + random_() % 30;
    for (std::uint64_t step = 0; step < steps; ++step) {
      const QueueName name{"T" + std::to_string(random_() % 3), static_cast<std::int32_t>(random_() % 3)};
      if (chance(40)) {
        ASSERT_TRUE(probe.store().delete_topic(name.first));
        model_.deleted(name.first);
        continue;
      }
      if (chance(25)) {
        const auto content = "{\"cycle\":" + std::to_string(cycle) + ",\"step\":" + std::to_string(step) + "}";
        ASSERT_TRUE(probe.store().save_blob("topics.json", content));
        blob_ = content;
        continue;
      }
      ASSERT_NO_FATAL_FAILURE(append(probe, name, std::to_string(cycle) + ":" + std::to_string(step) + " "));
    }
  }

  void append(StoreProbe& probe, const QueueName& name, const std::string& text) {
    auto* queue = *probe.queue(name.first, name.second);
    std::vector<Draft> drafts;
    const auto count = chance(4) ? 1 + random_() % 5 : 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      drafts.push_back({.queue = queue,
                        .body = random_body(text + std::to_string(i) + " "),
                        .properties = property("TAGS", "t") + property("KEYS", "key-" + text),
                        .options = i > 0 ? std::uint32_t{GANTRY_APPEND_JOINED} : 0});
    }
    const auto results = probe.append(drafts);
    ASSERT_TRUE(results) << results.error().text;
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      ASSERT_EQ((*results)[i].status, GANTRY_OK);
      ASSERT_NO_FATAL_FAILURE(model_.appended(name, (*results)[i].queue_offset, drafts[i].body));
    }
    if (!chance(5)) return;
    ASSERT_TRUE(probe.wait_durable(results->back().log_offset + results->back().record_size));
    model_.all_is_durable();
  }

  Model model_;
  std::string blob_;
};

TEST_F(PowerCutTest, lose_nothing_durable_with_sync_flush) {
  run(FlushMode::sync, faults::scale("GANTRY_POWER_CYCLES", quick_cycles));
}

TEST_F(PowerCutTest, lose_nothing_durable_with_async_flush) {
  run(FlushMode::async, faults::scale("GANTRY_POWER_CYCLES", quick_cycles));
}

TEST_F(PowerCutTest, a_topic_made_again_after_its_deletion_was_cut_keeps_its_messages) {
  // The deletion is noted for a log end that the cut takes back; what is appended below it later is new all the same.
  harness_.options.flush_interval = harness_.options.flush_thorough_interval = std::chrono::hours(1);
  harness_.options.checkpoint_interval = std::chrono::hours(1);
  FaultDisk disk(harness_.options.path);
  harness_.disk = &disk;
  {
    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe) << probe.error().text;
    for (int i = 0; i < 10; ++i) ASSERT_TRUE((*probe)->append_one(*(*probe)->queue("T"), "old"));
    ASSERT_TRUE((*probe)->store().delete_topic("T"));
    harness_.crash();
    disk.cut_power(FaultDisk::Cut::drop_all, random_);
  }
  for (const std::string body : {"new 0", "new 1", "new 2"}) {
    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe) << probe.error().text;
    ASSERT_NO_FATAL_FAILURE(model_.verify(**probe, INT64_MAX));
    const auto at = (*probe)->append_one(*(*probe)->queue("T"), body);
    ASSERT_TRUE(at) << at.error().text;
    ASSERT_TRUE((*probe)->wait_durable(at->log_offset + at->record_size));
    ASSERT_NO_FATAL_FAILURE(model_.appended({"T", 0}, at->queue_offset, body));
    model_.all_is_durable();
    harness_.crash();
    disk.cut_power(FaultDisk::Cut::drop_all, random_);
  }
}

TEST_F(PowerCutTest, a_failed_sync_of_queue_files_is_never_made_good_by_a_later_one) {
  // Linux drops what a failed sync should have written, whatever the error was, and says that the next one went well.
  for (const auto code : {Errc::io, Errc::full}) {
    SCOPED_TRACE(std::string(to_string(code)));
    ASSERT_TRUE(harness_.wipe());
    model_ = {};
    FaultDisk disk(harness_.options.path);
    harness_.disk = &disk;
    disk.count_only("syncing", "consumequeue/T/0/");
    disk.fail_call(1, code);
    {
      auto probe = StoreProbe::open(harness_);
      ASSERT_TRUE(probe) << probe.error().text;
      const auto at = (*probe)->append_one(*(*probe)->queue("T"), "body");
      ASSERT_TRUE(at) << at.error().text;
      ASSERT_TRUE((*probe)->wait_durable(at->log_offset + at->record_size));
      ASSERT_NO_FATAL_FAILURE(model_.appended({"T", 0}, at->queue_offset, "body"));
      model_.all_is_durable();
      ASSERT_TRUE(faults::eventually([&] { return disk.has_failed(); }));
      // It fails, or it goes on in a way that survives this; a second sync comes after a second at the latest.
      const auto calls = disk.call_count();
      faults::eventually([&] { return (*probe)->events().failures > 0 || disk.call_count() > calls; },
                         std::chrono::seconds(3));
      (void)harness_.close().has_value();
      harness_.crash();
    }
    disk.cut_power(FaultDisk::Cut::drop_all, random_);
    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe) << probe.error().text;
    ASSERT_NO_FATAL_FAILURE(model_.verify(**probe, INT64_MAX));
    harness_.crash();
    harness_.disk = nullptr;
  }
}

}  // namespace
}  // namespace gantry::storage_mmap
