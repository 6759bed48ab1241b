#include "protocol/json_events.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <string>

namespace gantry::protocol {
namespace {

/// What Boost.JSON's parser calls, brought to whole texts: it hands long ones over in parts.
struct Handler {
  using error_code = boost::json::error_code;
  using view = boost::json::string_view;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return events->object_begin(), true; }
  bool on_object_end(std::size_t, error_code&) { return events->object_end(), true; }
  bool on_array_begin(error_code&) { return events->array_begin(), true; }
  bool on_array_end(std::size_t, error_code&) { return events->array_end(), true; }
  bool on_key_part(view part, std::size_t, error_code&) { return keep(part); }
  bool on_key(view part, std::size_t, error_code&) { return events->key(whole(part)), forget(); }
  bool on_string_part(view part, std::size_t, error_code&) { return keep(part); }
  bool on_string(view part, std::size_t, error_code&) { return events->text(whole(part)), forget(); }
  bool on_number_part(view, error_code&) { return true; }
  bool on_int64(std::int64_t value, view, error_code&) { return events->integer(value), true; }
  bool on_uint64(std::uint64_t value, view, error_code&) { return events->real(static_cast<double>(value)), true; }
  bool on_double(double value, view, error_code&) { return events->real(value), true; }
  bool on_bool(bool value, error_code&) { return events->boolean(value), true; }
  bool on_null(error_code&) { return events->null_value(), true; }
  bool on_comment_part(view, error_code&) { return true; }
  bool on_comment(view, error_code&) { return true; }

  bool keep(view part) {
    parts.append(part.data(), part.size());
    return true;
  }
  std::string_view whole(view last) {
    if (parts.empty()) return {last.data(), last.size()};
    parts.append(last.data(), last.size());
    return parts;
  }
  bool forget() {
    parts.clear();
    return true;
  }

  JsonEvents* events = nullptr;
  std::string parts;
};

Error malformed(std::string_view json, std::size_t position, const std::string& why) {
  std::string found = position >= json.size() ? "the end" : "\"";
  if (position < json.size()) {
    for (const char c : json.substr(position, 16)) found += static_cast<unsigned char>(c) < ' ' ? '.' : c;
    found += '"';
  }
  return Error{Errc::invalid_argument,
               "reading JSON: " + why + " at byte " + std::to_string(position) + ", found " + found};
}

}  // namespace

Status read_json(std::string_view json, JsonEvents& events) {
  boost::json::parse_options options;
  options.max_depth = json_events_depth_max;
  boost::json::basic_parser<Handler> parser(options);
  parser.handler().events = &events;
  boost::json::error_code failure;
  const std::size_t used = parser.write_some(false, json.data(), json.size(), failure);
  if (failure) return malformed(json, used, "expected a JSON value (" + failure.message() + ")");
  const std::size_t rest = json.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos) return malformed(json, rest, "expected the end of the document");
  return {};
}

}  // namespace gantry::protocol
