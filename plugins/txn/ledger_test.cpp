// Concern: one decision per transaction, whoever comes at the same time. Method: threads that all decide the same
// transactions at once; the ledger alone, with half messages that exist only here.

#include "plugins/txn/ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace gantry::txn {
namespace {

HalfMessage half_message(std::string_view id, std::int64_t offset) {
  HalfMessage half;
  half.group = "g";
  half.uniq_key = id;
  half.real_topic = "t";
  half.record.queue_offset = offset;
  half.record.log_offset = offset * 1'000;
  half.first_half_offset = offset;
  return half;
}

TEST(TxnLedger, threads_that_decide_at_once_decide_once_and_all_hear_of_it) {
  constexpr int thread_count = 4;
  constexpr std::int64_t transaction_count = 5'000;
  Ledger ledger;
  std::atomic<std::int64_t> begun{0};
  std::atomic<std::int64_t> told{0};
  std::atomic<std::int64_t> answered{0};
  std::atomic<std::int64_t> refused{0};
  const auto work = [&](int thread) {
    for (std::int64_t i = 0; i < transaction_count; ++i) {
      const std::string id = "K" + std::to_string(i);
      const HalfMessage half = half_message(id, i);
      const Event event = (i + thread) % 2 == 0 ? Event::commit : Event::rollback;
      const Step step = ledger.decide(half, event, {}, [&told](std::int32_t, std::string_view) { ++told; });
      if (step.what.answer == Answer::success) ++answered;
      if (step.what.answer == Answer::refuse) ++refused;
      if (step.what.action != Action::append_message && step.what.action != Action::append_op) continue;
      ++begun;
      std::this_thread::yield();
      for (const Tell& tell : ledger.apply(half.key(), Event::stored).waiters) tell(0, {});
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(begun, transaction_count);
  EXPECT_EQ(told + answered + refused, transaction_count * thread_count);
  EXPECT_EQ(refused, transaction_count * thread_count / 2) << "those of the other mind";
  EXPECT_EQ(ledger.open_count(), 0u);
}

TEST(TxnLedger, forgets_the_oldest_of_the_finished) {
  Ledger ledger;
  for (std::size_t i = 0; i <= Ledger::finished_max; ++i) {
    const std::string id = "K" + std::to_string(i);
    const HalfMessage half = half_message(id, static_cast<std::int64_t>(i));
    ASSERT_EQ(ledger.decide(half, Event::commit, {}, {}).what.next, State::committing);
    ledger.apply(half.key(), Event::stored);
  }
  EXPECT_EQ(ledger.finished_state(key_of("g", "K0")), State::absent);
  EXPECT_EQ(ledger.finished_state(key_of("g", "K1")), State::committed);
  // The scanner has not come by: what is forgotten must not be taken for new once it has.
  ledger.set_scanned(static_cast<std::int64_t>(Ledger::finished_max) + 1);
  EXPECT_EQ(ledger.decide(half_message("K0", 0), Event::commit, {}, {}).what.answer, Answer::look_up);
}

TEST(TxnLedger, progress_is_the_place_of_the_first_open_transaction) {
  Ledger ledger;
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::string id = "K" + std::to_string(i);
    ledger.see_half(half_message(id, i), i == 2, false, {});
  }
  EXPECT_EQ(ledger.progress(), 0);
  EXPECT_EQ(ledger.open_count(), 3u);
  Transaction copy;
  copy.half_offset = 4;
  ledger.apply(key_of("g", "K0"), Event::check_due);
  EXPECT_EQ(ledger.apply_copy(key_of("g", "K0"), copy).superseded, 0);
  EXPECT_EQ(ledger.progress(), 1);
  ledger.see_op(key_of("g", "K1"), Outcome::committed, 1);
  EXPECT_EQ(ledger.progress(), 3);
  ledger.see_op(key_of("g", "K3"), Outcome::rolled_back, 3);
  ledger.see_half(half_message("K0", 4), false, false, {});
  EXPECT_EQ(ledger.progress(), 4);
  ledger.see_op(key_of("g", "K0"), Outcome::discarded, 3);
  EXPECT_EQ(ledger.open_count(), 1u) << "that op record is about an earlier copy";
  ledger.see_op(key_of("g", "K0"), Outcome::discarded, 4);
  EXPECT_EQ(ledger.progress(), 5);
}

}  // namespace
}  // namespace gantry::txn
