#pragma once
// Little-endian values in a string, for the plugin's own files.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace gantry::delay {

static_assert(std::endian::native == std::endian::little, "values are written as they are in memory");

template <typename T>
void put_value(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Takes values from the front and says at the end whether all of them were there. Believes no length.
class ValueReader {
 public:
  explicit ValueReader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <typename T>
  T take() noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (rest_.size() < sizeof value) {
      ok_ = false;
      rest_ = {};
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view take_text(std::size_t size) noexcept {
    if (rest_.size() < size) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  /// A count of things that take at least `size_min` bytes each; 0, and no longer ok, when so many cannot follow.
  std::size_t take_count(std::size_t size_min) noexcept {
    const auto count = take<std::uint32_t>();
    if (count > rest_.size() / size_min) {
      ok_ = false;
      return 0;
    }
    return count;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace gantry::delay
