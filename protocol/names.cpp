#include "protocol/names.hpp"

#include <algorithm>
#include <array>

namespace gantry::protocol {

namespace {

bool is_plain_character(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%' || c == '-' ||
         c == '_' || c == '|';
}

bool has_retry_prefix(std::string_view topic) noexcept { return is_retry_topic(topic) || is_dead_letter_topic(topic); }

std::size_t topic_size_bound(std::string_view topic) noexcept {
  return has_retry_prefix(topic) ? retry_topic_size_max : topic_size_max;
}

/// The first byte that must not be in the name, or npos.
std::size_t find_bad_character(std::string_view name, bool plus_is_allowed) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_plain_character(name[i]) && !(plus_is_allowed && name[i] == '+')) return i;
  }
  return std::string_view::npos;
}

Status check(std::string_view kind, std::string_view name, std::size_t size_max, bool plus_is_allowed) {
  const auto bad = [kind](std::string_view expected, std::string found) {
    return Error{Errc::invalid_argument,
                 "checking a " + std::string(kind) + ": expected " + std::string(expected) + ", found " + found};
  };
  if (name.empty()) return bad("a name", "none");
  if (name.size() > size_max) {
    return bad("at most " + std::to_string(size_max) + " bytes", std::to_string(name.size()));
  }
  const std::size_t at = find_bad_character(name, plus_is_allowed);
  if (at != std::string_view::npos) {
    return bad("letters, digits and % - _ | only",
               "byte " + std::to_string(static_cast<unsigned char>(name[at])) + " at position " + std::to_string(at));
  }
  return {};
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array system_topics = {topic_name::auto_create,
                                      topic_name::schedule,
                                      topic_name::benchmark,
                                      topic_name::transaction_half,
                                      topic_name::transaction_op_half,
                                      topic_name::transaction_check_max,
                                      topic_name::trace,
                                      topic_name::self_test,
                                      topic_name::offset_moved,
                                      topic_name::checkpoint};

constexpr std::array send_forbidden_topics = {topic_name::schedule,
                                              topic_name::transaction_half,
                                              topic_name::transaction_op_half,
                                              topic_name::transaction_check_max,
                                              topic_name::self_test,
                                              topic_name::offset_moved,
                                              topic_name::timer_wheel};

constexpr std::array<std::string_view, 9> system_groups = {
    "TOOLS_CONSUMER",   "FILTERSRV_CONSUMER",    "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY",      "CID_ONSAPI_PULL",
    "CID_ONSAPI_OWNER", "CID_ONSAPI_PERMISSION", "CID_RMQ_SYS_TRANS", "CID_RMQ_SYS_REVIVE_GROUP"};

}  // namespace

Status check_topic_name(std::string_view topic) {
  return check("topic name", topic, topic_size_bound(topic), is_retry_topic(topic));
}

Status check_group_name(std::string_view group) { return check("group name", group, group_size_max, false); }

bool is_topic_name(std::string_view topic) noexcept {
  return !topic.empty() && topic.size() <= topic_size_bound(topic) &&
         find_bad_character(topic, is_retry_topic(topic)) == std::string_view::npos;
}

bool is_group_name(std::string_view group) noexcept {
  return !group.empty() && group.size() <= group_size_max && find_bad_character(group, false) == std::string_view::npos;
}

std::string retry_topic(std::string_view group) { return std::string(topic_name::retry_prefix).append(group); }
std::string dead_letter_topic(std::string_view group) {
  return std::string(topic_name::dead_letter_prefix).append(group);
}

std::string_view group_of_retry_topic(std::string_view topic) noexcept {
  if (is_retry_topic(topic)) return topic.substr(topic_name::retry_prefix.size());
  if (is_dead_letter_topic(topic)) return topic.substr(topic_name::dead_letter_prefix.size());
  return topic;
}

bool is_system_topic(std::string_view topic) noexcept {
  return topic.starts_with(topic_name::system_prefix) || contains(system_topics, topic);
}

bool is_send_forbidden(std::string_view topic) noexcept {
  return contains(send_forbidden_topics, topic) || topic.starts_with(topic_name::revive_log_prefix);
}

bool is_system_group(std::string_view group) noexcept {
  return group.starts_with("CID_RMQ_SYS_") || contains(system_groups, group);
}

}  // namespace gantry::protocol
