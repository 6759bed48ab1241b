#include "kernel/plugin/interceptor_chain.hpp"

#include "kernel/base/log.hpp"
#include "kernel/plugin/c_call.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

namespace gantry::plugin {

namespace {

constexpr std::int32_t system_error = 1;  // RocketMQ's response code

/// RocketMQ clients try SYSTEM_ERROR again with another broker, which is right for a fault of this one.
void reject_all(std::span<gantry_publishing> messages, std::string_view reason) noexcept {
  for (gantry_publishing& message : messages) {
    if (message.verdict != GANTRY_VERDICT_ACCEPT) continue;
    message.verdict = GANTRY_VERDICT_REJECT;
    message.reject_code = system_error;
    message.reject_reason = to_bytes(reason);
  }
}

bool all_rejected(std::span<const gantry_publishing> messages) noexcept {
  return std::none_of(messages.begin(), messages.end(),
                      [](const gantry_publishing& message) { return message.verdict == GANTRY_VERDICT_ACCEPT; });
}

}  // namespace

struct InterceptorChain::Link {
  Link(std::string plugin_id, const gantry_interceptor_table* plugin_table, void* plugin, OnError policy,
       TripLimits limits, const Clock& host_clock, gantry::Counter& error_counter)
      : id(std::move(plugin_id)),
        reason("the interceptor '" + id + "' failed; the broker's log says why"),
        table(plugin_table),
        self(plugin),
        on_error(policy),
        trip(limits),
        clock(host_clock),
        errors(error_counter) {}

  const std::string id;
  const std::string reason;  // lives as long as the link, so that rejected messages may point at it
  const gantry_interceptor_table* table;
  void* self;
  std::atomic<OnError> on_error;
  TripSwitch trip;
  const Clock& clock;
  gantry::Counter& errors;
};

InterceptorChain::InterceptorChain() = default;
InterceptorChain::~InterceptorChain() = default;

void InterceptorChain::add(std::string plugin_id, const gantry_interceptor_table* table, void* self, OnError on_error,
                           TripLimits limits, const Clock& clock, gantry::Counter& errors) {
  links_.push_back(std::make_unique<Link>(std::move(plugin_id), table, self, on_error, limits, clock, errors));
}

void InterceptorChain::set_policy(std::string_view plugin_id, OnError on_error, TripLimits limits) {
  for (auto& link : links_) {
    if (link->id != plugin_id) continue;
    link->on_error.store(on_error, std::memory_order_relaxed);
    link->trip.set_limits(limits);
  }
}

bool InterceptorChain::tripped(std::string_view plugin_id) const noexcept {
  return std::any_of(links_.begin(), links_.end(),
                     [&](const auto& link) { return link->id == plugin_id && link->trip.tripped(); });
}

void InterceptorChain::publish(std::span<gantry_publishing> messages, const gantry_scratch& scratch) noexcept {
  for (auto& link : links_) {
    if (all_rejected(messages)) return;
    run(*link, link->table->publish, messages, scratch);
  }
}

void InterceptorChain::send_back(std::span<gantry_publishing> messages, const gantry_scratch& scratch) noexcept {
  constexpr std::size_t size_with_send_back =
      offsetof(gantry_interceptor_table, send_back) + sizeof(gantry_interceptor_table::send_back);
  for (auto& link : links_) {
    if (all_rejected(messages)) return;
    if (link->table->struct_size < size_with_send_back || link->table->send_back == nullptr) continue;
    run(*link, link->table->send_back, messages, scratch);
  }
}

void InterceptorChain::run(Link& link, Function function, std::span<gantry_publishing> messages,
                           const gantry_scratch& scratch) noexcept {
  const OnError policy = link.on_error.load(std::memory_order_relaxed);
  const auto pass = link.trip.admit([&link] { return link.clock.steady_ns(); });
  if (pass == TripSwitch::Pass::refused) {
    if (policy == OnError::reject) reject_all(messages, link.reason);
    return;
  }

  // Only a policy that accepts needs the messages as they were. The memory is kept for the thread's next batch.
  thread_local std::vector<gantry_publishing> before;
  if (policy == OnError::accept) before.assign(messages.begin(), messages.end());

  ErrorBuffer error;
  const auto status =
      function(link.self, messages.data(), sizeof(gantry_publishing), messages.size(), &scratch, error.out());
  if (status == GANTRY_OK) {
    if (pass == TripSwitch::Pass::probe && link.trip.recovered()) {
      GANTRY_LOG(info, "plugin.recovered", field("plugin", link.id));
    }
    return;
  }

  if (policy == OnError::accept) {
    std::copy(before.begin(), before.end(), messages.begin());
  } else {
    reject_all(messages, link.reason);
  }
  link.errors.add();
  if (link.trip.failed(link.clock.steady_ns())) {
    GANTRY_LOG(error, "plugin.tripped", field("plugin", link.id), field("reason", error.text()),
               field("messages", policy == OnError::accept ? "pass without it" : "are rejected"));
  } else {
    GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "plugin.failed", field("plugin", link.id),
                     field("reason", error.text()));
  }
}

}  // namespace gantry::plugin
