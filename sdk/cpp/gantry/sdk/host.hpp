#pragma once
// What the broker offers to a plugin: log, clock, blocking pool, timers, metrics, publishing, answers, fault reports.

#include "gantry/abi/host.h"
#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/detail/host_work.hpp"
#include "gantry/sdk/functions.hpp"
#include "gantry/sdk/log.hpp"
#include "gantry/sdk/messages.hpp"
#include "gantry/sdk/metric.hpp"
#include "gantry/sdk/result.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::sdk {

enum class FaultSeverity : std::uint32_t {
  degraded = GANTRY_FAULT_DEGRADED,  ///< the plugin goes on with less; shown to the operator
  fatal = GANTRY_FAULT_FATAL,        ///< the node must stop serving; the host begins an orderly stop
};

/// A pending timer, owned by the plugin; its end cancels it.
///
/// Thread: cancelled on the control thread (where the callback runs), the callback is certain not to run any more. On
/// another thread it may be running at that moment. The plugin ends its timers in stop() or before.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept { swap(other); }
  Timer& operator=(Timer&& other) noexcept {
    Timer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Timer() { cancel(); }

  /// True when the callback will not run; false when it ran, is running, or there was none.
  bool cancel() noexcept {
    const gantry_host* host = std::exchange(host_, nullptr);
    if (host == nullptr || host->timer_cancel(host->context, id_) == 0) return false;
    delete work_;  // a callback that runs frees itself; one that was called off is ours to free
    return true;
  }

 private:
  friend class Host;
  Timer(const gantry_host* host, std::uint64_t id, detail::HostWork* work) noexcept
      : host_(host), id_(id), work_(work) {}
  void swap(Timer& other) noexcept {
    std::swap(host_, other.host_);
    std::swap(id_, other.id_);
    std::swap(work_, other.work_);
  }

  const gantry_host* host_ = nullptr;
  std::uint64_t id_ = 0;
  detail::HostWork* work_ = nullptr;
};

/// The answer to a request that a command took. Borrows everything until answer() returns.
struct Answer {
  std::int32_t code = 0;  ///< RocketMQ response code; 0 = SUCCESS
  std::string_view remark = {};
  std::span<const std::pair<std::string_view, std::string_view>> fields = {};
  std::string_view body = {};
};

/// A handle to the host's services, as small as a pointer; copies are equal. It is valid as long as the plugin's
/// instance. Every function is [any-thread] and does not block.
class Host {
 public:
  explicit Host(const gantry_host* table) noexcept : table_(table) {}

  // ---- log and clock ----

