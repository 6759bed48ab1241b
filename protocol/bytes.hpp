#pragma once
// Borrowed bytes, and big-endian integers inside them. RocketMQ writes every integer big-endian, on wire and disk.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace gantry::protocol {

/// Bytes that somebody else owns; whoever returns one says for how long it lives.
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace detail {
template <std::integral T>
constexpr T swap_to_big_endian(T value) noexcept {
  static_assert(std::endian::native == std::endian::little, "Gantry runs on little-endian machines");
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}
}  // namespace detail

/// Reads sizeof(T) bytes at `from`; any alignment. [any-thread]
template <std::integral T>
T load_big_endian(const void* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return detail::swap_to_big_endian(value);
}

/// Writes sizeof(T) bytes at `to`; any alignment. [any-thread]
template <std::integral T>
void store_big_endian(void* to, T value) noexcept {
  value = detail::swap_to_big_endian(value);
  std::memcpy(to, &value, sizeof(T));
}

/// Reads fields one after the other and never past the end: after the first read that does not fit, ok() is false and
/// every further read gives 0 or nothing. Check ok() once, after the last field. A value. [any-thread]
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) noexcept : bytes_(bytes) {}

  template <std::integral T>
  T read() noexcept {
    if (!take(sizeof(T))) return T{};
    return load_big_endian<T>(bytes_.data() + position_ - sizeof(T));
  }

  /// The next `size` bytes; a negative size is a read that does not fit.
  ByteView read_bytes(std::int64_t size) noexcept {
    if (size < 0 || !take(static_cast<std::uint64_t>(size))) {
      ok_ = false;
      return {};
    }
    return bytes_.subspan(position_ - static_cast<std::size_t>(size), static_cast<std::size_t>(size));
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }

 private:
  bool take(std::uint64_t size) noexcept {
    if (!ok_ || size > bytes_.size() - position_) {
      ok_ = false;
      return false;
    }
    position_ += static_cast<std::size_t>(size);
    return true;
  }

  ByteView bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace gantry::protocol
