#pragma once
// The body of REGISTER_BROKER(103), plain and compressed. Source: class RegisterBrokerBody.
//
//   compressed: one zlib stream over  version size 4 | DataVersion JSON | topic count 4 | per topic: size 4 | line |
//   size 4 | filter-server list JSON | (brokers from 5.0 on) static-topic count 4 | per topic: size 4 | JSON

#include "protocol/buffer.hpp"
#include "protocol/topic_config.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gantry::protocol {

/// Decoded and encoded by decode_body / encode_body in its plain form. Static topics are not read.
struct RegisterBrokerBody {
  TopicConfigTable topic_configs{};
  std::vector<std::string> filter_servers{};
};
template <>
Result<RegisterBrokerBody> decode_body(std::string_view json);
template <>
std::string encode_body(const RegisterBrokerBody& body, JsonStyle style);

/// A registration holds at most this many topics, and inflates to at most this many bytes.
inline constexpr std::size_t register_topic_count_max = 1'000'000;
inline constexpr std::size_t register_inflated_size_max = 64 * 1024 * 1024;

/// Reads the compressed form. `broker_version` is the version field of the request's header; brokers older than
/// version::v5_0_0 end after the filter servers. Error: corrupt, too_large or invalid_argument. [any-thread]
Result<RegisterBrokerBody> decode_compressed_register_body(ByteView body, std::int32_t broker_version);
/// Reads either form: a body that starts with '{' is plain. Apache's broker 5.3.3, told to compress, says
/// compressed=false in the header all the same, so the header's word is not enough.
Result<RegisterBrokerBody> decode_register_body(ByteView body, std::int32_t broker_version);
/// Writes it as a broker of version::current does (with an empty static-topic section).
Result<ByteBuffer> encode_compressed_register_body(const RegisterBrokerBody& body);

}  // namespace gantry::protocol
