#include "kernel/plugin/host_services.hpp"

#include "gantry/sdk/detail/guard.hpp"
#include "kernel/base/log.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

/// What the opaque handle of the seam points at: one metric of one kind.
struct gantry_metric {
  std::string name;
  std::uint32_t kind = 0;
  gantry::Counter* counter = nullptr;
  gantry::Gauge* gauge = nullptr;
  gantry::Histogram* histogram = nullptr;
};

namespace gantry::plugin {

namespace {

constexpr std::size_t text_size_max = 4096;

std::string_view to_view(gantry_bytes bytes) noexcept {
  return bytes.data == nullptr ? std::string_view()
                               : std::string_view(static_cast<const char*>(bytes.data), bytes.size);
}

LogLevel to_level(std::uint32_t level) noexcept {
  return static_cast<LogLevel>(std::min<std::uint32_t>(level, GANTRY_LOG_ERROR));
}

void fill_error(gantry_error* error, std::string_view text) noexcept {
  if (error == nullptr || error->text == nullptr) return;
  error->size = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), error->capacity));
  std::memcpy(error->text, text.data(), error->size);
}

}  // namespace

struct HostServices::State : std::enable_shared_from_this<HostServices::State> {
  State(std::string plugin_id, HostBackend& host_backend) : id(std::move(plugin_id)), backend(host_backend) {
    std::string prefix = "gantry_" + id + "_";
    std::replace(prefix.begin(), prefix.end(), '-', '_');
    metric_prefix = std::move(prefix);
    table.struct_size = sizeof table;
    table.abi_major = GANTRY_ABI_MAJOR;
    table.abi_minor = GANTRY_ABI_MINOR;
    table.context = this;
    table.log = &State::log;
    table.log_enabled = [](void*, std::uint32_t level) noexcept -> int { return gantry::log_enabled(to_level(level)); };
    table.wall_ms = [](void* context) noexcept { return of(context).backend.clock().now_ms(); };
    table.steady_ns = [](void* context) noexcept { return of(context).backend.clock().steady_ns(); };
    table.data_folder = [](void* context) noexcept -> gantry_bytes {
      const std::string_view folder = of(context).backend.data_folder();
      return {folder.data(), folder.size()};
    };
    table.functions = backend.functions();
    table.run_blocking = &State::run_blocking;
    table.timer_start = &State::timer_start;
    table.timer_cancel = &State::timer_cancel;
    table.metric = &State::metric;
    table.metric_add = &State::metric_add;
    table.metric_set = [](gantry_metric* metric, std::int64_t value) noexcept {
      if (metric->gauge != nullptr) metric->gauge->set(value);
    };
    table.metric_record = [](gantry_metric* metric, std::int64_t value) noexcept {
      if (metric->histogram != nullptr) metric->histogram->record(value < 0 ? 0 : static_cast<std::uint64_t>(value));
    };
    table.fault = &State::fault;
    table.publish = &State::publish;
    table.answer = &State::answer;
    if (!backend.has_broker()) return;
    table.broker = &broker;
    broker.struct_size = sizeof broker;
    broker.context = this;
    broker.when_serving = &State::when_serving;
    broker.store = &State::store;
    broker.topic_find = &State::topic_find;
    broker.topic_ensure = &State::topic_ensure;
    broker.offset_find = &State::offset_find;
    broker.offset_set = &State::offset_set;
    broker.publish_many = &State::publish_many;
    broker.ask_producer = &State::ask_producer;
    broker.delay_levels = &State::delay_levels;
    broker.name = [](void* context) noexcept -> gantry_bytes {
      const std::string_view name = of(context).backend.broker_name();
      return {name.data(), name.size()};
    };
  }

  static State& of(void* context) noexcept { return *static_cast<State*>(context); }

  // ---- log, faults, metrics ----

  static void log(void* context, std::uint32_t level, gantry_bytes event, gantry_bytes text) noexcept {
    const LogField fields[] = {field("plugin", of(context).id),
                               LogField::verbatim("fields", to_view(text).substr(0, text_size_max))};
    if (!gantry::log_enabled(to_level(level))) return;
    write_log(to_level(level), to_view(event), std::span(fields, text.size == 0 ? 1 : 2));
  }

