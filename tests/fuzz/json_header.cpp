// Decodes a JSON header and all requests that could be in it; what was decoded survives being written and read again.
#include "protocol/client_requests.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/pull_header.hpp"
#include "protocol/send_header.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>
#include <string>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HeaderView header;
  if (!decode_header(SerializeType::json, {reinterpret_cast<const std::byte*>(data), size}, header)) return 0;
  Scratch scratch;
  SendHeader send;
  PullHeader pull;
  (void)decode_send(SendNames::v1, header.ext, scratch, send);
  (void)decode_send(SendNames::v2, header.ext, scratch, send);
  (void)decode_pull(header.ext, scratch, pull);
  (void)decode_fields<EndTransactionHeader>(header.ext, scratch);
  (void)decode_fields<RegisterBrokerHeader>(header.ext, scratch);

  ByteBuffer out;
  FrameWriter writer(out, FrameMeta{.code = header.code, .opaque = header.opaque, .flag = header.flag});
  for (const ExtField& field : header.ext) {
    std::string_view text;
    check(field.text(scratch, text) && text.size() <= field.raw.size());
    writer.field(field.key, text);
  }
  writer.finish();
  HeaderView back;
  check(static_cast<bool>(decode_header(SerializeType::json, out.view().subspan(frame_prefix_size), back)));
  check(back.code == header.code && back.opaque == header.opaque && back.ext.size() == header.ext.size());
  for (std::size_t i = 0; i < back.ext.size(); ++i) {
    std::string_view was;
    std::string_view is;
    check(header.ext.all()[i].text(scratch, was) && back.ext.all()[i].text(scratch, is));
    check(was == is);
  }
  return 0;
}
