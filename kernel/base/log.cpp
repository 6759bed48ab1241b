#include "kernel/base/log.hpp"

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace gantry {

namespace detail {
std::atomic<LogLevel> log_level{LogLevel::info};
}

namespace {

constexpr auto stop_wait_max = std::chrono::seconds(2);

std::int64_t wall_ms_now() noexcept {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// False when not all of it could be written. An interrupted call is repeated; any other failure gives up.
bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<int> open_log_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd >= 0) return fd;
  return Error{Errc::io, "opening the log file " + path + " for appending: " + std::generic_category().message(errno) +
                             "; check [log] file and the rights of its folder"};
}

/// Where all lines go. Never destroyed: threads may log until the process ends, and a writer that is stuck in a blocked
/// terminal is left behind rather than waited for.
class Sink {
 public:
  Status start(const LogOptions& options) {
    int fd = STDERR_FILENO;
    if (!options.file.empty()) {
      GANTRY_ASSIGN(fd, open_log_file(options.file));
    }
    const std::lock_guard lock(mutex_);
    options_ = options;
    replace_fd(fd);
    if (!running_) {
      running_ = true;
      stopping_ = false;
      std::thread([this] { write_until_stopped(); }).detach();
    }
    return {};
  }

  Status reopen() {
    std::string file;
    {
      const std::lock_guard lock(mutex_);
      file = options_.file;
    }
    if (file.empty()) return {};
    GANTRY_ASSIGN(const int fd, open_log_file(file));
    const std::lock_guard lock(mutex_);
    replace_fd(fd);
    return {};
  }

  void stop() noexcept {
    std::unique_lock lock(mutex_);
    if (!running_) return;
    stopping_ = true;
    work_.notify_all();
    stopped_.wait_for(lock, stop_wait_max, [this] { return !running_; });
  }

  void add(LogLevel level, std::string_view event, std::span<const LogField> fields) {
    const std::int64_t now = wall_ms_now();
    std::unique_lock lock(mutex_);
    if (capturing_) {
      captured_ += format_log_line(LogFormat::text, now, level, event, fields);
      return;
    }
    const LogFormat format = options_.format;
    const bool queued = running_;
    lock.unlock();
    const std::string line = format_log_line(format, now, level, event, fields);
    if (!queued) {
      if (!write_all(STDERR_FILENO, line)) count_dropped(1);
      return;
    }
    lock.lock();
    if (pending_.size() + line.size() > options_.pending_bytes_max) return count_dropped(1);
    pending_ += line;
    lock.unlock();
    work_.notify_one();
  }

  void begin_capture() {
    const std::lock_guard lock(mutex_);
    GANTRY_ASSERT(!capturing_, "one LogCapture at a time");
    capturing_ = true;
    captured_.clear();
  }
  void end_capture() noexcept {
    const std::lock_guard lock(mutex_);
    capturing_ = false;
  }
  std::string captured() {
    const std::lock_guard lock(mutex_);
    return captured_;
  }

  void count_dropped(std::uint64_t count) noexcept { dropped_.fetch_add(count, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  // The writer may be inside write() on the old descriptor, so it is the writer who closes it, between two writes.
  void replace_fd(int fd) {
    if (next_fd_ >= 0 && next_fd_ != STDERR_FILENO) ::close(next_fd_);
    next_fd_ = fd;
  }

  void write_until_stopped() noexcept {
    std::string batch;
    std::uint64_t reported = dropped();
    int fd = STDERR_FILENO;
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
      if (pending_.empty()) break;
      if (next_fd_ >= 0) {
        if (fd != STDERR_FILENO) ::close(fd);
        fd = std::exchange(next_fd_, -1);
      }
      batch.swap(pending_);
      const LogFormat format = options_.format;
      lock.unlock();
      const bool written = write_all(fd, batch);
      if (!written) {
        count_dropped(static_cast<std::uint64_t>(std::count(batch.begin(), batch.end(), '\n')));
      } else if (const std::uint64_t lost = dropped(); lost != reported) {
        const LogField fields[] = {field("count", lost - reported)};
        write_all(fd, format_log_line(format, wall_ms_now(), LogLevel::warn, "log.lines_dropped", fields));
        reported = lost;
      }
      batch.clear();
      lock.lock();
    }
    if (fd != STDERR_FILENO) ::close(fd);
    running_ = false;
    stopped_.notify_all();
  }

  std::mutex mutex_;  // guards what follows; held for copies of a line, never for a write
  std::condition_variable work_;
  std::condition_variable stopped_;
  LogOptions options_;
  std::string pending_;
  std::string captured_;
  int next_fd_ = -1;  // opened, not yet taken over by the writer
  bool running_ = false;
  bool stopping_ = false;
  bool capturing_ = false;
  std::atomic<std::uint64_t> dropped_{0};
};

Sink& sink() {
  static Sink* const the_sink = new Sink;  // see Sink: deliberately never destroyed
  return *the_sink;
}

}  // namespace

Status start_log(const LogOptions& options) {
  GANTRY_TRY(sink().start(options));
  set_log_level(options.level);
  return {};
}

Status reopen_log() { return sink().reopen(); }

void stop_log() noexcept { sink().stop(); }

void set_log_level(LogLevel level) noexcept { detail::log_level.store(level, std::memory_order_relaxed); }

std::uint64_t dropped_log_lines() noexcept { return sink().dropped(); }

void write_log(LogLevel level, std::string_view event, std::span<const LogField> fields) noexcept {
  // A line that cannot be allocated is lost, which is no reason to lose the process.
  try {
    sink().add(level, event, fields);
  } catch (const std::exception&) {
    sink().count_dropped(1);
  }
}

LogLimiter::Verdict LogLimiter::admit(std::chrono::steady_clock::time_point now) noexcept {
  const std::int64_t now_ns = std::chrono::nanoseconds(now.time_since_epoch()).count();
  std::int64_t next = next_ns_.load(std::memory_order_relaxed);
  while (now_ns >= next) {
    if (next_ns_.compare_exchange_weak(next, now_ns + std::chrono::nanoseconds(interval_).count(),
                                       std::memory_order_relaxed)) {
      return {true, suppressed_.exchange(0, std::memory_order_relaxed)};
    }
  }
  suppressed_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

LogCapture::LogCapture() : previous_level_(detail::log_level.load()) {
  sink().begin_capture();
  set_log_level(LogLevel::trace);
}

LogCapture::~LogCapture() {
  sink().end_capture();
  set_log_level(previous_level_);
}

std::string LogCapture::text() const { return sink().captured(); }

bool LogCapture::contains(std::string_view part) const { return text().find(part) != std::string::npos; }

}  // namespace gantry
