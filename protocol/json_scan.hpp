#pragma once
// Finding the bytes that matter in JSON strings, 16 at a time where the machine can. For this room only.

#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace gantry::protocol::detail {

/// The first '"' or '\\' at or behind `at`, or `end`.
inline const char* find_quote_or_backslash(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i quotes = _mm_set1_epi8('"');
  const __m128i backslashes = _mm_set1_epi8('\\');
  while (end - at >= 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(chunk, quotes), _mm_cmpeq_epi8(chunk, backslashes)));
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
    at += 16;
  }
#endif
  while (at != end && *at != '"' && *at != '\\') ++at;
  return at;
}

/// The first byte at or behind `at` that a JSON string must escape ('"', '\\', below 0x20), or `end`.
inline const char* find_escapable(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i quotes = _mm_set1_epi8('"');
  const __m128i backslashes = _mm_set1_epi8('\\');
  const __m128i controls = _mm_set1_epi8(0x1F);
  while (end - at >= 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i special = _mm_or_si128(_mm_cmpeq_epi8(chunk, quotes), _mm_cmpeq_epi8(chunk, backslashes));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(chunk, controls), chunk);
    const int mask = _mm_movemask_epi8(_mm_or_si128(special, control));
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
    at += 16;
  }
#endif
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

/// Copies bytes of [at, end) to `to` up to the first '\\' or the end; returns where it stopped in the source. Writes up
/// to 16 bytes at a time, never more than end - at in all: `to` has that room.
inline const char* copy_until_backslash(const char* at, const char* end, char*& to) noexcept {
#if defined(__SSE2__)
  const __m128i backslashes = _mm_set1_epi8('\\');
  while (end - at >= 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), chunk);
    const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(chunk, backslashes));
    if (mask != 0) {
      const int run = __builtin_ctz(static_cast<unsigned>(mask));
      to += run;
      return at + run;
    }
    at += 16;
    to += 16;
  }
#endif
  while (at != end && *at != '\\') *to++ = *at++;
  return at;
}

/// The value of a hexadecimal digit, or -1.
inline int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return -1;
}

/// Four hexadecimal digits at `at`, or -1. There are at least four bytes.
inline int hex4(const char* at) noexcept {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

/// Writes a code point as UTF-8; returns behind it.
inline char* put_utf8(std::uint32_t point, char* to) noexcept {
  if (point < 0x80) {
    *to++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *to++ = static_cast<char>(0xC0 | point >> 6);
    *to++ = static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *to++ = static_cast<char>(0xE0 | point >> 12);
    *to++ = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (point & 0x3F));
  } else {
    *to++ = static_cast<char>(0xF0 | point >> 18);
    *to++ = static_cast<char>(0x80 | (point >> 12 & 0x3F));
    *to++ = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (point & 0x3F));
  }
  return to;
}

}  // namespace gantry::protocol::detail
