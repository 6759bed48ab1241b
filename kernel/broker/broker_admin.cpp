// The part of AdminHandler that is about the broker itself: its configuration, its slaves, its upkeep.

#include "kernel/broker/admin_handler.hpp"
#include "protocol/codes.hpp"
#include "protocol/data_version.hpp"
#include "protocol/responses.hpp"
#include "protocol/stats.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace gantry::broker {

using protocol::RequestCode;
using protocol::ResponseCode;

namespace {

/// The next "key=value" of a properties text; an empty key at the end.
std::pair<std::string_view, std::string_view> next_property(std::string_view& text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    const std::size_t middle = line.find('=');
    if (line.empty() || line.front() == '#' || middle == std::string_view::npos) continue;
    return {line.substr(0, middle), line.substr(middle + 1)};
  }
  return {};
}

}  // namespace

bool AdminHandler::handle_broker(const Request& request) {
  switch (RequestCode{request.header.code}) {
    case RequestCode::get_broker_config: broker_config(request); return true;
    case RequestCode::update_broker_config: change_config(request); return true;
    case RequestCode::get_broker_ha_status: ha_status(request); return true;
    // The store removes what has expired by itself, every few seconds, and what belongs to deleted topics with them.
    case RequestCode::clean_expired_consumequeue:
    case RequestCode::delete_expired_commitlog:
    case RequestCode::clean_unused_topic:
    // Of a slave only, as with RocketMQ: a master has no such offset.
    case RequestCode::reset_master_flush_offset: already_done(request); return true;
    default: return false;
  }
}

void AdminHandler::broker_config(const Request& request) {
  const protocol::DataVersion version{0, context_.shared.started_ms, 0};
  const std::string version_text = protocol::encode_body(version);
  const std::string text = context_.shared.env.node.describe_config();
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::GetBrokerConfigResponse{version_text},
                 protocol::as_bytes(text));
}

// All keys are looked at before the first is changed.
void AdminHandler::change_config(const Request& request) {
  if (!admit_change(request)) return;
  const ReplyTo to = request.reply_to();
  int permission = -1;
  std::string_view text = protocol::as_text(request.frame.body);
  for (auto [key, value] = next_property(text); !key.empty(); std::tie(key, value) = next_property(text)) {
    const bool is_permission = key == "brokerPermission" && (value == "2" || value == "4" || value == "6");
    if (!is_permission) return context_.reply(to, ResponseCode::invalid_parameter, remark::config_unknown(key));
    permission = value.front() - '0';
  }
  if (permission < 0) {
    return context_.reply(to, ResponseCode::invalid_parameter, "expected lines of key=value, found none");
  }
  Shared& shared = context_.shared;
  shared.permission.store(permission, std::memory_order_relaxed);
  shared.env.control.post([&shared, permission, later = Deferred(shared, request.channel.id(), to)]() mutable {
    shared.env.node.permission_changed(permission);
    later.answer(ResponseCode::success);
  });
}

void AdminHandler::ha_status(const Request& request) {
  const std::string body = protocol::encode_body(protocol::HaStatus{context_.shared.env.store.positions().log_end});
  context_.reply(request.reply_to(), ResponseCode::success, {}, protocol::as_bytes(body));
}

void AdminHandler::already_done(const Request& request) {
  if (!admit_change(request)) return;
  context_.reply(request.reply_to(), ResponseCode::success);
}

}  // namespace gantry::broker
