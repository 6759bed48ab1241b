#pragma once
// Counts the allocations of the whole test program, to show that paths taken per message make none.

#include <cstddef>

namespace gantry::routing::testing {

/// Allocations by operator new since the program began, on all threads.
std::size_t allocation_count() noexcept;

}  // namespace gantry::routing::testing
