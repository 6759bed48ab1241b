// The binary ("ROCKETMQ") header:
//
//   code 2 | language 1 | version 2 | opaque 4 | flag 4 | remark size 4 + n | fields size 4 + { key size 2 + n, value
//   size 4 + n } until the block is consumed
#include "protocol/header.hpp"

#include <string>

namespace gantry::protocol {

namespace {
Error bad(std::string_view what, std::size_t position) {
  return {Errc::invalid_argument, "decoding a ROCKETMQ header: expected " + std::string(what) + " at position " +
                                      std::to_string(position) + ", found something else"};
}
}  // namespace

Status decode_rocketmq_header(ByteView header, HeaderView& out) {
  ByteReader reader(header);
  out.code = reader.read<std::int16_t>();
  out.language = language_of(reader.read<std::uint8_t>());
  out.version = reader.read<std::int16_t>();
  out.opaque = reader.read<std::int32_t>();
  out.flag = reader.read<std::int32_t>();
  out.remark = as_text(reader.read_bytes(reader.read<std::int32_t>()));
  const auto fields_size = reader.read<std::int32_t>();
  if (!reader.ok()) return bad("21 bytes of fixed fields and a remark inside the header", reader.position());
  if (fields_size < 0 || static_cast<std::size_t>(fields_size) != reader.remaining()) {
    return Error{Errc::invalid_argument, "decoding a ROCKETMQ header: expected a fields block of " +
                                             std::to_string(reader.remaining()) + " bytes, found a size of " +
                                             std::to_string(fields_size)};
  }
  while (reader.remaining() > 0) {
    ExtField field;
    field.key = as_text(reader.read_bytes(reader.read<std::int16_t>()));
    field.raw = as_text(reader.read_bytes(reader.read<std::int32_t>()));
    if (!reader.ok()) return bad("a field that ends inside the block", reader.position());
    if (field.raw.empty()) field.kind = ValueKind::null;  // As Java reads it.
    if (!out.ext.add(field)) return bad("at most 128 fields", reader.position());
  }
  return {};
}

}  // namespace gantry::protocol
