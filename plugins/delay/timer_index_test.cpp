// Concern: every timer is popped in order of its time, at least once, and exactly once as long as nothing is lost:
// whatever the mixture of arrivals, deliveries, tables, merges, kills, power cuts and damaged files.
// Method: random operations against a model that knows what waits; the index has tiny tables, so that runs and merges
// happen all the time. GANTRY_TEST_SEED repeats a run.

#include "plugins/delay/timer_index.hpp"

#include "plugins/delay/testing.hpp"

#include "gantry/sdk/testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <random>
#include <set>

namespace gantry::delay {
namespace {

using testing::make_entry;

/// The size of the first frame of a state file.
std::size_t encode_frame_size(const std::string& content) {
  std::uint32_t size = 0;
  std::memcpy(&size, content.data(), sizeof size);
  return 8 + size;
}

/// The timer topic and the log, as far as the index can tell.
class Bench {
 public:
  explicit Bench(std::uint64_t seed) : random_(seed) { open(); }

  std::uint64_t roll(std::uint64_t below) { return random_() % below; }

  void accept(std::size_t count) {
    for (; count > 0; --count) {
      const std::int64_t due = now_ + static_cast<std::int64_t>(roll(3'000)) - 200;
      topic_.push_back(make_entry(due, static_cast<std::int64_t>(topic_.size())));
      topic_.back().log_offset = log_end_;
      log_end_ += 100;
    }
  }

  void scan(std::size_t count) {
    const auto position = index_->scan_position();
    auto next = position.offset;
    for (; count > 0 && next < static_cast<std::int64_t>(topic_.size()); --count) {
      const Entry& entry = topic_[static_cast<std::size_t>(next)];
      const auto added = index_->add(position.era, entry, "orders", entry.action_ms);
      if (added == TimerIndex::Added::full) break;
      if (!waiting_.contains(next) && !done_.contains(next) && !popped_.contains(next)) waiting_.insert(next);
      ++next;
    }
    index_->scanned_to({next, position.era});
  }

  /// Takes what is due; each must be the first of all that waits.
  void pop(std::size_t count) {
    for (; count > 0; --count) {
      auto popped = index_->pop(now_);
      if (!popped && damages_ > 0) return;  // the keeper sees to it
      ASSERT_TRUE(popped) << popped.error().text;
      if (!*popped) {
        if (!is_strict_) return;
        for (const std::int64_t offset : waiting_) {
          ASSERT_GT(topic_[static_cast<std::size_t>(offset)].action_ms, now_) << "kept back: " << offset;
        }
        return;
      }
      const Entry entry = (*popped)->entry;
      ASSERT_LE(entry.action_ms, now_) << "early";
      if ((*popped)->entry.is_void) {
        outstanding_.push_back(*std::move(*popped));
        continue;
      }
      if (!is_strict_) {
        waiting_.erase(entry.queue_offset);
        popped_.insert(entry.queue_offset);
        outstanding_.push_back(*std::move(*popped));
        continue;
      }
      ASSERT_EQ(waiting_.erase(entry.queue_offset), 1u) << "twice: " << entry.queue_offset;
      for (const std::int64_t offset : waiting_) {
        ASSERT_FALSE(comes_before(topic_[static_cast<std::size_t>(offset)], entry)) << "out of order";
      }
      popped_.insert(entry.queue_offset);
      outstanding_.push_back(*std::move(*popped));
    }
  }

  void retire(std::size_t count) {
    count = std::min(count, outstanding_.size());
    if (count == 0) return;
    const std::vector<Popped> done(outstanding_.begin(), outstanding_.begin() + static_cast<std::ptrdiff_t>(count));
    outstanding_.erase(outstanding_.begin(), outstanding_.begin() + static_cast<std::ptrdiff_t>(count));
    log_end_ += 100 * static_cast<std::int64_t>(count);  // what was delivered is in the log, too
    index_->retire(done, log_end_);
    for (const Popped& each : done) {
      if (each.entry.is_void) continue;
      popped_.erase(each.entry.queue_offset);
      done_[each.entry.queue_offset] = log_end_;
    }
  }

  void maintain(std::size_t steps) {
    for (; steps > 0; --steps) {
      const auto did = index_->maintain();
      if (!did && damages_ > 0) continue;
      ASSERT_TRUE(did) << did.error().text;
      if (!*did) return;
    }
  }

  /// The process is killed: files stay as they are. What was popped and not retired comes again.
  void kill() {
    index_.reset();
    forget();
    open();
  }

  /// The log loses its end, and the state file what was not synced. Deliveries may be repeated from here on; those that
  /// went down with the log must be.
  void cut_power() {
    index_.reset();
    is_strict_ = false;
    log_end_ = std::max(durable_, log_end_ - static_cast<std::int64_t>(roll(60)) * 100);
    while (!topic_.empty() && topic_.back().log_end() > log_end_) topic_.pop_back();
    std::erase_if(done_, [&](const auto& each) {
      return each.second > log_end_ || each.first >= static_cast<std::int64_t>(topic_.size());
    });
    if (roll(2) == 0) {
      std::uint64_t newest = 0;
      for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
        newest = std::max(newest, numbered(file.path(), "state-").value_or(0));
      }
      const auto path = state_path(folder_.path(), newest);
      const std::string content = testing::content_of(path);
      // A snapshot alone in its folder was synced before the others went.
      const bool alone = !std::filesystem::exists(state_path(folder_.path(), newest - 1));
      const std::size_t kept = alone ? encode_frame_size(content) : 0;
      testing::write_content(path, content.substr(0, kept + roll(content.size() - kept + 1)));
    }
    forget();
    open();
  }

  /// Some byte of some run changes.
  void damage() {
    std::vector<std::filesystem::path> runs;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
      if (numbered(file.path(), "run-")) runs.push_back(file.path());
    }
    if (runs.empty()) return;
    is_strict_ = false;
    const auto& path = runs[roll(runs.size())];
    std::string content = testing::content_of(path);
    if (content.empty()) return;  // about to be written
    const std::size_t at = roll(content.size());
    content[at] = static_cast<char>(content[at] ^ 0x40);
    // In place: the index has the file open.
    std::fstream(path, std::ios::binary | std::ios::in | std::ios::out)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    ++damages_;
  }

