#pragma once
// The `gantry` program of this build, as one types it.

#include <string>

namespace gantry::testing {

struct Outcome {
  int status = -1;
  std::string text;  ///< standard output and error together
};

/// Runs `gantry <arguments>` through a shell and waits for its end.
Outcome run_gantry(const std::string& arguments);

}  // namespace gantry::testing
