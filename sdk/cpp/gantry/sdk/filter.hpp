#pragma once
// gantry.filter/1 in C++: one filter language, the expressionType of a subscription.

#include "gantry/abi/filter.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/properties.hpp"
#include "gantry/sdk/result.hpp"

#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace gantry::sdk {

/// One candidate message; a view, valid until match() returns.
class FilterMessage {
 public:
  explicit FilterMessage(const gantry_filter_message& message) noexcept : message_(&message) {}
  [[nodiscard]] std::string_view properties() const noexcept { return detail::to_view(message_->properties); }
  /// The whole stored record, in RocketMQ's layout.
  [[nodiscard]] std::string_view record() const noexcept { return detail::to_view(message_->record); }
  [[nodiscard]] std::int64_t tag_code() const noexcept { return message_->tag_code; }
  [[nodiscard]] std::optional<std::string_view> property(std::string_view name) const {
    return find_property(properties(), name);
  }
  /// The C struct, for what takes it (gantry/sdk/functions.hpp).
  [[nodiscard]] const gantry_filter_message& raw() const noexcept { return *message_; }

 private:
  const gantry_filter_message* message_;
};

/// A compiled expression; immutable, so that several shards may match with it at once.
class FilterProgram {
 public:
  virtual ~FilterProgram() = default;
  /// [any-thread, concurrently] Whether the message matches. What cannot be evaluated does not match; an exception
  /// counts as no match. Must not block.
  [[nodiscard]] virtual bool match(const FilterMessage& message) const = 0;
};

class Filter {
 public:
  static constexpr const char* extension_id = GANTRY_FILTER_ID;
  virtual ~Filter() = default;

  /// [any-thread][configured] The expressionType that this serves, for example "SQL92"; a literal.
  [[nodiscard]] virtual std::string_view language() const = 0;
  /// [any-thread][started] Errc::invalid_argument names position, expected and found. Bounded in time and memory for
  /// any input; must not block.
  virtual Result<std::unique_ptr<const FilterProgram>> compile(std::string_view expression) = 0;
};

namespace detail {

template <>
struct Accessor<Filter> {
  template <typename Plugin>
  static constexpr bool found = requires(Plugin& plugin) {
    { plugin.filter() } -> std::convertible_to<Filter&>;
  };
  template <typename Plugin>
  static Filter& of(Plugin& plugin) {
    return plugin.filter();
  }
};

template <typename Instance>
struct FilterTrampolines {
  static Filter& of(void* self) { return extension_of<Filter>(static_cast<Instance*>(self)->plugin); }

  static gantry_bytes language(void* self) noexcept {
    gantry_bytes name = {};
    guarded_void([=, &name] { name = to_bytes(of(self).language()); },
                 [=](std::string_view thrown) { static_cast<Instance*>(self)->report_thrown("filter", thrown); });
    return name;
  }

  static gantry_status compile(void* self, gantry_bytes expression, gantry_filter_program** out,
                               gantry_error* error) noexcept {
    *out = nullptr;
    return guarded(error, [=]() -> Status {
      GANTRY_ASSIGN(std::unique_ptr<const FilterProgram> program, of(self).compile(to_view(expression)));
      if (program == nullptr) return Error{Errc::internal, "the filter compiled an expression into nothing"};
      // Handed out as an opaque pointer; only match() and release() below turn it back.
      *out = reinterpret_cast<gantry_filter_program*>(const_cast<FilterProgram*>(program.release()));
      return {};
    });
  }

  static void match(void*, const gantry_filter_program* program, const gantry_filter_message* messages,
                    std::uint64_t stride, std::uint8_t* verdicts, std::uint64_t count) noexcept {
    const auto& filter = *reinterpret_cast<const FilterProgram*>(program);
    for (std::uint64_t i = 0; i < count; ++i) {
      verdicts[i] = 0;
      try {
        verdicts[i] = filter.match(FilterMessage(at_stride(messages, stride, i))) ? 1 : 0;
      } catch (...) {  // no match, as the interface says
      }
    }
  }

  static void release(void* self, gantry_filter_program* program) noexcept {
    guarded_void([=] { delete reinterpret_cast<const FilterProgram*>(program); },
                 [=](std::string_view thrown) { static_cast<Instance*>(self)->report_thrown("filter", thrown); });
  }
};

template <typename Instance>
inline constexpr gantry_filter_table filter_table = {sizeof(gantry_filter_table),
                                                     0,
                                                     &FilterTrampolines<Instance>::language,
                                                     &FilterTrampolines<Instance>::compile,
                                                     &FilterTrampolines<Instance>::match,
                                                     &FilterTrampolines<Instance>::release};

}  // namespace detail
}  // namespace gantry::sdk