  /// Time goes on until nothing waits any more.
  void finish() {
    for (int round = 0; round < 100'000; ++round) {
      scan(100);
      now_ += 100;
      pop(1'000);
      if (::testing::Test::HasFatalFailure()) return;
      retire(1'000);
      maintain(10);
      if (done_.size() == topic_.size() && outstanding_.empty()) return;
    }
    FAIL() << "lost: " << topic_.size() - done_.size() << " of " << topic_.size();
  }

  void advance(std::int64_t ms) { now_ += ms; }
  [[nodiscard]] TimerIndex& index() { return *index_; }

 private:
  void open() {
    auto index =
        TimerIndex::open(host_.host(), {.folder = folder_.path(), .table_entries_max = 16, .merge_width = 3},
                         {.bounds =
                              [this] {
                                return TimerIndex::StoreBounds{0, static_cast<std::int64_t>(topic_.size()), log_end_};
                              },
                          .durable_end =
                              [this](std::int64_t wanted) {
                                durable_ = std::max(durable_, wanted);
                                return durable_;
                              }},
                         {});
    ASSERT_TRUE(index) << index.error().text;
    index_ = *std::move(index);
  }
  /// After a restart everything that is not done waits again, as soon as it has been scanned or is found in a run.
  void forget() {
    outstanding_.clear();
    waiting_.merge(popped_);
    popped_.clear();
  }

  std::mt19937_64 random_;
  const testing::TempFolder folder_;
  sdk::testing::TestHost host_;
  std::int64_t now_ = 1'000'000;
  std::int64_t log_end_ = 0;
  std::int64_t durable_ = 0;
  bool is_strict_ = true;  ///< everything must be popped once and in order
  int damages_ = 0;
  std::vector<Entry> topic_;
  std::set<std::int64_t> waiting_;
  std::set<std::int64_t> popped_;
  std::map<std::int64_t, std::int64_t> done_;  ///< queue offset -> end of what was published for it
  std::deque<Popped> outstanding_;
  std::unique_ptr<TimerIndex> index_;
};

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("GANTRY_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// What may happen besides the ordinary, out of a hundred moves.
struct Mishaps {
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t damages = 0;
};

void play(std::uint64_t seed, const Mishaps& mishaps) {
  SCOPED_TRACE("GANTRY_TEST_SEED=" + std::to_string(seed));
  Bench bench(seed);
  for (int move = 0; move < 400; ++move) {
    const std::uint64_t mishap = bench.roll(100);
    const bool killed = mishap < mishaps.kills;
    const bool cut = !killed && mishap < mishaps.kills + mishaps.power_cuts;
    if (killed) bench.kill();
    if (cut) bench.cut_power();
    if (!killed && !cut && mishap < mishaps.kills + mishaps.power_cuts + mishaps.damages) bench.damage();
    if (killed || cut) {
      // Delivery waits until the scan has come to where it was.
      for (int round = 0; round < 200; ++round) {
        bench.scan(100'000);
        bench.maintain(5);
      }
    }
    switch (bench.roll(9)) {
      case 0:
      case 1: bench.accept(bench.roll(20)); break;
      case 2:
      case 3: bench.scan(bench.roll(40)); break;
      case 4: bench.advance(static_cast<std::int64_t>(bench.roll(300))); break;
      case 5: bench.pop(bench.roll(30)); break;
      case 6:
      case 7: bench.retire(bench.roll(30)); break;
      default: bench.maintain(bench.roll(6)); break;
    }
    if (::testing::Test::HasFatalFailure()) return;
  }
  bench.finish();
}

TEST(TimerIndexTest, pops_everything_once_and_in_order_through_tables_runs_and_merges) {
  const std::uint64_t seed = seed_of_this_run();
  for (std::uint64_t game = 0; game < 50 && !HasFailure(); ++game) play(seed + game, {});
}

TEST(TimerIndexTest, kills_repeat_only_what_was_outstanding) {
  const std::uint64_t seed = seed_of_this_run();
  for (std::uint64_t game = 0; game < 50 && !HasFailure(); ++game) play(seed + game, {.kills = 4});
}

TEST(TimerIndexTest, nothing_is_lost_or_early_through_power_cuts) {
  const std::uint64_t seed = seed_of_this_run();
  for (std::uint64_t game = 0; game < 100 && !HasFailure(); ++game) play(seed + game, {.kills = 1, .power_cuts = 4});
}

TEST(TimerIndexTest, nothing_is_lost_or_early_through_damaged_runs) {
  const std::uint64_t seed = seed_of_this_run();
  for (std::uint64_t game = 0; game < 50 && !HasFailure(); ++game) play(seed + game, {.kills = 1, .damages = 3});
}

TEST(TimerIndexTest, counts_come_down_to_nothing) {
  Bench bench(7);
  for (int round = 0; round < 20; ++round) {
    bench.accept(15);
    bench.scan(100);
    bench.maintain(3);
    if (round % 5 == 4) bench.kill();
  }
  bench.finish();
  EXPECT_EQ(bench.index().pending(), 0);
  EXPECT_TRUE(bench.index().counts().topics.empty());
}

}  // namespace
}  // namespace gantry::delay
