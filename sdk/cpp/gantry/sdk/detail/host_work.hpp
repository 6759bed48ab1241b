#pragma once
// A callback on its way through the host, which knows only fn(arg).

#include "gantry/abi/host.h"
#include "gantry/sdk/detail/guard.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>

namespace gantry::sdk::detail {

/// A callback on its way through the host's `fn(arg)`; frees itself when it has run.
struct HostWork {
  const gantry_host* host;
  std::function<void()> run;

  static void run_and_free(void* argument) noexcept {
    const std::unique_ptr<HostWork> work(static_cast<HostWork*>(argument));
    guarded_void([&work] { work->run(); },
                 [&work](std::string_view thrown) {
                   constexpr std::string_view place = "a callback that the plugin gave to the host threw: ";
                   std::array<char, 512> text;
                   const std::size_t length = std::min(thrown.size(), text.size() - place.size());
                   std::memcpy(text.data(), place.data(), place.size());
                   std::memcpy(text.data() + place.size(), thrown.data(), length);
                   work->host->fault(work->host->context, GANTRY_FAULT_DEGRADED,
                                     gantry_bytes{text.data(), place.size() + length});
                 });
  }
};

}  // namespace gantry::sdk::detail
