// Concern: bytes through a plain listener and its sessions - order, framing, backpressure, ends of connections.
// Method: a real server on port 0 and raw blocking clients.

#include "kernel/net/test_support.hpp"

#include <algorithm>
#include <numeric>

namespace gantry::net::testing {
namespace {

std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string out(size, '\0');
  std::uint32_t state = seed;
  for (char& c : out) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return out;
}

TEST(Server, echoes_one_frame) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("hello")));
  EXPECT_EQ(client.receive(9), frame("hello"));
}

TEST(Server, tells_the_handler_both_addresses) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  EXPECT_EQ(to_string(handler.last_local()), "127.0.0.1:" + std::to_string(server.listener->port()));
  EXPECT_EQ(ip_to_string(handler.last_peer()), "127.0.0.1");
  EXPECT_FALSE(handler.last_secure());
}

TEST(Server, serves_ipv4_through_a_dual_stack_listener_and_names_it_ipv4) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.host = "::";
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  EXPECT_EQ(ip_to_string(handler.last_peer()), "127.0.0.1");
  EXPECT_EQ(handler.last_local().ip_size, 4U);
}

TEST(Server, shows_many_small_frames_of_one_write_in_few_calls) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  std::string all;
  for (int i = 0; i < 500; ++i) all += frame("frame " + std::to_string(i));
  ASSERT_TRUE(client.send(all));
  EXPECT_EQ(client.receive(all.size()), all);
  EXPECT_EQ(handler.frames.load(), 500U);
  EXPECT_LT(handler.shown.load(), 100U);
}

TEST(Server, puts_a_frame_together_that_arrives_byte_by_byte) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  const std::string sent = frame("slowly") + frame("but surely");
  for (const char byte : sent) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.receive(sent.size()), sent);
}

TEST(Server, takes_a_frame_of_16_MiB_and_shows_it_once_it_is_whole) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  const std::string sent = frame(pattern(16 * 1024 * 1024));
  std::thread sender([&] { EXPECT_TRUE(client.send(sent)); });
  EXPECT_EQ(client.receive(sent.size()), sent);
  sender.join();
  EXPECT_EQ(handler.largest_shown.load(), sent.size());
  EXPECT_LE(handler.shown.load(), 4U);
}

TEST(Server, keeps_order_across_frames_of_all_sizes) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  std::string all;
  for (std::size_t size :
       {0UL, 1UL, 1000UL, 16383UL, 16384UL, 16385UL, 262143UL, 262144UL, 300000UL, 5UL, 900000UL, 70000UL, 3UL}) {
    all += frame(pattern(size, static_cast<unsigned>(size)));
  }
  std::thread sender([&] { EXPECT_TRUE(client.send(all + all)); });
  EXPECT_EQ(client.receive(2 * all.size()), all + all);
  sender.join();
}

TEST(Server, closes_a_connection_whose_handler_reports_a_fault_after_its_answers) {
  FrameHandler handler;
  handler.frame_bytes_max = 100;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("good") + frame(std::string(200, 'x'))));
  EXPECT_EQ(client.receive(8), frame("good"));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.last_reason(), "the frame is too large for this test");
}

TEST(Server, refuses_a_frame_beyond_the_limit_before_it_arrives) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.session.unfinished_bytes_max = 1000;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame(std::string(2000, 'x')).substr(0, 10)));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.last_reason(), "a frame of 2004 bytes, where at most 1000 are accepted");
}

TEST(Server, hears_the_peer_close) {
  FrameHandler handler;
  Server server(handler);
  {
    Client client(server.listener->port());
    ASSERT_TRUE(client.send(frame("x")));
    client.receive(5);
  }
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.last_reason(), "closed by the peer");
  EXPECT_TRUE(eventually([&] { return server.listener->connections() == 0; }));
}

