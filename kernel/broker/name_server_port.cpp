#include "kernel/broker/name_server_port.hpp"

#include "kernel/broker/frame_loop.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/host.hpp"

#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

namespace {

void write_answer(protocol::ByteBuffer& out, const ReplyTo& to, const routing::NameServerResponse& answer) {
  if (to.oneway) return;
  protocol::FrameWriter writer(out, protocol::response_meta(to.type, to.opaque, answer.code, answer.remark));
  for (const auto& [key, value] : answer.fields) writer.field(key, std::string_view(value));
  writer.finish(protocol::as_bytes(answer.body));
}

}  // namespace

/// What the name server is told about who asks.
struct NameServerPort::Asker {
  ChannelId channel;
  std::string peer;
  std::string local_host;
  bool trusted = false;
  bool may_administrate = false;

  [[nodiscard]] routing::NameServerResponse ask(routing::NameServer& server, const protocol::HeaderView& header,
                                                protocol::ByteView body, protocol::Scratch& scratch) const {
    return server.handle({header, body, scratch, channel, peer, local_host, trusted, may_administrate});
  }
};

/// A request that outlives its chunk of bytes.
struct NameServerPort::OwnedRequest {
  OwnedRequest(const Request& request, Asker who)
      : header_bytes(protocol::as_text(request.frame.header)),
        body(protocol::as_text(request.frame.body)),
        type(request.frame.type),
        to(request.reply_to()),
        asker(std::move(who)) {}

  std::string header_bytes;
  std::string body;
  protocol::SerializeType type;
  ReplyTo to;
  Asker asker;
  protocol::HeaderView header;
  protocol::Scratch scratch;
  protocol::ByteBuffer answer;
};

NameServerPort::NameServerPort(routing::NameServer& server, Shards& shards, BlockingPool& pool,
                               const NameServerPortOptions& options)
    : server_(server), shards_(shards), pool_(pool), options_(options) {}

void NameServerPort::on_open(Channel& /*channel*/) {}

void NameServerPort::on_close(Channel& channel, std::string_view /*reason*/) { server_.on_close(channel.id()); }

Consumed NameServerPort::on_bytes(Channel& channel, std::span<const std::byte> bytes) {
  scratch_.reset();
  const Consumed consumed = consume_frames(
      channel, bytes, header_,
      [&](const protocol::FrameView& frame) {
        serve({frame, header_, channel});
      },
      [](const protocol::FrameView&) {});
  if (!out_.empty()) channel.send(out_.view());
  out_.clear();
  return consumed;
}

NameServerPort::Asker NameServerPort::asker_of(Channel& channel) const {
  std::string local = protocol::to_string(protocol::host_of(channel.local()));
  local.resize(local.rfind(':'));
  return {channel.id(), protocol::to_string(protocol::host_of(channel.peer())), std::move(local),
          options_.trusted.contains(channel.peer()), options_.admin_allow_from.contains(channel.peer())};
}

void NameServerPort::serve(const Request& request) {
  if (routing::NameServer::is_blocking(request.header.code)) return serve_on_pool(request);
  const auto answer = asker_of(request.channel).ask(server_, request.header, request.frame.body, scratch_);
  write_answer(out_, request.reply_to(), answer);
}

void NameServerPort::serve_on_pool(const Request& request) {
  auto owned = std::make_unique<OwnedRequest>(request, asker_of(request.channel));
  const bool posted = pool_.post([this, work = std::move(owned)]() mutable {
    // It decoded before; only the views have to point into our own copy.
    const Status decoded =
        protocol::decode_header(work->type, protocol::as_bytes(std::string_view(work->header_bytes)), work->header);
    if (!decoded) return;
    const auto answer =
        work->asker.ask(server_, work->header, protocol::as_bytes(std::string_view(work->body)), work->scratch);
    write_answer(work->answer, work->to, answer);
    const ChannelId asker = work->asker.channel;
    shards_.with_channel(asker, [done = std::move(work)](Channel* channel) {
      if (channel != nullptr && !done->answer.empty()) channel->send(done->answer.view());
    });
  });
  if (posted || request.header.is_oneway()) return;
  protocol::write_frame(
      out_, protocol::response_meta(request.header, protocol::ResponseCode::system_busy, remark::pool_full));
}

}  // namespace gantry::broker
