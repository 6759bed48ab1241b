#include "protocol/register_broker.hpp"

#include "protocol/codes.hpp"
#include "protocol/compression.hpp"
#include "protocol/json_common_shapes.hpp"

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<RegisterBrokerBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("filterServerList", d.filter_servers);
    v.member("topicConfigSerializeWrapper", d.topic_configs);
  }
};

namespace {

constexpr int compression_level = 5;

void append_sized(ByteBuffer& out, std::string_view text) {
  out.append_integer(static_cast<std::int32_t>(text.size()));
  out.append(text);
}

std::string_view read_sized(ByteReader& reader) { return as_text(reader.read_bytes(reader.read<std::int32_t>())); }

Error cut_short(std::string_view part) {
  return {Errc::corrupt, "reading a compressed registration: expected " + std::string(part) +
                             " inside the inflated bytes, found their end"};
}

}  // namespace

}  // namespace detail

GANTRY_JSON_BODY(RegisterBrokerBody)

Result<RegisterBrokerBody> decode_compressed_register_body(ByteView body, std::int32_t broker_version) {
  ByteBuffer inflated;
  GANTRY_TRY(zlib_inflate(body, register_inflated_size_max, inflated));
  ByteReader reader(inflated.view());
  RegisterBrokerBody out;

  const std::string_view data_version = detail::read_sized(reader);
  if (!reader.ok()) return detail::cut_short("a data version");
  GANTRY_ASSIGN(out.topic_configs.data_version, decode_body<DataVersion>(data_version));

  const auto topic_count = reader.read<std::int32_t>();
  if (topic_count < 0 || static_cast<std::size_t>(topic_count) > register_topic_count_max) {
    return Error{Errc::too_large, "reading a compressed registration: expected 0 to " +
                                      std::to_string(register_topic_count_max) + " topics, found " +
                                      std::to_string(topic_count)};
  }
  for (std::int32_t i = 0; i < topic_count; ++i) {
    const std::string_view line = detail::read_sized(reader);
    if (!reader.ok()) return detail::cut_short("a topic");
    GANTRY_ASSIGN(TopicConfig config, decode_topic_config_line(line));
    std::string name = config.topic_name;
    out.topic_configs.topics.insert_or_assign(std::move(name), std::move(config));
  }

  const std::string_view filter_servers = detail::read_sized(reader);
  if (!reader.ok()) return detail::cut_short("a list of filter servers");
  if (!filter_servers.empty()) {
    GANTRY_ASSIGN(const RegisterBrokerBody wrapped,
                  decode_body<RegisterBrokerBody>("{\"filterServerList\":" + std::string(filter_servers) + "}"));
    out.filter_servers = wrapped.filter_servers;
  }

  if (broker_version >= version::v5_0_0) {
    const auto mapping_count = reader.read<std::int32_t>();
    for (std::int32_t i = 0; i < mapping_count && reader.ok(); ++i) detail::read_sized(reader);
    if (!reader.ok()) return detail::cut_short("the static topics");
  }
  return out;
}

Result<RegisterBrokerBody> decode_register_body(ByteView body, std::int32_t broker_version) {
  if (!body.empty() && body[0] == std::byte{'{'}) return decode_body<RegisterBrokerBody>(body);
  return decode_compressed_register_body(body, broker_version);
}

Result<ByteBuffer> encode_compressed_register_body(const RegisterBrokerBody& body) {
  ByteBuffer plain;
  detail::append_sized(plain, encode_body(body.topic_configs.data_version));
  plain.append_integer(static_cast<std::int32_t>(body.topic_configs.topics.size()));
  for (const auto& [name, config] : body.topic_configs.topics) {
    detail::append_sized(plain, encode_topic_config_line(config));
  }
  std::string filter_servers;
  detail::JsonWriter(filter_servers, JsonStyle::wire).write(body.filter_servers);
  detail::append_sized(plain, filter_servers);
  plain.append_integer(std::int32_t{0});

  ByteBuffer out;
  GANTRY_TRY(zlib_deflate(plain.view(), detail::compression_level, out));
  return out;
}

}  // namespace gantry::protocol
