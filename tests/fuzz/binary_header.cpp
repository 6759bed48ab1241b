// Decodes a binary header; what was decoded survives being written and read again.
#include "protocol/frame_writer.hpp"
#include "protocol/send_header.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HeaderView header;
  if (!decode_header(SerializeType::rocketmq, {reinterpret_cast<const std::byte*>(data), size}, header)) return 0;
  Scratch scratch;
  SendHeader send;
  (void)decode_send(SendNames::v2, header.ext, scratch, send);

  ByteBuffer out;
  FrameWriter writer(out, FrameMeta{.type = SerializeType::rocketmq, .code = header.code, .opaque = header.opaque});
  for (const ExtField& field : header.ext) writer.field(field.key, field.raw);
  writer.finish();
  HeaderView back;
  check(static_cast<bool>(decode_header(SerializeType::rocketmq, out.view().subspan(frame_prefix_size), back)));
  check(back.code == header.code && back.ext.size() == header.ext.size());
  for (std::size_t i = 0; i < back.ext.size(); ++i) {
    check(back.ext.all()[i].key == header.ext.all()[i].key && back.ext.all()[i].raw == header.ext.all()[i].raw);
  }
  return 0;
}
