#include "kernel/name_server_port.hpp"

#include "kernel/broker/frame_loop.hpp"
#include "kernel/net/address.hpp"
#include "protocol/frame_writer.hpp"

#include <utility>

namespace gantry {
namespace {

void write_answer(protocol::ByteBuffer& out, protocol::SerializeType type, std::int32_t opaque,
                  const routing::NameServerResponse& response) {
  protocol::FrameWriter writer(out, protocol::response_meta(type, opaque, response.code, response.remark));
  for (const auto& [key, value] : response.fields) writer.field(key, std::string_view(value));
  writer.finish(protocol::as_bytes(response.body));
}

}  // namespace

Consumed NameServerPort::on_bytes(Channel& channel, std::span<const std::byte> bytes) {
  const Consumed consumed = broker::consume_frames(
      channel, bytes, header_, [&](const protocol::FrameView& frame) { serve(channel, frame); },
      [](const protocol::FrameView&) {});
  if (!out_.empty()) {
    channel.send(out_.view());
    out_.clear();
  }
  return consumed;
}

void NameServerPort::on_close(Channel& channel, std::string_view) { shared_.name_server.on_close(channel.id()); }

void NameServerPort::serve(Channel& channel, const protocol::FrameView& frame) {
  const std::string peer = net::to_string(channel.peer());
  const std::string local_host = net::ip_to_string(channel.local());
  const bool trusted = shared_.trusted.contains(channel.peer());
  const bool may_administrate = shared_.allow_from.contains(channel.peer());
  scratch_.reset();

  if (!routing::NameServer::is_blocking(header_.code, frame.body.size())) {
    const auto response = shared_.name_server.handle({.header = header_,
                                                      .body = frame.body,
                                                      .scratch = scratch_,
                                                      .channel = channel.id(),
                                                      .peer = peer,
                                                      .local_host = local_host,
                                                      .trusted = trusted,
                                                      .may_administrate = may_administrate});
    if (!header_.is_oneway()) write_answer(out_, header_.type, header_.opaque, response);
    return;
  }

  // The request outlives its bytes: it is decoded again where it is served.
  struct Work {
    protocol::SerializeType type;
    std::string header;
    std::string body;
    ChannelId channel;
    std::string peer;
    std::string local_host;
  };
  auto work = std::make_unique<Work>(Work{header_.type, std::string(protocol::as_text(frame.header)),
                                          std::string(protocol::as_text(frame.body)), channel.id(), peer, local_host});
  const bool accepted = shared_.pool.post([&shared = shared_, work = std::move(work), trusted, may_administrate] {
    const auto header = std::make_unique<protocol::HeaderView>();
    if (!protocol::decode_header(work->type, protocol::as_bytes(work->header), *header)) return;
    protocol::Scratch scratch;
    const auto response = shared.name_server.handle({.header = *header,
                                                     .body = protocol::as_bytes(work->body),
                                                     .scratch = scratch,
                                                     .channel = work->channel,
                                                     .peer = work->peer,
                                                     .local_host = work->local_host,
                                                     .trusted = trusted,
                                                     .may_administrate = may_administrate});
    if (header->is_oneway()) return;
    protocol::ByteBuffer answer;
    write_answer(answer, header->type, header->opaque, response);
    shared.shards.with_channel(work->channel, [&shared, id = work->channel, answer = std::move(answer)](Channel* open) {
      if (open != nullptr) {
        open->send(answer.view());
      } else {
        shared.name_server.on_close(id);  // it closed while a registration of it was served: that must not stay
      }
    });
  });
  if (!accepted && !header_.is_oneway()) {
    write_answer(out_, header_.type, header_.opaque,
                 {.code = protocol::ResponseCode::system_busy,
                  .remark = "too many changes wait to be saved; try again",
                  .fields = {},
                  .body = {}});
  }
}

}  // namespace gantry
