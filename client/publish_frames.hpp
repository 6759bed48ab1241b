#pragma once
// Published messages as the Java client sends them, encoded once: for each message only a few digits are patched.

#include "client/load_spread.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gantry::client {

/// One thread at a time; const functions by any.
class PublishFrames {
 public:
  struct Options {
    std::uint32_t body_bytes = 1024;
    std::uint32_t key_count = 0;  ///< keys of each message, besides the unique key that clients always set
    bool tags = true;             ///< every message has the tag TagA
    bool binary_header = false;   ///< ROCKETMQ header encoding instead of JSON
  };

  /// Templates for every place of `spread`, one for each number of digits that a queue id may have: a load over many
  /// queues touches no more memory of its own than one over few.
  PublishFrames(const LoadSpread& spread, const Options& options);

  /// Appends the frame of the message `stamp.number`; its body begins with the stamp if there is room. `opaque` is used
  /// modulo a thousand million.
  void append(std::string& out, const LoadStamp& stamp, std::uint32_t opaque) const;

 private:
  struct Template {
    std::string bytes;
    std::size_t opaque_at = 0;
    std::size_t topic_number_at = 0;  // 0: the topic has none
    std::size_t queue_at = 0;
    std::size_t unique_at = 0;  // of the running number in the unique key
    std::vector<std::size_t> keys_at;
    std::size_t body_at = 0;
  };
  [[nodiscard]] Template json_template(std::size_t queue_digits) const;
  [[nodiscard]] Template binary_template(std::size_t queue_digits) const;
  [[nodiscard]] std::string blank_topic() const;
  [[nodiscard]] std::string blank_properties(std::string_view between, std::string_view behind, Template& at) const;

  const LoadSpread spread_;
  const Options options_;
  std::vector<Template> by_queue_digits_;  // [0]: ids of one digit
};

}  // namespace gantry::client
