#pragma once
// What operators ask: which transactions are open or discarded, what became of one, and to resume one.

#include "plugins/txn/context.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::txn {

struct ListRequest {
  bool open = true;
  bool discarded = true;
  std::string topic;  ///< empty: all
  std::string group;
  std::size_t count_max = 100;  ///< of each kind
};

/// A transaction by its id, or by a place of one of its half messages.
struct ShowRequest {
  std::string id;
  std::string group;  ///< empty: of any
  std::int64_t half_offset = -1;
  std::int64_t log_offset = -1;
};

/// [any-thread][may block]
class Operations {
 public:
  static constexpr std::size_t count_max = 1'000;
  /// Open or discarded transactions that one request looks at to find those that it asks for.
  static constexpr std::size_t looked_at_max = 20'000;

  explicit Operations(Context& context) : context_(context) {}

  /// JSON: counts, and the oldest open and the newest discarded transactions.
  [[nodiscard]] std::string list(const ListRequest& request);
  /// JSON: what is known of the transaction, one object for each group that has one of that id.
  Result<std::string> show(const ShowRequest& request);
  /// Puts a discarded half message back: RESUME_CHECK_HALF_MESSAGE(323). `tell` is called exactly once.
  void resume(std::string_view message_id, const Tell& tell);

 private:
  std::string list_open(const ListRequest& request);
  std::string list_discarded(const ListRequest& request);
  std::string describe(std::string_view id, std::string_view group);

  Context& context_;
};

}  // namespace gantry::txn
