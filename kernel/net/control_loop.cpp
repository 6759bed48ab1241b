#include "kernel/net/control_loop.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/net/event_loop.hpp"

#include <optional>
#include <utility>

namespace gantry::net {

struct ControlLoop::Impl {
  EventLoop loop;
  std::optional<asio::signal_set> signals;
  UniqueFunction<void(int)> handle;

  void wait_for_signal() {
    signals->async_wait([this](const error_code& error, int number) {
      if (error) return;
      handle(number);
      wait_for_signal();
    });
  }
};

ControlLoop::ControlLoop() : impl_(std::make_unique<Impl>()) {}
ControlLoop::~ControlLoop() = default;

void ControlLoop::on_signals(std::initializer_list<int> numbers, UniqueFunction<void(int)> handle) {
  GANTRY_ASSERT(!impl_->signals, "signals are set up once");
  impl_->handle = std::move(handle);
  impl_->signals.emplace(impl_->loop.io());
  for (const int number : numbers) impl_->signals->add(number);
  impl_->wait_for_signal();
}

void ControlLoop::run() { impl_->loop.run(); }
void ControlLoop::stop() { impl_->loop.stop(); }
void ControlLoop::post(Task task) { impl_->loop.post(std::move(task)); }
bool ControlLoop::runs_here() const noexcept { return impl_->loop.runs_here(); }
Executor::TimerId ControlLoop::call_after(std::chrono::milliseconds delay, Task task) {
  return impl_->loop.call_after(delay, std::move(task));
}
void ControlLoop::cancel(TimerId timer) { impl_->loop.cancel(timer); }

}  // namespace gantry::net
