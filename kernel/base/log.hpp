#pragma once
// Logs are events with fields, for an operator at night: `info` = state changed, `warn` = you may need to act,
// `error` = you must. Lines per message are `trace`. No log is the only witness of a failure: there is a metric too.
//
//     GANTRY_LOG(info, "broker.started", field("port", 10911), field("cluster", cluster));
//
// The log is the one process-wide object of the kernel, because a line may come from anywhere, even before main().

#include "gantry/sdk/result.hpp"
#include "kernel/base/ids.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace gantry {

enum class LogLevel : std::uint8_t { trace = 0, debug = 1, info = 2, warn = 3, error = 4, off = 5 };
enum class LogFormat : std::uint8_t { text, json };

std::string_view to_string(LogLevel level) noexcept;
/// The level of that name ("trace" ... "error", "off"), or an error that lists the names.
Result<LogLevel> parse_log_level(std::string_view name);

/// One `key=value` of a line. Borrows key and text: it lives no longer than the GANTRY_LOG statement it stands in.
class LogField {
 public:
  enum class Kind : std::uint8_t { boolean, integer, unsigned_integer, real, text, verbatim };

  constexpr LogField(std::string_view key, bool value) noexcept : key_(key), kind_(Kind::boolean), integer_(value) {}
  constexpr LogField(std::string_view key, std::int64_t value) noexcept
      : key_(key), kind_(Kind::integer), integer_(value) {}
  constexpr LogField(std::string_view key, std::uint64_t value) noexcept
      : key_(key), kind_(Kind::unsigned_integer), integer_(static_cast<std::int64_t>(value)) {}
  constexpr LogField(std::string_view key, double value) noexcept : key_(key), kind_(Kind::real), real_(value) {}
  constexpr LogField(std::string_view key, std::string_view value) noexcept
      : key_(key), kind_(Kind::text), text_(value) {}

  /// Ready-made "key=value key=value" text, appended as it is except for control characters; becomes one string member
  /// named `key` in JSON. For lines whose fields were put together elsewhere, as by a plugin.
  static constexpr LogField verbatim(std::string_view key, std::string_view text) noexcept {
    LogField made(key, text);
    made.kind_ = Kind::verbatim;
    return made;
  }

  [[nodiscard]] constexpr std::string_view key() const noexcept { return key_; }
  [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
  [[nodiscard]] constexpr std::int64_t integer() const noexcept { return integer_; }
  [[nodiscard]] constexpr double real() const noexcept { return real_; }
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

 private:
  std::string_view key_;
  Kind kind_;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view text_;
};

/// Makes a field of anything that has an obvious form: numbers, text, ids, error codes and errors (their text), and
/// durations (in milliseconds, with "_ms" expected at the end of the key).
template <typename T>
constexpr LogField field(std::string_view key, const T& value) noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    return LogField(key, value);
  } else if constexpr (std::is_enum_v<T>) {
    return LogField(key, std::string_view(to_string(value)));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    return LogField(key, static_cast<std::int64_t>(value));
  } else if constexpr (std::is_integral_v<T>) {
    return LogField(key, static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return LogField(key, static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, Error>) {
    return LogField(key, std::string_view(value.text));
  } else if constexpr (requires { typename T::period; }) {
    return LogField(key, std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(value).count()});
  } else if constexpr (requires { value.value(); }) {
    return field(key, value.value());
  } else {
    return LogField(key, std::string_view(value));
  }
}

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string file;                             ///< where lines are appended; empty = stderr
  std::size_t pending_bytes_max = 1024 * 1024;  ///< lines beyond this are dropped and counted
};

/// [control] Opens the file and starts the writer thread: from here on nobody who logs waits for a disk or a terminal.
/// A second call replaces the options and the file. Until the first call, and after stop_log(), lines are written
/// straight to stderr by whoever logs, which is what tools and tests want.
Status start_log(const LogOptions& options);

/// [control] Opens the same file again, so that a rotated one is let go. On failure the old file stays in use.
Status reopen_log();

/// [control] Writes what is pending, for at most two seconds, and ends the writer thread. No-op when not started.
void stop_log() noexcept;

/// [any-thread] Takes effect at once.
void set_log_level(LogLevel level) noexcept;

/// [any-thread] Lines dropped since the start because the pending ones were at their bound.
std::uint64_t dropped_log_lines() noexcept;

/// [any-thread] Formats a line and hands it over. Values may be hostile: control characters and broken UTF-8 come out
/// escaped, long values and lines are cut (4 KiB a value, 16 KiB a line). Called by GANTRY_LOG after the level check.
void write_log(LogLevel level, std::string_view event, std::span<const LogField> fields) noexcept;
inline void write_log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) noexcept {
  write_log(level, event, std::span(fields.begin(), fields.size()));
}

/// The line as it would be written, with its line feed. `wall_ms` is milliseconds since 1970 (UTC). For tools and
/// tests.
std::string format_log_line(LogFormat format, std::int64_t wall_ms, LogLevel level, std::string_view event,
                            std::span<const LogField> fields);

namespace detail {
extern std::atomic<LogLevel> log_level;
}

/// [any-thread] One relaxed load.
inline bool log_enabled(LogLevel level) noexcept { return level >= detail::log_level.load(std::memory_order_relaxed); }

/// Lets one event through per interval and counts the others. [any-thread]
class LogLimiter {
 public:
  struct Verdict {
    bool admitted = false;
    std::uint64_t suppressed = 0;  ///< since the last admitted one
  };

  constexpr explicit LogLimiter(std::chrono::milliseconds interval) noexcept : interval_(interval) {}

  /// `now` lets tests bring their own time.
  Verdict admit(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()) noexcept;

 private:
  std::chrono::milliseconds interval_;
  std::atomic<std::int64_t> next_ns_{INT64_MIN};
  std::atomic<std::uint64_t> suppressed_{0};
};

/// Collects the lines of the whole process (as text, at every level) while it lives, instead of writing them. For
/// tests.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool contains(std::string_view part) const;

 private:
  LogLevel previous_level_;
};

}  // namespace gantry

/// GANTRY_LOG(level, "event.name", field("key", value)...). Fields are evaluated only when the level is on.
#define GANTRY_LOG(level, event, ...)                                       \
  do {                                                                      \
    if (::gantry::log_enabled(::gantry::LogLevel::level)) {                 \
      using ::gantry::field;                                                \
      ::gantry::write_log(::gantry::LogLevel::level, event, {__VA_ARGS__}); \
    }                                                                       \
  } while (false)

/// The same, at most once per `interval` (a std::chrono duration) from this line of code; says how many it held back.
#define GANTRY_LOG_EVERY(interval, level, event, ...)                                                      \
  do {                                                                                                     \
    if (::gantry::log_enabled(::gantry::LogLevel::level)) {                                                \
      using ::gantry::field;                                                                               \
      static ::gantry::LogLimiter gantry_limiter_{interval};                                               \
      if (const auto gantry_verdict_ = gantry_limiter_.admit(); gantry_verdict_.admitted) {                \
        ::gantry::write_log(::gantry::LogLevel::level, event,                                              \
                            {__VA_ARGS__ __VA_OPT__(, ) field("suppressed", gantry_verdict_.suppressed)}); \
      }                                                                                                    \
    }                                                                                                      \
  } while (false)
