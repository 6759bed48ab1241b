#pragma once
// A filter plugin as the broker calls it.

#include "gantry/abi/filter.h"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gantry::plugin {

/// A compiled expression; given back to its plugin at the end. Immutable. Must end before the plugin is stopped.
class FilterProgram {
 public:
  FilterProgram(const gantry_filter_table* table, void* self, gantry_filter_program* program) noexcept
      : table_(table), self_(self), program_(program) {}
  ~FilterProgram() { table_->release(self_, program_); }
  FilterProgram(const FilterProgram&) = delete;
  FilterProgram& operator=(const FilterProgram&) = delete;

  /// [any-thread, concurrently] verdicts[i] = 1: message i matches. `verdicts` has an element for each message.
  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const {
    table_->match(self_, program_, messages.data(), sizeof(gantry_filter_message), verdicts, messages.size());
  }

 private:
  const gantry_filter_table* table_;
  void* self_;
  gantry_filter_program* program_;
};

/// One filter language. `table` has been checked; table and `self` outlive this object.
class FilterAdapter {
 public:
  FilterAdapter(const gantry_filter_table* table, void* self, std::string language)
      : table_(table), self_(self), language_(std::move(language)) {}

  [[nodiscard]] const std::string& language() const noexcept { return language_; }

  /// [any-thread] The Error names position, expected and found.
  Result<std::shared_ptr<const FilterProgram>> compile(std::string_view expression) const;

 private:
  const gantry_filter_table* table_;
  void* self_;
  std::string language_;
};

}  // namespace gantry::plugin
