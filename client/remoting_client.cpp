#include "client/remoting_client.hpp"

#include "kernel/base/log.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/blocking_pool.hpp"
#include "kernel/net/connector.hpp"
#include "kernel/net/shard_pool.hpp"
#include "kernel/net/tls.hpp"
#include "protocol/frame.hpp"

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace gantry::client {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds sweep_interval{50};
constexpr ShardId only_shard{0};

Reply make_reply(const protocol::HeaderView& header, protocol::ByteView body, protocol::Scratch& scratch) {
  Reply reply;
  reply.code = header.code;
  reply.remark = header.remark_text(scratch);
  for (const protocol::ExtField& field : header.ext) {
    std::string_view value;
    if (field.text(scratch, value)) reply.fields.emplace_back(field.key, value);
  }
  reply.body = protocol::as_text(body);
  return reply;
}

}  // namespace

std::string_view Reply::field(std::string_view key) const noexcept {
  for (const auto& [name, value] : fields) {
    if (name == key) return value;
  }
  return {};
}

std::int64_t Reply::number(std::string_view key, std::int64_t fallback) const noexcept {
  const std::string_view text = field(key);
  std::int64_t value = fallback;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Error Reply::to_error(std::string_view what) const {
  std::string text(what);
  text += ": ";
  text += protocol::to_string(static_cast<protocol::ResponseCode>(code));
  text += "(" + std::to_string(code) + ")";
  if (!remark.empty()) text += ": " + remark;
  const auto response = static_cast<protocol::ResponseCode>(code);
  const Errc kind = response == protocol::ResponseCode::topic_not_exist ? Errc::not_found
                    : response == protocol::ResponseCode::no_permission ? Errc::permission_denied
                    : response == protocol::ResponseCode::system_busy   ? Errc::busy
                                                                        : Errc::invalid_argument;
  return Error{kind, std::move(text)};
}

/// Everything below runs on the I/O thread, except construction and destruction.
struct RemotingClient::Impl final : ChannelHandler {
  struct Pending {
    Done done;
    std::string address;
    Clock::time_point deadline;
  };
  struct Connection {
    Channel* channel = nullptr;  // null while connecting
    std::vector<protocol::ByteBuffer> waiting;
    std::vector<std::int32_t> opaques_waiting;
  };

  explicit Impl(const RemotingOptions& limits)
      : options(limits),
        shards(net::ShardPoolOptions{}, metrics),
        blocking(net::BlockingPoolOptions{.threads = 1, .waiting_max = 1024, .name = "g-lookup"}, metrics),
        connector(shards, blocking, metrics) {}

  void submit(const std::string& address, Encoded request, std::chrono::milliseconds timeout, Done done) {
    if (done) {
      if (pending.size() >= options.pending_max) {
        done(Error{Errc::busy, std::to_string(pending.size()) + " calls are under way already"});
        return;
      }
      pending.emplace(request.opaque, Pending{std::move(done), address, Clock::now() + timeout});
      arm_sweep();
    }
    auto [at, fresh] = connections.try_emplace(address);
    Connection& connection = at->second;
    if (connection.channel != nullptr) {
      connection.channel->send(request.frame.view());
      return;
    }
    connection.opaques_waiting.push_back(request.opaque);
    connection.waiting.push_back(std::move(request.frame));
    if (fresh) connect(address);
  }

  void connect(const std::string& address) {
    auto target = net::parse_host_port(address);
    if (!target) return connect_failed(address, std::move(target).error());
    net::ConnectOptions to;
    to.host = target->host;
    to.port = target->port;
    to.timeout = options.timeout;
    to.session.idle_timeout = std::chrono::seconds(120);
    to.session.first_byte_timeout = std::chrono::milliseconds(0);
    to.tls = tls;
    connector.connect(only_shard, std::move(to), *this, [this, address](Result<ChannelId> channel) {
      if (!channel) {
        connect_failed(address, std::move(channel).error());
        return;
      }
      shards.with_channel(*channel, [this, address](Channel* open) { connected(address, open); });
    });
  }

  void connected(const std::string& address, Channel* channel) {
    const auto at = connections.find(address);
    if (at == connections.end()) return;
    if (channel == nullptr)
      return connect_failed(address, Error{Errc::io, "connection to " + address + " was closed at once"});
    Connection& connection = at->second;
    connection.channel = channel;
    address_of[channel->id()] = address;
    for (const protocol::ByteBuffer& frame : connection.waiting) channel->send(frame.view());
    connection.waiting.clear();
    connection.opaques_waiting.clear();
  }

  void connect_failed(const std::string& address, Error error) {
    const auto at = connections.find(address);
    if (at == connections.end()) return;
    const std::vector<std::int32_t> opaques = std::move(at->second.opaques_waiting);
    connections.erase(at);
    for (const std::int32_t opaque : opaques) complete(opaque, Error(error));
  }

  void complete(std::int32_t opaque, Result<Reply> result) {
    const auto at = pending.find(opaque);
    if (at == pending.end()) return;
    Done done = std::move(at->second.done);
    pending.erase(at);
    done(std::move(result));
  }

  void arm_sweep() {
    if (sweep_armed) return;
    sweep_armed = true;
    shards.at(only_shard).call_after(sweep_interval, [this] { sweep(); });
  }

  void sweep() {
    sweep_armed = false;
    const Clock::time_point now = Clock::now();
    std::vector<std::pair<std::int32_t, std::string>> late;
    for (const auto& [opaque, call] : pending) {
      if (call.deadline <= now) late.emplace_back(opaque, call.address);
    }
    for (auto& [opaque, address] : late) {
      complete(opaque, Error{Errc::timed_out, "no answer from " + address + " in time"});
    }
    if (!pending.empty()) arm_sweep();
  }

  // ---- ChannelHandler ----

  void on_open(Channel&) override {}

  Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes) override {
    Consumed consumed;
    while (true) {
      const protocol::CutResult cut = protocol::cut_frame(bytes.subspan(consumed.bytes));
      if (cut.outcome == protocol::CutOutcome::need_more) {
        consumed.wanted = cut.size_wanted;
        return consumed;
      }
      if (cut.outcome == protocol::CutOutcome::malformed) {
        consumed.fault = "malformed frame from the server";
        return consumed;
      }
      consumed.bytes += cut.frame.size;
      if (auto decoded = protocol::decode_header(cut.frame, header); !decoded) {
        GANTRY_LOG(warn, "client.bad_header", field("peer", net::to_string(channel.peer())),
                   field("error", decoded.error()));
        consumed.fault = "undecodable header from the server";
        return consumed;
      }
      if (header.is_response()) {
        complete(header.opaque, make_reply(header, cut.frame.body, scratch));
      } else if (request_handler) {
        request_handler(header, cut.frame.body);
      }
      scratch.reset();
    }
  }

  void on_close(Channel& channel, std::string_view reason) override {
    const auto known = address_of.find(channel.id());
    if (known == address_of.end()) return;
    const std::string address = known->second;
    address_of.erase(known);
    connections.erase(address);
    std::vector<std::int32_t> lost;
    for (const auto& [opaque, call] : pending) {
      if (call.address == address) lost.push_back(opaque);
    }
    for (const std::int32_t opaque : lost) {
      complete(opaque, Error{Errc::unavailable, "connection to " + address + " closed: " + std::string(reason)});
    }
  }

  RemotingOptions options;
  MetricsRegistry metrics;
  net::ShardPool shards;
  net::BlockingPool blocking;
  net::Connector connector;
  std::shared_ptr<net::TlsContext> tls;
  OnRequest request_handler;

  std::unordered_map<std::string, Connection> connections;
  std::unordered_map<ChannelId, std::string> address_of;
  std::unordered_map<std::int32_t, Pending> pending;
  protocol::HeaderView header;
  protocol::Scratch scratch;
  bool sweep_armed = false;
};

