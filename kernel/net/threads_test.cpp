// Concern: loops and pools as Executors - order, timers, what happens to tasks at the end.
// Method: real threads; every wait is for a condition.

#include "kernel/net/threads.hpp"

#include "kernel/net/blocking_pool.hpp"
#include "kernel/net/control_loop.hpp"
#include "kernel/net/event_loop.hpp"
#include "kernel/net/test_support.hpp"

#include <csignal>
#include <future>
#include <pthread.h>

namespace gantry::net::testing {
namespace {

TEST(EventLoop, runs_tasks_in_the_order_of_posting_and_those_of_before_the_start) {
  EventLoop loop;
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) loop.post([&ran, i] { ran.push_back(i); });
  loop.post([&] {
    EXPECT_TRUE(loop.runs_here());
    loop.post([&] { ran.push_back(4); });
    ran.push_back(3);
  });
  loop.post([&] { loop.post([&] { loop.stop(); }); });
  EXPECT_FALSE(loop.runs_here());
  loop.run();
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(EventLoop, destroys_without_running_what_is_left_when_it_stops) {
  const auto token = std::make_shared<int>(0);
  std::atomic<int> ran{0};
  {
    EventLoop loop;
    loop.call_after(1h, [token, &ran] { ++ran; });
    loop.post([&] {
      loop.stop();
      loop.call_after(1h, [token, &ran] { ++ran; });
    });
    loop.run();
    EXPECT_EQ(token.use_count(), 1);
    loop.post([token, &ran] { ++ran; });
    EXPECT_EQ(token.use_count(), 1);
  }
  {
    EventLoop never_run;
    never_run.post([token, &ran] { ++ran; });
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(ran, 0);
}

TEST(EventLoop, fires_timers_in_order_and_not_the_cancelled_ones) {
  EventLoop loop;
  std::string ran;
  const auto begun = std::chrono::steady_clock::now();
  loop.call_after(20ms, [&] { ran += 'b'; });
  loop.call_after(10ms, [&] { ran += 'a'; });
  const auto cancelled = loop.call_after(15ms, [&] { ran += 'x'; });
  loop.post([&] {
    loop.cancel(cancelled);
    loop.call_after(0ms, [&] { ran += '0'; });
  });
  loop.call_after(30ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(ran, "0ab");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 30ms);
}

TEST(EventLoop, a_timer_that_sets_itself_again_leaves_room_for_others) {
  EventLoop loop;
  int rounds = 0;
  std::function<void()> again = [&] {
    ++rounds;
    loop.call_after(0ms, [&] { again(); });
  };
  loop.call_after(0ms, [&] { again(); });
  loop.call_after(5ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_GT(rounds, 1);
}

TEST(EventLoop, takes_tasks_from_many_threads_in_each_ones_order) {
  EventLoop loop;
  constexpr int threads = 4;
  constexpr int each = 20'000;
  std::vector<int> last(threads, -1);
  int disorder = 0;
  int done = 0;
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        loop.post([&, t, i] {
          disorder += last[static_cast<std::size_t>(t)] + 1 == i ? 0 : 1;
          last[static_cast<std::size_t>(t)] = i;
          if (++done == threads * each) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (auto& poster : posters) poster.join();
  EXPECT_EQ(disorder, 0);
  EXPECT_EQ(done, threads * each);
}

TEST(ControlLoop, hears_signals_again_and_again_until_it_is_stopped) {
  ControlLoop loop;
  int heard = 0;
  loop.on_signals({SIGUSR1, SIGUSR2}, [&](int number) {
    if (number == SIGUSR2) return loop.stop();
    ++heard;
    ::kill(::getpid(), heard < 3 ? SIGUSR1 : SIGUSR2);
  });
  loop.post([] { ::kill(::getpid(), SIGUSR1); });
  loop.run();
  EXPECT_EQ(heard, 3);
}

TEST(Threads, have_their_name_and_all_signals_blocked) {
  char name[32] = {};
  bool blocked = false;
  auto thread = start_thread("g-name-that-is-too-long", [&] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGPIPE) == 1;
  });
  ASSERT_TRUE(thread.has_value());
  thread->join();
  EXPECT_TRUE(blocked);
  std::promise<void> named;
  auto second = start_thread("g-name-that-is-too-long", [&, ready = named.get_future()]() mutable { ready.wait(); });
  ASSERT_TRUE(second.has_value());
  pthread_getname_np(second->native_handle(), name, sizeof name);
  named.set_value();
  second->join();
  EXPECT_EQ(std::string(name), "g-name-that-is-");
}

TEST(BlockingPool, refuses_when_full_and_leaves_the_task_with_the_caller) {
  MetricsRegistry metrics;
  BlockingPoolOptions options;
  options.threads = 1;
  options.waiting_max = 2;
  BlockingPool pool(options, metrics);
  std::promise<void> gate;
  std::promise<void> begun;
  std::atomic<int> ran{0};
  Executor::Task block = [&] {
    begun.set_value();
    gate.get_future().wait();
  };
  ASSERT_TRUE(pool.post(std::move(block)));
  begun.get_future().wait();
  for (int i = 0; i < 2; ++i) {
    Executor::Task task = [&] { ++ran; };
    ASSERT_TRUE(pool.post(std::move(task)));
  }
  Executor::Task refused = [&] { ran += 100; };
  EXPECT_FALSE(pool.post(std::move(refused)));
  EXPECT_TRUE(refused);
  EXPECT_EQ(metrics.counter("gantry_blocking_refused", "").value(), 1U);
  gate.set_value();
  pool.stop();
  EXPECT_EQ(ran, 2);
  EXPECT_FALSE(pool.post(std::move(refused)));
  EXPECT_EQ(metrics.gauge("gantry_blocking_waiting", "").value(), 0);
}

}  // namespace
}  // namespace gantry::net::testing
