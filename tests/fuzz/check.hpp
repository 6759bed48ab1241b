#pragma once
// What a fuzz target does when a promise is broken: stop, in every build type.

#include <cstdlib>

namespace gantry::fuzz {

inline void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace gantry::fuzz