TEST(Server, says_nothing_about_connections_that_never_sent_a_byte) {
  FrameHandler handler;
  Server server(handler);
  { Client client(server.listener->port()); }
  Client other(server.listener->port());
  ASSERT_TRUE(other.send(frame("x")));
  EXPECT_EQ(other.receive(5), frame("x"));
  EXPECT_TRUE(eventually([&] { return server.listener->connections() == 1; }));
  EXPECT_EQ(handler.opened.load(), 1U);
  EXPECT_EQ(handler.closed.load(), 0U);
}

TEST(Server, releases_slices_once_when_they_left) {
  std::atomic<int> released{0};
  const std::string body = pattern(3'000'000);
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slices[] = {{body.data(), 1'000'000}, {body.data() + 1'000'000, 2'000'000}};
    channel.send(as_bytes("head"), slices, [&] { ++released; });
    channel.send(as_bytes("tail"));
  });
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("give")));
  EXPECT_EQ(client.receive(body.size() + 8), "head" + body + "tail");
  EXPECT_TRUE(eventually([&] { return released == 1; }));
}

TEST(Server, releases_slices_once_when_the_peer_resets_in_the_middle) {
  std::atomic<int> released{0};
  std::atomic<int> asked{0};
  const std::string body = pattern(8'000'000);
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slice{body.data(), body.size()};
    channel.send({}, {&slice, 1}, [&] { ++released; });
    ++asked;
  });
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("give") + frame("give")));
  client.receive(1000);
  client.reset();
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_TRUE(eventually([&] { return released == asked; }));
  server.stop();
  EXPECT_EQ(released, asked);
}

TEST(Server, releases_at_once_what_is_sent_after_close) {
  std::atomic<int> released{0};
  FrameHandler handler([&](Channel& channel, std::span<const std::byte> whole) {
    channel.send(whole);
    channel.close("that is all");
    const gantry_slice slice{"late", 4};
    channel.send(as_bytes("late"), {&slice, 1}, [&] { ++released; });
  });
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  EXPECT_EQ(client.receive(100), frame("x"));
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.last_reason(), "that is all");
}

TEST(Server, stops_reading_from_a_peer_that_does_not_read_and_goes_on_when_it_does) {
  const std::string body = pattern(64 * 1024);
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) { channel.send(as_bytes(body)); });
  auto options = Server::defaults();
  options.listener.session.out_bytes_max = 1 << 20;
  Server server(handler, std::move(options));
  Client client(server.listener->port(), 4096);
  // Each frame of 1 KiB asks for 64 KiB: 1,000 of them ask for 64 MiB.
  constexpr std::size_t requests = 1'000;
  const std::string request = frame(std::string(1020, 'r'));
  std::thread sender([&] {
    for (std::size_t i = 0; i < requests; ++i) ASSERT_TRUE(client.send(request));
  });
  EXPECT_TRUE(eventually([&] { return server.metric("gantry_net_paused") == 1; }));
  EXPECT_LT(handler.frames.load(), 500U);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < requests; ++i) wrong += client.receive(body.size()) == body ? 0 : 1;
  EXPECT_EQ(wrong, 0U);
  sender.join();
  EXPECT_EQ(handler.frames.load(), requests);
  EXPECT_TRUE(eventually([&] { return server.metric("gantry_net_paused") == 0; }));
}

TEST(Server, shows_again_what_a_handler_left_because_too_much_waited) {
  const std::string body = pattern(64 * 1024);
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) { channel.send(as_bytes(body)); });
  handler.pending_bytes_max = 1 << 20;
  auto options = Server::defaults();
  options.listener.session.out_bytes_max = 1 << 20;
  Server server(handler, std::move(options));
  Client client(server.listener->port(), 4096);
  // All requests arrive in one chunk and ask for 64 MiB; the handler takes what fits its bound.
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += frame("give");
  ASSERT_TRUE(client.send(requests));
  EXPECT_TRUE(eventually([&] { return server.metric("gantry_net_paused") == 1; }));
  EXPECT_LT(handler.frames.load(), 150U);
  std::size_t wrong = 0;
  for (int i = 0; i < 1'000; ++i) wrong += client.receive(body.size()) == body ? 0 : 1;
  EXPECT_EQ(wrong, 0U);
}

