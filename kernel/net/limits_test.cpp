// Concern: what hostile or broken peers can cost - time limits, memory limits, file descriptors, many connections.
// Method: a real server with small limits; memory is measured from /proc.

#include "kernel/base/log.hpp"
#include "kernel/env/resources.hpp"
#include "kernel/net/test_support.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>

namespace gantry::net::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// Bytes of heap in use; 0 where a sanitizer has its own heap.
std::size_t heap_in_use() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(Times, an_idle_connection_is_closed_and_not_before_its_time) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.session.idle_timeout = 80ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 80ms);
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.last_reason(), "idle");
  EXPECT_EQ(server.metric("gantry_net_timed_out"), 1);
}

TEST(Times, traffic_in_either_direction_keeps_a_connection) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.session.idle_timeout = 200ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  // The shard itself sends, so that a test machine out of breath cannot make a pause.
  Executor& shard = server.pool->at(ShardId(0));
  std::function<void()> tick = [&] {
    server.pool->with_channel(handler.last_id(), [](Channel* channel) {
      if (channel != nullptr) channel->send(as_bytes("tick"));
    });
    shard.call_after(20ms, [&] { tick(); });
  };
  shard.post([&] { tick(); });
  const auto until = std::chrono::steady_clock::now() + 600ms;
  while (std::chrono::steady_clock::now() < until) EXPECT_EQ(client.receive(4), "tick");
  EXPECT_EQ(handler.closed, 0U);
  server.stop();
}

TEST(Times, a_connection_that_sends_nothing_is_closed) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.session.first_byte_timeout = 50ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(handler.opened, 0U);
}

TEST(Times, a_frame_that_is_begun_must_be_completed_however_slowly_it_trickles) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.session.frame_timeout = 100ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("whole") + frame(std::string(1000, 'x')).substr(0, 10)));
  EXPECT_EQ(client.receive(9), frame("whole"));
  while (handler.closed == 0) {
    client.send("y");
    std::this_thread::sleep_for(1ms);
    if (handler.frames > 1) break;
  }
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(handler.last_reason(), "began a frame and did not complete it");
}

TEST(Times, a_peer_that_takes_nothing_is_closed_and_its_slices_are_released) {
  std::atomic<int> released{0};
  const std::string body(16 << 20, 'b');
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slice{body.data(), body.size()};
    channel.send({}, {&slice, 1}, [&] { ++released; });
  });
  auto options = Server::defaults();
  options.listener.session.write_stall_timeout = 100ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port(), 4096);
  ASSERT_TRUE(client.send(frame("give")));
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.last_reason(), "took none of what was sent to it");
  EXPECT_TRUE(eventually([&] { return released == 1; }));
}

TEST(Times, close_ends_a_connection_whose_peer_does_not_read) {
  const std::string body(16 << 20, 'b');
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slice{body.data(), body.size()};
    channel.send({}, {&slice, 1}, {});
    channel.close("enough");
  });
  auto options = Server::defaults();
  options.listener.session.close_timeout = 50ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port(), 4096);
  ASSERT_TRUE(client.send(frame("give")));
  EXPECT_TRUE(eventually([&] { return server.listener->connections() == 0; }));
}

