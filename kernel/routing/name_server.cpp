#include "kernel/routing/name_server.hpp"

#include "kernel/base/log.hpp"
#include "protocol/crc32.hpp"
#include "protocol/fields.hpp"
#include "protocol/lists.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/register_broker.hpp"

#include <algorithm>
#include <array>

namespace gantry::routing {

namespace {

using protocol::RequestCode;
using protocol::ResponseCode;
using Response = NameServerResponse;

Response refuse(ResponseCode code, std::string remark) { return Response{code, std::move(remark), {}, {}}; }

Response refuse(const Error& error) { return refuse(ResponseCode::system_error, error.text); }

Response answer(std::string body) { return Response{ResponseCode::success, {}, {}, std::move(body)}; }

std::string_view text_of(bool value) { return value ? "true" : "false"; }

/// Reads the fields of a request, calls `use` with them, or answers what was wrong with them.
template <typename Header, typename Use>
Response with_fields(const NameServerRequest& request, Use&& use) {
  const auto fields = protocol::decode_fields<Header>(request.header.ext, request.scratch);
  if (!fields) return refuse(fields.error());
  return use(*fields);
}

BrokerIdentity identity_of(std::string_view cluster, std::string_view name, std::int64_t id, std::string_view address) {
  return {std::string(cluster), std::string(name), id, BrokerAddress::fixed(std::string(address))};
}

std::optional<std::chrono::milliseconds> positive_ms(const std::optional<std::int64_t>& value) {
  // Longer than a day is a mistake of the sender, and would overflow when added to a time.
  constexpr std::int64_t longest_ms = 24 * 60 * 60 * 1000;
  if (!value || *value <= 0) return std::nullopt;
  return std::chrono::milliseconds(std::min(*value, longest_ms));
}

enum class Right : std::uint8_t { read, register_broker, administrate };

Right right_for(RequestCode code) noexcept {
  switch (code) {
    case RequestCode::register_broker:
    case RequestCode::unregister_broker:
    case RequestCode::register_topic_in_namesrv:
    case RequestCode::query_data_version:
    case RequestCode::broker_heartbeat: return Right::register_broker;
    case RequestCode::put_kv_config:
    case RequestCode::delete_kv_config:
    case RequestCode::wipe_write_perm_of_broker:
    case RequestCode::add_write_perm_of_broker:
    case RequestCode::delete_topic_in_namesrv:
    case RequestCode::update_namesrv_config: return Right::administrate;
    default: return Right::read;
  }
}

/// Clients split at ';' and ':' without looking: an empty or malformed item makes some of them crash.
std::string clean_order_conf(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = item.find(':');
    if (colon == 0 || colon == std::string_view::npos || colon + 1 == item.size()) continue;
    const std::string_view count = item.substr(colon + 1);
    if (count.size() > 5 || count.find_first_not_of("0123456789") != std::string_view::npos) continue;
    clean.append(clean.empty() ? "" : ";").append(item);
  }
  return clean;
}

Result<protocol::RegisterBrokerBody> decode_registration(const protocol::RegisterBrokerHeader& header,
                                                         protocol::ByteView body, std::int32_t version) {
  if (body.empty()) return protocol::RegisterBrokerBody{};
  if (header.body_crc32 != 0) {
    const auto found = static_cast<std::int32_t>(protocol::crc32_positive(body));
    if (found != header.body_crc32) {
      return Error{Errc::corrupt, "registering broker \"" + std::string(header.broker_name) + "\": expected CRC-32 " +
                                      std::to_string(header.body_crc32) + " of the body, found " +
                                      std::to_string(found)};
    }
  }
  if (header.compressed) return protocol::decode_compressed_register_body(body, version);
  return protocol::decode_body<protocol::RegisterBrokerBody>(body);
}

}  // namespace

NameServer::NameServer(RouteTable& routes, KvConfig& kv, const Clock& clock, NameServerOptions options)
    : routes_(routes),
      kv_(kv),
      clock_(clock),
      started_(clock.steady()),
      warm_up_(options.warm_up),
      fill_order_conf_(options.fill_order_conf),
      return_order_conf_(options.return_order_conf_to_brokers) {}

