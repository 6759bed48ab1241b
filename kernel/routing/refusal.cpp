#include "kernel/routing/refusal.hpp"

namespace gantry::routing {

namespace {

protocol::ResponseCode refusal(const Error& error, protocol::ResponseCode not_found) noexcept {
  switch (error.code) {
    case Errc::invalid_argument: return protocol::ResponseCode::invalid_parameter;
    case Errc::not_found: return not_found;
    case Errc::permission_denied: return protocol::ResponseCode::no_permission;
    case Errc::busy: return protocol::ResponseCode::system_busy;
    default: return protocol::ResponseCode::system_error;
  }
}

}  // namespace

protocol::ResponseCode topic_refusal(const Error& error) noexcept {
  return refusal(error, protocol::ResponseCode::topic_not_exist);
}

protocol::ResponseCode group_refusal(const Error& error) noexcept {
  return refusal(error, protocol::ResponseCode::subscription_group_not_exist);
}

}  // namespace gantry::routing
