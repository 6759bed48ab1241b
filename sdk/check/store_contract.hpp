#pragma once
// The contract of gantry.store/1 as a list of named checks that run on any store, ours or a stranger's. Every check
// restates one promise of gantry/abi/store.h and answers with what it expected and what it found.
//
//     for (const StoreCheck& check : store_checks()) Status outcome = run_store_check(check, harness);
//
// Needs nothing but the SDK: the tests of the tree call it, and so does `gantry plugin check`.

#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace gantry::check {

/// Makes, restarts and wipes the store under test. One store at a time; used from one thread.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;

  /// A started store over what the last one left behind (nothing, after wipe()). It is told the events through
  /// `listener`, whose context stays valid until close() returns. The store belongs to the harness.
  virtual Result<sdk::Store*> open(const gantry_store_listener& listener) = 0;
  /// An orderly stop of the open store. No call is inside the store then.
  virtual Status close() = 0;
  /// Forgets everything that was stored. Called while closed.
  virtual Status wipe() = 0;

  /// Whether messages and blobs survive close() and open().
  [[nodiscard]] virtual bool persistent() const = 0;
  /// A record of this size can never be stored, or 0 when checking that would take too much memory or time.
  [[nodiscard]] virtual std::uint64_t impossible_record_size() const { return 0; }
};

struct StoreCheck {
  std::string_view name;     ///< in snake_case: the behaviour, as a test's name
  std::string_view concern;  ///< one sentence: what goes wrong for users when it fails
  Status (*run)(StoreHarness& harness);
  bool needs_persistence = false;
};

/// All checks, in a sensible order. Static data.
[[nodiscard]] std::span<const StoreCheck> store_checks();

/// Wipes, runs one check and closes whatever it left open. Ok when the check does not apply to this store.
[[nodiscard]] Status run_store_check(const StoreCheck& check, StoreHarness& harness);

}  // namespace gantry::check
