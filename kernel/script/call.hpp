#pragma once
// What host functions know about the call of a script that they are part of. For the files of this room.

#include "kernel/base/clock.hpp"
#include "kernel/script/message.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

struct lua_State;

namespace gantry::script {

class PropertyCache;
class SeenWindow;

/// One hook that a script declared with gantry.hook.
struct Declaration {
  std::string name;
  std::string version;
  HookKind kind = HookKind::filter;
  std::vector<std::string> topics;  ///< patterns; with neither topics nor groups a hook is bound by the configuration
  std::vector<std::string> groups;
  bool always = false;  ///< select_queue: also when the producer has chosen

  friend bool operator==(const Declaration&, const Declaration&) = default;
};

/// The outside world of a script. Outlives its machines; all of it is [any-thread].
struct Services {
  const Clock* clock = nullptr;
  SeenWindow* seen = nullptr;                                              ///< nullptr: gantry.seen is not offered
  std::function<void(std::string_view level, std::string_view text)> log;  ///< may be empty
};

/// Machine::context during a call.
struct Call {
  const Services* services = nullptr;
  Message* message = nullptr;
  HookKind kind = HookKind::function;
  PropertyCache* cache = nullptr;  ///< during a batch
  /// While a script is loaded: what it declares, and the registry's references to the functions.
  std::vector<Declaration>* declares = nullptr;
  std::vector<int>* functions = nullptr;
  std::vector<int>* self_tests = nullptr;
};

}  // namespace gantry::script