TEST(Server, delivers_what_other_threads_and_shards_send) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.shards = 2;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  const ChannelId id = handler.last_id();
  for (int i = 0; i < 100; ++i) {
    Executor& from = server.pool->at(ShardId(static_cast<std::uint32_t>(i % 2)));
    from.post([&server, id] {
      server.pool->with_channel(id, [](Channel* channel) { channel->send(as_bytes("0123456789")); });
    });
  }
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "0123456789";
  EXPECT_EQ(client.receive(1000), expected);
}

TEST(Server, finds_no_channel_after_it_closed) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  const ChannelId id = handler.last_id();
  client.close();
  ASSERT_TRUE(eventually([&] { return handler.closed == 1; }));
  std::atomic<int> found{-1};
  server.pool->with_channel(id, [&](Channel* channel) { found = channel != nullptr; });
  EXPECT_TRUE(eventually([&] { return found == 0; }));
  server.pool->with_channel(ChannelId(0xFFFFFF), [&](Channel* channel) { found = channel == nullptr ? 2 : 3; });
  EXPECT_TRUE(eventually([&] { return found == 2; }));
}

TEST(Server, spreads_connections_over_the_shards) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.shards = 4;
  Server server(handler, std::move(options));
  std::vector<Client> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back(server.listener->port());
    ASSERT_TRUE(clients.back().send(frame("x")));
    ASSERT_EQ(clients.back().receive(5), frame("x"));
  }
  for (const char* shard : {"0", "1", "2", "3"}) EXPECT_EQ(server.metric("gantry_net_connections", shard), 4);
}

TEST(Server, lets_nobody_starve_beside_a_busy_connection) {
  FrameHandler handler([](Channel&, std::span<const std::byte>) {});
  FrameHandler echo;
  Server server(handler);
  auto second = Listener::open(
      *server.pool,
      [&] {
        ListenerOptions options;
        options.session = test_limits();
        options.handlers = {&echo};
        return options;
      }(),
      server.metrics);
  ASSERT_TRUE(second.has_value());
  std::atomic<bool> done{false};
  std::thread flood([&] {
    Client client(server.listener->port());
    const std::string bytes = frame(std::string(1 << 20, 'f'));
    while (!done && client.send(bytes)) {
    }
  });
  Client client((*second)->port());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.send(frame("ping")));
    ASSERT_EQ(client.receive(8), frame("ping"));
  }
  done = true;
  flood.join();
  (*second)->close();
}

TEST(Server, accepts_at_most_connections_max) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.connections_max = 3;
  Server server(handler, std::move(options));
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.listener->port());
    ASSERT_TRUE(clients.back().send(frame("x")));
    ASSERT_EQ(clients.back().receive(5), frame("x"));
  }
  Client refused(server.listener->port());
  EXPECT_TRUE(refused.closed_by_server());
  EXPECT_EQ(server.metric("gantry_net_refused", "limit"), 1);
  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return server.listener->connections() == 2; }));
  Client fits(server.listener->port());
  ASSERT_TRUE(fits.send(frame("x")));
  EXPECT_EQ(fits.receive(5), frame("x"));
}

TEST(Listener, names_the_address_and_the_remedy_when_the_port_is_taken) {
  FrameHandler handler;
  Server server(handler);
  ListenerOptions options;
  options.port = server.listener->port();
  options.handlers = {&handler};
  const auto second = Listener::open(*server.pool, options, server.metrics);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::already_exists);
  EXPECT_NE(second.error().text.find("127.0.0.1:" + std::to_string(options.port)), std::string::npos);
  EXPECT_NE(second.error().text.find("another process"), std::string::npos);
}

TEST(Listener, accepts_nothing_after_close_and_keeps_what_is_open) {
  FrameHandler handler;
  Server server(handler);
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(frame("x")));
  client.receive(5);
  server.listener->close();
  EXPECT_FALSE(Client(server.listener->port()).connected);
  ASSERT_TRUE(client.send(frame("y")));
  EXPECT_EQ(client.receive(5), frame("y"));
}

}  // namespace
}  // namespace gantry::net::testing
