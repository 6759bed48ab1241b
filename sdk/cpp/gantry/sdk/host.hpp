#pragma once
// What the broker offers to a plugin: log, clock, blocking pool, timers, metrics, publishing, answers, fault reports.

#include "gantry/abi/host.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/functions.hpp"
#include "gantry/sdk/log.hpp"
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

namespace detail {

/// A callback on its way through the host's `fn(arg)`; frees itself when it has run.
struct HostWork {
  const gantry_host* host;
  std::function<void()> run;

  static void run_and_free(void* argument) noexcept {
    const std::unique_ptr<HostWork> work(static_cast<HostWork*>(argument));
    guarded_void([&work] { work->run(); },
                 [&work](std::string_view thrown) {
                   constexpr std::string_view place = "a callback that the plugin gave to the host threw: ";
                   std::array<char, 512> text;
                   const std::size_t length = std::min(thrown.size(), text.size() - place.size());
                   std::memcpy(text.data(), place.data(), place.size());
                   std::memcpy(text.data() + place.size(), thrown.data(), length);
                   work->host->fault(work->host->context, GANTRY_FAULT_DEGRADED,
                                     gantry_bytes{text.data(), place.size() + length});
                 });
  }
};

}  // namespace detail

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

/// A message to publish on the plugin's behalf. Borrows everything until publish() returns.
struct Outgoing {
  std::string_view topic;
  std::string_view body;
  std::string_view properties = {};  ///< see gantry/sdk/properties.hpp
  std::int32_t queue_id = -1;        ///< -1: the host chooses
  std::int64_t born_ms = 0;          ///< 0: now
  std::int64_t prepared_offset = 0;
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;
  std::int32_t reconsume_count = 0;
  gantry_address born_host = {};
};

/// Where a published message went. `message_id` is borrowed until the callback returns.
struct Published {
  Status status = {};
  std::int64_t log_offset = -1;
  std::int64_t queue_offset = -1;
  std::string_view message_id = {};
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
    const gantry_outgoing outgoing = to_c(message);
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
            Published published{.log_offset = outcome->log_offset,
                                .queue_offset = outcome->queue_offset,
                                .message_id = detail::to_view(outcome->message_id)};
            if (outcome->status != GANTRY_OK) {
              published.status =
                  Error{static_cast<Errc>(outcome->status),
                        "the message was not published: " + std::string(to_string(static_cast<Errc>(outcome->status)))};
            }
            if (self->tell) self->tell(published);
          },
          [&self](std::string_view thrown) {
            self->host->fault(self->host->context, GANTRY_FAULT_DEGRADED, detail::to_bytes(thrown));
          });
    }
  };

  static gantry_outgoing to_c(const Outgoing& message) noexcept {
    gantry_outgoing out = {};
    out.struct_size = sizeof out;
    out.queue_id = message.queue_id;
    out.topic = detail::to_bytes(message.topic);
    out.body = detail::to_bytes(message.body);
    out.properties = detail::to_bytes(message.properties);
    out.born_ms = message.born_ms;
    out.prepared_offset = message.prepared_offset;
    out.flag = message.flag;
    out.sys_flag = message.sys_flag;
    out.reconsume_count = message.reconsume_count;
    out.born_host = message.born_host;
    return out;
  }

  [[nodiscard]] gantry_metric* metric(std::uint32_t kind, std::string_view name, std::string_view help) const noexcept {
    return table_->metric(table_->context, kind, detail::to_bytes(name), detail::to_bytes(help));
  }

  const gantry_host* table_;
};

}  // namespace gantry::sdk
