// The part of AdminHandler that is about single messages. See also message_query.cpp.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/admin_handler.hpp"
#include "kernel/broker/lent_record.hpp"
#include "kernel/routing/refusal.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "protocol/host.hpp"
#include "protocol/message_id.hpp"
#include "protocol/names.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"
#include "protocol/sys_flag.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

bool AdminHandler::handle_messages(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::view_message_by_id: view_message(request); return true;
    case RequestCode::consumer_send_msg_back: send_back(request); return true;
    case RequestCode::query_message: query_messages(request); return true;
    default: return false;
  }
}

}  // namespace gantry::broker
