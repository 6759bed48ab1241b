#pragma once
// Who starts before whom, and whether everything that somebody needs is there. Pure.

#include "kernel/plugin/manifest.hpp"
#include "kernel/plugin/refusal.hpp"

#include <cstddef>
#include <vector>

namespace gantry::plugin {

struct StartOrder {
  std::vector<std::size_t>
      order;  ///< indices into the manifests: providers before those who require them, else as given
  Refusals refusals;
};

/// Refuses missing providers, several providers where one is allowed, no store when one is needed, and cycles.
StartOrder decide_start_order(const std::vector<const Manifest*>& manifests, bool need_store);

}  // namespace gantry::plugin
