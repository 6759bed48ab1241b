#include "kernel/registrar.hpp"

#include "kernel/base/log.hpp"
#include "kernel/broker/frame_loop.hpp"
#include "kernel/net/address.hpp"

#include <optional>

namespace gantry {
namespace {
constexpr ShardId carrying_shard{0};
}  // namespace

/// One NameServer. `channel`, `local_host` and `connecting` belong to control; the ChannelHandler runs on the shard and
/// hands what it sees to control.
class Registrar::Server final : public ChannelHandler {
 public:
  Server(Registrar& owner, std::string at) : address(std::move(at)), owner_(owner) {}

  void on_open(Channel& opened) override {
    owner_.control_.post([this, id = opened.id(), host = net::ip_to_string(opened.local())] {
      channel = id;
      local_host = host;
      GANTRY_LOG(info, "nameserver.connected", field("address", address));
      if (!owner_.stopping_) owner_.send_registration(*this);
    });
  }

  Consumed on_bytes(Channel& open, std::span<const std::byte> bytes) override {
    // Requests are notices about other brokers; nothing here depends on them.
    return broker::consume_frames(
        open, bytes, header_, [](const protocol::FrameView&) {},
        [this](const protocol::FrameView&) {
          if (const auto answer = routing::Registration::decode_answer(header_); !answer) {
            GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "nameserver.registration_refused",
                             field("address", address), field("error", answer.error()));
          }
        });
  }

  void on_close(Channel&, std::string_view reason) override {
    owner_.control_.post([this, why = std::string(reason)] {
      channel.reset();
      if (owner_.stopping_) return;
      GANTRY_LOG(warn, "nameserver.disconnected", field("address", address), field("reason", why));
    });
  }

  const std::string address;
  std::optional<ChannelId> channel;
  std::string local_host;
  bool connecting = false;
  std::int64_t next_attempt_ns = 0;

 private:
  Registrar& owner_;
  protocol::HeaderView header_;
};

Registrar::Registrar(Options options, routing::Registration& registration, net::Connector& connector, Shards& shards,
                     Executor& control, const Clock& clock)
    : options_(std::move(options)),
      registration_(registration),
      connector_(connector),
      shards_(shards),
      control_(control),
      clock_(clock) {
  for (const std::string& address : options_.addresses) servers_.push_back(std::make_unique<Server>(*this, address));
}

Registrar::~Registrar() = default;

void Registrar::tick() {
  if (stopping_) return;
  const std::int64_t now = clock_.steady_ns();
  for (const auto& server : servers_) {
    if (server->channel || server->connecting || now < server->next_attempt_ns) continue;
    const auto target = net::parse_host_port(server->address);
    if (!target) continue;  // refused when the configuration was checked
    server->connecting = true;
    server->next_attempt_ns = now + std::chrono::nanoseconds(options_.reconnect_interval).count();
    net::ConnectOptions to;
    to.host = target->host;
    to.port = target->port;
    to.timeout = options_.connect_timeout;
    to.session.idle_timeout = std::chrono::milliseconds(0);
    to.session.first_byte_timeout = std::chrono::milliseconds(0);
    connector_.connect(carrying_shard, std::move(to), *server, [this, server = server.get()](Result<ChannelId> opened) {
      control_.post([this, server, error = opened ? std::optional<Error>() : std::optional<Error>(opened.error())] {
        server->connecting = false;
        if (error) {
          GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "nameserver.unreachable", field("address", server->address),
                           field("error", *error));
        }
      });
    });
  }
  if (!registration_.due()) return;
  bool any = false;
  for (const auto& server : servers_) {
    if (!server->channel) continue;
    any = true;
    send_registration(*server);
  }
  if (any) registration_.sent();
}

void Registrar::send_registration(Server& server) {
  auto frames = registration_.encode_registration(next_opaque_, server.local_host);
  if (!frames) {
    GANTRY_LOG_EVERY(std::chrono::seconds(10), error, "nameserver.registration_impossible",
                     field("error", frames.error()));
    return;
  }
  next_opaque_ += static_cast<std::int32_t>(frames->size());
  shards_.with_channel(*server.channel, [frames = *std::move(frames)](Channel* channel) {
    if (channel == nullptr) return;
    for (const protocol::ByteBuffer& frame : frames) channel->send(frame.view());
  });
}

void Registrar::stop() {
  stopping_ = true;
  for (const auto& server : servers_) {
    if (!server->channel) continue;
    shards_.with_channel(*server->channel, [frame = registration_.encode_unregistration(
                                                next_opaque_++, server->local_host)](Channel* channel) {
      if (channel == nullptr) return;
      channel->send(frame.view());
    });
  }
}

}  // namespace gantry
