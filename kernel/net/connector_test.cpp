// Concern: connections that we open - success, each way to fail, the same session machinery behind them.
// Method: our own listener as the other side, and sockets that never answer.

#include "kernel/net/test_support.hpp"

#include <future>

namespace gantry::net::testing {
namespace {

struct Connecting : ::testing::Test {
  Connecting() { EXPECT_TRUE(shards.start().has_value()); }
  ~Connecting() override { shards.stop(2s); }

  Result<ChannelId> connect(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout = 5s) {
    ConnectOptions options;
    options.host = host;
    options.port = port;
    options.timeout = timeout;
    options.session = test_limits();
    std::promise<Result<ChannelId>> promise;
    auto future = promise.get_future();
    connector.connect(ShardId(0), options, handler,
                      [&promise](Result<ChannelId> result) { promise.set_value(std::move(result)); });
    if (future.wait_for(10s) != std::future_status::ready) return Error{Errc::internal, "no answer"};
    return future.get();
  }

  MetricsRegistry metrics;
  FrameHandler handler{[](Channel&, std::span<const std::byte>) {}};
  BlockingPool blocking{BlockingPoolOptions{}, metrics};
  ShardPool shards{ShardPoolOptions{}, metrics};
  Connector connector{shards, blocking, metrics};
};

TEST_F(Connecting, opens_a_channel_to_an_address_and_to_a_name) {
  FrameHandler echo;
  Server server(echo);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const std::size_t before = handler.frames;
    const auto id = connect(host, server.listener->port());
    ASSERT_TRUE(id.has_value()) << id.error().text;
    EXPECT_EQ(to_string(handler.last_peer()), "127.0.0.1:" + std::to_string(server.listener->port()));
    EXPECT_NE(handler.last_local().port, 0U);
    shards.with_channel(*id, [](Channel* channel) { channel->send(as_bytes(frame("hello"))); });
    EXPECT_TRUE(eventually([&] { return handler.frames == before + 1; }));
  }
}

TEST_F(Connecting, reports_a_refused_connection) {
  std::uint16_t port = 0;
  {
    FrameHandler echo;
    Server server(echo);
    port = server.listener->port();
  }
  const auto id = connect("127.0.0.1", port);
  ASSERT_FALSE(id.has_value());
  EXPECT_NE(id.error().text.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
  EXPECT_NE(id.error().text.find("refused"), std::string::npos);
  EXPECT_EQ(handler.opened, 0U);
  EXPECT_EQ(handler.closed, 0U);
}

TEST_F(Connecting, reports_an_unknown_name) {
  const auto id = connect("no such host", 1);
  ASSERT_FALSE(id.has_value());
  EXPECT_NE(id.error().text.find("no such host"), std::string::npos);
}

TEST_F(Connecting, gives_up_on_a_tls_server_that_does_not_answer) {
  // The system accepts for a socket that listens; nobody ever speaks.
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 1), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);

  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = ntohs(address.sin_port);
  options.timeout = 50ms;
  options.tls = *TlsContext::make_client(TlsClientOptions{});
  std::promise<Result<ChannelId>> promise;
  connector.connect(ShardId(0), options, handler,
                    [&promise](Result<ChannelId> result) { promise.set_value(std::move(result)); });
  const auto result = promise.get_future().get();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Errc::timed_out);
  ::close(silent);
}

TEST_F(Connecting, hears_the_server_close) {
  FrameHandler echo;
  Server server(echo);
  ASSERT_TRUE(connect("127.0.0.1", server.listener->port()).has_value());
  server.stop();
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
}

TEST_F(Connecting, sends_nothing_and_hears_of_no_channel_after_close) {
  FrameHandler echo;
  Server server(echo);
  const auto id = connect("127.0.0.1", server.listener->port());
  ASSERT_TRUE(id.has_value());
  shards.with_channel(*id, [](Channel* channel) {
    channel->send(as_bytes(frame("last words")));
    channel->close("done");
  });
  EXPECT_TRUE(eventually([&] { return echo.frames == 1; }));
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  std::atomic<bool> gone{false};
  shards.with_channel(*id, [&](Channel* channel) { gone = channel == nullptr; });
  EXPECT_TRUE(eventually([&] { return gone.load(); }));
}

TEST_F(Connecting, reports_busy_when_no_thread_is_left_for_the_lookup) {
  blocking.stop();
  const auto id = connect("localhost", 1);
  ASSERT_FALSE(id.has_value());
  EXPECT_EQ(id.error().code, Errc::busy);
}

TEST_F(Connecting, after_the_pool_stopped_the_callback_is_destroyed) {
  shards.stop(1s);
  const auto token = std::make_shared<int>(0);
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = 1;
  connector.connect(ShardId(0), options, handler, [token](const Result<ChannelId>&) {});
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace gantry::net::testing
