#include "kernel/broker/admin_handler.hpp"

#include "kernel/broker/runtime_info.hpp"
#include "protocol/codes.hpp"
#include "protocol/data_version.hpp"
#include "protocol/lists.hpp"
#include "protocol/responses.hpp"

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

bool AdminHandler::handle(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::get_broker_runtime_info: runtime_info(request); return true;
    case RequestCode::script_status: script_status(request); return true;
    case RequestCode::script_reload: script_reload(request); return true;
    default:
      return handle_topics(request) || handle_groups(request) || handle_messages(request) || handle_clients(request) ||
             handle_offsets(request) || handle_statistics(request) || handle_broker(request);
  }
}

bool AdminHandler::admit_change(const Request& request) {
  const ReplyTo to = request.reply_to();
  if (!context_.shared.may_administrate(request.channel.peer())) {
    context_.reply(to, ResponseCode::no_permission, remark::may_not_administrate(request.header.code));
    return false;
  }
  if (!Deferred::admit(context_.shared)) {
    context_.shared.counters.deferred_refused.add();
    context_.reply(to, ResponseCode::system_busy, remark::too_many_deferred);
    return false;
  }
  return true;
}

void AdminHandler::answer_when_saved(const Request& request) {
  Deferred later(context_.shared, request.channel.id(), request.reply_to());
  context_.shared.env.persistence.when_saved([answer = std::move(later)](const Status& saved) mutable {
    if (saved) return answer.answer(ResponseCode::success);
    answer.answer(ResponseCode::system_error, "changed, but not saved yet: " + saved.error().text);
  });
}

void AdminHandler::script_status(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) { answer_text(later, shared.env.node.describe_scripts()); });
}

void AdminHandler::script_reload(const Request& request) {
  if (!admit_change(request)) return;
  Shared& shared = context_.shared;
  shared.env.control.post([&shared, later = Deferred(shared, request.channel.id(), request.reply_to())]() mutable {
    answer_text(later, shared.env.node.reload_scripts());
  });
}

void AdminHandler::runtime_info(const Request& request) {
  on_pool(request, [](Shared& shared, Deferred later) {
    protocol::KvTable info;
    info.table = describe_runtime(shared);
    answer_text(later, protocol::encode_body(info));
  });
}

}  // namespace gantry::broker
