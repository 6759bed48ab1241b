#pragma once
// What clients say about themselves. Source: classes HeartbeatData, ConsumerData, SubscriptionData.

#include "protocol/json_body.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::protocol {

enum class ConsumeType : std::uint8_t { actively = 0, passively = 1, pop = 2 };
enum class MessageModel : std::uint8_t { broadcasting = 0, clustering = 1 };
enum class ConsumeFrom : std::uint8_t {
  last_offset = 0,
  last_offset_and_min_on_first_boot = 1,
  min_offset = 2,
  max_offset = 3,
  first_offset = 4,
  timestamp = 5,
};
/// The names on the wire, for example "CONSUME_PASSIVELY".
std::string_view to_string(ConsumeType type) noexcept;
std::string_view to_string(MessageModel model) noexcept;
std::string_view to_string(ConsumeFrom from) noexcept;

inline constexpr std::string_view expression_tag = "TAG";
inline constexpr std::string_view expression_sql92 = "SQL92";

/// Which messages of one topic a group wants. Decoded and encoded.
struct SubscriptionData {
  std::string topic{};
  std::string expression = "*";           ///< subString; "*" and "" mean all
  std::vector<std::string> tags{};        ///< empty: all
  std::vector<std::int32_t> tag_codes{};  ///< as the client computed them; Go writes them as texts
  std::int64_t version = 0;               ///< ms, or ns from Go: exact 64 bits. A larger one replaces a smaller one
  bool class_filter_mode = false;
  std::string expression_type = "TAG";  ///< also when the client left it out
  friend bool operator==(const SubscriptionData&, const SubscriptionData&) = default;

  [[nodiscard]] bool is_tag() const noexcept { return expression_type == expression_tag; }
  [[nodiscard]] bool takes_all() const noexcept { return is_tag() && (expression.empty() || expression == "*"); }
};
template <>
Result<SubscriptionData> decode_body(std::string_view json);
template <>
std::string encode_body(const SubscriptionData& body, JsonStyle style);

/// The subscription that a TAG expression ("*", "", "A || B") stands for, with tags and their codes.
SubscriptionData make_tag_subscription(std::string_view topic, std::string_view expression, std::int64_t version);

struct ConsumerData {
  std::string group{};
  ConsumeType consume_type = ConsumeType::passively;
  MessageModel message_model = MessageModel::clustering;
  ConsumeFrom consume_from = ConsumeFrom::last_offset;
  bool unit_mode = false;
  std::vector<SubscriptionData> subscriptions{};
};

/// The body of HEART_BEAT(34). Decoded and encoded. At most heartbeat_group_count_max groups of each kind.
struct HeartbeatData {
  std::string client_id{};
  std::vector<std::string> producer_groups{};
  std::vector<ConsumerData> consumers{};
  std::int32_t fingerprint = 0;  ///< not 0: the client speaks the second version of heartbeats
  bool without_subscriptions = false;
};
template <>
Result<HeartbeatData> decode_body(std::string_view json);
template <>
std::string encode_body(const HeartbeatData& body, JsonStyle style);
inline constexpr std::size_t heartbeat_group_count_max = 4096;

/// The body of CHECK_CLIENT_CONFIG(46). Decoded and encoded.
struct CheckClientConfigBody {
  std::string client_id{};
  std::string group{};
  std::string client_namespace{};
  SubscriptionData subscription{};
};
template <>
Result<CheckClientConfigBody> decode_body(std::string_view json);
template <>
std::string encode_body(const CheckClientConfigBody& body, JsonStyle style);

}  // namespace gantry::protocol
