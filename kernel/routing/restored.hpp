#pragma once
// What became of a table that was loaded from a file.

#include <cstddef>
#include <string>
#include <utility>

namespace gantry::routing {

/// A value. Files are edited by hand and written by other brokers, so entries that make no sense are expected; they are
/// counted instead of being warned of one by one, because there may be a million of them.
struct Restored {
  std::size_t count = 0;     ///< entries taken
  std::size_t rejected = 0;  ///< what was left out, or taken with another value
  std::string first;         ///< which was the first of these, and why

  /// `describe` makes the text, when it is the first.
  template <typename Describe>
  void reject(Describe&& describe) {
    if (rejected++ == 0) first = std::forward<Describe>(describe)();
  }
};

}  // namespace gantry::routing
