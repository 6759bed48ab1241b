#include "kernel/env/random.hpp"

#include "kernel/base/assert.hpp"

#include <bit>
#include <random>

namespace gantry {
namespace {

/// Spreads one seed over the whole state, so that neighbouring seeds do not give neighbouring sequences (splitmix64).
std::uint64_t spread(std::uint64_t& seed) noexcept {
  seed += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = seed;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) noexcept : state_{} {
  for (std::uint64_t& word : state_) word = spread(seed);
}

Random Random::from_system() {
  std::random_device device;
  return Random((std::uint64_t{device()} << 32) | device());
}

std::uint64_t Random::next() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  GANTRY_ASSERT(bound > 0);
  // Numbers from the incomplete last round would make small results likelier; they are drawn again.
  const std::uint64_t first_fair = (0 - bound) % bound;
  std::uint64_t drawn = next();
  while (drawn < first_fair) drawn = next();
  return drawn % bound;
}

double Random::unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

}  // namespace gantry
