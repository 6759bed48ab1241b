#include "kernel/net/threads.hpp"

#include "kernel/base/scope_guard.hpp"

#include <csignal>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace gantry::net {

Result<std::thread> start_thread(const std::string& name, UniqueFunction<void()> body) {
  // The new thread inherits the mask, so there is no moment in which it could be interrupted.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const ScopeGuard restore([&before] { pthread_sigmask(SIG_SETMASK, &before, nullptr); });
  try {
    std::thread thread(std::move(body));
    pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
    return thread;
  } catch (const std::system_error& error) {
    return Error{Errc::io, "cannot start thread " + name + ": " + error.what() + "; check the limit of processes"};
  }
}

}  // namespace gantry::net
