#pragma once
// Turns messages that want to be delivered later into records of the topics in which they wait.

#include "plugins/delay/wish.hpp"

#include "gantry/sdk/interceptor.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>

namespace gantry::delay {

/// [any-thread] Holds no state of messages.
class Rewriter {
 public:
  struct Settings {
    WishLimits limits;
    std::string broker_name;
    bool recall = true;
  };
  /// What became of a message, for who counts and wakes.
  struct Outcome {
    bool is_timer = false;
    std::int64_t due_ms = 0;
  };

  explicit Rewriter(Settings settings) : settings_(std::move(settings)) {}

  /// Leaves ordinary messages as they are, rejects wishes that make no sense. An Error: there was no memory to write
  /// the change to; the message is as it was.
  Result<Outcome> rewrite(sdk::Publishing& message, std::int64_t now_ms) const;

 private:
  Status to_level(sdk::Publishing& message, std::int32_t level) const;
  Status to_timer(sdk::Publishing& message, const Wish& wish) const;

  const Settings settings_;
};

}  // namespace gantry::delay