RemotingClient::RemotingClient(const RemotingOptions& options)
    : options_(options), impl_(std::make_unique<Impl>(options)) {}

Result<std::unique_ptr<RemotingClient>> RemotingClient::start(const RemotingOptions& options) {
  std::unique_ptr<RemotingClient> client(new RemotingClient(options));
  if (options.tls) {
    GANTRY_ASSIGN(
        client->impl_->tls,
        net::TlsContext::make_client(
            {.ca_file = options.tls_ca_file, .cert_file = {}, .key_file = {}, .verify_server = options.tls_verify}));
  }
  GANTRY_TRY(client->impl_->shards.start());
  return client;
}

RemotingClient::~RemotingClient() {
  impl_->blocking.stop();
  impl_->shards.stop(std::chrono::milliseconds(500));
  // The I/O thread has ended: what is still open can only be failed from here.
  for (auto& [opaque, call] : impl_->pending) call.done(Error{Errc::unavailable, "the client is being closed"});
  impl_->pending.clear();
}

void RemotingClient::on_request(OnRequest handler) {
  impl_->shards.at(only_shard).post([impl = impl_.get(), handler = std::move(handler)]() mutable {
    impl->request_handler = std::move(handler);
  });
}

void RemotingClient::submit(const std::string& address, Encoded request, std::chrono::milliseconds timeout, Done done) {
  impl_->shards.at(only_shard)
      .post([impl = impl_.get(), address, request = std::move(request), timeout, done = std::move(done)]() mutable {
        impl->submit(address, std::move(request), timeout, std::move(done));
      });
}

Result<Reply> RemotingClient::wait_for(const std::string& address, Encoded request, std::chrono::milliseconds timeout) {
  struct Waiter {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<Result<Reply>> result;
  };
  const auto waiter = std::make_shared<Waiter>();
  submit(address, std::move(request), timeout, [waiter](Result<Reply> result) {
    const std::lock_guard lock(waiter->mutex);
    waiter->result.emplace(std::move(result));
    waiter->arrived.notify_one();
  });
  std::unique_lock lock(waiter->mutex);
  waiter->arrived.wait(lock, [&] { return waiter->result.has_value(); });
  return std::move(*waiter->result);
}

}  // namespace gantry::client
