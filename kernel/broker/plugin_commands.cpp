#include "kernel/broker/plugin_commands.hpp"

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/codes.hpp"

namespace gantry::broker {

using protocol::ResponseCode;

bool PluginCommands::handle(const Request& request) {
  const PluginSlots::Command command = context_.shared.env.plugins.command(request.header.code);
  if (command.handler == nullptr) return false;
  const ReplyTo to = request.reply_to();
  if (command.administrative && !context_.shared.may_administrate(request.channel.peer())) {
    context_.reply(to, ResponseCode::no_permission, remark::may_not_administrate(request.header.code));
    return true;
  }
  fields_.clear();
  for (const protocol::ExtField& field : request.header.ext) {
    std::string_view value;
    if (field.kind == protocol::ValueKind::null) continue;
    if (!field.text(context_.scratch, value)) {
      context_.reply(to, ResponseCode::system_error, remark::header_too_large);
      return true;
    }
    fields_.push_back({to_bytes(field.key), to_bytes(value)});
  }
  const auto ticket = tickets_.issue({request.channel.id(), to, request.header.code});
  if (!ticket) {
    context_.shared.counters.deferred_refused.add();
    context_.reply(to, ResponseCode::system_busy, remark::too_many_deferred);
    return true;
  }
  gantry_command_request given{};
  given.struct_size = sizeof given;
  given.code = request.header.code;
  given.ticket = *ticket;
  given.fields = fields_.data();
  given.field_count = fields_.size();
  given.remark = to_bytes(request.header.remark_text(context_.scratch));
  given.body = {request.frame.body.data(), request.frame.body.size()};
  given.peer = request.channel.peer();
  given.language = to_bytes(protocol::to_string(request.header.language));
  given.version = request.header.version;
  given.oneway = to.oneway ? 1 : 0;
  executing_ = true;
  executing_for_ = request.channel.id();
  command.handler->execute(given);
  executing_ = false;
  return true;
}

void PluginCommands::answer(std::uint64_t ticket, const CommandAnswer& answer) {
  const auto open = tickets_.redeem(ticket);
  if (!open || open->to.oneway) return;
  Session* session = context_.session(open->channel);
  if (session == nullptr) return;
  const bool in_place = executing_ && open->channel == executing_for_;
  protocol::ByteBuffer apart;
  protocol::ByteBuffer& out = in_place ? context_.out : apart;
  protocol::FrameWriter writer(
      out, protocol::response_meta(open->to.type, open->to.opaque, ResponseCode{answer.code}, answer.remark));
  for (const auto& [name, value] : answer.fields) writer.field(name, value);
  writer.finish(answer.body);
  if (!in_place) session->channel->send(apart.view());
}

}  // namespace gantry::broker
