#include "protocol/batch.hpp"

#include "protocol/properties.hpp"

#include <limits>
#include <string>

namespace gantry::protocol {

namespace {
Error bad_element(std::size_t index, std::string_view what, std::int64_t bound, std::int64_t found) {
  return {Errc::invalid_argument, "decoding a batch: expected element " + std::to_string(index) + " to have " +
                                      std::string(what) + " " + std::to_string(bound) + ", found " +
                                      std::to_string(found)};
}
}  // namespace

Status decode_batch(ByteView body, std::vector<BatchElement>& out, std::size_t count_max) {
  out.clear();
  if (body.empty()) return Error{Errc::invalid_argument, "decoding a batch: expected at least one message, found none"};
  for (ByteView rest = body; !rest.empty();) {
    const std::size_t index = out.size();
    if (index == count_max) {
      return Error{Errc::too_large, "decoding a batch: expected at most " + std::to_string(count_max) +
                                        " messages, found more; send smaller batches"};
    }
    const auto rest_size = static_cast<std::int64_t>(rest.size());
    if (rest.size() < batch_element_size_min) {
      return bad_element(index, "at least this many bytes:", batch_element_size_min, rest_size);
    }
    const auto size = load_big_endian<std::int32_t>(rest.data());
    if (size < static_cast<std::int32_t>(batch_element_size_min)) {
      return bad_element(index, "a total size of at least", batch_element_size_min, size);
    }
    if (size > rest_size) return bad_element(index, "a total size of at most", rest_size, size);

    ByteReader reader(rest.first(static_cast<std::size_t>(size)));
    reader.read_bytes(12);  // Total size, and magic and CRC, which carry nothing.
    BatchElement element;
    element.flag = reader.read<std::int32_t>();
    const auto body_size = reader.read<std::int32_t>();
    const std::int64_t body_size_bound = size - static_cast<std::int64_t>(batch_element_size_min);
    if (body_size < 1) return bad_element(index, "a body size of at least", 1, body_size);
    if (body_size > body_size_bound) return bad_element(index, "a body size of at most", body_size_bound, body_size);
    element.body = reader.read_bytes(body_size);
    const auto properties_size = reader.read<std::int16_t>();
    const std::int64_t properties_room = body_size_bound - body_size;
    if (properties_size != properties_room) {
      return bad_element(index, "properties up to its end, of size", properties_room, properties_size);
    }
    element.properties = as_text(reader.read_bytes(properties_size));
    out.push_back(element);
    rest = rest.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

Status append_batch_element(ByteBuffer& out, const BatchElement& element) {
  constexpr std::size_t size_max = std::numeric_limits<std::int32_t>::max();
  if (element.properties.size() > properties_size_max) {
    return Error{Errc::too_large, "encoding a batch: expected properties of at most " +
                                      std::to_string(properties_size_max) + " bytes, found " +
                                      std::to_string(element.properties.size())};
  }
  const std::size_t size = batch_element_size_min + element.body.size() + element.properties.size();
  if (element.body.empty() || element.body.size() > size_max || size > size_max) {
    return Error{Errc::too_large, "encoding a batch: expected a body of 1 byte to 2 GiB, found " +
                                      std::to_string(element.body.size()) + " bytes"};
  }
  out.append_integer(static_cast<std::int32_t>(size));
  out.append_integer(std::int32_t{0});
  out.append_integer(std::int32_t{0});
  out.append_integer(element.flag);
  out.append_integer(static_cast<std::int32_t>(element.body.size()));
  out.append(element.body);
  out.append_integer(static_cast<std::int16_t>(element.properties.size()));
  out.append(element.properties);
  return {};
}

}  // namespace gantry::protocol
