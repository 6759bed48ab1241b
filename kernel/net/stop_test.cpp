// Concern: stopping - what was sent still leaves, handlers hear of every end, nothing hangs.
// Method: a real server that is stopped in every awkward moment.

#include "kernel/net/test_support.hpp"

namespace gantry::net::testing {
namespace {

TEST(Stop, writes_what_waits_before_it_closes) {
  const std::string body(4 << 20, 'b');
  std::atomic<int> released{0};
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slice{body.data(), body.size()};
    channel.send({}, {&slice, 1}, [&] { ++released; });
  });
  Server server(handler);
  Client client(server.listener->port(), 65536);
  ASSERT_TRUE(client.send(frame("give")));
  ASSERT_TRUE(eventually([&] { return handler.frames == 1; }));
  std::thread stopper([&] { server.stop(10s); });
  EXPECT_EQ(client.receive(body.size()), body);
  EXPECT_TRUE(client.closed_by_server());
  stopper.join();
  EXPECT_EQ(released, 1);
  EXPECT_EQ(handler.closed, 1U);
  EXPECT_EQ(handler.last_reason(), "this process is stopping");
}

TEST(Stop, does_not_wait_longer_than_the_drain_time) {
  const std::string body(64 << 20, 'b');
  std::atomic<int> released{0};
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slice{body.data(), body.size()};
    channel.send({}, {&slice, 1}, [&] { ++released; });
  });
  auto options = Server::defaults();
  options.listener.session.close_timeout = 1min;
  Server server(handler, std::move(options));
  Client client(server.listener->port(), 4096);
  ASSERT_TRUE(client.send(frame("give")));
  ASSERT_TRUE(eventually([&] { return handler.frames == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  server.stop(100ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(handler.closed, 1U);
}

TEST(Stop, after_quiesce_nothing_is_read_and_answers_still_leave) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  const ChannelId id = handler.last_id();
  server.listener->close();
  server.pool->quiesce();
  // The shard has quiesced once a task posted after it ran.
  std::atomic<bool> reached{false};
  server.pool->at(ShardId(0)).post([&] { reached = true; });
  ASSERT_TRUE(eventually([&] { return reached.load(); }));
  ASSERT_TRUE(client.send(frame("late")));
  server.pool->with_channel(id, [](Channel* channel) { channel->send(as_bytes("deferred answer")); });
  EXPECT_EQ(client.receive(15), "deferred answer");
  server.stop();
  EXPECT_EQ(handler.frames, 1U);
}

TEST(Stop, tells_the_handler_of_every_open_connection_once) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.shards = 2;
  Server server(handler, std::move(options));
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(server.listener->port());
    ASSERT_TRUE(clients.back().send(frame("x")));
    ASSERT_EQ(clients.back().receive(5), frame("x"));
  }
  server.stop();
  EXPECT_EQ(handler.closed, 50U);
  EXPECT_EQ(server.pool->connections(), 0U);
  for (Client& client : clients) EXPECT_TRUE(client.closed_by_server());
}

TEST(Stop, works_while_clients_connect_and_send) {
  for (int round = 0; round < 20; ++round) {
    FrameHandler handler;
    auto options = Server::defaults();
    options.shards = 2;
    Server server(handler, std::move(options));
    const std::uint16_t port = server.listener->port();
    std::atomic<bool> done{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back([&] {
        while (!done) {
          Client client(port);
          if (!client.connected) continue;
          client.send(frame("some bytes") + frame("more").substr(0, 5));
          client.receive(14);
        }
      });
    }
    EXPECT_TRUE(eventually([&] { return handler.frames > 20; }));
    server.stop(1s);
    done = true;
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(handler.opened.load(), handler.closed.load());
  }
}

TEST(Stop, of_a_pool_that_never_started_destroys_its_tasks) {
  const auto token = std::make_shared<int>(0);
  {
    MetricsRegistry metrics;
    ShardPool pool(ShardPoolOptions{}, metrics);
    pool.at(ShardId(0)).post([token] {});
    pool.stop(0ms);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Stop, in_any_order_of_listener_and_pool) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  server.pool->stop(1s);
  server.listener->close();
  EXPECT_EQ(handler.closed, 1U);
}

}  // namespace
}  // namespace gantry::net::testing
