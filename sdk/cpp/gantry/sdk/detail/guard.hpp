#pragma once
// The wall between C++ and the C seam: nothing that is thrown inside a plugin gets past these functions.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gantry::sdk::detail {

inline gantry_bytes to_bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline std::string_view to_view(gantry_bytes bytes) noexcept {
  return bytes.size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(bytes.data), bytes.size);
}

/// Copies as much of `text` as the caller has room for. `error` may be null: then nobody wants to know.
inline void fill_error(gantry_error* error, std::string_view text) noexcept {
  if (error == nullptr) return;
  error->size = 0;
  if (error->text == nullptr || error->capacity == 0) return;
  error->size = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), error->capacity));
  std::memcpy(error->text, text.data(), error->size);
}

/// The status of an Error; one that claims to be fine is our own fault.
inline gantry_status status_of(const Error& error) noexcept {
  return error.code == Errc::ok ? GANTRY_E_INTERNAL : static_cast<gantry_status>(error.code);
}

/// Calls `work`, which returns a Status, and turns every way to fail into a status and a text.
template <typename Work>
gantry_status guarded(gantry_error* error, Work&& work) noexcept {
  try {
    const Status outcome = std::forward<Work>(work)();
    if (outcome) return GANTRY_OK;
    fill_error(error, outcome.error().text);
    return status_of(outcome.error());
  } catch (const std::exception& thrown) {
    fill_error(error, thrown.what());
  } catch (...) {
    fill_error(error, "the plugin threw something that is not a std::exception");
  }
  return GANTRY_E_INTERNAL;
}

/// Calls `work`, which returns nothing; `otherwise` stands in for it when it throws.
template <typename Work, typename Otherwise>
void guarded_void(Work&& work, Otherwise&& otherwise) noexcept {
  try {
    std::forward<Work>(work)();
  } catch (const std::exception& thrown) {
    std::forward<Otherwise>(otherwise)(std::string_view(thrown.what()));
  } catch (...) {
    std::forward<Otherwise>(otherwise)(std::string_view("something that is not a std::exception was thrown"));
  }
}

/// Room for a callee's error text, on the caller's stack.
class ErrorBuffer {
 public:
  gantry_error* out() noexcept { return &error_; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {text_, std::min<std::size_t>(error_.size, sizeof text_)};
  }

  /// The Error of a call that did not answer GANTRY_OK. A status that the seam does not know is the callee's fault.
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

/// The element of an array whose elements may be larger than the T that this code was compiled with.
template <typename T>
T& at_stride(T* array, std::uint64_t stride, std::uint64_t index) noexcept {
  using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
  return *reinterpret_cast<T*>(reinterpret_cast<Byte*>(array) + stride * index);
}

/// Writes a struct into memory whose owner said, in struct_size, how much of it he knows.
template <typename T>
void assign_sized(T& out, const T& value) noexcept {
  const std::uint32_t size = out.struct_size;
  std::memcpy(static_cast<void*>(&out), &value, std::min<std::size_t>(size, sizeof(T)));
  if (size >= sizeof out.struct_size) out.struct_size = size;
}

/// Finds the object that serves an extension: the plugin itself when it derives from it, else what its accessor
/// (`store()`, `filter()`, ...) returns. Each extension specialises Accessor beside itself.
template <typename Extension>
struct Accessor;

template <typename Extension, typename Plugin>
inline constexpr bool offers = std::is_base_of_v<Extension, Plugin> || Accessor<Extension>::template found<Plugin>;

template <typename Extension, typename Plugin>
Extension& extension_of(Plugin& plugin) {
  if constexpr (std::is_base_of_v<Extension, Plugin>) {
    return plugin;
  } else {
    return Accessor<Extension>::of(plugin);
  }
}

}  // namespace gantry::sdk::detail
