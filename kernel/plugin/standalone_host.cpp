#include "kernel/plugin/standalone_host.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

namespace gantry::plugin {

namespace {

class SteadyClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  [[nodiscard]] std::int64_t steady_ns() const noexcept override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }
};

constexpr std::size_t waiting_max = 1024;

}  // namespace

/// A thread with tasks and timers; what is posted is run, also while it stops, timers excepted.
class StandaloneHost::Loop final : public Executor {
 public:
  Loop() : thread_([this] { serve(); }) {}
  ~Loop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void post(Task task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool try_post(Task&& task) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || tasks_.size() >= waiting_max) return false;
      tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
    return true;
  }
  [[nodiscard]] bool runs_here() const noexcept override { return std::this_thread::get_id() == thread_.get_id(); }

  TimerId call_after(std::chrono::milliseconds delay, Task task) override {
    const std::lock_guard lock(mutex_);
    const TimerId id = ++last_timer_;
    timers_.emplace(Due{std::chrono::steady_clock::now() + delay, id}, std::move(task));
    changed_.notify_all();
    return id;
  }
  void cancel(TimerId timer) override {
    const std::lock_guard lock(mutex_);
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      if (it->first.second != timer) continue;
      timers_.erase(it);
      return;
    }
  }

 private:
  using Due = std::pair<std::chrono::steady_clock::time_point, TimerId>;

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (Task task = next_due(); task) {
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
      } else if (stopping_) {
        return;
      } else if (timers_.empty()) {
        changed_.wait(lock);
      } else {
        const auto until = timers_.begin()->first.first;  // a copy: the entry may go while the lock is released
        changed_.wait_until(lock, until);
      }
    }
  }

  Task next_due() {
    Task task;
    if (!tasks_.empty()) {
      task = std::move(tasks_.front());
      tasks_.pop_front();
    } else if (!stopping_ && !timers_.empty() && timers_.begin()->first.first <= std::chrono::steady_clock::now()) {
      task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    return task;
  }

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::map<Due, Task> timers_;
  TimerId last_timer_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last, because it uses all of the above
};

StandaloneHost::StandaloneHost(std::string data_folder)
    : loop_(std::make_unique<Loop>()), data_folder_(std::move(data_folder)) {}
StandaloneHost::~StandaloneHost() = default;

const Clock& StandaloneHost::clock() const noexcept {
  static const SteadyClock clock;
  return clock;
}
MetricsRegistry& StandaloneHost::metrics() noexcept { return metrics_; }
std::string_view StandaloneHost::data_folder() const noexcept { return data_folder_; }
Executor& StandaloneHost::control() noexcept { return *loop_; }
bool StandaloneHost::run_blocking(UniqueFunction<void()> task) { return loop_->try_post(std::move(task)); }

Status StandaloneHost::publish(const gantry_outgoing&, PublishDone) {
  return Error{Errc::unavailable, "cannot publish: there is no broker around the plugin"};
}

void StandaloneHost::answer(std::uint64_t ticket, std::int32_t code, std::string_view remark,
                            std::span<const gantry_bytes>, std::string_view) {
  const std::lock_guard lock(mutex_);
  answers_.push_back({ticket, code, std::string(remark)});
}

void StandaloneHost::fault(std::string_view, FaultSeverity severity, std::string_view text) {
  const std::lock_guard lock(mutex_);
  faults_.emplace_back(severity, text);
}

std::vector<StandaloneHost::Answer> StandaloneHost::take_answers() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

std::vector<std::pair<FaultSeverity, std::string>> StandaloneHost::take_faults() {
  const std::lock_guard lock(mutex_);
  return std::exchange(faults_, {});
}

}  // namespace gantry::plugin