bool NameServer::is_blocking(std::int32_t code, std::size_t body_size) noexcept {
  // About 1,500 topics: what a shard decodes and applies in a few milliseconds.
  constexpr std::size_t registration_size_max = 256 * 1024;
  switch (static_cast<RequestCode>(code)) {
    case RequestCode::put_kv_config:
    case RequestCode::delete_kv_config: return true;
    case RequestCode::register_broker: return body_size > registration_size_max;
    default: return false;
  }
}

NameServerResponse NameServer::handle(const Request& request) {
  const Right right = right_for(static_cast<RequestCode>(request.header.code));
  const auto denied = [&](std::string_view what, std::string_view key) {
    GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "nameserver.denied", field("peer", request.peer),
                     field("code", request.header.code), field("key", key));
    return refuse(ResponseCode::no_permission, std::string(request.peer) + " may not " + std::string(what) +
                                                   ": add its address to " + std::string(key) +
                                                   " in the name server's configuration");
  };
  if (right == Right::register_broker && !request.trusted) return denied("register brokers here", "nameserver.trusted");
  if (right == Right::administrate && !request.may_administrate) {
    return denied("administrate this name server", "admin.allow_from");
  }
  return dispatch(request);
}

NameServerResponse NameServer::dispatch(const Request& request) {
  switch (static_cast<RequestCode>(request.header.code)) {
    case RequestCode::put_kv_config: return put_kv(request);
    case RequestCode::get_kv_config: return get_kv(request);
    case RequestCode::delete_kv_config: return delete_kv(request);
    case RequestCode::get_kvlist_by_namespace: return list_kv(request);
    case RequestCode::register_broker: return register_broker(request);
    case RequestCode::unregister_broker: return unregister_broker(request);
    case RequestCode::query_data_version: return query_version(request);
    case RequestCode::broker_heartbeat: return broker_heartbeat(request);
    case RequestCode::register_topic_in_namesrv: return register_topic(request);
    case RequestCode::get_routeinfo_by_topic: return route(request);
    case RequestCode::get_broker_cluster_info:
      return answer(protocol::encode_body(routes_.clusters(request.local_host)));
    case RequestCode::wipe_write_perm_of_broker: return wipe_write(request);
    case RequestCode::add_write_perm_of_broker: return add_write(request);
    case RequestCode::get_all_topic_list_from_nameserver:
      return answer(protocol::encode_body(protocol::TopicList{routes_.topics(), {}}));
    case RequestCode::delete_topic_in_namesrv: return delete_topic(request);
    case RequestCode::get_topics_by_cluster: return topics_of_cluster(request);
    case RequestCode::get_system_topic_list_from_ns: return system_topics(request);
    case RequestCode::get_unit_topic_list: return unit_topics(RouteTable::UnitFilter::unit);
    case RequestCode::get_has_unit_sub_topic_list: return unit_topics(RouteTable::UnitFilter::unit_sub);
    case RequestCode::get_has_unit_sub_ununit_topic_list:
      return unit_topics(RouteTable::UnitFilter::unit_sub_without_unit);
    case RequestCode::update_namesrv_config: return update_config(request);
    case RequestCode::get_namesrv_config: return get_config();
    case RequestCode::get_broker_member_group: return member_group(request);
    default:
      return refuse(ResponseCode::request_code_not_supported,
                    "request code " + std::to_string(request.header.code) + " is not one that a name server serves");
  }
}

// ---- key/value ----

NameServerResponse NameServer::put_kv(const Request& request) {
  return with_fields<protocol::PutKvConfigHeader>(request, [this](const auto& fields) {
    if (const Status put = kv_.put(fields.kv_namespace, fields.key, fields.value); !put) return refuse(put.error());
    return Response{};
  });
}

NameServerResponse NameServer::get_kv(const Request& request) {
  return with_fields<protocol::KvKeyHeader>(request, [this](const auto& fields) {
    std::optional<std::string> value = kv_.find(fields.kv_namespace, fields.key);
    if (!value) {
      return refuse(ResponseCode::query_not_found, "no value for key \"" + std::string(fields.key) +
                                                       "\" in namespace \"" + std::string(fields.kv_namespace) + "\"");
    }
    Response response;
    response.fields.emplace_back("value", *std::move(value));
    return response;
  });
}

