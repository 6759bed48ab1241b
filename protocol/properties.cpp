#include "protocol/properties.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace gantry::protocol {

void PropertyRange::Iterator::advance() noexcept {
  constexpr std::size_t segment_size_min = 3;  // name, separator, value: one byte each
  while (!rest_.empty()) {
    const std::size_t size = std::min(rest_.find(property_end), rest_.size());
    const std::string_view segment = rest_.substr(0, size);
    rest_.remove_prefix(std::min(size + 1, rest_.size()));
    if (segment.size() < segment_size_min) continue;
    const std::size_t name_size = segment.find(property_name_end);
    if (name_size == std::string_view::npos || name_size == 0 || name_size + 1 == segment.size()) continue;
    current_ = {segment.substr(0, name_size), segment.substr(name_size + 1)};
    return;
  }
  current_ = {};
}

namespace {

/// Calls `visit(position, byte)` for every 0x01 and 0x02 of the text, in their order.
template <typename Visit>
void visit_separators(std::string_view text, Visit&& visit) noexcept {
  std::size_t at = 0;
#ifdef __SSE2__
  const __m128i two = _mm_set1_epi8(property_end);
  const __m128i one = _mm_set1_epi8(property_name_end);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, one), _mm_cmpeq_epi8(bytes, two));
    for (auto mask = static_cast<unsigned>(_mm_movemask_epi8(found)); mask != 0; mask &= mask - 1) {
      const std::size_t position = at + static_cast<std::size_t>(std::countr_zero(mask));
      if (!visit(position, text[position])) return;
    }
  }
#endif
  for (; at < text.size(); ++at) {
    if ((text[at] == property_name_end || text[at] == property_end) && !visit(at, text[at])) return;
  }
}

}  // namespace

std::size_t index_properties(std::string_view properties, std::span<Property> out) noexcept {
  constexpr std::size_t none = std::string_view::npos;
  std::size_t count = 0;
  std::size_t begin = 0;
  std::size_t name_end = none;
  const auto end_segment = [&](std::size_t end) noexcept {
    const std::size_t from = std::exchange(begin, end + 1);
    const std::size_t split = std::exchange(name_end, none);
    if (split == none || split == from || split + 1 >= end) return true;
    if (count == out.size()) return ++count, false;
    out[count++] = {properties.substr(from, split - from), properties.substr(split + 1, end - split - 1)};
    return true;
  };
  visit_separators(properties, [&](std::size_t at, char separator) noexcept {
    if (separator == property_end) return end_segment(at);
    if (name_end == none) name_end = at;
    return true;
  });
  if (count <= out.size() && begin < properties.size()) end_segment(properties.size());
  return count;
}

// From the end, because the last property of a name counts. A candidate begins with the first byte of the name and has
// the separator behind it; sixteen places are looked at together.
std::string_view find_property(std::string_view properties, std::string_view name) noexcept {
  if (name.empty() || properties.size() < name.size() + 2) return {};
  const char* const text = properties.data();
  const std::size_t size = name.size();
  std::string_view value;
  const auto is_there = [&](std::size_t at) noexcept {
    if (at != 0 && text[at - 1] != property_end) return false;
    // Names are short: a loop is done before a call is.
    for (std::size_t i = 0; i < size; ++i) {
      if (text[at + i] != name[i] || name[i] == property_name_end || name[i] == property_end) return false;
    }
    const std::string_view rest = properties.substr(at + size + 1);
    value = rest.substr(0, rest.find(property_end));
    return !value.empty();
  };
  std::size_t places = properties.size() - size;  // where the separator behind the name still lies inside
#ifdef __SSE2__
  const __m128i first = _mm_set1_epi8(name.front());
  const __m128i one = _mm_set1_epi8(property_name_end);
  while (places >= 16) {
    places -= 16;
    const __m128i begins = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + places));
    const __m128i ends = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + places + size));
    const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(begins, first), _mm_cmpeq_epi8(ends, one));
    for (auto mask = static_cast<unsigned>(_mm_movemask_epi8(both)); mask != 0;) {
      const auto bit = static_cast<unsigned>(std::bit_width(mask)) - 1;
      mask &= ~(1U << bit);
      if (is_there(places + bit)) return value;
    }
  }
