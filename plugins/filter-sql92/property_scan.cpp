#include "plugins/filter-sql92/property_scan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace gantry::filter_sql92 {

namespace {

constexpr char name_end = '\x01';
constexpr char segment_end = '\x02';
constexpr std::size_t block_bytes = 64;

// A bit for each of 64 bytes: whether it ends a segment.
#ifdef __SSE2__
inline std::uint64_t ends_in_quarter(const char* quarter) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(quarter));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(segment_end))));
}
inline std::uint64_t ends_in(const char* block) noexcept {
  return ends_in_quarter(block) | ends_in_quarter(block + 16) << 16 | ends_in_quarter(block + 32) << 32 |
         ends_in_quarter(block + 48) << 48;
}
#else
std::uint64_t ends_in(const char* block) noexcept {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < block_bytes; ++i) bits |= std::uint64_t{block[i] == segment_end} << i;
  return bits;
}
#endif

// Out of line, so that the usual case stays in registers.
[[gnu::noinline]] std::uint64_t short_word(const char* text, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, text, size);
  return word;
}

// The first eight bytes; what lies behind `size` is zero.
std::uint64_t first_word(const char* text, std::size_t size) noexcept {
  if (size < sizeof(std::uint64_t)) return short_word(text, size);
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

}  // namespace

std::uint32_t PropertyNames::slot_of(std::string_view name) {
  std::string begin(name);
  begin.push_back(name_end);
  const auto known = std::find_if(names_.begin(), names_.end(), [&](const Name& each) { return each.begin == begin; });
  const auto slot = static_cast<std::uint32_t>(known - names_.begin());
  if (known != names_.end()) return slot;
  Name made{std::move(begin), 0, 0};
  const std::size_t compared = std::min(made.begin.size(), sizeof made.word);
  std::memcpy(&made.word, made.begin.data(), compared);
  std::memset(&made.mask, 0xFF, compared);
  first_bytes_ |= bit_of(made.begin.front());
  names_.push_back(std::move(made));
  return slot;
}

void PropertyNames::find(std::string_view properties, Value* slots) const noexcept {
  for (std::size_t i = 0; i < names_.size(); ++i) slots[i] = Value::null();
  if (names_.empty() || properties.empty()) return;
  std::size_t begin = 0;
  const auto take_ends = [&](std::uint64_t ends, std::size_t at) {
    for (; ends != 0; ends &= ends - 1) {
      const std::size_t end = at + static_cast<std::size_t>(std::countr_zero(ends));
      take_segment(properties, begin, end, slots);
      begin = end + 1;
    }
  };
  std::size_t at = 0;
  for (; at + block_bytes <= properties.size(); at += block_bytes) take_ends(ends_in(properties.data() + at), at);
  if (const std::size_t left = properties.size() - at; left > 0) {
    if (properties.size() >= block_bytes) {  // the last 64 bytes, without those that were looked at
      take_ends(ends_in(properties.data() + properties.size() - block_bytes) >> (block_bytes - left), at);
    } else {
      std::array<char, block_bytes> block{};
      std::memcpy(block.data(), properties.data(), left);
      take_ends(ends_in(block.data()), 0);
    }
  }
  take_segment(properties, begin, properties.size(), slots);
}

inline void PropertyNames::take_segment(std::string_view properties, std::size_t begin, std::size_t end,
                                        Value* slots) const noexcept {
  const char* const segment = properties.data() + begin;
  // Most segments are of no name at all. (One that is empty shows the byte that ends it, which no name has.)
  if (begin == properties.size() || (first_bytes_ & bit_of(*segment)) == 0) return;
  const std::size_t length = end - begin;
  const std::uint64_t word = first_word(segment, properties.size() - begin);
  const std::size_t count = names_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Name& name = names_[i];
    if ((word & name.mask) != name.word) continue;
    const std::size_t value = name.begin.size();
    if (value >= length) continue;  // what was compared is not all of this segment, or the value is empty
    if (value > sizeof word && std::memcmp(segment, name.begin.data(), value) != 0) continue;
    slots[i] = Value::text({segment + value, length - value});
    return;
  }
}

}  // namespace gantry::filter_sql92
