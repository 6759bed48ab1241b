#include "protocol/frame_writer.hpp"

#include "protocol/json_scan.hpp"

#include <charconv>
#include <limits>

namespace gantry::protocol {

namespace {

constexpr std::size_t remark_size_max = 4096;
constexpr std::string_view hex_digits = "0123456789abcdef";

SerializeType usable_type(const FrameMeta& meta) noexcept {
  const bool fits =
      meta.code >= std::numeric_limits<std::int16_t>::min() && meta.code <= std::numeric_limits<std::int16_t>::max();
  return fits ? meta.type : SerializeType::json;
}

/// At most `size_max` bytes of the text, without cutting a character in two.
std::string_view prefix_of(std::string_view text, std::size_t size_max) noexcept {
  if (text.size() <= size_max) return text;
  std::size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

void append_decimal(ByteBuffer& out, std::int64_t value) {
  char digits[20];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

}  // namespace

void append_escaped_json(ByteBuffer& out, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    const char* stop = detail::find_escapable(at, end);
    out.append(std::string_view(at, static_cast<std::size_t>(stop - at)));
    if (stop == end) return;
    const auto c = static_cast<unsigned char>(*stop);
    if (c == '"' || c == '\\') {
      const char escape[] = {'\\', static_cast<char>(c)};
      out.append(std::string_view(escape, sizeof escape));
    } else {
      const char escape[] = {'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]};
      out.append(std::string_view(escape, sizeof escape));
    }
    at = stop + 1;
  }
}

FrameWriter::FrameWriter(ByteBuffer& out, const FrameMeta& meta)
    : out_(out), type_(usable_type(meta)), start_(out.size()) {
  const std::string_view remark = prefix_of(meta.remark, remark_size_max);
  out_.extend(frame_prefix_size);
  if (type_ == SerializeType::json) {
    out_.append("{\"code\":");
    append_decimal(out_, meta.code);
    out_.append(",\"flag\":");
    append_decimal(out_, meta.flag);
    out_.append(",\"language\":\"");
    out_.append(to_string(meta.language));
    out_.append("\",\"opaque\":");
    append_decimal(out_, meta.opaque);
    out_.append(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    append_decimal(out_, meta.version);
    if (!remark.empty()) {
      out_.append(",\"remark\":\"");
      append_escaped_json(out_, remark);
      out_.push_back('"');
    }
    return;
  }
  out_.append_integer(static_cast<std::int16_t>(meta.code));
  out_.append_integer(static_cast<std::uint8_t>(meta.language));
  out_.append_integer(static_cast<std::int16_t>(meta.version));
  out_.append_integer(meta.opaque);
  out_.append_integer(meta.flag);
  out_.append_integer(static_cast<std::int32_t>(remark.size()));
  out_.append(remark);
  fields_start_ = out_.size();
  out_.append_integer(std::int32_t{0});
}

void FrameWriter::field(std::string_view key, std::string_view value) {
  if (type_ == SerializeType::json) {
    out_.append(fields_start_ == 0 ? ",\"extFields\":{\"" : ",\"");
    fields_start_ = start_ + frame_prefix_size;
    append_escaped_json(out_, key);
    out_.append("\":\"");
    append_escaped_json(out_, value);
    out_.push_back('"');
    return;
  }
  out_.append_integer(static_cast<std::int16_t>(key.size()));
  out_.append(key);
  out_.append_integer(static_cast<std::int32_t>(value.size()));
  out_.append(value);
}

void FrameWriter::field(std::string_view key, std::int64_t value) {
  char digits[20];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, value);
  field(key, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

void FrameWriter::close_header(std::size_t body_size) {
  if (type_ == SerializeType::json) {
    out_.append(fields_start_ == 0 ? "}" : "}}");
  } else {
    out_.patch_integer(fields_start_, static_cast<std::int32_t>(out_.size() - fields_start_ - 4));
  }
  const std::size_t header_size = out_.size() - start_ - frame_prefix_size;
  out_.patch_integer(start_, static_cast<std::uint32_t>(4 + header_size + body_size));
  out_.patch_integer(start_ + 4, static_cast<std::uint32_t>(type_) << 24 | static_cast<std::uint32_t>(header_size));
}

std::size_t FrameWriter::finish(ByteView body) {
  close_header(body.size());
  out_.append(body);
  return out_.size() - start_;
}

std::size_t FrameWriter::finish_without_body(std::size_t body_size) {
  close_header(body_size);
  return out_.size() - start_ + body_size;
}

std::size_t write_frame(ByteBuffer& out, const FrameMeta& meta, ByteView body) {
  return FrameWriter(out, meta).finish(body);
}

}  // namespace gantry::protocol
