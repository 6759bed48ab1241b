#pragma once
// Message properties as RocketMQ writes them: name 0x01 value 0x02, repeated; the last 0x02 may be missing. Enough for
// plugins that look at messages or add a property; the functions trust nothing and never throw on odd input.

#include <optional>
#include <string>
#include <string_view>

namespace gantry::sdk {

inline constexpr char property_name_end = '\x01';
inline constexpr char property_value_end = '\x02';

/// Calls `each(name, value)` for every well-formed pair, in order, until it returns false.
template <typename Each>
void for_each_property(std::string_view properties, Each&& each) {
  while (!properties.empty()) {
    const std::size_t end = properties.find(property_value_end);
    const std::string_view pair = properties.substr(0, end);
    properties = end == std::string_view::npos ? std::string_view() : properties.substr(end + 1);
    const std::size_t middle = pair.find(property_name_end);
    if (middle == std::string_view::npos) continue;
    if (!each(pair.substr(0, middle), pair.substr(middle + 1))) return;
  }
}

/// The value of the first property of that name; it points into `properties`.
inline std::optional<std::string_view> find_property(std::string_view properties, std::string_view name) {
  std::optional<std::string_view> found;
  for_each_property(properties, [&found, name](std::string_view each, std::string_view value) {
    if (each == name) found = value;
    return !found.has_value();
  });
  return found;
}

/// Whether a name and a value can be written: a name is not empty, and neither holds 0x01 or 0x02.
inline bool is_writable_property(std::string_view name, std::string_view value) {
  constexpr std::string_view reserved("\x01\x02", 2);
  return !name.empty() && name.find_first_of(reserved) == std::string_view::npos &&
         value.find_first_of(reserved) == std::string_view::npos;
}

/// `properties` with the property set: replaced where it stood, else at the end. Unchanged when it is not writable.
inline std::string with_property(std::string_view properties, std::string_view name, std::string_view value) {
  if (!is_writable_property(name, value)) return std::string(properties);
  std::string out;
  out.reserve(properties.size() + name.size() + value.size() + 2);
  const auto write = [&out](std::string_view key, std::string_view text) {
    out.append(key).push_back(property_name_end);
    out.append(text).push_back(property_value_end);
  };
  bool written = false;
  for_each_property(properties, [&](std::string_view each, std::string_view old) {
    if (each != name) {
      write(each, old);
    } else if (!written) {
      write(name, value);
      written = true;
    }
    return true;
  });
  if (!written) write(name, value);
  return out;
}

}  // namespace gantry::sdk