  [[nodiscard]] bool log_enabled(LogLevel level) const noexcept {
    return table_->log_enabled(table_->context, static_cast<std::uint32_t>(level)) != 0;
  }
  /// `event` names what happened, in words with dots: "storage.recovered".
  void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) const {
    if (!log_enabled(level)) return;
    std::string text;
    for (const LogField& each : fields) detail::append_field(text, each);
    table_->log(table_->context, static_cast<std::uint32_t>(level), detail::to_bytes(event), detail::to_bytes(text));
  }

  /// Milliseconds since 1970 (UTC): what goes into messages and files.
  [[nodiscard]] std::int64_t wall_ms() const noexcept { return table_->wall_ms(table_->context); }
  /// Never goes back: what timeouts are measured with.
  [[nodiscard]] std::int64_t steady_ns() const noexcept { return table_->steady_ns(table_->context); }

  /// The node's data folder, an absolute path: the root of the store. A plugin that is no store keeps its files in
  /// "gantry/<plugin id>" below it. Valid as long as the plugin's instance.
  [[nodiscard]] std::string_view data_folder() const noexcept {
    return detail::to_view(table_->data_folder(table_->context));
  }

  /// Functions that filter expressions may call; empty when this host provides none. Valid as long as the instance.
  [[nodiscard]] Functions functions() const noexcept {
    const bool known = table_->struct_size >= offsetof(gantry_host, functions) + sizeof table_->functions;
    return Functions(known ? table_->functions : nullptr);
  }

  /// The running broker; empty when this host has none. Valid as long as the plugin's instance.
  [[nodiscard]] Broker broker() const noexcept { return Broker(table_); }

  // ---- work elsewhere ----

  /// Runs `work` on the host's bounded pool for blocking work. Errc::busy when its queue is full: then it never runs.
  /// What was accepted runs exactly once, before the plugin is destroyed. What it throws is reported as a fault.
  Status run_blocking(std::function<void()> work) const {
    auto owned = std::make_unique<detail::HostWork>(detail::HostWork{table_, std::move(work)});
    if (const auto status = table_->run_blocking(table_->context, &detail::HostWork::run_and_free, owned.get());
        status != GANTRY_OK) {
      return Error{static_cast<Errc>(status),
                   "cannot run work on the pool for blocking work: its queue is full or the "
                   "host is stopping"};
    }
    static_cast<void>(owned.release());  // it frees itself
    return {};
  }

  /// Runs `work` once on the control thread after `delay`, unless the Timer ends before. It must not block.
  /// Errc::busy when the plugin has too many timers.
  Result<Timer> start_timer(std::chrono::milliseconds delay, std::function<void()> work) const {
    auto owned = std::make_unique<detail::HostWork>(detail::HostWork{table_, std::move(work)});
    std::uint64_t id = 0;
    if (const auto status =
            table_->timer_start(table_->context, delay.count(), &detail::HostWork::run_and_free, owned.get(), &id);
        status != GANTRY_OK) {
      return Error{static_cast<Errc>(status), "cannot start a timer: the plugin has too many or the host is stopping"};
    }
    return Timer(table_, id, owned.release());
  }

  // ---- metrics: named <plugin id>_<name> by the host ----

  [[nodiscard]] Counter counter(std::string_view name, std::string_view help) const noexcept {
    return {table_, metric(GANTRY_METRIC_COUNTER, name, help)};
  }
  [[nodiscard]] Gauge gauge(std::string_view name, std::string_view help) const noexcept {
    return {table_, metric(GANTRY_METRIC_GAUGE, name, help)};
  }
  [[nodiscard]] Histogram histogram(std::string_view name, std::string_view help) const noexcept {
    return {table_, metric(GANTRY_METRIC_HISTOGRAM, name, help)};
  }

  // ---- messages and requests ----

  /// Publishes through the normal path, without interceptors, into an existing or system topic. On success `done` is
  /// called exactly once, on any thread, once the topic's acknowledgement promise is kept; on an error never.
  Status publish(const Outgoing& message, std::function<void(const Published&)> done) const {
    auto owned = std::make_unique<Publication>(Publication{table_, std::move(done)});
    const gantry_outgoing outgoing = detail::to_c(message);
    std::array<char, 512> text;
    gantry_error error{text.data(), static_cast<std::uint32_t>(text.size()), 0};
    if (const auto status = table_->publish(table_->context, &outgoing, &Publication::done, owned.get(), &error);
        status != GANTRY_OK) {
      return Error{static_cast<Errc>(status), std::string(text.data(), error.size)};
    }
    static_cast<void>(owned.release());  // done() frees it
    return {};
  }

  /// Answers a request that Command::execute() took: exactly once for each ticket.
  void answer(std::uint64_t ticket, const Answer& answer) const {
    std::vector<gantry_bytes> fields;
    fields.reserve(answer.fields.size() * 2);
    for (const auto& [name, value] : answer.fields) {
      fields.push_back(detail::to_bytes(name));
      fields.push_back(detail::to_bytes(value));
    }
    table_->answer(table_->context, ticket, answer.code, detail::to_bytes(answer.remark), fields.data(), fields.size(),
                   detail::to_bytes(answer.body));
  }

  /// Reports what the plugin cannot handle itself.
  void fault(FaultSeverity severity, std::string_view text) const noexcept {
    table_->fault(table_->context, static_cast<std::uint32_t>(severity), detail::to_bytes(text));
  }

  /// The C table, for what has no wrapper here.
  [[nodiscard]] const gantry_host* raw() const noexcept { return table_; }

 private:
  struct Publication {
    const gantry_host* host;
    std::function<void(const Published&)> tell;

    static void done(void* argument, const gantry_publish_outcome* outcome) noexcept {
      const std::unique_ptr<Publication> self(static_cast<Publication*>(argument));
      detail::guarded_void(
          [&self, outcome] {
            const Published published = detail::from_c(*outcome);
            if (self->tell) self->tell(published);
          },
          [&self](std::string_view thrown) {
            self->host->fault(self->host->context, GANTRY_FAULT_DEGRADED, detail::to_bytes(thrown));
          });
    }
  };

  [[nodiscard]] gantry_metric* metric(std::uint32_t kind, std::string_view name, std::string_view help) const noexcept {
    return table_->metric(table_->context, kind, detail::to_bytes(name), detail::to_bytes(help));
  }

  const gantry_host* table_;
};

}  // namespace gantry::sdk
