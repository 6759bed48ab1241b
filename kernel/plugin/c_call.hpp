#pragma once
// What calls of the seam have in common on the kernel's side.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::plugin {

inline gantry_bytes to_bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline std::string_view to_view(gantry_bytes bytes) noexcept {
  return bytes.data == nullptr || bytes.size == 0 ? std::string_view()
                                                  : std::string_view(static_cast<const char*>(bytes.data), bytes.size);
}

/// Room for a callee's error text, on the caller's stack.
class ErrorBuffer {
 public:
  gantry_error* out() noexcept { return &error_; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {text_, std::min<std::size_t>(error_.size, sizeof text_)};
  }

  /// The Error of a call that did not answer GANTRY_OK. A status that the seam does not know is the plugin's fault.
  [[nodiscard]] Error to_error(gantry_status status) const {
    const bool known = status > GANTRY_OK && status <= GANTRY_E_INTERNAL;
    return {known ? static_cast<Errc>(status) : Errc::internal, std::string(text())};
  }
  [[nodiscard]] Status to_status(gantry_status status) const {
    if (status == GANTRY_OK) return {};
    return to_error(status);
  }

 private:
  char text_[1024];  // not cleared: only `size` bytes of it are ever read
  gantry_error error_{text_, sizeof text_, 0};
};

}  // namespace gantry::plugin
