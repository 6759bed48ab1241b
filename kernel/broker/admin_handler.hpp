#pragma once
// What tools ask of a broker: topics and groups, their state, and single messages.

#include "kernel/broker/deferred.hpp"
#include "kernel/broker/remarks.hpp"
#include "kernel/broker/shard_context.hpp"
#include "protocol/admin_requests.hpp"
#include "protocol/group_config.hpp"
#include "protocol/json_body.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace gantry::broker {

/// [shard] Decodes and admits the requests of administrators. What changes something is only taken from peers in
/// `admin.allow_from`, and acknowledged once it is on the disk. What takes long or may wait for the disk runs on the
/// pool or on control.
///
/// Topics: 17, 18, 21, 43, 202, 215, 300, 305, 351. Groups: 200, 201, 203, 204, 207, 208, 225, 352, 353. Broker:
/// 26, 28. Messages: 12, 33, 36. Scripts (Gantry's own): 30001, 30002, which answer JSON.
class AdminHandler {
 public:
  explicit AdminHandler(ShardContext& context) : context_(context) {}

  /// False: not one of its codes.
  bool handle(const Request& request);

 private:
  // topic_admin.cpp
  bool handle_topics(const Request& request);
  void put_topic(const Request& request);
  void put_topics(const Request& request);
  void delete_topic(const Request& request);
  void get_topic(const Request& request);
  void list_topics(const Request& request);
  void list_system_topics(const Request& request);
  void list_offsets(const Request& request);
  void topic_stats(const Request& request);
  void groups_of_topic(const Request& request);

  // group_admin.cpp
  bool handle_groups(const Request& request);
  void put_group(const Request& request);
  void put_groups(const Request& request);
  void put_groups(const Request& request, const protocol::SubscriptionGroupList& list);
  void delete_group(const Request& request);
  void get_group(const Request& request);
  void list_groups(const Request& request);
  void consumer_connections(const Request& request);
  void producer_connections(const Request& request);
  void consume_stats(const Request& request);
  void group_forbidden(const Request& request);
  void request_mode(const Request& request);

  // message_admin.cpp
  bool handle_messages(const Request& request);
  void send_back(const Request& request);

  // message_query.cpp
  void view_message(const Request& request);
  void query_messages(const Request& request);

  // client_admin.cpp
  bool handle_clients(const Request& request);
  void running_info(const Request& request);
  void consumer_status(const Request& request);
  void consume_directly(const Request& request);
  void list_producers(const Request& request);
  routing::ClientPtr find_member(const Request& request, std::string_view group_name, std::string_view client_id);
  bool admit_call(const Request& request);

  // offset_admin.cpp
  bool handle_offsets(const Request& request);
  void reset_offsets(const Request& request);
  void clone_offsets(const Request& request);

  // statistics.cpp
  bool handle_statistics(const Request& request);
  void broker_stats(const Request& request);
  void broker_consume_stats(const Request& request);
  void queue_entries(const Request& request);

  // broker_admin.cpp
  bool handle_broker(const Request& request);
  void broker_config(const Request& request);
  void change_config(const Request& request);
  void ha_status(const Request& request);
  void already_done(const Request& request);
  void runtime_info(const Request& request);
  void script_status(const Request& request);
  void script_reload(const Request& request);

  // ---- shared by the files above ----

  /// False: the peer may not change the broker, and was told so.
  bool admit_change(const Request& request);
  /// Answers SUCCESS once all changes until now are on the disk.
  void answer_when_saved(const Request& request);
  /// Runs `work(Shared&, Deferred)` on the pool.
  template <typename Work>
  void on_pool(const Request& request, Work work);
  template <typename Header>
  bool decode(const Request& request, Header& header) {
    auto decoded = protocol::decode_fields<Header>(request.header.ext, context_.scratch);
    if (!decoded) {
      context_.reply(request.reply_to(), protocol::ResponseCode::invalid_parameter, decoded.error().text);
      return false;
    }
    header = *std::move(decoded);
    return true;
  }
  template <typename Body>
  bool decode_body(const Request& request, Body& body) {
    auto decoded = protocol::decode_body<Body>(request.frame.body);
    if (!decoded) {
      context_.reply(request.reply_to(), protocol::ResponseCode::invalid_parameter, decoded.error().text);
      return false;
    }
    body = *std::move(decoded);
    return true;
  }

  ShardContext& context_;
};

/// An answer whose body is text. [any-thread]
inline void answer_text(Deferred& later, const std::string& body) {
  later.answer(protocol::ResponseCode::success, {}, protocol::as_bytes(body));
}

template <typename Work>
void AdminHandler::on_pool(const Request& request, Work work) {
  Shared& shared = context_.shared;
  const ReplyTo to = request.reply_to();
  if (!Deferred::admit(shared)) {
    shared.counters.deferred_refused.add();
    return context_.reply(to, protocol::ResponseCode::system_busy, remark::too_many_deferred);
  }
  const bool posted = shared.env.pool.post(
      [&shared, run = std::move(work), later = Deferred(shared, request.channel.id(), to)]() mutable {
        run(shared, std::move(later));
      });
  if (!posted) context_.reply(to, protocol::ResponseCode::system_busy, remark::pool_full);
}

}  // namespace gantry::broker
