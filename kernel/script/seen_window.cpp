#include "kernel/script/seen_window.hpp"

namespace gantry::script {

std::uint64_t stable_hash(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

bool SeenWindow::seen(std::string_view key, std::int64_t now_ms, std::int64_t window_ms) {
  std::uint64_t hash = stable_hash(key);
  if (hash == 0) hash = 1;
  Stripe& stripe = stripes_[hash % stripe_count];
  const std::lock_guard lock(stripe.mutex);
  if (stripe.slots.empty()) stripe.slots.resize(slots_per_stripe);
  const std::size_t home = (hash / stripe_count) % slots_per_stripe;
  Slot* oldest = nullptr;
  for (std::size_t i = 0; i < probes; ++i) {
    Slot& slot = stripe.slots[(home + i) % slots_per_stripe];
    if (slot.hash == hash) {
      if (now_ms - slot.first_ms < window_ms) return true;
      slot.first_ms = now_ms;
      return false;
    }
    if (oldest == nullptr || slot.hash == 0 || (oldest->hash != 0 && slot.first_ms < oldest->first_ms)) oldest = &slot;
  }
  *oldest = {hash, now_ms};
  return false;
}

}  // namespace gantry::script
