#pragma once
// The plugins as the broker sees them. kernel.cpp adapts the plugin room to these interfaces, so that requests are
// handled without knowing how plugins are found and loaded.

#include "gantry/abi/command.h"
#include "gantry/abi/filter.h"
#include "gantry/abi/interceptor.h"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::broker {

/// A compiled subscription expression. Immutable.
class CompiledFilter {
 public:
  virtual ~CompiledFilter() = default;
  /// [any-thread, concurrently] verdicts[i] = 1: message i matches. Never fails, never blocks.
  virtual void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const = 0;
};

/// One filter language (gantry.filter).
class FilterLanguage {
 public:
  virtual ~FilterLanguage() = default;
  /// [any-thread] The error names position, expected and found; unsupported: nobody speaks that part of the language.
  virtual Result<std::shared_ptr<const CompiledFilter>> compile(std::string_view expression) = 0;
};

/// Serves one request code (gantry.command).
class CommandHandler {
 public:
  virtual ~CommandHandler() = default;
  /// [shard] Answers later, or before it returns, through Broker::answer(ticket).
  virtual void execute(const gantry_command_request& request) = 0;
};

/// All slots. [any-thread] unless a function says otherwise; what is returned lives as long as the slots.
class PluginSlots {
 public:
  struct Command {
    CommandHandler* handler = nullptr;  ///< nullptr: no plugin serves the code
    bool administrative = false;        ///< only for peers that may administrate
  };

  virtual ~PluginSlots() = default;

  /// nullptr: no plugin speaks the language ("SQL92").
  [[nodiscard]] virtual FilterLanguage* filter(std::string_view language) = 0;

  /// False: intercept_publish() would do nothing. Asked once per batch.
  [[nodiscard]] virtual bool intercepts_publish() const noexcept = 0;
  /// [shard] Runs the chain over messages that are about to be stored; see gantry/abi/interceptor.h. queue_open[i] !=
  /// 0: the producer of message i left the choice of its queue to the broker.
  virtual void intercept_publish(std::span<gantry_publishing> messages, std::span<const std::uint8_t> queue_open,
                                 const gantry_scratch& scratch) = 0;

  // ---- what operators bind to topics and groups, besides what a subscription asks for ----

  /// False: bound_filter() answers nullptr for everything. Asked once per pull.
  [[nodiscard]] virtual bool binds_filters() const noexcept { return false; }
  /// Grows when bound_filter() may answer otherwise than before.
  [[nodiscard]] virtual std::uint64_t bindings_version() const noexcept { return 0; }
  /// nullptr: every message may be delivered to that group.
  [[nodiscard]] virtual std::shared_ptr<const CompiledFilter> bound_filter(std::string_view /*topic*/,
                                                                           std::string_view /*group*/) {
    return nullptr;
  }
  /// False: intercept_send_back() would do nothing.
  [[nodiscard]] virtual bool intercepts_send_back() const noexcept { return false; }
  /// [any-thread] Looks at a message that its consumer gave back, before it goes to be retried or to the dead letters.
  virtual void intercept_send_back(gantry_publishing& /*message*/, const gantry_scratch& /*scratch*/) {}

  [[nodiscard]] virtual Command command(std::int32_t code) = 0;
};

/// The slots of a broker without plugins.
class NoPlugins final : public PluginSlots {
 public:
  [[nodiscard]] FilterLanguage* filter(std::string_view) override { return nullptr; }
  [[nodiscard]] bool intercepts_publish() const noexcept override { return false; }
  void intercept_publish(std::span<gantry_publishing>, std::span<const std::uint8_t>, const gantry_scratch&) override {}
  [[nodiscard]] Command command(std::int32_t) override { return {}; }
};

}  // namespace gantry::broker
