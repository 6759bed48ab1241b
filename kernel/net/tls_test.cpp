// Concern: TLS - told from plain by the first byte, verified as configured, replaced while serving, hostile handshakes.
// Method: our own connector against our own listener, raw bytes where a broken client is needed.

#include "kernel/env/files.hpp"
#include "kernel/net/test_support.hpp"

#include <fstream>
#include <future>
#include <optional>

namespace gantry::net::testing {
namespace {

/// Certificates in files of a directory that lives as long as the test.
class Certificates {
 public:
  Certificates() { renew(); }
  void renew() const {
    const auto made = make_self_signed("gantry.test");
    ASSERT_TRUE(made.has_value());
    std::ofstream(cert()) << made->cert_pem;
    std::ofstream(key()) << made->key_pem;
  }
  [[nodiscard]] std::string cert() const { return path("cert.pem"); }
  [[nodiscard]] std::string key() const { return path("key.pem"); }
  [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }

  [[nodiscard]] TlsServerOptions server_options() const {
    TlsServerOptions options;
    options.cert_file = cert();
    options.key_file = key();
    return options;
  }

 private:
  TempDir directory_;
};

struct Tls : ::testing::Test {
  std::unique_ptr<Server> serve(TlsMode mode, ChannelHandler& handler,
                                std::optional<TlsServerOptions> files = std::nullopt) {
    auto made = TlsContext::make_server(files ? *files : certificates.server_options());
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().text);
    auto options = Server::defaults();
    options.listener.tls_mode = mode;
    context = *made;
    options.listener.tls = context;
    return std::make_unique<Server>(handler, std::move(options));
  }

  /// Connects and sends `bytes`; the outcome is the error, or what came back (as many bytes as were sent).
  struct Outcome {
    std::string error;
    std::string received;
    bool secure = false;
  };
  Outcome exchange(Server& server, const TlsClientOptions& trust, const std::string& bytes,
                   const std::string& host = "127.0.0.1") {
    Outcome outcome;
    auto client_context = TlsContext::make_client(trust);
    if (!client_context) return {client_context.error().text, {}, false};
    std::promise<void> done;
    std::atomic<bool> finished{false};
    const auto finish = [&] {
      if (!finished.exchange(true)) done.set_value();
    };
    struct Collect final : ChannelHandler {
      Collect(Outcome& into, std::size_t size, std::function<void()> then)
          : outcome(into), wanted(size), finish(std::move(then)) {}
      void on_open(Channel& channel) override { outcome.secure = channel.is_secure(); }
      Consumed on_bytes(Channel&, std::span<const std::byte> arrived) override {
        outcome.received.append(reinterpret_cast<const char*>(arrived.data()), arrived.size());
        if (outcome.received.size() >= wanted) finish();
        return {arrived.size(), 0, {}};
      }
      void on_close(Channel&, std::string_view reason) override {
        if (outcome.received.size() < wanted) outcome.error = reason;
        finish();
      }
      Outcome& outcome;
      std::size_t wanted;
      std::function<void()> finish;
    } collect(outcome, bytes.size(), finish);

    MetricsRegistry metrics;
    BlockingPool blocking(BlockingPoolOptions{}, metrics);
    ShardPool shards(ShardPoolOptions{}, metrics);
    EXPECT_TRUE(shards.start().has_value());
    Connector connector(shards, blocking, metrics);
    ConnectOptions options;
    options.host = host;
    options.port = server.listener->port();
    options.session = test_limits();
    options.tls = *client_context;
    connector.connect(ShardId(0), options, collect, [&](Result<ChannelId> result) {
      if (!result) {
        outcome.error = result.error().text;
        return finish();
      }
      shards.with_channel(*result, [&](Channel* channel) {
        if (channel != nullptr) channel->send(as_bytes(bytes));
      });
    });
    EXPECT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
    shards.stop(2s);
    return outcome;
  }

  [[nodiscard]] TlsClientOptions trusting() const {
    TlsClientOptions options;
    options.ca_file = certificates.cert();
    return options;
  }
  static TlsClientOptions trusting_anyone() {
    TlsClientOptions options;
    options.verify_server = false;
    return options;
  }

