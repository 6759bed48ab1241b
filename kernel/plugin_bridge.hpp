#pragma once
// Joins the plugin room and the broker room, which do not know each other: slots in one direction, host services in the
// other.

#include "gantry/sdk/store_client.hpp"
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
#include <mutex>
#include <span>
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
/// at a message before the interceptors of plugins, because those may put it aside (to be delivered later, say). Of
/// SQL92, expressions of the form lua:name(arguments) are theirs.
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
    if (scripts_.intercepts_publish()) scripts_.publish(messages, queue_open, scratch);
    plugins_.interceptors().publish(messages, scratch);
  }
  [[nodiscard]] bool binds_filters() const noexcept override { return scripts_.binds_pulls(); }
  [[nodiscard]] std::uint64_t bindings_version() const noexcept override { return scripts_.version(); }
  [[nodiscard]] std::shared_ptr<const broker::CompiledFilter> bound_filter(std::string_view topic,
                                                                           std::string_view group) override;
  [[nodiscard]] bool intercepts_send_back() const noexcept override {
    return !plugins_.interceptors().empty() || scripts_.intercepts_send_back();
  }
  void intercept_send_back(gantry_publishing& message, const gantry_scratch& scratch) override {
    if (scripts_.intercepts_send_back()) scripts_.send_back(message, scratch);
    plugins_.interceptors().send_back({&message, 1}, scratch);
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

  /// What a process with a broker says of itself before the broker is there.
  struct Identity {
    std::string broker_name;
    std::vector<std::int64_t> delay_levels_ms;
  };

  /// All references outlive this object. `on_fatal` runs on the control thread, at most once.
  HostBridge(const Clock& clock, MetricsRegistry& metrics, Executor& control, net::BlockingPool& pool,
             const gantry_functions& functions, std::filesystem::path data_folder, Identity identity, OnFatal on_fatal);

  /// [control] Once the plugins are configured.
  void attach(const sdk::StoreClient& store) noexcept { store_ = {store.table(), store.self()}; }
  /// [control] The broker serves; nullptr before it goes.
  void attach(broker::Broker* broker);

  [[nodiscard]] const Clock& clock() const noexcept override { return clock_; }
  [[nodiscard]] MetricsRegistry& metrics() noexcept override { return metrics_; }
  [[nodiscard]] std::string_view data_folder() const noexcept override { return data_folder_; }
  [[nodiscard]] const gantry_functions* functions() const noexcept override { return &functions_; }
  [[nodiscard]] Executor& control() noexcept override { return control_; }
  [[nodiscard]] bool run_blocking(UniqueFunction<void()> task) override { return pool_.post(std::move(task)); }
  Status publish(const gantry_outgoing& message, PublishDone done) override;

  [[nodiscard]] bool has_broker() const noexcept override { return true; }
  void when_serving(UniqueFunction<void()> task) override;
  [[nodiscard]] StoreTable store() const noexcept override { return store_; }
  [[nodiscard]] Result<gantry_topic_info> find_topic(std::string_view topic) override;
  Status ensure_topic(std::string_view topic, std::int32_t queues, std::uint32_t permission) override;
  [[nodiscard]] Result<std::int64_t> find_offset(std::string_view group, std::string_view topic,
                                                 std::int32_t queue_id) override;
  Status set_offset(std::string_view group, std::string_view topic, std::int32_t queue_id,
                    std::int64_t offset) override;
  Status publish_many(const void* sender, std::vector<gantry_outgoing> messages, PublishManyDone done) override;
  Status ask_producer(std::string_view group, std::int32_t code, std::span<const gantry_bytes> fields,
                      std::string_view body) override;
  [[nodiscard]] std::span<const std::int64_t> delay_levels() const noexcept override {
    return identity_.delay_levels_ms;
  }
  [[nodiscard]] std::string_view broker_name() const noexcept override { return identity_.broker_name; }

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
  const Identity identity_;
  OnFatal on_fatal_;  // control
  StoreTable store_;  // set before the plugins start
  std::atomic<broker::Broker*> broker_{nullptr};
  std::mutex mutex_;                             // guards what follows
  std::vector<UniqueFunction<void()>> waiting_;  // for the broker to serve
};

}  // namespace gantry
