#pragma once
// The name server's answers, as a function from request to response. Who carries the bytes is not its business.

#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/ids.hpp"
#include "kernel/routing/kv_config.hpp"
#include "kernel/routing/route_table.hpp"
#include "protocol/bytes.hpp"
#include "protocol/codes.hpp"
#include "protocol/header.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::routing {

/// One request to the name server. Everything is borrowed until handle() returns.
struct NameServerRequest {
  const protocol::HeaderView& header;
  protocol::ByteView body;
  protocol::Scratch& scratch;  ///< for texts with escapes
  ChannelId channel;
  std::string_view peer;          ///< "ip:port" of the other end, for the log
  std::string_view local_host;    ///< the address by which the peer reached us, without port
  bool trusted = false;           ///< the peer may register brokers (nameserver.trusted)
  bool may_administrate = false;  ///< the peer may change things (admin.allow_from)
};

struct NameServerResponse {
  protocol::ResponseCode code = protocol::ResponseCode::success;
  std::string remark;
  std::vector<std::pair<std::string_view, std::string>> fields;  ///< extFields; the keys are literals
  std::string body;                                              ///< at most a few megabytes: a list of all topics
};

struct NameServerOptions {
  bool fill_order_conf = false;              ///< put ORDER_TOPIC_CONFIG entries into routes (orderMessageEnable)
  bool return_order_conf_to_brokers = true;  ///< and into the answers to registrations
  std::chrono::milliseconds warm_up{0};      ///< refuse route queries for so long after the start (0: never)
};

/// Thread: handle() [any-thread] except that codes changing the KV table may block for a small file (see
/// is_blocking()); on_close() [any-thread]; scan() [control].
class NameServer {
 public:
  /// All references outlive this object.
  NameServer(RouteTable& routes, KvConfig& kv, const Clock& clock, NameServerOptions options = {});

  /// Answers any request; a code that no name server knows gets REQUEST_CODE_NOT_SUPPORTED.
  [[nodiscard]] NameServerResponse handle(const NameServerRequest& request);

  /// Whether handle() may take long: it waits for the disk, or the body is a large registration. Run such requests on
  /// the blocking pool. If the connection is closed by the time the answer is there, call on_close() (again): the
  /// broker may have been registered after the first call.
  [[nodiscard]] static bool is_blocking(std::int32_t code, std::size_t body_size = 0) noexcept;

  /// The connection closed: brokers that registered through it are gone.
  void on_close(ChannelId channel) { routes_.close(channel); }

  /// Every few seconds: removes silent brokers; returns their connections, for the caller to close.
  std::vector<ChannelId> scan() { return routes_.expire(); }

 private:
  using Response = NameServerResponse;
  using Request = NameServerRequest;

  Response dispatch(const Request& request);
  Response put_kv(const Request& request);
  Response get_kv(const Request& request);
  Response delete_kv(const Request& request);
  Response list_kv(const Request& request);
  Response register_broker(const Request& request);
  Response unregister_broker(const Request& request);
  Response query_version(const Request& request);
  Response broker_heartbeat(const Request& request);
  Response register_topic(const Request& request);
  Response route(const Request& request);
  Response wipe_write(const Request& request);
  Response add_write(const Request& request);
  Response delete_topic(const Request& request);
  Response topics_of_cluster(const Request& request);
  Response system_topics(const Request& request);
  Response unit_topics(RouteTable::UnitFilter filter);
  Response update_config(const Request& request);
  Response get_config() const;
  Response member_group(const Request& request);

  RouteTable& routes_;
  KvConfig& kv_;
  const Clock& clock_;
  const std::chrono::milliseconds started_;
  const std::chrono::milliseconds warm_up_;
  std::atomic<bool> fill_order_conf_;
  std::atomic<bool> return_order_conf_;
};

}  // namespace gantry::routing
