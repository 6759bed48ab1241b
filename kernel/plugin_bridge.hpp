#pragma once
// Joins the plugin room and the broker room, which do not know each other: slots in one direction, host services in the
// other.

#include "kernel/base/clock.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/base/unique_function.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/plugin_slots.hpp"
#include "kernel/net/blocking_pool.hpp"
#include "kernel/plugin/host_backend.hpp"
#include "kernel/plugin/plugin_set.hpp"
#include "kernel/script/host.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

/// The broker's pool for what may block is the process's.
class BrokerPool final : public broker::BlockingPool {
 public:
  explicit BrokerPool(net::BlockingPool& pool) : pool_(pool) {}
  [[nodiscard]] bool post(UniqueFunction<void()> task) override { return pool_.post(std::move(task)); }

 private:
  net::BlockingPool& pool_;
};

/// The slots of a configured PluginSet and the scripts, as the broker sees them; both outlive this object. Scripts look
/// at a message after the interceptors of plugins. Of SQL92, expressions of the form lua:name(arguments) are theirs.
class PluginSlotsBridge final : public broker::PluginSlots {
 public:
  /// [control] After PluginSet::configure().
  PluginSlotsBridge(plugin::PluginSet& plugins, script::ScriptHost& scripts);

  [[nodiscard]] broker::FilterLanguage* filter(std::string_view language) override;
  [[nodiscard]] bool intercepts_publish() const noexcept override {
    return !plugins_.interceptors().empty() || scripts_.intercepts_publish();
  }
  void intercept_publish(std::span<gantry_publishing> messages, std::span<const std::uint8_t> queue_open,
                         const gantry_scratch& scratch) override {
    plugins_.interceptors().publish(messages, scratch);
    if (scripts_.intercepts_publish()) scripts_.publish(messages, queue_open, scratch);
  }
  [[nodiscard]] bool binds_filters() const noexcept override { return scripts_.binds_pulls(); }
  [[nodiscard]] std::uint64_t bindings_version() const noexcept override { return scripts_.version(); }
  [[nodiscard]] std::shared_ptr<const broker::CompiledFilter> bound_filter(std::string_view topic,
                                                                           std::string_view group) override;
  [[nodiscard]] bool intercepts_send_back() const noexcept override { return scripts_.intercepts_send_back(); }
  void intercept_send_back(gantry_publishing& message, const gantry_scratch& scratch) override {
    scripts_.send_back(message, scratch);
  }
  [[nodiscard]] Command command(std::int32_t code) override;
  ~PluginSlotsBridge() override;

 private:
  class Language;
  class Handler;

  plugin::PluginSet& plugins_;
  script::ScriptHost& scripts_;
  std::mutex mutex_;  // guards both maps; an entry, once made, stays
  std::map<std::string, std::unique_ptr<Language>, std::less<>> languages_;
  std::map<std::int32_t, std::unique_ptr<Handler>> handlers_;
};

/// What plugins may ask of this process. The broker arrives later than the plugins and is announced with attach().
class HostBridge final : public plugin::HostBackend {
 public:
  using OnFatal = UniqueFunction<void(std::string reason)>;

  /// All references outlive this object. `on_fatal` runs on the control thread, at most once.
  HostBridge(const Clock& clock, MetricsRegistry& metrics, Executor& control, net::BlockingPool& pool,
             const gantry_functions& functions, std::filesystem::path data_folder, OnFatal on_fatal);

  /// [control] nullptr before the broker goes.
  void attach(broker::Broker* broker) noexcept { broker_.store(broker, std::memory_order_release); }

  [[nodiscard]] const Clock& clock() const noexcept override { return clock_; }
  [[nodiscard]] MetricsRegistry& metrics() noexcept override { return metrics_; }
  [[nodiscard]] std::string_view data_folder() const noexcept override { return data_folder_; }
  [[nodiscard]] const gantry_functions* functions() const noexcept override { return &functions_; }
  [[nodiscard]] Executor& control() noexcept override { return control_; }
  [[nodiscard]] bool run_blocking(UniqueFunction<void()> task) override { return pool_.post(std::move(task)); }
  Status publish(const gantry_outgoing& message, PublishDone done) override;
  void answer(std::uint64_t ticket, std::int32_t code, std::string_view remark, std::span<const gantry_bytes> fields,
              std::string_view body) override;
  void fault(std::string_view plugin_id, plugin::FaultSeverity severity, std::string_view text) override;

 private:
  const Clock& clock_;
  MetricsRegistry& metrics_;
  Executor& control_;
  net::BlockingPool& pool_;
  const gantry_functions& functions_;
  const std::string data_folder_;
  OnFatal on_fatal_;  // control
  std::atomic<broker::Broker*> broker_{nullptr};
};

}  // namespace gantry