#endif
  while (places > 0) {
    --places;
    if (text[places] == name.front() && text[places + size] == property_name_end && is_there(places)) return value;
  }
  return {};
}

bool keys_contain(std::string_view keys, std::string_view key) noexcept {
  if (key.empty()) return false;
  while (!keys.empty()) {
    const std::size_t size = std::min(keys.find(key_separator), keys.size());
    if (keys.substr(0, size) == key) return true;
    keys.remove_prefix(std::min(size + 1, keys.size()));
  }
  return false;
}

std::string_view first_key(std::string_view keys) noexcept {
  const std::size_t begin = keys.find_first_not_of(key_separator);
  if (begin == std::string_view::npos) return {};
  keys.remove_prefix(begin);
  return keys.substr(0, keys.find(key_separator));
}

bool has_index_key(std::string_view properties, std::string_view key, bool unique_only) noexcept {
  if (key.empty()) return false;
  const CommonProperties found = scan_properties(properties);
  return found.uniq_key == key || (!unique_only && keys_contain(found.keys, key));
}

namespace {

bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

/// The member that holds the property of that name, or nullptr. Sizes leave few names to compare with.
std::string_view CommonProperties::*member_of(std::string_view name) noexcept {
  using Common = CommonProperties;
  switch (name.size()) {
    case 4:
      if (name == property::tags) return &Common::tags;
      if (name == property::keys) return &Common::keys;
      if (name == property::wait) return &Common::wait;
      break;
    case 5:
      if (name == property::delay) return &Common::delay;
      break;
    case 6:
      if (name == property::producer_group) return &Common::producer_group;
      if (name == property::pop_ck) return &Common::pop_ck;
      break;
    case 7:
      if (name == property::cluster) return &Common::cluster;
      break;
    case 8:
      if (name == property::uniq_key) return &Common::uniq_key;
      if (name == property::transaction_prepared) return &Common::transaction_prepared;
      if (name == property::trace_switch) return &Common::trace_switch;
      break;
    case 9:
      if (name == property::inner_num) return &Common::inner_num;
      break;
    case 10:
      if (name == property::message_region) return &Common::message_region;
      break;
    case 14:
      if (name == property::timer_delay_ms) return &Common::timer_delay_ms;
      break;
    case 15:
      if (name == property::timer_delay_sec) return &Common::timer_delay_sec;
      break;
    case 16:
      if (name == property::timer_deliver_ms) return &Common::timer_deliver_ms;
      break;
    default: break;
  }
  return nullptr;
}

}  // namespace

bool CommonProperties::is_half_message() const noexcept { return equals_ignoring_case(transaction_prepared, "true"); }
bool CommonProperties::waits_for_store() const noexcept { return !equals_ignoring_case(wait, "false"); }

CommonProperties scan_properties(std::string_view properties) noexcept {
  CommonProperties found;
  for (const Property& property : PropertyRange(properties)) {
    if (const auto member = member_of(property.name)) found.*member = property.value;
  }
  return found;
}

bool is_property_text(std::string_view text) noexcept {
  for (const char c : text) {
    if (c == property_name_end || c == property_end) return false;
  }
  return true;
}

bool append_property(ByteBuffer& out, std::string_view name, std::string_view value) {
  if (name.empty() || value.empty() || !is_property_text(name) || !is_property_text(value)) return false;
  out.append(name);
  out.push_back(property_name_end);
  out.append(value);
  out.push_back(property_end);
  return true;
}

bool append_property(ByteBuffer& out, std::string_view name, std::int64_t value) {
  char digits[20];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, value);
  return append_property(out, name, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

void close_properties(ByteBuffer& out, std::size_t start) {
  if (!ends_in_separator(out.text().substr(start))) out.push_back(property_end);
}

void append_properties_without(ByteBuffer& out, std::string_view text, std::string_view name) {
  for (const Property& property : PropertyRange(text)) {
    if (property.name == name) continue;
    // Not append_property(): a value may hold 0x01, because only the first one ends the name.
    out.append(property.name);
    out.push_back(property_name_end);
    out.append(property.value);
    out.push_back(property_end);
  }
}

bool append_properties_with(ByteBuffer& out, std::string_view text, std::string_view name, std::string_view value) {
  append_properties_without(out, text, name);
  return value.empty() || append_property(out, name, value);
}

}  // namespace gantry::protocol
