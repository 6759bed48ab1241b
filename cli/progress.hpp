#pragma once
// One line on the terminal that tells how far a long command is.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace gantry::cli {

/// Writes "<what> <count>" to stderr, at most four times a second, and only when stderr is a terminal. One thread.
class Progress {
 public:
  enum class Mode : std::uint8_t { on, off };

  Progress(std::string what, Mode mode)
      : what_(std::move(what)), shown_(mode == Mode::on && isatty(STDERR_FILENO) == 1) {}

  void update(std::uint64_t count) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(250)) return;
    last_ = now;
    drawn_ = true;
    std::fprintf(stderr, "\r%s %llu", what_.c_str(), static_cast<unsigned long long>(count));
  }

  /// Takes the line away again.
  void finish() {
    if (drawn_) std::fprintf(stderr, "\r\033[K");
    drawn_ = false;
  }

 private:
  std::string what_;
  bool shown_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace gantry::cli
