#pragma once
// Which messages a pull wants: from an expression or a subscription to what the store's read understands.

#include "gantry/abi/store.h"
#include "gantry/sdk/result.hpp"
#include "kernel/base/string_hash.hpp"
#include "kernel/broker/plugin_slots.hpp"
#include "protocol/codes.hpp"
#include "protocol/heartbeat.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::broker {

/// Parses a TAG expression: empty or "*" is all (no codes), else tags separated by "||". False when there are only
/// separators. Tags that are all blank select nothing. Allocates only while `codes` grows.
bool parse_tag_expression(std::string_view expression, std::vector<std::int64_t>& codes);

/// Compiles for whoever speaks the language. Errors: unsupported (nobody speaks it, or that part of it),
/// invalid_argument (the expression does not compile).
Result<std::shared_ptr<const CompiledFilter>> compile_filter(PluginSlots& plugins, std::string_view language,
                                                             std::string_view expression);

/// How a client hears of such an error.
struct FilterRefusal {
  protocol::ResponseCode code;
  std::string remark;
};
FilterRefusal filter_refusal(std::string_view language, const Error& error);

/// Whether the tags of a subscription let an entry of a queue pass; expressions of other languages are not looked at.
bool passes_tags(const protocol::SubscriptionData& subscription, std::int64_t tag_code);

/// Compiled expressions by language and text. [shard] Bound: `count_max`; a full cache starts afresh, which costs a
/// compilation per subscription in use.
class FilterCache {
 public:
  static constexpr std::size_t count_max = 4096;

  /// Errors: as of compile_filter().
  Result<std::shared_ptr<const CompiledFilter>> find(PluginSlots& plugins, std::string_view language,
                                                     std::string_view expression);

  /// What operators bound to a topic and a group; nullptr: nothing.
  std::shared_ptr<const CompiledFilter> find_bound(PluginSlots& plugins, std::string_view topic,
                                                   std::string_view group);

 private:
  void follow_bindings(PluginSlots& plugins);

  StringMap<std::shared_ptr<const CompiledFilter>> filters_;
  StringMap<std::shared_ptr<const CompiledFilter>> bound_;
  std::uint64_t version_ = 0;  // of what operators bound, when the maps were filled
  std::string key_;
};

/// The wish of one pull. Reused: choosing anew keeps the memory. Does not move: the matcher points into it.
class Selector {
 public:
  Selector() = default;
  Selector(const Selector&) = delete;
  Selector& operator=(const Selector&) = delete;

  /// For a pull that has to outlive the request.
  void copy_from(const Selector& other) {
    codes_ = other.codes_;
    filter_ = other.filter_;
    bound_ = other.bound_;
  }

  void select_all() {
    codes_.clear();
    filter_.reset();
  }
  /// False: the expression has only separators.
  bool select_tags(std::string_view expression) {
    filter_.reset();
    return parse_tag_expression(expression, codes_);
  }
  /// The tags of a heartbeat's subscription, by the codes that the client computed.
  void select_subscription(const protocol::SubscriptionData& subscription);
  void select_filter(std::shared_ptr<const CompiledFilter> filter) {
    codes_.clear();
    filter_ = std::move(filter);
  }

  /// Comes on top of the choice above, which leaves it as it is. nullptr: nothing does.
  void bind(std::shared_ptr<const CompiledFilter> bound) { bound_ = std::move(bound); }

  /// nullptr: everything matches. Valid until the next choice.
  [[nodiscard]] const gantry_matcher* matcher();

 private:
  static void match(void* context, const gantry_bytes* records, std::uint8_t* verdicts, std::uint64_t count);

  std::vector<std::int64_t> codes_;
  std::shared_ptr<const CompiledFilter> filter_;
  std::shared_ptr<const CompiledFilter> bound_;
  gantry_matcher matcher_{};
};

}  // namespace gantry::broker
