#include "protocol/fields.hpp"

#include <string>

namespace gantry::protocol {

namespace {
constexpr std::size_t shown_size_max = 64;  // Error texts travel as remarks: show only the start of what was found.
}  // namespace

bool FieldReader::judge(std::string_view key, const ExtField* field, FieldStatus status, std::string_view type,
                        bool is_required) {
  if (status == FieldStatus::ok) return true;
  if (status == FieldStatus::missing && !is_required) return false;
  std::string text = "decoding " + std::string(request_) + ": expected field \"" + std::string(key) + "\" to be " +
                     std::string(type) + ", found ";
  if (status == FieldStatus::too_large) {
    text += "no more room for unescaped text";
  } else if (field == nullptr) {
    text += "no such field";
  } else if (field->kind == ValueKind::null) {
    text += "null";
  } else {
    text += "\"" + std::string(field->raw.substr(0, shown_size_max)) + "\"";
  }
  error_ = Error{Errc::invalid_argument, std::move(text)};
  return false;
}

bool FieldReader::read(std::string_view key, const ExtField* field, std::int32_t& out, bool is_required) {
  if (error_) return false;
  std::int32_t value = 0;
  const FieldStatus status = field == nullptr ? FieldStatus::missing : parse_field(*field, value);
  if (!judge(key, field, status, "a 32-bit integer", is_required)) return false;
  out = value;
  return true;
}

bool FieldReader::read(std::string_view key, const ExtField* field, std::int64_t& out, bool is_required) {
  if (error_) return false;
  std::int64_t value = 0;
  const FieldStatus status = field == nullptr ? FieldStatus::missing : parse_field(*field, value);
  if (!judge(key, field, status, "a 64-bit integer", is_required)) return false;
  out = value;
  return true;
}

bool FieldReader::read(std::string_view key, const ExtField* field, bool& out, bool is_required) {
  if (error_) return false;
  bool value = false;
  const FieldStatus status = field == nullptr ? FieldStatus::missing : parse_field(*field, value);
  if (!judge(key, field, status, "true or false", is_required)) return false;
  out = value;
  return true;
}

bool FieldReader::read(std::string_view key, const ExtField* field, std::string_view& out, bool is_required) {
  if (error_) return false;
  FieldStatus status = FieldStatus::missing;
  std::string_view value;
  if (field != nullptr && field->kind != ValueKind::null) {
    status = field->text(scratch_, value) ? FieldStatus::ok : FieldStatus::too_large;
  }
  if (!judge(key, field, status, "a text", is_required)) return false;
  out = value;
  return true;
}

}  // namespace gantry::protocol
