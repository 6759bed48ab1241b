#include "protocol/header.hpp"

#include "protocol/json_scan.hpp"

#include <charconv>

namespace gantry::protocol {

Status decode_json_header(ByteView header, HeaderView& out);      // json_header.cpp
Status decode_rocketmq_header(ByteView header, HeaderView& out);  // rocketmq_header.cpp

Status decode_header(SerializeType type, ByteView header, HeaderView& out) {
  out.type = type;
  out.language = Language::other;
  out.version = 0;
  out.opaque = 0;
  out.flag = 0;
  out.remark = {};
  out.remark_escaped = false;
  out.ext.clear();
  return type == SerializeType::json ? decode_json_header(header, out) : decode_rocketmq_header(header, out);
}

namespace {

/// `to` has room for raw.size() bytes when `escaped`.
bool resolve(std::string_view raw, bool escaped, Scratch& scratch, std::string_view& out) {
  if (!escaped) {
    out = raw;
    return true;
  }
  char* to = scratch.allocate(raw.size());
  if (to == nullptr) return false;
  const std::size_t size = unescape_json(raw, to);
  scratch.give_back(raw.size() - size);
  out = {to, size};
  return true;
}

template <typename T>
FieldStatus parse_integer(const ExtField& field, T& out) noexcept {
  if (field.kind == ValueKind::null || field.raw.empty()) return FieldStatus::missing;
  const char* begin = field.raw.data();
  const char* end = begin + field.raw.size();
  if (*begin == '+' && field.raw.size() > 1 && begin[1] != '-') ++begin;
  const auto [stop, failure] = std::from_chars(begin, end, out);
  return failure == std::errc() && stop == end ? FieldStatus::ok : FieldStatus::invalid;
}

}  // namespace

bool ExtField::text(Scratch& scratch, std::string_view& out) const { return resolve(raw, escaped, scratch, out); }

std::string_view HeaderView::remark_text(Scratch& scratch) const {
  std::string_view out;
  return resolve(remark, remark_escaped, scratch, out) ? out : std::string_view();
}

FieldStatus parse_field(const ExtField& field, std::int32_t& out) noexcept { return parse_integer(field, out); }
FieldStatus parse_field(const ExtField& field, std::int64_t& out) noexcept { return parse_integer(field, out); }

FieldStatus parse_field(const ExtField& field, bool& out) noexcept {
  if (field.kind == ValueKind::null || field.raw.empty()) return FieldStatus::missing;
  constexpr std::string_view yes = "true";
  out = field.raw.size() == yes.size();
  for (std::size_t i = 0; out && i < yes.size(); ++i) out = (field.raw[i] | 0x20) == yes[i];
  return FieldStatus::ok;
}

const ExtField* ExtFields::find(std::string_view key) const noexcept {
  for (const ExtField* field = end(); field != begin();) {
    --field;
    if (field->key == key) return field;
  }
  return nullptr;
}

FieldStatus ExtFields::get(std::string_view key, std::int32_t& out) const noexcept {
  const ExtField* field = find(key);
  return field == nullptr ? FieldStatus::missing : parse_field(*field, out);
}

FieldStatus ExtFields::get(std::string_view key, std::int64_t& out) const noexcept {
  const ExtField* field = find(key);
  return field == nullptr ? FieldStatus::missing : parse_field(*field, out);
}

FieldStatus ExtFields::get(std::string_view key, bool& out) const noexcept {
  const ExtField* field = find(key);
  return field == nullptr ? FieldStatus::missing : parse_field(*field, out);
}

FieldStatus ExtFields::get(std::string_view key, Scratch& scratch, std::string_view& out) const {
  const ExtField* field = find(key);
  if (field == nullptr || field->kind == ValueKind::null) return FieldStatus::missing;
  return field->text(scratch, out) ? FieldStatus::ok : FieldStatus::too_large;
}

}  // namespace gantry::protocol
