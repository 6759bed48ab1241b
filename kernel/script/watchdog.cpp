#include "kernel/script/watchdog.hpp"

#include "kernel/script/machine.hpp"

#include <chrono>
#include <csignal>
#include <cstring>

namespace gantry::script {
namespace {

constexpr std::chrono::milliseconds tick{1};

// What the handler of this thread interrupts. Only this thread and its own handler touch it.
constinit thread_local Machine* volatile current = nullptr;

void on_signal(int) {
  if (Machine* const machine = current) machine->interrupt();
}

}  // namespace

WatchSlot::WatchSlot() : thread_(pthread_self()) {
  sigset_t urgent;
  sigemptyset(&urgent);
  sigaddset(&urgent, SIGURG);
  pthread_sigmask(SIG_UNBLOCK, &urgent, nullptr);
}

void WatchSlot::begin(Machine& machine) noexcept {
  current = &machine;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void WatchSlot::end() noexcept {
  calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  current = nullptr;
}

Watchdog::Watchdog() {
  struct sigaction action {};
  action.sa_handler = &on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGURG, &action, nullptr);
  // Signals of the process are for others.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "g-script-watch");
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::add(WatchSlot& slot) {
  {
    const std::lock_guard lock(mutex_);
    slots_.push_back(&slot);
  }
  wake_.notify_one();
}

void Watchdog::remove(WatchSlot& slot) {
  const std::lock_guard lock(mutex_);
  std::erase(slots_, &slot);
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (slots_.empty()) {
      wake_.wait(lock);
      continue;
    }
    wake_.wait_for(lock, tick);
    for (WatchSlot* slot : slots_) {
      const std::uint64_t calls = slot->calls_.load(std::memory_order_relaxed);
      if ((calls & 1) != 0 && calls == slot->seen_) pthread_kill(slot->thread_, SIGURG);
      slot->seen_ = calls;
    }
  }
}

}  // namespace gantry::script