NameServerResponse NameServer::delete_kv(const Request& request) {
  return with_fields<protocol::KvKeyHeader>(request, [this](const auto& fields) {
    if (const Status removed = kv_.remove(fields.kv_namespace, fields.key); !removed) return refuse(removed.error());
    return Response{};
  });
}

NameServerResponse NameServer::list_kv(const Request& request) {
  return with_fields<protocol::KvNamespaceHeader>(request, [this](const auto& fields) {
    const std::optional<KvConfig::Table> table = kv_.list(fields.kv_namespace);
    if (!table) {
      return refuse(ResponseCode::query_not_found,
                    "namespace \"" + std::string(fields.kv_namespace) + "\" has no entries");
    }
    return answer(protocol::encode_body(protocol::KvTable{{table->begin(), table->end()}}));
  });
}

// ---- what brokers say ----

NameServerResponse NameServer::register_broker(const Request& request) {
  return with_fields<protocol::RegisterBrokerHeader>(request, [&](const protocol::RegisterBrokerHeader& fields) {
    auto body = decode_registration(fields, request.body, request.header.version);
    if (!body) return refuse(body.error());
    std::vector<protocol::TopicConfig> topics;
    topics.reserve(body->topic_configs.topics.size());
    for (auto& [name, topic] : body->topic_configs.topics) {
      topic.topic_name = name;
      topics.push_back(std::move(topic));
    }
    BrokerRegistration registration;
    registration.identity =
        identity_of(fields.cluster_name, fields.broker_name, fields.broker_id, fields.broker_address);
    if (!fields.ha_server_address.empty()) {
      registration.ha_address = BrokerAddress::fixed(std::string(fields.ha_server_address));
    }
    registration.zone = fields.zone_name;
    registration.timeout = positive_ms(fields.heartbeat_timeout_ms);
    registration.enable_acting_master = fields.enable_acting_master;
    registration.channel = request.channel;
    registration.local_host = request.local_host;
    registration.version = body->topic_configs.data_version;
    registration.topics = topics;
    registration.filter_servers = std::move(body->filter_servers);
    auto reply = routes_.register_broker(registration);
    if (!reply) return refuse(reply.error());

    Response response;
    if (!reply->master_address.empty()) response.fields.emplace_back("masterAddr", std::move(reply->master_address));
    if (!reply->ha_address.empty()) response.fields.emplace_back("haServerAddr", std::move(reply->ha_address));
    if (return_order_conf_.load(std::memory_order_relaxed)) {
      if (const auto orders = kv_.list(order_namespace)) {
        response.body = protocol::encode_body(protocol::KvTable{{orders->begin(), orders->end()}});
      }
    }
    return response;
  });
}

NameServerResponse NameServer::unregister_broker(const Request& request) {
  return with_fields<protocol::BrokerIdentityHeader>(request, [&](const auto& fields) {
    routes_.unregister_broker(
        identity_of(fields.cluster_name, fields.broker_name, fields.broker_id, fields.broker_address), request.channel);
    return Response{};
  });
}

NameServerResponse NameServer::query_version(const Request& request) {
  return with_fields<protocol::BrokerIdentityHeader>(request, [&](const auto& fields) {
    protocol::DataVersion version;
    if (!request.body.empty()) {
      const auto decoded = protocol::decode_body<protocol::DataVersion>(request.body);
      if (!decoded) return refuse(decoded.error());
      version = *decoded;
    }
    const RouteTable::VersionAnswer known = routes_.query_version(
        identity_of(fields.cluster_name, fields.broker_name, fields.broker_id, fields.broker_address), version);
    Response response;
    response.fields.emplace_back("changed", text_of(known.changed));
    if (known.known) response.body = protocol::encode_body(*known.known);
    return response;
  });
}

NameServerResponse NameServer::broker_heartbeat(const Request& request) {
  return with_fields<protocol::BrokerHeartbeatHeader>(request, [this](const auto& fields) {
    routes_.heartbeat(fields.cluster_name, BrokerAddress::fixed(std::string(fields.broker_address)));
    return Response{};
  });
}

