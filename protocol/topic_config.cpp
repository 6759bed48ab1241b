#include "protocol/topic_config.hpp"

#include "protocol/json_common_shapes.hpp"

#include <algorithm>
#include <charconv>

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<TopicConfigList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("topicConfigList", d.topics);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(DataVersion)
GANTRY_JSON_BODY(TopicConfig)
GANTRY_JSON_BODY(TopicConfigTable)
GANTRY_JSON_BODY(TopicConfigList)

std::string_view to_string(TopicFilterType type) noexcept {
  return detail::EnumShape<TopicFilterType>::names[static_cast<std::size_t>(type)];
}

std::string encode_topic_config_line(const TopicConfig& config) {
  std::string line = config.topic_name;
  for (const std::int32_t number : {config.read_queue_count, config.write_queue_count, config.perm}) {
    line += ' ' + std::to_string(number);
  }
  line.append(" ").append(to_string(config.filter_type)).append(" ");
  detail::JsonWriter(line, JsonStyle::wire).write(config.attributes);
  return line;
}

Result<TopicConfig> decode_topic_config_line(std::string_view line) {
  const auto bad = [line](std::string_view expected) {
    return Error{Errc::invalid_argument, "reading a topic line: expected " + std::string(expected) + ", found \"" +
                                             std::string(line.substr(0, 128)) + "\""};
  };
  std::string_view rest = line;
  const auto next = [&rest] {
    const std::size_t size = std::min(rest.find(' '), rest.size());
    const std::string_view part = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    return part;
  };
  TopicConfig config;
  config.topic_name = next();
  if (config.topic_name.empty()) return bad("a topic name");
  for (std::int32_t* number : {&config.read_queue_count, &config.write_queue_count, &config.perm}) {
    const std::string_view part = next();
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), *number);
    if (failure != std::errc() || end != part.data() + part.size()) return bad("three numbers behind the name");
  }
  const std::string_view filter = next();
  if (filter != "SINGLE_TAG" && filter != "MULTI_TAG") return bad("SINGLE_TAG or MULTI_TAG behind the numbers");
  config.filter_type = filter == "MULTI_TAG" ? TopicFilterType::multi_tag : TopicFilterType::single_tag;
  if (rest.empty()) return config;  // 4.9 brokers write no attributes.

  GANTRY_ASSIGN(const std::string strict, normalise_fastjson(rest));
  GANTRY_ASSIGN(const boost::json::value root, detail::parse_json(strict));
  detail::JsonDocument document;
  document.root = &root;
  detail::JsonReader(document, &root).read(config.attributes);
  if (document.error) return *std::move(document.error);
  return config;
}

}  // namespace gantry::protocol
