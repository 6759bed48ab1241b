#pragma once
// The numbers of RocketMQ's remoting protocol. Source: classes RequestCode, ResponseCode, LanguageCode and MQVersion.

#include <cstdint>
#include <string_view>

namespace gantry::protocol {

/// What a request asks for. A request may carry any number: compare, and answer unknown ones with
/// REQUEST_CODE_NOT_SUPPORTED. Codes above 32767 exist in JSON headers only (a binary header has 16 bits for them).
enum class RequestCode : std::int32_t {
  send_message = 10,
  pull_message = 11,
  query_message = 12,
  query_consumer_offset = 14,
  update_consumer_offset = 15,
  update_and_create_topic = 17,
  update_and_create_topic_list = 18,
  get_all_topic_config = 21,
  update_broker_config = 25,
  get_broker_config = 26,
  get_broker_runtime_info = 28,
  search_offset_by_timestamp = 29,
  get_max_offset = 30,
  get_min_offset = 31,
  get_earliest_msg_storetime = 32,
  view_message_by_id = 33,
  heart_beat = 34,
  unregister_client = 35,
  consumer_send_msg_back = 36,
  end_transaction = 37,
  get_consumer_list_by_group = 38,
  check_transaction_state = 39,
  notify_consumer_ids_changed = 40,
  lock_batch_mq = 41,
  unlock_batch_mq = 42,
  get_all_consumer_offset = 43,
  get_all_delay_offset = 45,
  check_client_config = 46,
  get_timer_check_point = 60,
  get_timer_metrics = 61,
  put_kv_config = 100,
  get_kv_config = 101,
  delete_kv_config = 102,
  register_broker = 103,
  unregister_broker = 104,
  get_routeinfo_by_topic = 105,
  get_broker_cluster_info = 106,
  update_and_create_subscriptiongroup = 200,
  get_all_subscriptiongroup_config = 201,
  get_topic_stats_info = 202,
  get_consumer_connection_list = 203,
  get_producer_connection_list = 204,
  wipe_write_perm_of_broker = 205,
  get_all_topic_list_from_nameserver = 206,
  delete_subscriptiongroup = 207,
  get_consume_stats = 208,
  delete_topic_in_broker = 215,
  delete_topic_in_namesrv = 216,
  register_topic_in_namesrv = 217,
  get_kvlist_by_namespace = 219,
  reset_consumer_client_offset = 220,
  get_consumer_status_from_client = 221,
  invoke_broker_to_reset_offset = 222,
  invoke_broker_to_get_consumer_status = 223,
  get_topics_by_cluster = 224,
  update_and_create_subscriptiongroup_list = 225,
  query_topic_consume_by_who = 300,
  query_consume_time_span = 303,
  get_system_topic_list_from_ns = 304,
  get_system_topic_list_from_broker = 305,
  clean_expired_consumequeue = 306,
  get_consumer_running_info = 307,
  query_correction_offset = 308,
  consume_message_directly = 309,
  send_message_v2 = 310,
  get_unit_topic_list = 311,
  get_has_unit_sub_topic_list = 312,
  get_has_unit_sub_ununit_topic_list = 313,
  clone_group_offset = 314,
  view_broker_stats_data = 315,
  clean_unused_topic = 316,
  get_broker_consume_stats = 317,
  update_namesrv_config = 318,
  get_namesrv_config = 319,
  send_batch_message = 320,
  query_consume_queue = 321,
  query_data_version = 322,
  resume_check_half_message = 323,
  send_reply_message = 324,
  send_reply_message_v2 = 325,
  push_reply_message_to_client = 326,
  add_write_perm_of_broker = 327,
  get_all_producer_info = 328,
  delete_expired_commitlog = 329,
  query_topics_by_consumer = 343,
  query_subscription_by_consumer = 345,
  get_topic_config = 351,
  get_subscriptiongroup_config = 352,
  update_and_get_group_forbidden = 353,
  check_rocksdb_cq_write_progress = 354,
  export_rocksdb_config_to_json = 355,
  lite_pull_message = 361,
  recall_message = 370,
  query_assignment = 400,
  set_message_request_mode = 401,
  get_all_message_request_mode = 402,
  update_and_create_static_topic = 513,
  get_broker_member_group = 901,
  add_broker = 902,
  remove_broker = 903,
  broker_heartbeat = 904,
  notify_min_broker_id_change = 905,
  exchange_broker_ha_info = 906,
  get_broker_ha_status = 907,
  reset_master_flush_offset = 908,
  update_cold_data_flow_ctr_config = 2001,
  remove_cold_data_flow_ctr_config = 2002,
  get_cold_data_flow_ctr_info = 2003,
  set_commitlog_read_mode = 2004,
  auth_create_user = 3001,
  auth_update_user = 3002,
  auth_delete_user = 3003,
  auth_get_user = 3004,
  auth_list_user = 3005,
  auth_create_acl = 3006,
  auth_update_acl = 3007,
  auth_delete_acl = 3008,
  auth_get_acl = 3009,
  auth_list_acl = 3010,
  script_status = 30'001,  ///< Gantry's own, as the next ones
  script_reload = 30'002,
  timer_list = 30'011,
  timer_cancel = 30'012,
  list_transactions = 30'021,
  show_transaction = 30'022,
  pop_message = 200050,
  ack_message = 200051,
  peek_message = 200052,
  change_message_invisibletime = 200053,
  notification = 200054,
  polling_info = 200055,
  pop_rollback = 200056,
  batch_ack_message = 200151,
};

/// How a request ended. Never above 32767: Go reads 16 bits.
enum class ResponseCode : std::int32_t {
  success = 0,
  system_error = 1,
  system_busy = 2,
  request_code_not_supported = 3,
  transaction_failed = 4,
  flush_disk_timeout = 10,
  slave_not_available = 11,
  flush_slave_timeout = 12,
  message_illegal = 13,
  service_not_available = 14,
  version_not_supported = 15,
  no_permission = 16,
  topic_not_exist = 17,
  topic_exist_already = 18,
  pull_not_found = 19,
  pull_retry_immediately = 20,
  pull_offset_moved = 21,
  query_not_found = 22,
  subscription_parse_failed = 23,
  subscription_not_exist = 24,
  subscription_not_latest = 25,
  subscription_group_not_exist = 26,
  filter_data_not_exist = 27,
  filter_data_not_latest = 28,
  invalid_parameter = 29,
  no_buyer_id = 204,
  not_in_current_unit = 205,
  consumer_not_online = 206,
  consume_msg_timeout = 207,
  no_message = 208,
  polling_full = 209,
  polling_timeout = 210,
  broker_not_exist = 211,
  flow_control = 215,
  not_leader_for_queue = 501,
  illegal_operation = 604,
  go_away = 1500,
  user_not_exist = 3001,
  policy_not_exist = 3002,
};

/// Who wrote a frame. The ordinals are those of the binary header.
enum class Language : std::uint8_t {
  java = 0,
  cpp = 1,
  dotnet = 2,
  python = 3,
  delphi = 4,
  erlang = 5,
  ruby = 6,
  other = 7,
  http = 8,
  go = 9,
  php = 10,
  oms = 11,
  rust = 12,
  node_js = 13,
};

/// Release ordinals of Apache RocketMQ that behaviour depends on (class MQVersion). A final release is odd; its
/// snapshot is the even number before it.
namespace version {
inline constexpr std::int32_t v3_0_11 = 37;           ///< older: REGISTER_BROKER without the later header fields
inline constexpr std::int32_t v3_1_8_snapshot = 62;   ///< older clients do not serve relayed status requests
inline constexpr std::int32_t v3_4_9 = 121;           ///< from here on maxReconsumeTimes of a request is honoured
inline constexpr std::int32_t v4_1_0_snapshot = 232;  ///< Java pulls with SQL92 only from brokers at least this new
inline constexpr std::int32_t v4_9_3 = 399;           ///< up to here _UNIQUE_KEY_QUERY is not part of the signature
inline constexpr std::int32_t v4_9_4 = 401;           ///< from here on clients ask for strict JSON routes
inline constexpr std::int32_t v5_0_0 = 413;           ///< from here on compressed REGISTER_BROKER has static topics
inline constexpr std::int32_t v5_3_1 = 475;           ///< newer ones understand GO_AWAY
inline constexpr std::int32_t v5_3_3 = 479;
/// What we claim in every frame that we write.
inline constexpr std::int32_t current = v5_3_3;
}  // namespace version

/// The language that we claim: every known client has this name in its table, OTHER it may not have.
inline constexpr Language own_language = Language::cpp;

/// "SEND_MESSAGE", or "unknown" for a number that is none of ours. [any-thread]
std::string_view to_string(RequestCode code) noexcept;
std::string_view to_string(ResponseCode code) noexcept;
/// The name as headers carry it, for example "CPP".
std::string_view to_string(Language language) noexcept;
/// The language of that name; `other` when there is none.
Language parse_language(std::string_view name) noexcept;
/// The language of that ordinal; `other` when there is none.
Language language_of(std::int64_t ordinal) noexcept;

}  // namespace gantry::protocol
