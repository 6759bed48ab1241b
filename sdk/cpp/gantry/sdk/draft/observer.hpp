#pragma once
// gantry.observer/1 (draft) in C++: is told what happened, in batches, after the fact. A draft may change with any
// release; a plugin that offers it is refused unless the configuration says `allow_draft = true`.

#include "gantry/abi/draft/observer.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/result.hpp"

#include <concepts>
#include <cstdint>

namespace gantry::sdk {

/// The events of one call; a view, valid until observe() returns.
class EventBatch {
 public:
  EventBatch(const gantry_event* events, std::uint64_t stride, std::uint64_t count) noexcept
      : events_(events), stride_(stride), count_(count) {}
  [[nodiscard]] std::uint64_t size() const noexcept { return count_; }
  [[nodiscard]] const gantry_event& operator[](std::uint64_t index) const noexcept {
    return detail::at_stride(events_, stride_, index);
  }

 private:
  const gantry_event* events_;
  std::uint64_t stride_;
  std::uint64_t count_;
};

class Observer {
 public:
  static constexpr const char* extension_id = GANTRY_OBSERVER_ID;
  virtual ~Observer() = default;

  /// [shard, concurrently on several shards][started] Must not block. Messages flow on whatever it answers.
  virtual Status observe(const EventBatch& events) = 0;
};

namespace detail {

template <>
struct Accessor<Observer> {
  template <typename Plugin>
  static constexpr bool found = requires(Plugin& plugin) {
    { plugin.observer() } -> std::convertible_to<Observer&>;
  };
  template <typename Plugin>
  static Observer& of(Plugin& plugin) {
    return plugin.observer();
  }
};

template <typename Instance>
struct ObserverTrampolines {
  static gantry_status observe(void* self, const gantry_event* events, std::uint64_t stride, std::uint64_t count,
                               gantry_error* error) noexcept {
    return guarded(error, [=] {
      return extension_of<Observer>(static_cast<Instance*>(self)->plugin).observe(EventBatch(events, stride, count));
    });
  }
};

template <typename Instance>
inline constexpr gantry_observer_table observer_table = {sizeof(gantry_observer_table), 0,
                                                         &ObserverTrampolines<Instance>::observe};

}  // namespace detail
}  // namespace gantry::sdk
