#pragma once
// Strict JSON, told piece by piece to whoever builds something else than RocketMQ's bodies from it.

#include "gantry/sdk/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantry::protocol {

/// What read_json() finds, in the order of the text. Texts are valid until the call returns. May throw: read_json()
/// lets it pass and keeps nothing.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void null_value() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void real(double value) = 0;  ///< also whole numbers that 64 bits do not hold
  virtual void text(std::string_view value) = 0;
  virtual void key(std::string_view name) = 0;  ///< the value of that member follows
  virtual void object_begin() = 0;
  virtual void object_end() = 0;
  virtual void array_begin() = 0;
  virtual void array_end() = 0;
};

inline constexpr int json_events_depth_max = 64;

/// Reads one JSON document (RFC 8259) in linear time. invalid_argument with position, expected and found; nesting
/// beyond json_events_depth_max is refused. [any-thread]
Status read_json(std::string_view json, JsonEvents& events);

}  // namespace gantry::protocol