  Certificates certificates;
  std::shared_ptr<TlsContext> context;
};

TEST_F(Tls, permissive_serves_both_kinds_on_one_port) {
  FrameHandler handler;
  const auto server = serve(TlsMode::permissive, handler);
  Client plain(server->listener->port());
  ASSERT_TRUE(plain.send(frame("plain")));
  EXPECT_EQ(plain.receive(9), frame("plain"));
  EXPECT_FALSE(handler.last_secure());
  const auto outcome = exchange(*server, trusting(), frame("secret"));
  EXPECT_EQ(outcome.received, frame("secret")) << outcome.error;
  EXPECT_TRUE(outcome.secure);
  EXPECT_TRUE(handler.last_secure());
  EXPECT_EQ(server->metric("gantry_net_tls_handshakes", "broker"), 1);
}

TEST_F(Tls, enforcing_refuses_plain) {
  FrameHandler handler;
  const auto server = serve(TlsMode::enforcing, handler);
  Client plain(server->listener->port());
  ASSERT_TRUE(plain.send(frame("plain")));
  EXPECT_TRUE(plain.closed_by_server());
  EXPECT_EQ(handler.opened, 0U);
  EXPECT_EQ(server->metric("gantry_net_refused", "kind"), 1);
  EXPECT_EQ(exchange(*server, trusting(), frame("secret")).received, frame("secret"));
}

TEST_F(Tls, disabled_refuses_tls_and_so_does_permissive_without_a_certificate) {
  for (const TlsMode mode : {TlsMode::disabled, TlsMode::permissive}) {
    FrameHandler handler;
    auto options = Server::defaults();
    options.listener.tls_mode = mode;
    Server server(handler, std::move(options));
    EXPECT_NE(exchange(server, trusting(), frame("secret")).error, "");
    EXPECT_EQ(server.metric("gantry_net_refused", "kind"), 1);
    Client plain(server.listener->port());
    ASSERT_TRUE(plain.send(frame("plain")));
    EXPECT_EQ(plain.receive(9), frame("plain"));
  }
}

TEST_F(Tls, enforcing_needs_a_certificate_to_begin_with) {
  FrameHandler handler;
  MetricsRegistry metrics;
  ShardPool pool(ShardPoolOptions{}, metrics);
  ListenerOptions options;
  options.tls_mode = TlsMode::enforcing;
  options.handlers = {&handler};
  const auto opened = Listener::open(pool, options, metrics);
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().text.find("no certificate"), std::string::npos);
}

TEST_F(Tls, carries_megabytes_both_ways) {
  FrameHandler handler;
  const auto server = serve(TlsMode::enforcing, handler);
  std::string big;
  for (const std::size_t size : {1UL, 16384UL, 16385UL, 3000000UL, 5UL, 100000UL}) {
    big += frame(std::string(size, static_cast<char>('a' + size % 26)));
  }
  const auto outcome = exchange(*server, trusting(), big + big);
  EXPECT_EQ(outcome.received.size(), 2 * big.size()) << outcome.error;
  EXPECT_TRUE(outcome.received == big + big);
}

