// Concern: the parts without a socket - timers, out buffers, unfinished frames, addresses.
// Method: plain calls.

#include "kernel/net/address.hpp"
#include "kernel/net/op_slot.hpp"
#include "kernel/net/out_buffer.hpp"
#include "kernel/net/timer_queue.hpp"
#include "kernel/net/unfinished.hpp"

#include <gtest/gtest.h>

#include <array>
#include <netinet/in.h>
#include <random>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace gantry::net {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string gathered(const OutBuffer& out, std::size_t pieces_max = 1000) {
  std::vector<iovec> pieces(pieces_max);
  pieces.resize(out.gather(pieces));
  std::string text;
  for (const iovec& piece : pieces) text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return text;
}

TEST(TimerQueue, runs_in_order_of_time_then_of_arrival) {
  TimerQueue timers;
  const TimerQueue::Instant start{};
  std::string ran;
  timers.add(start + 20ms, [&] { ran += 'c'; });
  timers.add(start + 10ms, [&] { ran += 'a'; });
  timers.add(start + 10ms, [&] { ran += 'b'; });
  EXPECT_EQ(timers.next(), start + 10ms);
  EXPECT_FALSE(timers.take_due(start + 9ms));
  while (auto task = timers.take_due(start + 20ms)) task();
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(timers.next(), std::nullopt);
}

TEST(TimerQueue, gives_a_cancelled_task_back_and_ignores_unknown_ids) {
  TimerQueue timers;
  const auto id = timers.add({}, [] {});
  EXPECT_TRUE(timers.cancel(id));
  EXPECT_FALSE(timers.cancel(id));
  EXPECT_FALSE(timers.cancel(4711));
  EXPECT_FALSE(timers.take_due(TimerQueue::Instant::max()));
}

TEST(TimerQueue, survives_many_cancellations) {
  TimerQueue timers;
  int ran = 0;
  std::vector<Executor::TimerId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(timers.add(TimerQueue::Instant{} + 1ms * i, [&] { ++ran; }));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % 10 != 0) timers.cancel(ids[i]);
  }
  EXPECT_EQ(timers.size(), 100U);
  while (auto task = timers.take_due(TimerQueue::Instant::max())) task();
  EXPECT_EQ(ran, 100);
}

TEST(OutBuffer, gives_bytes_and_slices_in_order) {
  OutBuffer out;
  const gantry_slice slices[] = {{"slice", 5}, {"", 0}, {"s", 1}};
  out.append(as_bytes("head "));
  out.append(as_bytes("more "));
  out.append(slices, {});
  out.append(as_bytes(" tail"));
  EXPECT_EQ(out.size(), 21U);
  EXPECT_EQ(out.owned_bytes(), 15U);
  EXPECT_EQ(gathered(out), "head more slices tail");
  std::array<std::byte, 8> front;
  EXPECT_EQ(out.copy_front(front), 8U);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(front.data()), 8), "head mor");
}

TEST(OutBuffer, runs_a_release_when_the_bytes_in_front_of_it_left_and_not_before) {
  OutBuffer out;
  int released = 0;
  const gantry_slice slice{"slice", 5};
  out.append(as_bytes("head"));
  out.append({&slice, 1}, [&] { ++released; });
  out.append(as_bytes("tail"));
  out.consume(8);
  EXPECT_EQ(released, 0);
  out.consume(1);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(gathered(out), "tail");
  out.consume(4);
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(out.empty());
}

TEST(OutBuffer, a_release_without_slices_waits_for_the_bytes_before_it_only) {
  OutBuffer out;
  int released = 0;
  out.append({}, [&] { ++released; });
  EXPECT_EQ(released, 1);
  out.append(as_bytes("head"));
  out.append({}, [&] { ++released; });
  out.append(as_bytes("tail"));
  EXPECT_EQ(released, 1);
  out.consume(4);
  EXPECT_EQ(released, 2);
}

TEST(OutBuffer, clear_runs_each_release_once_even_when_they_append) {
  OutBuffer out;
  int released = 0;
  const gantry_slice slice{"slice", 5};
  out.append({&slice, 1}, [&] {
    ++released;
    out.append({&slice, 1}, [&] { ++released; });
  });
  out.append({&slice, 1}, [&] { ++released; });
  out.clear();
  EXPECT_EQ(released, 3);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(out.size(), 0U);
}

TEST(OutBuffer, agrees_with_a_string_under_random_use) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 50; ++round) {
    OutBuffer out;
    std::string model;
    std::size_t appended = 0;
    std::size_t released = 0;
    const std::string source(5000, 'x');
    for (int step = 0; step < 400; ++step) {
      std::string text(random() % 300, static_cast<char>('a' + step % 26));
      switch (random() % 3) {
        case 0:
          out.append(as_bytes(text));
          model += text;
          break;
        case 1: {
          const gantry_slice slices[] = {{source.data(), random() % 500}, {source.data(), random() % 3}};
          ++appended;
          out.append(slices, [&] { ++released; });
          model.append(static_cast<std::size_t>(slices[0].size + slices[1].size), 'x');
          break;
        }
        default: {
          const std::size_t count = std::min<std::size_t>(random() % 900, out.size());
          std::string front(count, '\0');
          EXPECT_EQ(out.copy_front({reinterpret_cast<std::byte*>(front.data()), count}), count);
          EXPECT_EQ(front, model.substr(0, count));
          out.consume(count);
          model.erase(0, count);
        }
      }
      ASSERT_EQ(out.size(), model.size());
      ASSERT_EQ(gathered(out), model);
    }
    out.consume(out.size());
    EXPECT_EQ(released, appended);
    EXPECT_TRUE(out.empty());
  }
}

