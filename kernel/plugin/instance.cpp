#include "kernel/plugin/instance.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"
#include "kernel/plugin/c_call.hpp"
#include "kernel/plugin/extension_catalog.hpp"
#include "kernel/plugin/option_values.hpp"

#include <utility>

namespace gantry::plugin {

std::string_view to_string(PluginState state) noexcept {
  switch (state) {
    case PluginState::loaded: return "loaded";
    case PluginState::configured: return "configured";
    case PluginState::started: return "started";
    case PluginState::quiescing: return "quiescing";
    case PluginState::stopped: return "stopped";
    case PluginState::failed: return "failed";
  }
  return "unknown";
}

PluginInstance::PluginInstance(LoadedPlugin loaded, HostBackend& backend)
    : loaded_(std::move(loaded)), services_(std::make_unique<HostServices>(loaded_.manifest.id, backend)) {}

PluginInstance::~PluginInstance() {
  GANTRY_ASSERT(state() != PluginState::started, "a started plugin is stopped before it is destroyed");
  constexpr std::chrono::seconds patience{5};
  const bool idle = services_->close(patience);
  if (self_ == nullptr) return;
  if (idle) {
    loaded_.table->destroy(self_);
  } else {
    GANTRY_LOG(error, "plugin.not_destroyed", field("plugin", manifest().id),
               field("reason", "a callback of it is still running"));
    static_cast<void>(services_.release());  // the callback will come back to it
  }
}

Error PluginInstance::failed(std::string_view doing, Error reason) {
  state_ = PluginState::failed;
  if (reason.text.empty()) {
    reason.text = "it answered '" + std::string(gantry::to_string(reason.code)) + "' without a text";
  }
  return {reason.code,
          manifest().file + ": cannot " + std::string(doing) + " the plugin '" + manifest().id + "': " + reason.text};
}

Status PluginInstance::require(PluginState expected, std::string_view doing) const {
  if (state() == expected) return {};
  return Error{Errc::internal, "cannot " + std::string(doing) + " the plugin '" + manifest().id + "': expected state " +
                                   std::string(to_string(expected)) + ", found " + std::string(to_string(state()))};
}

Status PluginInstance::configure(const config::Values& values) {
  GANTRY_TRY(require(PluginState::loaded, "configure"));
  ErrorBuffer error;
  self_ = loaded_.table->create(services_->table(), error.out());
  if (self_ == nullptr) return failed("create", error.to_error(GANTRY_E_INTERNAL));

  const OptionArray options(manifest(), values);
  ErrorBuffer refusal;
  const auto status =
      loaded_.table->configure(self_, options.data(), sizeof(gantry_option_value), options.size(), refusal.out());
  if (status != GANTRY_OK) return failed("configure", refusal.to_error(status));
  state_ = PluginState::configured;
  return {};
}

Result<const void*> PluginInstance::extension(std::string_view id) {
  const ExtensionPoint* point = find_extension_point(id);
  GANTRY_ASSERT(point != nullptr, "the manifest was checked to name known extension points only");
  const void* table = loaded_.table->get_extension(self_, point->id.data());  // the catalog's ids are literals
  if (auto usable = check_extension_table(*point, table); !usable) return failed("use", std::move(usable).error());
  return table;
}

Status PluginInstance::start() {
  GANTRY_TRY(require(PluginState::configured, "start"));
  ErrorBuffer error;
  const auto status = loaded_.table->start(self_, error.out());
  if (status != GANTRY_OK) return failed("start", error.to_error(status));
  state_ = PluginState::started;
  return {};
}

Status PluginInstance::reconfigure(const config::Values& before, const config::Values& after) {
  if (loaded_.table->reconfigure == nullptr || !live_options_differ(manifest(), before, after)) return {};
  GANTRY_TRY(require(PluginState::started, "reconfigure"));
  const OptionArray options(manifest(), after);
  ErrorBuffer error;
  const auto status =
      loaded_.table->reconfigure(self_, options.data(), sizeof(gantry_option_value), options.size(), error.out());
  if (status == GANTRY_OK) return {};
  return Error{error.to_error(status)}.within("the plugin '" + manifest().id + "' refused its new options");
}

void PluginInstance::quiesce() {
  if (state() != PluginState::started) return;
  state_ = PluginState::quiescing;
  loaded_.table->quiesce(self_);
}

Status PluginInstance::stop() {
  quiesce();
  if (state() != PluginState::quiescing) return {};
  ErrorBuffer error;
  const auto status = loaded_.table->stop(self_, error.out());
  if (status != GANTRY_OK) return failed("stop", error.to_error(status));
  state_ = PluginState::stopped;
  return {};
}

}  // namespace gantry::plugin