  static void fault(void* context, std::uint32_t severity, gantry_bytes text) noexcept {
    State& self = of(context);
    const bool fatal = severity == GANTRY_FAULT_FATAL;
    const std::string_view what = to_view(text).substr(0, text_size_max);
    {
      const std::lock_guard lock(self.mutex);
      ++(fatal ? self.faults.fatal : self.faults.degraded);
      self.faults.last = what;
    }
    if (fatal) {
      GANTRY_LOG(error, "plugin.fault", field("plugin", self.id), field("severity", "fatal"), field("reason", what));
    } else {
      GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "plugin.fault", field("plugin", self.id),
                       field("severity", "degraded"), field("reason", what));
    }
    self.backend.fault(self.id, fatal ? FaultSeverity::fatal : FaultSeverity::degraded, what);
  }

  static gantry_metric* metric(void* context, std::uint32_t kind, gantry_bytes name, gantry_bytes help) noexcept {
    State& self = of(context);
    const std::string full = self.metric_prefix + std::string(to_view(name));
    const std::lock_guard lock(self.mutex);
    for (gantry_metric& known : self.metrics) {
      if (known.name == full) return known.kind == kind ? &known : nullptr;
    }
    if (self.metrics.size() >= metrics_max) return nullptr;
    gantry_metric made{.name = full, .kind = kind};
    MetricsRegistry& registry = self.backend.metrics();
    if (kind == GANTRY_METRIC_COUNTER) made.counter = registry.find_counter(full, to_view(help));
    if (kind == GANTRY_METRIC_GAUGE) made.gauge = registry.find_gauge(full, to_view(help));
    if (kind == GANTRY_METRIC_HISTOGRAM) made.histogram = registry.find_histogram(full, to_view(help));
    if (made.counter == nullptr && made.gauge == nullptr && made.histogram == nullptr) return nullptr;
    return &self.metrics.emplace_back(std::move(made));
  }

  static void metric_add(gantry_metric* metric, std::int64_t value) noexcept {
    if (metric->gauge != nullptr) metric->gauge->add(value);
    if (metric->counter != nullptr && value > 0) metric->counter->add(static_cast<std::uint64_t>(value));
  }

  // ---- work elsewhere ----

  /// One callback that may run: counted from begin() to the end of the Running.
  class Running {
   public:
    explicit Running(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Running(Running&&) noexcept = default;
    Running& operator=(Running&&) = delete;
    ~Running() {
      if (state_) state_->finish();
    }

   private:
    std::shared_ptr<State> state_;
  };

  std::optional<Running> begin() {
    const std::lock_guard lock(mutex);
    if (closed) return std::nullopt;
    ++running;
    return Running(shared_from_this());
  }
  void finish() noexcept {
    const std::lock_guard lock(mutex);
    --running;
    idle.notify_all();
  }

  static gantry_status run_blocking(void* context, void (*fn)(void*), void* arg) noexcept {
    State& self = of(context);
    auto running = self.begin();
    if (!running) return GANTRY_E_UNAVAILABLE;
    const bool accepted = self.backend.run_blocking([running = *std::move(running), fn, arg]() mutable { fn(arg); });
    return accepted ? GANTRY_OK : GANTRY_E_BUSY;
  }

  struct Timer {
    void (*fn)(void*) = nullptr;
    void* arg = nullptr;
    std::optional<Executor::TimerId> armed;  // set on the control thread
  };

  static gantry_status timer_start(void* context, std::int64_t delay_ms, void (*fn)(void*), void* arg,
                                   std::uint64_t* out_id) noexcept {
    State& self = of(context);
    constexpr std::int64_t delay_ms_max = std::int64_t{10} * 365 * 24 * 3'600 * 1'000;
    const std::chrono::milliseconds delay(std::clamp<std::int64_t>(delay_ms, 0, delay_ms_max));
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(self.mutex);
      if (self.closed) return GANTRY_E_UNAVAILABLE;
      if (self.timers.size() >= timers_max) return GANTRY_E_BUSY;
      id = ++self.last_timer;
      self.timers[id] = {fn, arg, std::nullopt};
    }
    *out_id = id;
    Executor& control = self.backend.control();
    if (control.runs_here()) {
      self.arm(id, delay);
    } else {
      control.post([state = self.shared_from_this(), id, delay] { state->arm(id, delay); });
    }
    return GANTRY_OK;
  }

  /// [control]
  void arm(std::uint64_t timer_id, std::chrono::milliseconds delay) {
    const std::lock_guard lock(mutex);
    const auto timer = timers.find(timer_id);
    if (timer == timers.end() || closed) return;  // cancelled meanwhile, or the plugin is going
    timer->second.armed =
        backend.control().call_after(delay, [state = shared_from_this(), timer_id] { state->ring(timer_id); });
  }

  /// [control]
  void ring(std::uint64_t timer_id) {
    Timer timer;
    {
      const std::lock_guard lock(mutex);
      const auto found = timers.find(timer_id);
      if (found == timers.end() || closed) return;
      timer = found->second;
      timers.erase(found);
      ++running;
    }
    const Running guard(shared_from_this());
    timer.fn(timer.arg);
  }

  static int timer_cancel(void* context, std::uint64_t id) noexcept {
    State& self = of(context);
    Timer timer;
    {
      const std::lock_guard lock(self.mutex);
      const auto found = self.timers.find(id);
      if (found == self.timers.end()) return 0;
      timer = found->second;
      self.timers.erase(found);
    }
    if (timer.armed) self.disarm(*timer.armed);
    return 1;
  }

  /// Frees the executor's entry at once, so that restarting a long timer often does not pile them up.
  void disarm(Executor::TimerId armed) {
    Executor& control = backend.control();
    if (control.runs_here()) {
      control.cancel(armed);
    } else {
      control.post([&control, armed] { control.cancel(armed); });
    }
  }

  // ---- messages and requests ----

  /// A plugin of an earlier version filled less of it.
  static gantry_outgoing known_part(const gantry_outgoing& message) noexcept {
    gantry_outgoing known = {};
    std::memcpy(&known, &message, std::min<std::size_t>(message.struct_size, sizeof known));
    return known;
  }

  static gantry_status publish(void* context, const gantry_outgoing* message,
                               void (*done)(void*, const gantry_publish_outcome*), void* arg,
                               gantry_error* error) noexcept {
    State& self = of(context);
    auto running = self.begin();
    if (!running) {
      fill_error(error, "cannot publish: the plugin is stopping");
      return GANTRY_E_UNAVAILABLE;
    }
    const Status outcome = self.backend.publish(
        known_part(*message),
        [running = *std::move(running), done, arg](const gantry_publish_outcome& result) { done(arg, &result); });
    if (outcome) return GANTRY_OK;
    fill_error(error, outcome.error().text);
    return static_cast<gantry_status>(outcome.error().code);
  }

  static void answer(void* context, std::uint64_t ticket, std::int32_t code, gantry_bytes remark,
                     const gantry_bytes* fields, std::uint64_t field_count, gantry_bytes body) noexcept {
    of(context).backend.answer(ticket, code, to_view(remark), std::span(fields, field_count & ~std::uint64_t{1}),
                               to_view(body));
  }

  // ---- the broker ----

  static gantry_status to_status(const Status& outcome, gantry_error* error) noexcept {
    if (outcome) return GANTRY_OK;
    fill_error(error, outcome.error().text);
    return static_cast<gantry_status>(outcome.error().code);
  }

  static gantry_status when_serving(void* context, void (*fn)(void*), void* arg) noexcept {
    State& self = of(context);
    {
      const std::lock_guard lock(self.mutex);
      if (self.closed) return GANTRY_E_UNAVAILABLE;
    }
    self.backend.when_serving([state = self.weak_from_this(), fn, arg] {
      const auto alive = state.lock();
      if (!alive) return;
      if (const auto running = alive->begin()) fn(arg);
    });
    return GANTRY_OK;
  }

  static gantry_status store(void* context, const gantry_store_table** out_table, void** out_self) noexcept {
    const HostBackend::StoreTable store = of(context).backend.store();
    *out_table = store.table;
    *out_self = store.self;
    return store.table == nullptr ? GANTRY_E_UNAVAILABLE : GANTRY_OK;
  }

  static gantry_status topic_find(void* context, gantry_bytes topic, gantry_topic_info* out) noexcept {
    const auto info = of(context).backend.find_topic(to_view(topic));
    if (!info) return static_cast<gantry_status>(info.error().code);
    sdk::detail::assign_sized(*out, *info);
    return GANTRY_OK;
  }

  static gantry_status topic_ensure(void* context, gantry_bytes topic, std::int32_t queue_count,
                                    std::uint32_t permission, gantry_error* error) noexcept {
    return to_status(of(context).backend.ensure_topic(to_view(topic), queue_count, permission), error);
  }

  static gantry_status offset_find(void* context, gantry_bytes group, gantry_bytes topic, std::int32_t queue_id,
                                   std::int64_t* out) noexcept {
    const auto offset = of(context).backend.find_offset(to_view(group), to_view(topic), queue_id);
    if (!offset) return static_cast<gantry_status>(offset.error().code);
    *out = *offset;
    return GANTRY_OK;
  }

  static gantry_status offset_set(void* context, gantry_bytes group, gantry_bytes topic, std::int32_t queue_id,
                                  std::int64_t offset) noexcept {
    return to_status(of(context).backend.set_offset(to_view(group), to_view(topic), queue_id, offset), nullptr);
  }

  static gantry_status publish_many(void* context, const gantry_outgoing* messages, std::uint64_t stride,
                                    std::uint64_t count,
                                    void (*done)(void*, const gantry_publish_outcome*, std::uint64_t, std::uint64_t),
                                    void* arg, gantry_error* error) noexcept {
    State& self = of(context);
    if (count == 0 || count > GANTRY_PUBLISH_COUNT_MAX) {
      fill_error(error, "publish_many takes 1 to " + std::to_string(GANTRY_PUBLISH_COUNT_MAX) + " messages, found " +
                            std::to_string(count));
      return GANTRY_E_INVALID_ARGUMENT;
    }
    auto running = self.begin();
    if (!running) {
      fill_error(error, "cannot publish: the plugin is stopping");
      return GANTRY_E_UNAVAILABLE;
    }
    std::vector<gantry_outgoing> known;
    known.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) known.push_back(known_part(sdk::detail::at_stride(messages, stride, i)));
    return to_status(self.backend.publish_many(
                         &self, std::move(known),
                         [running = *std::move(running), done, arg](std::span<const gantry_publish_outcome> outcomes) {
                           done(arg, outcomes.data(), sizeof(gantry_publish_outcome), outcomes.size());
                         }),
                     error);
  }

  static gantry_status ask_producer(void* context, gantry_bytes group, std::int32_t code, const gantry_bytes* fields,
                                    std::uint64_t field_count, gantry_bytes body) noexcept {
    return to_status(of(context).backend.ask_producer(
                         to_view(group), code, std::span(fields, field_count & ~std::uint64_t{1}), to_view(body)),
                     nullptr);
  }

  static void delay_levels(void* context, const std::int64_t** out_ms, std::uint64_t* out_count) noexcept {
    const auto levels = of(context).backend.delay_levels();
    *out_ms = levels.data();
    *out_count = levels.size();
  }

  const std::string id;
  HostBackend& backend;
  std::string metric_prefix;
  gantry_host table = {};
  gantry_broker broker = {};

  mutable std::mutex mutex;  // guards what follows; never held while the plugin or the backend's tasks run
  std::condition_variable idle;
  bool closed = false;
  std::size_t running = 0;  // callbacks that were promised and have not returned
  std::uint64_t last_timer = 0;
  std::map<std::uint64_t, Timer> timers;
  std::deque<gantry_metric> metrics;  // a deque, because plugins hold pointers to its elements
  Faults faults;
};

HostServices::HostServices(std::string plugin_id, HostBackend& backend)
    : state_(std::make_shared<State>(std::move(plugin_id), backend)) {}

HostServices::~HostServices() = default;

const gantry_host* HostServices::table() const noexcept { return &state_->table; }

bool HostServices::close(std::chrono::milliseconds wait) {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  // The executor forgets the timers, but their entries stay: the plugin's handles cancel them in destroy(), and must be
  // told that they were dropped, so that they free what the callback would have freed.
  std::vector<Executor::TimerId> armed;
  for (auto& [id, timer] : state_->timers) {
    if (timer.armed) armed.push_back(*std::exchange(timer.armed, std::nullopt));
  }
  lock.unlock();
  for (const Executor::TimerId timer : armed) state_->disarm(timer);
  lock.lock();
  return state_->idle.wait_for(lock, wait, [this] { return state_->running == 0; });
}

HostServices::Faults HostServices::faults() const {
  const std::lock_guard lock(state_->mutex);
  return state_->faults;
}

}  // namespace gantry::plugin
