// The only file that knows the TOML library: it is large, and everything it says leaves here as plain data.
#include "kernel/config/config.hpp"

#include <algorithm>
#include <fstream>

// The library asserts what it then checks again and reports as an error (a key that starts with a bracket, for one), so
// bad input would abort a debug build; and with NDEBUG it turns the same assertions into promises to the optimiser.
// Both are switched off, for this include alone: the checks that follow them are what bad input has to meet.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace gantry::config {
namespace {

std::string_view kind_name(toml::node_type type) noexcept {
  switch (type) {
    case toml::node_type::date: return "a date";
    case toml::node_type::time: return "a time";
    case toml::node_type::date_time: return "a date and time";
    case toml::node_type::array: return "a list whose entries are not all texts";
    case toml::node_type::table: return "a table";
    default: return "something else";
  }
}

bool is_bare_key(std::string_view key) noexcept {
  return !key.empty() && key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                             std::string_view::npos;
}

/// Keys that only quotes make possible keep them, so that "a.b" cannot be mistaken for b inside a.
std::string joined(const std::string& path, std::string_view key) {
  const std::string part = is_bare_key(key) ? std::string(key) : "\"" + std::string(key) + "\"";
  return path.empty() ? part : path + "." + part;
}

RawValue raw_value(const toml::node& node) {
  RawValue raw;
  raw.line = node.source().begin.line;
  raw.column = node.source().begin.column;
  if (const auto* flag = node.as_boolean()) {
    raw.value = flag->get();
  } else if (const auto* number = node.as_integer()) {
    raw.value = number->get();
  } else if (const auto* real = node.as_floating_point()) {
    raw.value = real->get();
  } else if (const auto* text = node.as_string()) {
    raw.value = text->get();
  } else if (const auto* array = node.as_array();
             array != nullptr && (array->empty() || array->is_homogeneous<std::string>())) {
    std::vector<std::string> entries;
    for (const toml::node& entry : *array) entries.push_back(entry.as_string()->get());
    raw.value = std::move(entries);
  } else {
    raw.kind = kind_name(node.type());
    raw.is_table = node.is_table();
  }
  return raw;
}

/// Walks nested tables. Recursion is bounded by the parser, which refuses deeper nesting than it was built for (256).
void flatten(const toml::table& table, const std::string& path, Document& document) {
  for (const auto& [key, node] : table) {
    const std::string full = joined(path, key.str());
    if (const toml::table* inner = node.as_table(); inner != nullptr && !inner->empty()) {
      flatten(*inner, full, document);
    } else {
      document.entries.emplace_back(full, raw_value(node));
    }
  }
}

}  // namespace

std::pair<Document, std::vector<Finding>> parse_document(std::string_view toml, std::string file) {
  std::pair<Document, std::vector<Finding>> result{Document{std::move(file), {}}, {}};
  auto& [document, findings] = result;
  if (toml.size() > document_bytes_max) {
    findings.push_back({Severity::error, document.file, 0, 0,
                        "expected at most 1MiB of TOML, found " + std::to_string(toml.size()) + " bytes"});
    return result;
  }
  const toml::parse_result parsed = toml::parse(toml);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    findings.push_back({Severity::error, document.file, error.source().begin.line, error.source().begin.column,
                        "this is not TOML: " + std::string(error.description())});
    return result;
  }
  flatten(parsed.table(), "", document);
  // The library keeps tables ordered by name; an operator expects the order of the file.
  std::stable_sort(document.entries.begin(), document.entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.line, a.second.column) < std::pair(b.second.line, b.second.column);
  });
  return result;
}

std::pair<Document, std::vector<Finding>> load_document(const std::string& path) {
  const auto fail = [&](std::string why) {
    return std::pair(Document{path, {}}, std::vector{Finding{Severity::error, path, 0, 0, std::move(why)}});
  };
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    return fail("the configuration file cannot be opened; check the path given with --config and its rights");
  std::string content(document_bytes_max + 1, '\0');
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (stream.bad()) return fail("the configuration file cannot be read; is it a folder?");
  content.resize(static_cast<std::size_t>(stream.gcount()));
  return parse_document(content, path);
}

}  // namespace gantry::config
