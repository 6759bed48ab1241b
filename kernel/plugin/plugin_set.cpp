#include "kernel/plugin/plugin_set.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"
#include "kernel/plugin/c_call.hpp"

#include <utility>

namespace gantry::plugin {

namespace {

bool policies_differ(const Manifest& manifest, const config::Values& before, const config::Values& after) {
  for (const std::string_view key : {on_error_key, trip_errors_key, trip_window_key}) {
    const std::string full = "plugins." + manifest.id + "." + std::string(key);
    const auto* old_value = before.find(full);
    const auto* new_value = after.find(full);
    if (old_value != nullptr && new_value != nullptr && *old_value != *new_value) return true;
  }
  return false;
}

}  // namespace

Status add_option_sections(const std::vector<LoadedPlugin>& plugins, config::OptionTables& tables) {
  for (const LoadedPlugin& plugin : plugins) {
    if (auto added = tables.add(option_section(plugin.manifest)); !added) {
      return std::move(added).error().within("the options of " + plugin.manifest.file);
    }
  }
  return {};
}

PluginSet::PluginSet(LoadResult loaded, HostBackend& backend)
    : backend_(backend), start_order_(std::move(loaded.start_order)) {
  GANTRY_ASSERT(loaded.refusals.empty(), "a boot with refusals does not go on");
  GANTRY_ASSERT(start_order_.size() == loaded.plugins.size());
  for (LoadedPlugin& plugin : loaded.plugins) {
    plugins_.push_back(std::make_unique<PluginInstance>(std::move(plugin), backend_));
  }
}

PluginSet::~PluginSet() {
  for (const Error& failure : stop()) GANTRY_LOG(error, "plugin.stop_failed", field("reason", failure));
  // In reverse order too, because a plugin may still talk to the host in its destructor, but to no other plugin.
  for (auto index = start_order_.rbegin(); index != start_order_.rend(); ++index) plugins_[*index].reset();
}

Refusals PluginSet::configure(const config::Values& values) {
  Refusals refusals;
  for (auto& plugin : plugins_) {
    if (auto configured = plugin->configure(values); !configured) {
      refusals.push_back(std::move(configured).error());
    } else if (auto built = build_slots(*plugin, values); !built) {
      refusals.push_back(std::move(built).error());
    }
  }
  return refusals;
}

Status PluginSet::build_slots(PluginInstance& plugin, const config::Values& values) {
  const Manifest& manifest = plugin.manifest();
  for (const std::string& id : manifest.provides) {
    GANTRY_ASSIGN(const void* table, plugin.extension(id));
    if (id == GANTRY_STORE_ID) {
      store_.emplace(static_cast<const gantry_store_table*>(table), plugin.self());
    } else if (id == GANTRY_STORE_TOOLS_ID) {
      store_tools_.emplace(static_cast<const gantry_store_tools_table*>(table), plugin.self());
    } else if (id == GANTRY_FILTER_ID) {
      GANTRY_TRY(add_filter(plugin, static_cast<const gantry_filter_table*>(table)));
    } else if (id == GANTRY_INTERCEPTOR_ID) {
      interceptors_.add(manifest.id, static_cast<const gantry_interceptor_table*>(table), plugin.self(),
                        read_on_error(values, manifest.id), read_trip_limits(values, manifest.id), backend_.clock(),
                        errors_of(manifest.id));
    } else if (id == GANTRY_COMMAND_ID) {
      if (auto added = commands_.add(manifest.id, static_cast<const gantry_command_table*>(table), plugin.self());
          !added) {
        return Error{added.error().code, manifest.file + ": " + added.error().text};
      }
    } else if (id == GANTRY_OBSERVER_ID) {
      observers_.add(manifest.id, static_cast<const gantry_observer_table*>(table), plugin.self(),
                     read_trip_limits(values, manifest.id), backend_.clock(), errors_of(manifest.id));
    }
  }
  return {};
}

Status PluginSet::add_filter(PluginInstance& plugin, const gantry_filter_table* table) {
  const std::string language(to_view(table->language(plugin.self())));
  const std::string& file = plugin.manifest().file;
  // TAG is served by the kernel itself, from the tag codes.
  if (language.empty() || language.size() > 64 || language == "TAG") {
    return refuse(file, {"the name of a filter language other than TAG", "'" + language.substr(0, 64) + "'",
                         "correct the plugin's language()"});
  }
  if (!filters_.try_emplace(language, table, plugin.self(), language).second) {
    return refuse(
        file,
        {"one provider of the filter language " + language, "a second one", "list only one of them in plugins.load"},
        Errc::already_exists);
  }
  return {};
}

gantry::Counter& PluginSet::errors_of(const std::string& plugin_id) {
  return backend_.metrics().counter("gantry_plugin_errors", "Batches that a plugin failed to handle.",
                                    {{"plugin", plugin_id}});
}

const FilterAdapter* PluginSet::filter(std::string_view language) const noexcept {
  const auto found = filters_.find(language);
  return found == filters_.end() ? nullptr : &found->second;
}

std::vector<std::string> PluginSet::filter_languages() const {
  std::vector<std::string> languages;
  for (const auto& [language, filter] : filters_) languages.push_back(language);
  return languages;
}

Refusals PluginSet::start() {
  for (const std::size_t index : start_order_) {
    PluginInstance& plugin = *plugins_[index];
    if (auto started = plugin.start(); !started) {
      Refusals refusals;
      refusals.push_back(std::move(started).error());
      for (Error& also : stop()) refusals.push_back(std::move(also));
      return refusals;
    }
    GANTRY_LOG(info, "plugin.started", field("plugin", plugin.manifest().id),
               field("version", plugin.manifest().version));
  }
  return {};
}

Status PluginSet::reconfigure(const config::Values& before, const config::Values& after) {
  for (std::size_t done = 0; done < plugins_.size(); ++done) {
    auto taken = plugins_[done]->reconfigure(before, after);
    if (taken) continue;
    while (done-- > 0) {
      if (auto undone = plugins_[done]->reconfigure(after, before); !undone) {
        GANTRY_LOG(error, "plugin.rollback_failed", field("plugin", plugins_[done]->manifest().id),
                   field("reason", undone.error()));
      }
    }
    return taken;
  }
  for (const auto& plugin : plugins_) {
    const Manifest& manifest = plugin->manifest();
    if (!policies_differ(manifest, before, after)) continue;
    const TripLimits limits = read_trip_limits(after, manifest.id);
    observers_.set_limits(manifest.id, limits);
    if (manifest.offers(GANTRY_INTERCEPTOR_ID)) {
      interceptors_.set_policy(manifest.id, read_on_error(after, manifest.id), limits);
    }
  }
  return {};
}

void PluginSet::quiesce() {
  for (auto index = start_order_.rbegin(); index != start_order_.rend(); ++index) plugins_[*index]->quiesce();
}

Refusals PluginSet::stop() {
  Refusals failures;
  for (auto index = start_order_.rbegin(); index != start_order_.rend(); ++index) {
    if (auto stopped = plugins_[*index]->stop(); !stopped) failures.push_back(std::move(stopped).error());
  }
  return failures;
}

std::vector<PluginStatus> PluginSet::status() const {
  std::vector<PluginStatus> list;
  for (const auto& plugin : plugins_) {
    const Manifest& manifest = plugin->manifest();
    const HostServices::Faults faults = plugin->faults();
    const bool tripped = interceptors_.tripped(manifest.id) || observers_.tripped(manifest.id);
    list.push_back({.id = manifest.id,
                    .version = manifest.version,
                    .summary = manifest.summary,
                    .file = manifest.file,
                    .provides = manifest.provides,
                    .state = std::string(tripped ? "tripped" : to_string(plugin->state())),
                    .degraded_faults = faults.degraded,
                    .fatal_faults = faults.fatal,
                    .last_fault = faults.last});
  }
  return list;
}

}  // namespace gantry::plugin