NameServerResponse NameServer::register_topic(const Request& request) {
  return with_fields<protocol::RouteInfoHeader>(request, [&](const auto& fields) {
    const auto route_data = protocol::decode_body<protocol::TopicRouteData>(request.body);
    if (!route_data) return refuse(route_data.error());
    if (const Status merged = routes_.merge_topic(fields.topic, route_data->queues); !merged) {
      return refuse(merged.error());
    }
    return Response{};
  });
}

// ---- questions ----

NameServerResponse NameServer::route(const Request& request) {
  return with_fields<protocol::RouteInfoHeader>(request, [&](const auto& fields) {
    if (warm_up_.count() > 0 && clock_.steady() - started_ < warm_up_) {
      return refuse(ResponseCode::system_error, "the name server is starting: it still waits for brokers to register");
    }
    RouteQuery query;
    query.topic = fields.topic;
    query.local_host = request.local_host;
    bool zone_mode = false;
    std::string_view zone;
    request.header.ext.get("__ZONE_MODE", zone_mode);
    const auto has_zone = request.header.ext.get("__ZONE_NAME", request.scratch, zone);
    if (zone_mode && has_zone == protocol::FieldStatus::ok && !zone.empty()) query.zone = zone;

    std::optional<protocol::TopicRouteData> found = routes_.route(query);
    if (!found) {
      return refuse(ResponseCode::topic_not_exist,
                    "no broker has topic \"" + std::string(fields.topic) +
                        "\": create it, or send to it from a producer that may create topics");
    }
    if (fill_order_conf_.load(std::memory_order_relaxed)) {
      found->order_topic_conf = clean_order_conf(kv_.find(order_namespace, fields.topic).value_or(""));
    }
    return answer(protocol::encode_body(*found));
  });
}

NameServerResponse NameServer::topics_of_cluster(const Request& request) {
  return with_fields<protocol::ClusterHeader>(request, [this](const auto& fields) {
    return answer(protocol::encode_body(protocol::TopicList{routes_.topics_of_cluster(fields.cluster), {}}));
  });
}

NameServerResponse NameServer::system_topics(const Request& request) {
  auto [names, address] = routes_.system_topics(request.local_host);
  return answer(protocol::encode_body(protocol::TopicList{std::move(names), std::move(address)}));
}

NameServerResponse NameServer::unit_topics(RouteTable::UnitFilter filter) {
  return answer(protocol::encode_body(protocol::TopicList{routes_.unit_topics(filter), {}}));
}

NameServerResponse NameServer::member_group(const Request& request) {
  return with_fields<protocol::BrokerMemberGroupHeader>(request, [&](const auto& fields) {
    protocol::BrokerMemberGroupBody group;
    group.cluster = fields.cluster_name;
    group.broker_name = fields.broker_name;
    group.addresses = routes_.members(fields.cluster_name, fields.broker_name, request.local_host);
    return answer(protocol::encode_body(group));
  });
}

// ---- administration ----

NameServerResponse NameServer::wipe_write(const Request& request) {
  return with_fields<protocol::BrokerNameHeader>(request, [&](const auto& fields) {
    const std::int32_t count = routes_.wipe_write_permission(fields.broker_name);
    GANTRY_LOG(info, "nameserver.write_permission.wiped", field("broker", fields.broker_name), field("topics", count),
               field("peer", request.peer));
    Response response;
    response.fields.emplace_back("wipeTopicCount", std::to_string(count));
    return response;
  });
}

NameServerResponse NameServer::add_write(const Request& request) {
  return with_fields<protocol::BrokerNameHeader>(request, [&](const auto& fields) {
    const std::int32_t count = routes_.add_write_permission(fields.broker_name);
    GANTRY_LOG(info, "nameserver.write_permission.added", field("broker", fields.broker_name), field("topics", count),
               field("peer", request.peer));
    Response response;
    response.fields.emplace_back("addTopicCount", std::to_string(count));
    return response;
  });
}

NameServerResponse NameServer::delete_topic(const Request& request) {
  return with_fields<protocol::DeleteTopicInNamesrvHeader>(request, [this](const auto& fields) {
    routes_.delete_topic(fields.topic, fields.cluster_name);
    return Response{};
  });
}

}  // namespace gantry::routing