TEST(Memory, half_sent_frames_stay_below_the_process_limit) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.pool.unfinished_bytes_max = 8 << 20;
  Server server(handler, std::move(options));
  const std::size_t before = heap_in_use();
  // 60 connections promise 16 MiB each and send 1 MiB of it: 60 MiB, where 8 are allowed.
  const std::string part = frame(std::string(16 << 20, 'x')).substr(0, 1 << 20);
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back(server.listener->port());
    clients.back().send(part);
  }
  EXPECT_TRUE(eventually([&] { return handler.closed >= 50; }));
  EXPECT_EQ(handler.last_reason(), "unfinished frames of all connections hold too much memory");
  if (!sanitized) {
    EXPECT_LT(heap_in_use(), before + (24U << 20));
  }
  // Small frames are served meanwhile, also when they arrive in pieces.
  Client other(server.listener->port());
  const std::string small = frame(std::string(10'000, 's'));
  ASSERT_TRUE(other.send(small.substr(0, 5000)));
  ASSERT_TRUE(other.send(small.substr(5000)));
  EXPECT_EQ(other.receive(small.size()), small);
}

TEST(Memory, readers_that_never_read_hold_little_each_once_all_together_hold_much) {
  const std::string body(64 << 10, 'b');
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) { channel.send(as_bytes(body)); });
  handler.pending_bytes_max = 1 << 20;
  auto options = Server::defaults();
  options.pool.out_bytes_max = 4 << 20;
  Server server(handler, std::move(options));
  std::vector<Client> clients;
  const std::string ask = frame("give");
  std::string many;
  for (int i = 0; i < 4; ++i) many += ask;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.listener->port(), 4096);
  // Everybody goes on asking as long as the server takes it; 20 x 16 MiB would be allowed by the limit of each.
  for (int round = 0; round < 200; ++round) {
    for (Client& client : clients) ::send(client.fd(), many.data(), many.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  EXPECT_TRUE(eventually([&] { return server.metric("gantry_net_paused") == 20; }));
  const std::size_t asked = handler.frames;
  EXPECT_LT(asked * body.size(), 100U << 20);
  // One of them begins to read and is served to the end.
  std::size_t got = 0;
  while (got < (8U << 20)) {
    const std::size_t size = clients[0].receive(body.size()).size();
    if (size == 0) break;
    got += size;
  }
  EXPECT_GE(got, 8U << 20);
}

TEST(Memory, an_idle_connection_costs_little) {
  constexpr std::size_t count = 2'000;
  const auto limit = raise_open_files_limit(2 * count + 200);
  ASSERT_TRUE(limit.has_value());
  if (*limit < 2 * count + 100) GTEST_SKIP() << "only " << *limit << " open files are allowed";
  FrameHandler handler;
  Server server(handler);
  std::vector<Client> clients;
  clients.reserve(count);
  const std::size_t before = heap_in_use();
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(server.listener->port());
    ASSERT_TRUE(clients.back().connected) << i;
    ASSERT_TRUE(clients.back().send(frame("hello")));
  }
  for (Client& client : clients) ASSERT_EQ(client.receive(9), frame("hello"));
  EXPECT_EQ(server.listener->connections(), count);
  const std::size_t each = (heap_in_use() - before) / count;
  std::printf("an idle connection costs %zu bytes (sizeof(Session) included)\n", each);
  RecordProperty("bytes_per_connection", std::to_string(each));
  if (!sanitized) {
    EXPECT_LE(each, 4096U);
  }
  // All of them still work.
  for (Client& client : clients) ASSERT_TRUE(client.send(frame("again")));
  for (Client& client : clients) ASSERT_EQ(client.receive(9), frame("again"));
}

TEST(Memory, two_hundred_half_open_connections_do_not_disturb_others) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.session.first_byte_timeout = 300ms;
  Server server(handler, std::move(options));
  std::vector<Client> silent;
  for (int i = 0; i < 200; ++i) silent.emplace_back(server.listener->port());
  Client client(server.listener->port());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.send(frame("ping")));
    ASSERT_EQ(client.receive(8), frame("ping"));
  }
  EXPECT_TRUE(eventually([&] { return server.listener->connections() == 1; }));
}

TEST(Files, without_descriptors_new_connections_are_closed_and_old_ones_served) {
  FrameHandler handler;
  Server server(handler);
  const LogCapture log;
  Client old(server.listener->port());
  ASSERT_TRUE(old.send(frame("x")));
  ASSERT_EQ(old.receive(5), frame("x"));
  // The client's own socket is made first, so that only accepting needs a descriptor.
  const int late = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int highest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const rlimit none{static_cast<rlim_t>(highest), before.rlim_max};
  ::close(highest);
  std::vector<int> fillers;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) fillers.push_back(fd);

  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.listener->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(late, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  char byte = 0;
  EXPECT_LE(::recv(late, &byte, 1, 0), 0);
  EXPECT_EQ(server.metric("gantry_net_refused", "files"), 1);
  EXPECT_TRUE(old.send(frame("y")));
  EXPECT_EQ(old.receive(5), frame("y"));

  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const int fd : fillers) ::close(fd);
  ::close(late);
  EXPECT_TRUE(log.contains("out of file descriptors"));
  Client fresh(server.listener->port());
  ASSERT_TRUE(fresh.send(frame("z")));
  EXPECT_EQ(fresh.receive(5), frame("z"));
}

TEST(Hostile, random_bytes_cost_only_their_own_connection) {
  FrameHandler handler;
  handler.frame_bytes_max = 1 << 20;
  Server server(handler);
  Client good(server.listener->port());
  std::uint32_t state = 7;
  for (int i = 0; i < 100; ++i) {
    std::string noise(1 + state % 5000, '\0');
    for (char& c : noise) {
      state = state * 1664525U + 1013904223U;
      c = static_cast<char>(state >> 24U);
    }
    Client bad(server.listener->port());
    bad.send(noise);
    if (i % 2 == 0) bad.reset();
    ASSERT_TRUE(good.send(frame("ping")));
    ASSERT_EQ(good.receive(8), frame("ping"));
  }
  EXPECT_TRUE(eventually([&] { return server.listener->connections() <= 1; }));
}

}  // namespace
}  // namespace gantry::net::testing
