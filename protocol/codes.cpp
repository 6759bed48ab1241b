#include "protocol/codes.hpp"

namespace gantry::protocol {

std::string_view to_string(RequestCode code) noexcept {
  switch (code) {
    case RequestCode::send_message: return "SEND_MESSAGE";
    case RequestCode::pull_message: return "PULL_MESSAGE";
    case RequestCode::query_message: return "QUERY_MESSAGE";
    case RequestCode::query_consumer_offset: return "QUERY_CONSUMER_OFFSET";
    case RequestCode::update_consumer_offset: return "UPDATE_CONSUMER_OFFSET";
    case RequestCode::update_and_create_topic: return "UPDATE_AND_CREATE_TOPIC";
    case RequestCode::update_and_create_topic_list: return "UPDATE_AND_CREATE_TOPIC_LIST";
    case RequestCode::get_all_topic_config: return "GET_ALL_TOPIC_CONFIG";
    case RequestCode::update_broker_config: return "UPDATE_BROKER_CONFIG";
    case RequestCode::get_broker_config: return "GET_BROKER_CONFIG";
    case RequestCode::get_broker_runtime_info: return "GET_BROKER_RUNTIME_INFO";
    case RequestCode::search_offset_by_timestamp: return "SEARCH_OFFSET_BY_TIMESTAMP";
    case RequestCode::get_max_offset: return "GET_MAX_OFFSET";
    case RequestCode::get_min_offset: return "GET_MIN_OFFSET";
    case RequestCode::get_earliest_msg_storetime: return "GET_EARLIEST_MSG_STORETIME";
    case RequestCode::view_message_by_id: return "VIEW_MESSAGE_BY_ID";
    case RequestCode::heart_beat: return "HEART_BEAT";
    case RequestCode::unregister_client: return "UNREGISTER_CLIENT";
    case RequestCode::consumer_send_msg_back: return "CONSUMER_SEND_MSG_BACK";
    case RequestCode::end_transaction: return "END_TRANSACTION";
    case RequestCode::get_consumer_list_by_group: return "GET_CONSUMER_LIST_BY_GROUP";
    case RequestCode::check_transaction_state: return "CHECK_TRANSACTION_STATE";
    case RequestCode::notify_consumer_ids_changed: return "NOTIFY_CONSUMER_IDS_CHANGED";
    case RequestCode::lock_batch_mq: return "LOCK_BATCH_MQ";
    case RequestCode::unlock_batch_mq: return "UNLOCK_BATCH_MQ";
    case RequestCode::get_all_consumer_offset: return "GET_ALL_CONSUMER_OFFSET";
    case RequestCode::get_all_delay_offset: return "GET_ALL_DELAY_OFFSET";
    case RequestCode::check_client_config: return "CHECK_CLIENT_CONFIG";
    case RequestCode::get_timer_check_point: return "GET_TIMER_CHECK_POINT";
    case RequestCode::get_timer_metrics: return "GET_TIMER_METRICS";
    case RequestCode::put_kv_config: return "PUT_KV_CONFIG";
    case RequestCode::get_kv_config: return "GET_KV_CONFIG";
    case RequestCode::delete_kv_config: return "DELETE_KV_CONFIG";
    case RequestCode::register_broker: return "REGISTER_BROKER";
    case RequestCode::unregister_broker: return "UNREGISTER_BROKER";
    case RequestCode::get_routeinfo_by_topic: return "GET_ROUTEINFO_BY_TOPIC";
    case RequestCode::get_broker_cluster_info: return "GET_BROKER_CLUSTER_INFO";
    case RequestCode::update_and_create_subscriptiongroup: return "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP";
    case RequestCode::get_all_subscriptiongroup_config: return "GET_ALL_SUBSCRIPTIONGROUP_CONFIG";
    case RequestCode::get_topic_stats_info: return "GET_TOPIC_STATS_INFO";
    case RequestCode::get_consumer_connection_list: return "GET_CONSUMER_CONNECTION_LIST";
    case RequestCode::get_producer_connection_list: return "GET_PRODUCER_CONNECTION_LIST";
    case RequestCode::wipe_write_perm_of_broker: return "WIPE_WRITE_PERM_OF_BROKER";
    case RequestCode::get_all_topic_list_from_nameserver: return "GET_ALL_TOPIC_LIST_FROM_NAMESERVER";
    case RequestCode::delete_subscriptiongroup: return "DELETE_SUBSCRIPTIONGROUP";
    case RequestCode::get_consume_stats: return "GET_CONSUME_STATS";
    case RequestCode::delete_topic_in_broker: return "DELETE_TOPIC_IN_BROKER";
    case RequestCode::delete_topic_in_namesrv: return "DELETE_TOPIC_IN_NAMESRV";
    case RequestCode::register_topic_in_namesrv: return "REGISTER_TOPIC_IN_NAMESRV";
    case RequestCode::get_kvlist_by_namespace: return "GET_KVLIST_BY_NAMESPACE";
    case RequestCode::reset_consumer_client_offset: return "RESET_CONSUMER_CLIENT_OFFSET";
    case RequestCode::get_consumer_status_from_client: return "GET_CONSUMER_STATUS_FROM_CLIENT";
    case RequestCode::invoke_broker_to_reset_offset: return "INVOKE_BROKER_TO_RESET_OFFSET";
    case RequestCode::invoke_broker_to_get_consumer_status: return "INVOKE_BROKER_TO_GET_CONSUMER_STATUS";
    case RequestCode::get_topics_by_cluster: return "GET_TOPICS_BY_CLUSTER";
    case RequestCode::update_and_create_subscriptiongroup_list: return "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST";
    case RequestCode::query_topic_consume_by_who: return "QUERY_TOPIC_CONSUME_BY_WHO";
    case RequestCode::query_consume_time_span: return "QUERY_CONSUME_TIME_SPAN";
    case RequestCode::get_system_topic_list_from_ns: return "GET_SYSTEM_TOPIC_LIST_FROM_NS";
    case RequestCode::get_system_topic_list_from_broker: return "GET_SYSTEM_TOPIC_LIST_FROM_BROKER";
    case RequestCode::clean_expired_consumequeue: return "CLEAN_EXPIRED_CONSUMEQUEUE";
    case RequestCode::get_consumer_running_info: return "GET_CONSUMER_RUNNING_INFO";
    case RequestCode::query_correction_offset: return "QUERY_CORRECTION_OFFSET";
    case RequestCode::consume_message_directly: return "CONSUME_MESSAGE_DIRECTLY";
    case RequestCode::send_message_v2: return "SEND_MESSAGE_V2";
    case RequestCode::get_unit_topic_list: return "GET_UNIT_TOPIC_LIST";
    case RequestCode::get_has_unit_sub_topic_list: return "GET_HAS_UNIT_SUB_TOPIC_LIST";
    case RequestCode::get_has_unit_sub_ununit_topic_list: return "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST";
    case RequestCode::clone_group_offset: return "CLONE_GROUP_OFFSET";
    case RequestCode::view_broker_stats_data: return "VIEW_BROKER_STATS_DATA";
    case RequestCode::clean_unused_topic: return "CLEAN_UNUSED_TOPIC";
    case RequestCode::get_broker_consume_stats: return "GET_BROKER_CONSUME_STATS";
    case RequestCode::update_namesrv_config: return "UPDATE_NAMESRV_CONFIG";
    case RequestCode::get_namesrv_config: return "GET_NAMESRV_CONFIG";
    case RequestCode::send_batch_message: return "SEND_BATCH_MESSAGE";
    case RequestCode::query_consume_queue: return "QUERY_CONSUME_QUEUE";
    case RequestCode::query_data_version: return "QUERY_DATA_VERSION";
    case RequestCode::resume_check_half_message: return "RESUME_CHECK_HALF_MESSAGE";
    case RequestCode::send_reply_message: return "SEND_REPLY_MESSAGE";
    case RequestCode::send_reply_message_v2: return "SEND_REPLY_MESSAGE_V2";
    case RequestCode::push_reply_message_to_client: return "PUSH_REPLY_MESSAGE_TO_CLIENT";
    case RequestCode::add_write_perm_of_broker: return "ADD_WRITE_PERM_OF_BROKER";
    case RequestCode::get_all_producer_info: return "GET_ALL_PRODUCER_INFO";
    case RequestCode::delete_expired_commitlog: return "DELETE_EXPIRED_COMMITLOG";
    case RequestCode::query_topics_by_consumer: return "QUERY_TOPICS_BY_CONSUMER";
    case RequestCode::query_subscription_by_consumer: return "QUERY_SUBSCRIPTION_BY_CONSUMER";
    case RequestCode::get_topic_config: return "GET_TOPIC_CONFIG";
    case RequestCode::get_subscriptiongroup_config: return "GET_SUBSCRIPTIONGROUP_CONFIG";
    case RequestCode::update_and_get_group_forbidden: return "UPDATE_AND_GET_GROUP_FORBIDDEN";
    case RequestCode::check_rocksdb_cq_write_progress: return "CHECK_ROCKSDB_CQ_WRITE_PROGRESS";
    case RequestCode::export_rocksdb_config_to_json: return "EXPORT_ROCKSDB_CONFIG_TO_JSON";
    case RequestCode::lite_pull_message: return "LITE_PULL_MESSAGE";
    case RequestCode::recall_message: return "RECALL_MESSAGE";
    case RequestCode::query_assignment: return "QUERY_ASSIGNMENT";
    case RequestCode::set_message_request_mode: return "SET_MESSAGE_REQUEST_MODE";
    case RequestCode::get_all_message_request_mode: return "GET_ALL_MESSAGE_REQUEST_MODE";
    case RequestCode::update_and_create_static_topic: return "UPDATE_AND_CREATE_STATIC_TOPIC";
    case RequestCode::get_broker_member_group: return "GET_BROKER_MEMBER_GROUP";
    case RequestCode::add_broker: return "ADD_BROKER";
    case RequestCode::remove_broker: return "REMOVE_BROKER";
    case RequestCode::broker_heartbeat: return "BROKER_HEARTBEAT";
    case RequestCode::notify_min_broker_id_change: return "NOTIFY_MIN_BROKER_ID_CHANGE";
    case RequestCode::exchange_broker_ha_info: return "EXCHANGE_BROKER_HA_INFO";
    case RequestCode::get_broker_ha_status: return "GET_BROKER_HA_STATUS";
    case RequestCode::reset_master_flush_offset: return "RESET_MASTER_FLUSH_OFFSET";
    case RequestCode::update_cold_data_flow_ctr_config: return "UPDATE_COLD_DATA_FLOW_CTR_CONFIG";
    case RequestCode::remove_cold_data_flow_ctr_config: return "REMOVE_COLD_DATA_FLOW_CTR_CONFIG";
    case RequestCode::get_cold_data_flow_ctr_info: return "GET_COLD_DATA_FLOW_CTR_INFO";
    case RequestCode::set_commitlog_read_mode: return "SET_COMMITLOG_READ_MODE";
    case RequestCode::auth_create_user: return "AUTH_CREATE_USER";
    case RequestCode::auth_update_user: return "AUTH_UPDATE_USER";
    case RequestCode::auth_delete_user: return "AUTH_DELETE_USER";
    case RequestCode::auth_get_user: return "AUTH_GET_USER";
    case RequestCode::auth_list_user: return "AUTH_LIST_USER";
    case RequestCode::auth_create_acl: return "AUTH_CREATE_ACL";
    case RequestCode::auth_update_acl: return "AUTH_UPDATE_ACL";
    case RequestCode::auth_delete_acl: return "AUTH_DELETE_ACL";
    case RequestCode::auth_get_acl: return "AUTH_GET_ACL";
    case RequestCode::auth_list_acl: return "AUTH_LIST_ACL";
    case RequestCode::pop_message: return "POP_MESSAGE";
    case RequestCode::ack_message: return "ACK_MESSAGE";
    case RequestCode::peek_message: return "PEEK_MESSAGE";
    case RequestCode::change_message_invisibletime: return "CHANGE_MESSAGE_INVISIBLETIME";
    case RequestCode::notification: return "NOTIFICATION";
    case RequestCode::polling_info: return "POLLING_INFO";
    case RequestCode::pop_rollback: return "POP_ROLLBACK";
    case RequestCode::batch_ack_message: return "BATCH_ACK_MESSAGE";
    case RequestCode::script_status: return "SCRIPT_STATUS";
    case RequestCode::script_reload: return "SCRIPT_RELOAD";
    case RequestCode::list_transactions: return "LIST_TRANSACTIONS";
    case RequestCode::show_transaction: return "SHOW_TRANSACTION";
    case RequestCode::timer_list: return "TIMER_LIST";
    case RequestCode::timer_cancel: return "TIMER_CANCEL";
  }
  return "unknown";
}

std::string_view to_string(ResponseCode code) noexcept {
  switch (code) {
    case ResponseCode::success: return "SUCCESS";
    case ResponseCode::system_error: return "SYSTEM_ERROR";
    case ResponseCode::system_busy: return "SYSTEM_BUSY";
    case ResponseCode::request_code_not_supported: return "REQUEST_CODE_NOT_SUPPORTED";
    case ResponseCode::transaction_failed: return "TRANSACTION_FAILED";
    case ResponseCode::flush_disk_timeout: return "FLUSH_DISK_TIMEOUT";
    case ResponseCode::slave_not_available: return "SLAVE_NOT_AVAILABLE";
    case ResponseCode::flush_slave_timeout: return "FLUSH_SLAVE_TIMEOUT";
    case ResponseCode::message_illegal: return "MESSAGE_ILLEGAL";
    case ResponseCode::service_not_available: return "SERVICE_NOT_AVAILABLE";
    case ResponseCode::version_not_supported: return "VERSION_NOT_SUPPORTED";
    case ResponseCode::no_permission: return "NO_PERMISSION";
    case ResponseCode::topic_not_exist: return "TOPIC_NOT_EXIST";
    case ResponseCode::topic_exist_already: return "TOPIC_EXIST_ALREADY";
    case ResponseCode::pull_not_found: return "PULL_NOT_FOUND";
    case ResponseCode::pull_retry_immediately: return "PULL_RETRY_IMMEDIATELY";
    case ResponseCode::pull_offset_moved: return "PULL_OFFSET_MOVED";
    case ResponseCode::query_not_found: return "QUERY_NOT_FOUND";
    case ResponseCode::subscription_parse_failed: return "SUBSCRIPTION_PARSE_FAILED";
    case ResponseCode::subscription_not_exist: return "SUBSCRIPTION_NOT_EXIST";
    case ResponseCode::subscription_not_latest: return "SUBSCRIPTION_NOT_LATEST";
    case ResponseCode::subscription_group_not_exist: return "SUBSCRIPTION_GROUP_NOT_EXIST";
    case ResponseCode::filter_data_not_exist: return "FILTER_DATA_NOT_EXIST";
    case ResponseCode::filter_data_not_latest: return "FILTER_DATA_NOT_LATEST";
    case ResponseCode::invalid_parameter: return "INVALID_PARAMETER";
    case ResponseCode::no_buyer_id: return "NO_BUYER_ID";
    case ResponseCode::not_in_current_unit: return "NOT_IN_CURRENT_UNIT";
    case ResponseCode::consumer_not_online: return "CONSUMER_NOT_ONLINE";
    case ResponseCode::consume_msg_timeout: return "CONSUME_MSG_TIMEOUT";
    case ResponseCode::no_message: return "NO_MESSAGE";
    case ResponseCode::polling_full: return "POLLING_FULL";
    case ResponseCode::polling_timeout: return "POLLING_TIMEOUT";
    case ResponseCode::broker_not_exist: return "BROKER_NOT_EXIST";
    case ResponseCode::flow_control: return "FLOW_CONTROL";
    case ResponseCode::not_leader_for_queue: return "NOT_LEADER_FOR_QUEUE";
    case ResponseCode::illegal_operation: return "ILLEGAL_OPERATION";
    case ResponseCode::go_away: return "GO_AWAY";
    case ResponseCode::user_not_exist: return "USER_NOT_EXIST";
    case ResponseCode::policy_not_exist: return "POLICY_NOT_EXIST";
  }
  return "unknown";
}

namespace {
constexpr std::string_view language_names[] = {"JAVA",  "CPP",  "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY",
                                               "OTHER", "HTTP", "GO",     "PHP",    "OMS",    "RUST",   "NODE_JS"};
}  // namespace

std::string_view to_string(Language language) noexcept {
  return language_names[static_cast<std::uint8_t>(language_of(static_cast<std::int64_t>(language)))];
}

Language parse_language(std::string_view name) noexcept {
  for (std::size_t i = 0; i < std::size(language_names); ++i) {
    if (language_names[i] == name) return static_cast<Language>(i);
  }
  return Language::other;
}

Language language_of(std::int64_t ordinal) noexcept {
  const bool known = ordinal >= 0 && ordinal < static_cast<std::int64_t>(std::size(language_names));
  return known ? static_cast<Language>(ordinal) : Language::other;
}

}  // namespace gantry::protocol
