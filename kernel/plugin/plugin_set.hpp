#pragma once
// All plugins of a process: brought up in order, offered to the broker as slots, brought down in reverse.

#include "gantry/sdk/store.hpp"
#include "gantry/sdk/store_client.hpp"
#include "kernel/config/config.hpp"
#include "kernel/plugin/command_table.hpp"
#include "kernel/plugin/filter_adapter.hpp"
#include "kernel/plugin/host_backend.hpp"
#include "kernel/plugin/instance.hpp"
#include "kernel/plugin/interceptor_chain.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/observer_list.hpp"
#include "kernel/plugin/refusal.hpp"
#include "kernel/plugin/store_tools_adapter.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

/// How a plugin is doing, for `gantry plugin list`.
struct PluginStatus {
  std::string id;
  std::string version;
  std::string summary;
  std::string file;
  std::vector<std::string> provides;
  std::string state;  ///< "loaded", "configured", "started", "tripped", "quiescing", "stopped", "failed"
  std::uint64_t degraded_faults = 0;
  std::uint64_t fatal_faults = 0;
  std::string last_fault;
};

/// The boot of a process, in this order:
///
///     LoadResult loaded = load_plugins(request);           // stop with loaded.refusals if there are any
///     add_option_sections(loaded.plugins, tables);         // then resolve the configuration with these tables
///     PluginSet plugins(std::move(loaded), backend);
///     plugins.configure(values);                           // from here on the slots exist
///     plugins.store()->listen(...);
///     plugins.start();
///
/// and its end: refuse new work, quiesce(), let the shards finish, stop(), and destroy it last, when nobody holds
/// anything that came from a slot. Thread: [control]; what the slots return says its own.
class PluginSet {
 public:
  /// `loaded` has no refusals. `backend` outlives the set.
  PluginSet(LoadResult loaded, HostBackend& backend);
  /// Stops what is still started.
  ~PluginSet();
  PluginSet(const PluginSet&) = delete;
  PluginSet& operator=(const PluginSet&) = delete;

  /// Makes and configures all plugins and builds the slots. All refusals of all plugins.
  Refusals configure(const config::Values& values);
  /// Starts all, providers first. On a failure, those that were started are stopped again.
  Refusals start();
  /// New values of live options: all plugins take them, or none does.
  Status reconfigure(const config::Values& before, const config::Values& after);
  /// In reverse order of the start. No new work may reach the slots after this.
  void quiesce();
  /// In reverse order; goes on after a failure. Idempotent.
  Refusals stop();

  // ---- slots, from configure() on ----

  /// nullptr when no plugin is a store.
  [[nodiscard]] sdk::StoreClient* store() noexcept { return store_ ? &*store_ : nullptr; }
  /// nullptr when the store has none. Usable until start().
  [[nodiscard]] sdk::StoreTools* store_tools() noexcept { return store_tools_ ? &*store_tools_ : nullptr; }
  /// [any-thread] nullptr: no plugin speaks the language.
  [[nodiscard]] const FilterAdapter* filter(std::string_view language) const noexcept;
  [[nodiscard]] std::vector<std::string> filter_languages() const;
  [[nodiscard]] InterceptorChain& interceptors() noexcept { return interceptors_; }
  [[nodiscard]] const CommandTable& commands() const noexcept { return commands_; }
  [[nodiscard]] ObserverList& observers() noexcept { return observers_; }

  [[nodiscard]] std::vector<PluginStatus> status() const;

 private:
  Status build_slots(PluginInstance& plugin, const config::Values& values);
  Status add_filter(PluginInstance& plugin, const gantry_filter_table* table);
  [[nodiscard]] gantry::Counter& errors_of(const std::string& plugin_id);

  HostBackend& backend_;
  std::vector<std::unique_ptr<PluginInstance>> plugins_;  // in the order of plugins.load
  std::vector<std::size_t> start_order_;
  std::optional<sdk::StoreClient> store_;
  std::optional<StoreToolsAdapter> store_tools_;
  std::map<std::string, FilterAdapter, std::less<>> filters_;
  InterceptorChain interceptors_;
  CommandTable commands_;
  ObserverList observers_;
};

/// Adds the options of all plugins to the declarations. The Error names the plugin.
Status add_option_sections(const std::vector<LoadedPlugin>& plugins, config::OptionTables& tables);

}  // namespace gantry::plugin
