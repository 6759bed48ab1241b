#include "kernel/routing/topic_attributes.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

namespace gantry::routing {

namespace {

struct Attribute {
  std::string_view key;
  bool changeable;
  std::span<const std::string_view> values;       // what RocketMQ knows
  std::span<const std::string_view> unsupported;  // and what of it we refuse
};

constexpr std::array<std::string_view, 2> queue_types{"BatchCQ", "SimpleCQ"};
constexpr std::array<std::string_view, 1> queue_types_unsupported{"BatchCQ"};
constexpr std::array<std::string_view, 2> cleanup_policies{"DELETE", "COMPACTION"};
constexpr std::array<std::string_view, 1> cleanup_policies_unsupported{"COMPACTION"};
constexpr std::array<std::string_view, 6> message_types{"UNSPECIFIED", "NORMAL",      "FIFO",
                                                        "DELAY",       "TRANSACTION", "MIXED"};

constexpr std::array<Attribute, 3> known_attributes{{
    {"queue.type", false, queue_types, queue_types_unsupported},
    {"cleanup.policy", false, cleanup_policies, cleanup_policies_unsupported},
    {"message.type", true, message_types, {}},
}};

constexpr std::size_t text_size_max = 4096;
constexpr std::size_t item_count_max = 64;

bool contains(std::span<const std::string_view> values, std::string_view value) noexcept {
  return std::find(values.begin(), values.end(), value) != values.end();
}

std::string joined(std::span<const std::string_view> values) {
  std::string text;
  for (const std::string_view value : values) text.append(text.empty() ? "" : ", ").append(value);
  return text;
}

Error refuse(std::string_view item, std::string why) {
  return Error{Errc::unsupported, "topic attribute \"" + std::string(item) + "\": " + std::move(why)};
}

Result<const Attribute*> attribute_of(std::string_view item, std::string_view key) {
  const auto found = std::find_if(known_attributes.begin(), known_attributes.end(),
                                  [key](const Attribute& a) { return a.key == key; });
  if (found != known_attributes.end()) return &*found;
  if (key == "reserve.time") return refuse(item, "needs tiered storage, which this broker does not have");
  return refuse(
      item, "expected one of the keys queue.type, cleanup.policy, message.type, found \"" + std::string(key) + "\"");
}

Status check_value(std::string_view item, const Attribute& attribute, std::string_view value) {
  if (!contains(attribute.values, value)) {
    return refuse(item, "expected one of " + joined(attribute.values) + ", found \"" + std::string(value) + "\"");
  }
  if (contains(attribute.unsupported, value)) return refuse(item, "the stores of this broker do not offer that");
  return {};
}

Status apply_item(std::string_view item, bool creating, std::set<std::string, std::less<>>& seen, AttributeMap& out) {
  if (item.size() < 2 || (item[0] != '+' && item[0] != '-')) return refuse(item, "expected \"+key=value\" or \"-key\"");
  const bool adds = item[0] == '+';
  const std::size_t equals = item.find('=');
  if (adds == (equals == std::string_view::npos)) return refuse(item, "expected \"+key=value\" or \"-key\"");
  const std::string_view key = adds ? item.substr(1, equals - 1) : item.substr(1);
  if (key.find_first_of("+-") != std::string_view::npos) return refuse(item, "a key contains neither + nor -");
  if (!seen.emplace(key).second) return refuse(item, "the key is given twice");
  if (creating && !adds) return refuse(item, "a topic that is being created has nothing to delete: only +key=value");

  GANTRY_ASSIGN(const Attribute* attribute, attribute_of(item, key));
  const auto current = out.find(std::string(key));
  if (!adds && current == out.end()) return refuse(item, "the topic does not have that attribute");
  const std::string_view value = adds ? item.substr(equals + 1) : std::string_view();
  if (adds) GANTRY_TRY(check_value(item, *attribute, value));
  const bool same = adds && current != out.end() && current->second == value;
  if (!creating && !attribute->changeable && !same) {
    return refuse(item, "cannot be changed after the topic was created");
  }
  if (adds) {
    out.insert_or_assign(std::string(key), std::string(value));
  } else {
    out.erase(current);
  }
  return {};
}

}  // namespace

Status apply_attributes(std::string_view text, bool creating, AttributeMap& attributes) {
  if (text.size() > text_size_max) {
    return Error{Errc::unsupported, "topic attributes: expected at most " + std::to_string(text_size_max) +
                                        " bytes, found " + std::to_string(text.size())};
  }
  AttributeMap changed = attributes;
  std::set<std::string, std::less<>> seen;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty()) continue;
    if (seen.size() >= item_count_max) return refuse(item, "too many attributes in one request");
    GANTRY_TRY(apply_item(item, creating, seen, changed));
  }
  attributes = std::move(changed);
  return {};
}

bool asks_for_mixed_messages(std::string_view text) noexcept {
  constexpr std::string_view wanted = "+message.type=MIXED";
  for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    if (end == text.size() || text[end] == ',') return true;
  }
  return false;
}

}  // namespace gantry::routing
