#include "protocol/json_shape.hpp"

#include <exception>

namespace gantry::protocol::detail {

namespace {

constexpr int pointer_hops_max = 8;

/// The next step of a fastjson path: ".name" (special characters behind backslashes), "[3]" or "['name']".
struct PathStep {
  std::string name;
  std::optional<std::size_t> index;
};

/// Takes one step off the front of `path`; nothing when it is not well-formed.
std::optional<PathStep> take_step(std::string_view& path) {
  PathStep step;
  if (path.starts_with('.')) {
    path.remove_prefix(1);
    while (!path.empty() && path[0] != '.' && path[0] != '[') {
      if (path[0] == '\\' && path.size() > 1) path.remove_prefix(1);
      step.name.push_back(path[0]);
      path.remove_prefix(1);
    }
    return step.name.empty() ? std::nullopt : std::optional(step);
  }
  const std::size_t close = path.find(']');
  if (!path.starts_with('[') || close == std::string_view::npos || close < 2) return std::nullopt;
  const std::string_view inner = path.substr(1, close - 1);
  path.remove_prefix(close + 1);
  if (inner.size() >= 2 && (inner[0] == '\'' || inner[0] == '"') && inner.back() == inner[0]) {
    step.name = inner.substr(1, inner.size() - 2);
    return step;
  }
  std::size_t index = 0;
  const auto [end, failure] = std::from_chars(inner.data(), inner.data() + inner.size(), index);
  if (failure != std::errc() || end != inner.data() + inner.size()) return std::nullopt;
  step.index = index;
  return step;
}

/// What a path from the root ("$.a.b[0]") names, or nullptr.
const boost::json::value* resolve_path(const boost::json::value& root, std::string_view path) {
  if (!path.starts_with('$')) return nullptr;
  path.remove_prefix(1);
  const boost::json::value* at = &root;
  while (!path.empty() && at != nullptr) {
    const auto step = take_step(path);
    if (!step) return nullptr;
    if (step->index) {
      const auto* array = at->if_array();
      at = array == nullptr ? nullptr : array->if_contains(*step->index);
    } else {
      const auto* object = at->if_object();
      at = object == nullptr ? nullptr : object->if_contains(step->name);
    }
  }
  return at;
}

}  // namespace

void JsonReader::follow_pointers() {
  for (int hop = 0; value_ != nullptr; ++hop) {
    const auto* object = value_->if_object();
    if (object == nullptr || object->size() != 1) return;
    const auto* pointer = object->if_contains("$ref");
    if (pointer == nullptr || !pointer->is_string()) return;
    const auto& path = pointer->get_string();
    const auto* target = resolve_path(*document_.root, {path.data(), path.size()});
    if (hop == pointer_hops_max || target == nullptr) return fail("a pointer to another value of the document");
    value_ = target;
  }
}

bool JsonReader::read_key(JsonReader& at, std::string_view text, MessageQueue& out) {
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) {
    at.fail("a message queue as key");
    return false;
  }
  JsonReader(at.document_, &*parsed, &at, "key").read(out);
  return !at.document_.error;
}

Result<boost::json::value> parse_json(std::string_view strict) {
  try {
    boost::json::parse_options options;
    options.max_depth = json_depth_max + 2;
    boost::system::error_code failure;
    auto value = boost::json::parse({strict.data(), strict.size()}, failure, {}, options);
    if (!failure) return value;
    return Error{Errc::invalid_argument, "reading JSON: expected a value, found: " + failure.message()};
  } catch (const std::exception& failure) {
    return Error{Errc::internal, std::string("reading JSON: expected room for it, found: ") + failure.what()};
  }
}

}  // namespace gantry::protocol::detail
