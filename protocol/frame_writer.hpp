#pragma once
// Writing whole frames, or a frame's head when the body leaves by another way (writev from the log).
//
// Values of extFields are always texts: C++ clients skip other values, Go clients fail on them. Control characters are
// escaped: Go clients refuse raw ones. Nothing is allocated while the buffer's capacity lasts.

#include "protocol/buffer.hpp"
#include "protocol/codes.hpp"
#include "protocol/frame.hpp"
#include "protocol/header.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// What a frame says besides its fields and its body. `remark` is borrowed until the frame is finished.
struct FrameMeta {
  SerializeType type = SerializeType::json;
  std::int32_t code = 0;
  std::int32_t opaque = 0;
  std::int32_t flag = 0;
  std::string_view remark = {};  ///< empty: no remark
  Language language = own_language;
  std::int32_t version = version::current;
};

/// The meta of a response to that request: same encoding, opaque echoed, response bit set, one-way bit clear.
inline FrameMeta response_meta(SerializeType type, std::int32_t opaque, ResponseCode code,
                               std::string_view remark = {}) noexcept {
  return {type, static_cast<std::int32_t>(code), opaque, HeaderView::flag_response, remark};
}
inline FrameMeta response_meta(const HeaderView& request, ResponseCode code, std::string_view remark = {}) noexcept {
  return response_meta(request.type, request.opaque, code, remark);
}
/// The meta of a request of our own; brokers ask clients in JSON, which all of them read.
inline FrameMeta request_meta(RequestCode code, std::int32_t opaque, bool is_oneway = false) noexcept {
  return {SerializeType::json, static_cast<std::int32_t>(code), opaque, is_oneway ? HeaderView::flag_oneway : 0};
}

/// Appends one frame to a buffer: construct, field() for each field, then exactly one finish. A code beyond 16 bits is
/// written in JSON whatever `meta.type` says, because a binary header cannot carry it.
/// Bounds: see frame.hpp; the caller keeps header and body within them. One thread at a time.
class FrameWriter {
 public:
  FrameWriter(ByteBuffer& out, const FrameMeta& meta);
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  void field(std::string_view key, std::string_view value);
  void field(std::string_view key, std::int64_t value);
  void field(std::string_view key, std::int32_t value) { field(key, static_cast<std::int64_t>(value)); }
  void field(std::string_view key, bool value) { field(key, std::string_view(value ? "true" : "false")); }
  void field(std::string_view key, const char* value) { field(key, std::string_view(value)); }

  /// Closes the header and appends the body. Returns the size of the whole frame.
  std::size_t finish(ByteView body = {});
  /// Closes the header of a frame whose body of `body_size` bytes the caller sends behind this buffer's bytes.
  std::size_t finish_without_body(std::size_t body_size);

  // The visitor face (fields.hpp): required fields are always written, optional ones when they say something.
  template <typename T>
  void required(std::string_view key, const T& value) {
    field(key, value);
  }
  void optional(std::string_view key, std::string_view value) {
    if (!value.empty()) field(key, value);
  }
  void optional(std::string_view key, std::int32_t value) { field(key, value); }
  void optional(std::string_view key, std::int64_t value) { field(key, value); }
  void optional(std::string_view key, bool value) { field(key, value); }
  template <typename T>
  void optional(std::string_view key, const std::optional<T>& value) {
    if (value) field(key, *value);
  }

 private:
  void close_header(std::size_t body_size);

  ByteBuffer& out_;
  SerializeType type_;
  std::size_t start_;             ///< where the frame begins in out_
  std::size_t fields_start_ = 0;  ///< binary: where the size of the fields block goes; JSON: 0 before the first field
};

/// A frame without fields. Returns its size.
std::size_t write_frame(ByteBuffer& out, const FrameMeta& meta, ByteView body = {});

/// A frame with the fields of `header`, a struct of the *requests.hpp or responses.hpp kind. Returns its size.
template <typename Header>
requires requires { Header::name; }
std::size_t write_frame(ByteBuffer& out, const FrameMeta& meta, const Header& header, ByteView body = {}) {
  FrameWriter writer(out, meta);
  Header::visit(header, writer);
  return writer.finish(body);
}

/// The same without the body, of which `body_size` bytes follow by another way.
template <typename Header>
requires requires { Header::name; }
std::size_t write_frame_head(ByteBuffer& out, const FrameMeta& meta, const Header& header, std::size_t body_size) {
  FrameWriter writer(out, meta);
  Header::visit(header, writer);
  return writer.finish_without_body(body_size);
}

/// Appends `text` with JSON escapes for quotes, backslashes and control characters, without the quotes around it.
void append_escaped_json(ByteBuffer& out, std::string_view text);

}  // namespace gantry::protocol
