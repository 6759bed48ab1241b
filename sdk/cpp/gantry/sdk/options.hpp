#pragma once
// A plugin's options: declared once, as constant data, and read back as validated values.
//
//     inline constexpr gantry_option options[] = {
//         DurationOption{.key = "flush_interval", .fallback = "500ms", .minimum_ms = 1, .sentence = "..."},
//         BytesOption{.key = "segment_size", .fallback = "1GiB", .sentence = "..."},
//     };
//
// The host parses, checks and documents them; the plugin never sees a value that breaks its declaration.

#include "gantry/abi/plugin.h"
#include "gantry/sdk/detail/guard.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gantry::sdk {

namespace detail {
constexpr std::uint32_t option_flags(bool live) noexcept { return live ? GANTRY_OPTION_LIVE : 0; }
}  // namespace detail

// In all of them: `key` is lower case with underscores; `fallback` is the default as it would stand in TOML, without
// quotes; bounds are given both or not at all (both 0: unbounded); `sentence` tells an operator what it does; `live`
// means that reconfigure() takes it while running. All text must be literals, or live as long as the plugin's code.

struct BoolOption {
  const char* key;
  const char* fallback = "false";
  const char* sentence = "";
  bool live = false;
  constexpr operator gantry_option() const noexcept {  // NOLINT(google-explicit-constructor)
    return {key, GANTRY_OPTION_BOOL, detail::option_flags(live), fallback, 0, 0, nullptr, sentence};
  }
};

struct IntegerOption {
  const char* key;
  const char* fallback = "0";
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  const char* sentence = "";
  bool live = false;
  constexpr operator gantry_option() const noexcept {  // NOLINT(google-explicit-constructor)
    return {key, GANTRY_OPTION_INTEGER, detail::option_flags(live), fallback, minimum, maximum, nullptr, sentence};
  }
};

/// "200ms", "5s", "1h".
struct DurationOption {
  const char* key;
  const char* fallback = "0ms";
  std::int64_t minimum_ms = 0;
  std::int64_t maximum_ms = 0;
  const char* sentence = "";
  bool live = false;
  constexpr operator gantry_option() const noexcept {  // NOLINT(google-explicit-constructor)
    return {key,     GANTRY_OPTION_DURATION_MS, detail::option_flags(live), fallback, minimum_ms, maximum_ms, nullptr,
            sentence};
  }
};

/// "4KiB", "64MiB".
struct BytesOption {
  const char* key;
  const char* fallback = "0";
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  const char* sentence = "";
  bool live = false;
  constexpr operator gantry_option() const noexcept {  // NOLINT(google-explicit-constructor)
    return {key, GANTRY_OPTION_BYTES, detail::option_flags(live), fallback, minimum, maximum, nullptr, sentence};
  }
};

struct TextOption {
  const char* key;
  const char* fallback = "";
  const char* sentence = "";
  bool live = false;
  constexpr operator gantry_option() const noexcept {  // NOLINT(google-explicit-constructor)
    return {key, GANTRY_OPTION_TEXT, detail::option_flags(live), fallback, 0, 0, nullptr, sentence};
  }
};

/// One of `choices`: "accept|reject".
struct ChoiceOption {
  const char* key;
  const char* fallback;
  const char* choices;
  const char* sentence = "";
  bool live = false;
  constexpr operator gantry_option() const noexcept {  // NOLINT(google-explicit-constructor)
    return {key, GANTRY_OPTION_CHOICE, detail::option_flags(live), fallback, 0, 0, choices, sentence};
  }
};

/// The values of all declared options. Borrowed: copy out what is needed; it ends with the call that received it.
///
/// Asking for a key that was not declared, or as another type, is a mistake in the plugin: it throws std::logic_error,
/// which the host shows as the reason why the plugin could not be configured.
class OptionValues {
 public:
  OptionValues(const gantry_option_value* values, std::uint64_t stride, std::uint64_t count) noexcept
      : values_(values), stride_(stride), count_(count) {}

  [[nodiscard]] bool boolean(std::string_view key) const { return find(key, GANTRY_OPTION_BOOL).integer != 0; }
  [[nodiscard]] std::int64_t integer(std::string_view key) const { return find(key, GANTRY_OPTION_INTEGER).integer; }
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key) const {
    return std::chrono::milliseconds(find(key, GANTRY_OPTION_DURATION_MS).integer);
  }
  [[nodiscard]] std::int64_t bytes(std::string_view key) const { return find(key, GANTRY_OPTION_BYTES).integer; }
  [[nodiscard]] std::string text(std::string_view key) const {
    return std::string(detail::to_view(find(key, GANTRY_OPTION_TEXT).text));
  }
  [[nodiscard]] std::string choice(std::string_view key) const {
    return std::string(detail::to_view(find(key, GANTRY_OPTION_CHOICE).text));
  }

 private:
  [[nodiscard]] const gantry_option_value& find(std::string_view key, std::uint32_t type) const {
    for (std::uint64_t i = 0; i < count_; ++i) {
      const gantry_option_value& value = detail::at_stride(values_, stride_, i);
      if (key != value.key) continue;
      if (value.type != type) throw std::logic_error("option '" + std::string(key) + "' is read as another type");
      return value;
    }
    throw std::logic_error("option '" + std::string(key) + "' is read but not declared");
  }

  const gantry_option_value* values_;
  std::uint64_t stride_;
  std::uint64_t count_;
};

}  // namespace gantry::sdk