TEST(Unfinished, charges_only_large_storage_and_gives_it_back) {
  ByteBudget budget(1'000'000);
  {
    Unfinished bytes(budget);
    ASSERT_TRUE(bytes.assign(as_bytes(std::string(10'000, 'a'))));
    EXPECT_EQ(budget.used(), 0U);
    ASSERT_TRUE(bytes.assign(as_bytes(std::string(50'000, 'b'))));
    EXPECT_EQ(budget.used(), 50'000U);
    ASSERT_TRUE(bytes.grow(1'000'000));
    EXPECT_EQ(budget.used(), 100'000U);
    EXPECT_EQ(bytes.size(), 50'000U);
    bytes.drop_front(49'999);
    EXPECT_EQ(std::to_integer<char>(bytes.bytes()[0]), 'b');
    bytes.drop_front(1);
    EXPECT_EQ(budget.used(), 0U);
    ASSERT_TRUE(bytes.assign(as_bytes(std::string(50'000, 'c'))));
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(Unfinished, grows_by_doubling_up_to_the_frame) {
  ByteBudget budget(100'000'000);
  Unfinished bytes(budget);
  ASSERT_TRUE(bytes.assign(as_bytes(std::string(20'000, 'a'))));
  ASSERT_TRUE(bytes.grow(30'000'000));
  EXPECT_EQ(bytes.room().size(), 20'000U);
  bytes.add(20'000);
  ASSERT_TRUE(bytes.grow(50'000));
  EXPECT_EQ(bytes.room().size(), 10'000U);
}

TEST(Unfinished, is_empty_after_the_budget_refused) {
  ByteBudget budget(100'000);
  Unfinished first(budget);
  Unfinished second(budget);
  ASSERT_TRUE(first.assign(as_bytes(std::string(60'000, 'a'))));
  EXPECT_FALSE(second.assign(as_bytes(std::string(60'000, 'b'))));
  EXPECT_EQ(second.size(), 0U);
  EXPECT_EQ(budget.used(), 60'000U);
}

TEST(OpSlot, falls_back_to_the_heap_when_taken_or_too_small) {
  OpSlot<64> slot;
  OpAllocator<char, 64> allocator(slot);
  char* first = allocator.allocate(64);
  EXPECT_EQ(static_cast<void*>(first), static_cast<void*>(slot.bytes));
  char* second = allocator.allocate(1);
  EXPECT_NE(static_cast<void*>(second), static_cast<void*>(slot.bytes));
  allocator.deallocate(second, 1);
  allocator.deallocate(first, 64);
  char* third = allocator.allocate(65);
  EXPECT_NE(static_cast<void*>(third), static_cast<void*>(slot.bytes));
  allocator.deallocate(third, 65);
  EXPECT_FALSE(slot.used);
}

TEST(Address, reads_and_writes_both_families) {
  const auto v4 = parse_ip("10.1.2.3", 10911);
  const auto v6 = parse_ip("fd00::1", 9876);
  ASSERT_TRUE(v4.has_value());
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(to_string(*v4), "10.1.2.3:10911");
  EXPECT_EQ(to_string(*v6), "[fd00::1]:9876");
  for (const auto& address : {*v4, *v6}) {
    sockaddr_storage raw{};
    to_sockaddr(address, raw);
    EXPECT_EQ(to_string(from_sockaddr(raw)), to_string(address));
  }
  EXPECT_FALSE(parse_ip("localhost", 1).has_value());
  EXPECT_FALSE(parse_ip("10.1.2.3.4", 1).has_value());
  EXPECT_FALSE(parse_ip("", 1).has_value());
}

TEST(Address, shows_a_mapped_address_as_ipv4) {
  const auto mapped = parse_ip("::ffff:192.168.0.7", 80);
  ASSERT_TRUE(mapped.has_value());
  sockaddr_storage raw{};
  to_sockaddr(*mapped, raw);
  EXPECT_EQ(to_string(from_sockaddr(raw)), "192.168.0.7:80");
}

TEST(Address, splits_host_and_port) {
  EXPECT_EQ(parse_host_port("broker.local:10911")->host, "broker.local");
  EXPECT_EQ(parse_host_port("broker.local:10911")->port, 10911);
  EXPECT_EQ(parse_host_port("[::1]:9876")->host, "::1");
  for (const char* bad : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "host:-1", "::1:9876",
                          "[::1]9876", "[::1]:", "[::1:9876"}) {
    const auto result = parse_host_port(bad);
    ASSERT_FALSE(result.has_value()) << bad;
    EXPECT_NE(result.error().text.find('"' + std::string(bad) + '"'), std::string::npos);
  }
}

TEST(Address, resolves_numbers_and_names) {
  EXPECT_EQ(to_string(*resolve("127.0.0.1", 5)), "127.0.0.1:5");
  EXPECT_EQ(to_string(*resolve("localhost", 5)), "127.0.0.1:5");
  const auto unknown = resolve("no such host", 5);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_NE(unknown.error().text.find("no such host"), std::string::npos);
}

}  // namespace
}  // namespace gantry::net
