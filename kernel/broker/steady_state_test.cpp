// Concern: once warm, neither publishing nor pulling (found, held and woken) allocates in the broker.
//
// Plan: operator new of this executable counts while a flag is up. What the fakes allocate by themselves is kept out:
// the channel discards what it is sent, the store has its memory beforehand, and tasks are drained while not counting.

#include "kernel/broker/testing/rig.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

namespace {
std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0};

void* allocate(std::size_t size) {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace gantry::broker {
namespace {

using testing::FakeChannel;
using testing::Rig;

class SteadyStateTest : public ::testing::Test {
 protected:
  SteadyStateTest() : client(rig.connect()) {
    rig.make_topic("T");
    rig.store.reserve(64 << 20, 100'000);
    client.discard_what_is_sent();
    handler = &rig.broker.main_port(ShardId(0));
  }
  /// Feeds the same bytes `warm` times, then once more while counting.
  std::size_t count(const std::string& bytes, int warm = 16) {
    const auto view = protocol::as_bytes(std::string_view(bytes));
    for (int i = 0; i < warm; ++i) {
      handler->on_bytes(client, view);
      rig.shards.run();
    }
    allocations = 0;
    counting = true;
    const Consumed consumed = handler->on_bytes(client, view);
    counting = false;
    EXPECT_EQ(consumed.bytes, bytes.size());
    rig.shards.run();
    return allocations;
  }
  Rig rig;
  FakeChannel& client;
  ChannelHandler* handler = nullptr;
};

TEST_F(SteadyStateTest, publishing_allocates_nothing) {
  std::string bytes;
  for (int i = 0; i < 64; ++i) {
    bytes += testing::encode_request(
        testing::send_request({.body = std::string(1'024, 'x'),
                               .properties = "UNIQ_KEY\x01"
                                             "7F00000100002A139F5500000001FFFF\x02TAGS\x01TagA\x02WAIT\x01true\x02",
                               .queue_id = i % 4,
                               .opaque = i}));
  }
  EXPECT_EQ(count(bytes), 0U);
}

TEST_F(SteadyStateTest, publishing_without_a_key_allocates_nothing) {
  EXPECT_EQ(count(testing::encode_request(testing::send_request({.queue_id = -1}))), 0U);
}

TEST_F(SteadyStateTest, pulling_allocates_nothing) {
  for (int i = 0; i < 32; ++i)
    rig.exchange(client, testing::send_request({.properties = "TAGS\x01"
                                                              "A\x02"}));
  rig.subscribe(rig.connect(), "g", "T", "A || B");
  const auto bits = static_cast<std::int32_t>(1);
  EXPECT_EQ(count(testing::encode_request(testing::pull_request({.sys_flag = bits, .commit_offset = 5}))), 0U);
  EXPECT_EQ(count(testing::encode_request(testing::pull_request({.subscription = "A || B"}))), 0U);
}

TEST_F(SteadyStateTest, holding_and_waking_allocates_nothing_but_what_it_posts) {
  FakeChannel& producer = rig.connect();
  producer.discard_what_is_sent();
  const std::string send = testing::encode_request(testing::send_request());
  std::int64_t offset = 0;
  // The request's size must not change, so offsets have the same number of digits throughout.
  for (; offset < 1'000; ++offset) handler->on_bytes(producer, protocol::as_bytes(std::string_view(send)));
  rig.shards.run();
  for (int round = 0; round < 20; ++round, ++offset) {
    const std::string pull =
        testing::encode_request(testing::pull_request({.offset = offset, .sys_flag = 4 | 2, .suspend_ms = 15'000}));
    const bool last = round == 19;
    allocations = 0;
    counting = last;
    handler->on_bytes(client, protocol::as_bytes(std::string_view(pull)));
    handler->on_bytes(producer, protocol::as_bytes(std::string_view(send)));
    counting = false;
    if (last) {
      EXPECT_LE(allocations, 1U);  // the fake executor's queue of tasks
    }
    rig.shards.run();
  }
}

}  // namespace
}  // namespace gantry::broker
