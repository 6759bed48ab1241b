// Goes over a property string; rewriting it keeps every property that counts.
#include "protocol/properties.hpp"

#include "protocol/java_hash.hpp"
#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const CommonProperties common = scan_properties(text);
  check(common.tags == find_property(text, property::tags));
  check(common.uniq_key == find_property(text, property::uniq_key));
  std::array<Property, 8> index;
  const std::size_t indexed = index_properties(text, index);
  std::size_t each = 0;
  for (const Property& property : PropertyRange(text)) {
    if (each < index.size()) {
      check(each < indexed && index[each].name == property.name && index[each].value == property.value);
    }
    ++each;
  }
  check(indexed == std::min(each, index.size() + 1));
  for (const Property& property : PropertyRange(text)) {
    std::string_view last;
    for (const Property& other : PropertyRange(text)) {
      if (other.name == property.name) last = other.value;
    }
    check(find_property(text, property.name) == last);
  }
  check(find_property(text, text).empty());
  ByteBuffer out;
  append_properties_without(out, text, property::pop_ck);
  check(find_property(out.text(), property::pop_ck).empty());
  auto kept = PropertyRange(out.text()).begin();
  for (const Property& property : PropertyRange(text)) {
    (void)java_hash(property.value);
    if (property.name == property::pop_ck) continue;
    check(kept != PropertyRange(out.text()).end() && kept->name == property.name && kept->value == property.value);
    ++kept;
  }
  check(kept == PropertyRange(out.text()).end());
  return 0;
}
