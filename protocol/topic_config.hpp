#pragma once
// What a topic is made of. Source: classes TopicConfig, TopicConfigSerializeWrapper; file config/topics.json.

#include "protocol/data_version.hpp"
#include "protocol/sys_flag.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::protocol {

enum class TopicFilterType : std::uint8_t { single_tag = 0, multi_tag = 1 };
std::string_view to_string(TopicFilterType type) noexcept;

/// Decoded and encoded; also the answer to GET_TOPIC_CONFIG(351).
struct TopicConfig {
  std::string topic_name{};
  std::int32_t read_queue_count = 16;
  std::int32_t write_queue_count = 16;
  std::int32_t perm = perm::read | perm::write;
  TopicFilterType filter_type = TopicFilterType::single_tag;
  std::int32_t topic_sys_flag = 0;
  bool order = false;
  std::map<std::string, std::string> attributes{};
  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};
template <>
Result<TopicConfig> decode_body(std::string_view json);
template <>
std::string encode_body(const TopicConfig& body, JsonStyle style);

/// All topics of a broker: the answer to GET_ALL_TOPIC_CONFIG(21), part of REGISTER_BROKER(103), and the file
/// config/topics.json (JsonStyle::file, which leaves the static-topic members out). Static topics are not read.
/// Decoded and encoded.
struct TopicConfigTable {
  std::map<std::string, TopicConfig> topics{};
  DataVersion data_version{};
};
template <>
Result<TopicConfigTable> decode_body(std::string_view json);
template <>
std::string encode_body(const TopicConfigTable& body, JsonStyle style);

/// The body of UPDATE_AND_CREATE_TOPIC_LIST(18). Decoded and encoded.
struct TopicConfigList {
  std::vector<TopicConfig> topics{};
};
template <>
Result<TopicConfigList> decode_body(std::string_view json);
template <>
std::string encode_body(const TopicConfigList& body, JsonStyle style);

/// The one-line form inside compressed REGISTER_BROKER bodies: "name read write perm filterType {attributes}".
std::string encode_topic_config_line(const TopicConfig& config);
Result<TopicConfig> decode_topic_config_line(std::string_view line);

}  // namespace gantry::protocol
