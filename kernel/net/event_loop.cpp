#include "kernel/net/event_loop.hpp"

#include "kernel/base/assert.hpp"

#include <utility>

namespace gantry::net {

namespace {
thread_local const EventLoop* current_loop = nullptr;
}

struct EventLoop::Wake {
  EventLoop* loop;
  using allocator_type = OpAllocator<void, 128>;
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(loop->wake_slot_); }
  void operator()() const { loop->run_posted(); }
};

// Only this thread touches descriptors, so the reactor needs no locks; posting from elsewhere does.
EventLoop::EventLoop() : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), work_(io_.get_executor()), timer_(io_) {}

EventLoop::~EventLoop() { discard(); }

void EventLoop::run() {
  GANTRY_ASSERT(!started_.exchange(true), "an event loop runs once");
  current_loop = this;
  arm_timer();
  io_.run();
  discard();
  current_loop = nullptr;
}

void EventLoop::stop() {
  post([this] { io_.stop(); });
}

bool EventLoop::runs_here() const noexcept { return current_loop == this; }

void EventLoop::post(Task task) { enqueue({std::move(task), ChannelId(), {}}); }

void EventLoop::post_to_channel(ChannelId channel, UniqueFunction<void(Channel*)> use) {
  enqueue({{}, channel, std::move(use)});
}

void EventLoop::enqueue(Posted posted) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;  // `posted` is destroyed after the lock is gone
    posted_.push_back(std::move(posted));
    if (std::exchange(wake_pending_, true)) return;
  }
  asio::post(io_, Wake{this});
}

void EventLoop::run_posted() {
  {
    const std::lock_guard lock(mutex_);
    wake_pending_ = false;
    running_.swap(posted_);
  }
  for (Posted& posted : running_) {
    if (posted.task) {
      posted.task();
      posted.task = nullptr;
    } else {
      posted.use(find_channel_(posted.channel));
      posted.use = nullptr;
    }
  }
  running_.clear();
  if (running_.capacity() > kept_posts) std::vector<Posted>().swap(running_);
}

Executor::TimerId EventLoop::call_after(std::chrono::milliseconds delay, Task task) {
  GANTRY_ASSERT(runs_here() || !started_.load(), "timers belong to the thread of their loop");
  const TimerId timer = timers_.add(std::chrono::steady_clock::now() + delay, std::move(task));
  if (started_.load()) arm_timer();
  return timer;
}

void EventLoop::cancel(TimerId timer) {
  GANTRY_ASSERT(runs_here() || !started_.load(), "timers belong to the thread of their loop");
  const Task task = timers_.cancel(timer);
}

// The timer of the operating system is set anew only for an earlier time; one that comes too early (its task was
// cancelled) finds nothing due and is set to what is next.
void EventLoop::arm_timer() {
  const auto next = timers_.next();
  if (!next || *next >= armed_for_) return;
  armed_for_ = *next;
  timer_.expires_at(*next);
  timer_.async_wait([this](const error_code& error) {
    if (!error) fire_timers();
  });
}

void EventLoop::fire_timers() {
  armed_for_ = TimerQueue::Instant::max();
  // Tasks added with delay 0 meanwhile wait for the next turn, so that they cannot keep the loop to themselves.
  const auto now = std::chrono::steady_clock::now();
  while (Task task = timers_.take_due(now)) task();
  arm_timer();
}

void EventLoop::discard() {
  std::vector<Posted> posted;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    posted.swap(posted_);
  }
  TimerQueue timers = std::exchange(timers_, TimerQueue());
}

}  // namespace gantry::net