TEST_F(Tls, slices_leave_encrypted_and_are_released) {
  std::atomic<int> released{0};
  const std::string body(1'000'000, 's');
  FrameHandler handler([&](Channel& channel, std::span<const std::byte>) {
    const gantry_slice slices[] = {{body.data(), 10}, {body.data(), body.size() - 10}};
    channel.send({}, slices, [&] { ++released; });
  });
  const auto server = serve(TlsMode::enforcing, handler);
  // The outcome counts as many bytes as were sent, so as many are sent as the answer has.
  const std::string ask = frame(std::string(999'996, 'q'));
  const auto outcome = exchange(*server, trusting(), ask);
  EXPECT_EQ(outcome.received.size(), body.size()) << outcome.error;
  EXPECT_TRUE(eventually([&] { return released == 1; }));
}

TEST_F(Tls, the_client_refuses_a_certificate_that_it_does_not_trust) {
  FrameHandler handler;
  const auto server = serve(TlsMode::enforcing, handler);
  TlsClientOptions system_only;
  EXPECT_NE(exchange(*server, system_only, frame("secret")).error.find("TLS handshake"), std::string::npos);
  EXPECT_EQ(exchange(*server, trusting_anyone(), frame("secret")).received, frame("secret"));
}

TEST_F(Tls, the_client_refuses_a_certificate_of_another_name) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.host = "127.0.0.2";
  options.listener.tls_mode = TlsMode::enforcing;
  options.listener.tls = *TlsContext::make_server(certificates.server_options());
  Server server(handler, std::move(options));
  const auto wrong = exchange(server, trusting(), frame("secret"), "127.0.0.2");
  EXPECT_NE(wrong.error.find("TLS handshake"), std::string::npos);
  EXPECT_EQ(handler.opened, 0U);
}

TEST_F(Tls, a_client_certificate_is_demanded_when_required) {
  FrameHandler handler;
  TlsServerOptions options = certificates.server_options();
  options.client_auth = TlsClientAuth::require;
  options.ca_file = certificates.cert();
  const auto server = serve(TlsMode::enforcing, handler, options);
  const auto without = exchange(*server, trusting(), frame("secret"));
  EXPECT_EQ(without.received, "");
  TlsClientOptions with = trusting();
  with.cert_file = certificates.cert();
  with.key_file = certificates.key();
  const auto outcome = exchange(*server, with, frame("secret"));
  EXPECT_EQ(outcome.received, frame("secret")) << outcome.error;
  EXPECT_EQ(handler.opened, 1U);
}

TEST_F(Tls, new_certificates_serve_new_connections) {
  FrameHandler handler;
  const auto server = serve(TlsMode::enforcing, handler);
  const TlsClientOptions old_trust = [&] {
    TlsClientOptions options;
    options.ca_file = certificates.path("old.pem");
    std::ofstream(options.ca_file) << std::ifstream(certificates.cert()).rdbuf();
    return options;
  }();
  EXPECT_EQ(exchange(*server, old_trust, frame("old")).received, frame("old"));
  EXPECT_FALSE(*context->reload_if_changed());
  certificates.renew();
  const auto changed = context->reload_if_changed();
  ASSERT_TRUE(changed.has_value());
  EXPECT_TRUE(*changed);
  EXPECT_EQ(exchange(*server, trusting(), frame("new")).received, frame("new"));
  EXPECT_EQ(exchange(*server, old_trust, frame("old")).received, "");
}

TEST_F(Tls, broken_files_leave_the_old_settings_in_use) {
  FrameHandler handler;
  const auto server = serve(TlsMode::enforcing, handler);
  const TlsClientOptions trust = [&] {
    TlsClientOptions options;
    options.ca_file = certificates.path("old.pem");
    std::ofstream(options.ca_file) << std::ifstream(certificates.cert()).rdbuf();
    return options;
  }();
  // Half of an update: a new certificate beside the old key.
  const auto other = make_self_signed("other.test");
  std::ofstream(certificates.cert()) << other->cert_pem;
  const auto result = context->reload_if_changed();
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().text.find(certificates.key()), std::string::npos);
  EXPECT_TRUE(context->reload_if_changed().has_value()) << "a failed attempt is repeated only after a change";
  EXPECT_EQ(exchange(*server, trust, frame("still")).received, frame("still"));
}

TEST_F(Tls, errors_name_the_file) {
  TlsServerOptions options = certificates.server_options();
  options.cert_file = certificates.path("missing.pem");
  const auto missing = TlsContext::make_server(options);
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().text.find("missing.pem"), std::string::npos);
  options = certificates.server_options();
  options.client_auth = TlsClientAuth::require;
  const auto no_authority = TlsContext::make_server(options);
  ASSERT_FALSE(no_authority.has_value());
  EXPECT_NE(no_authority.error().text.find("authority"), std::string::npos);
}

TEST_F(Tls, a_handshake_that_is_not_finished_is_closed) {
  FrameHandler handler;
  auto options = Server::defaults();
  options.listener.tls_mode = TlsMode::permissive;
  options.listener.tls = *TlsContext::make_server(certificates.server_options());
  options.listener.session.handshake_timeout = 50ms;
  Server server(handler, std::move(options));
  Client client(server.listener->port());
  ASSERT_TRUE(client.send(std::string("\x16\x03\x01\x02\x00\x01", 6)));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(server.metric("gantry_net_timed_out"), 1);
}

TEST_F(Tls, nonsense_after_the_first_byte_is_a_failed_handshake) {
  FrameHandler handler;
  const auto server = serve(TlsMode::permissive, handler);
  Client client(server->listener->port());
  ASSERT_TRUE(client.send("\x16 this is no TLS at all, whatever the first byte says"));
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(eventually([&] { return server->metric("gantry_net_tls_failures", "broker") == 1; }));
  EXPECT_EQ(handler.opened, 0U);
}

TEST(TlsNames, are_parsed_and_errors_list_them) {
  EXPECT_EQ(*parse_tls_mode("enforcing"), TlsMode::enforcing);
  EXPECT_EQ(to_string(TlsMode::permissive), "permissive");
  EXPECT_EQ(*parse_tls_client_auth("require"), TlsClientAuth::require);
  const auto bad = parse_tls_mode("on");
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().text.find("disabled, permissive, enforcing"), std::string::npos);
  EXPECT_FALSE(make_self_signed("a,DNS:b").has_value());
}

}  // namespace
}  // namespace gantry::net::testing
