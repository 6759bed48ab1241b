#include "kernel/plugin/check.hpp"

#include "kernel/base/log.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/plugin_set.hpp"
#include "kernel/plugin/standalone_host.hpp"
#include "sdk/check/store_contract.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

namespace gantry::plugin {

namespace fs = std::filesystem;

namespace {

constexpr gantry_store_listener deaf = {sizeof(gantry_store_listener), 0, nullptr, [](void*, std::int64_t) {},
                                        [](void*, gantry_bytes) {}};

/// One run of the plugin as the only one of a process.
class Run {
 public:
  Run(const LoadedPlugin& plugin, const config::Values& values, const std::string& folder)
      : host_(folder), set_(only(plugin), host_), values_(values) {}

  Status configure() { return first(set_.configure(values_)); }
  Status start() { return first(set_.start()); }
  Status stop() {
    set_.quiesce();
    GANTRY_TRY(first(set_.stop()));
    for (const auto& [severity, text] : host_.take_faults()) {
      if (severity == FaultSeverity::fatal) return Error{Errc::internal, "it reported a fatal fault: " + text};
    }
    return {};
  }
  PluginSet& plugins() { return set_; }
  StandaloneHost& host() { return host_; }

 private:
  static LoadResult only(const LoadedPlugin& plugin) {
    return {.plugins = {plugin}, .start_order = {0}, .refusals = {}};
  }
  static Status first(Refusals refusals) {
    if (refusals.empty()) return {};
    return std::move(refusals.front());
  }

  StandaloneHost host_;
  PluginSet set_;
  const config::Values& values_;
};

/// Restarts the plugin's store for the contract suite.
class PluginStoreHarness final : public check::StoreHarness {
 public:
  PluginStoreHarness(const LoadedPlugin& plugin, const config::Values& values, std::string folder)
      : plugin_(plugin), values_(values), folder_(std::move(folder)) {}

  Result<sdk::Store*> open(const gantry_store_listener& listener) override {
    run_.emplace(plugin_, values_, folder_);
    GANTRY_TRY(run_->configure());
    run_->plugins().store()->listen(listener);
    GANTRY_TRY(run_->start());
    return run_->plugins().store();
  }
  Status close() override {
    if (!run_) return {};
    auto stopped = run_->stop();
    run_.reset();
    return stopped;
  }
  Status wipe() override {
    std::error_code failed;
    fs::remove_all(folder_, failed);
    if (!failed) fs::create_directories(folder_, failed);
    if (failed) return Error{Errc::io, "cannot empty " + folder_ + ": " + failed.message()};
    return {};
  }
  [[nodiscard]] bool persistent() const override { return persistent_; }

  /// Finds out whether a blob survives a restart.
  Status find_out_persistence() {
    GANTRY_TRY(wipe());
    GANTRY_ASSIGN(sdk::Store * first, open(deaf));
    GANTRY_TRY(first->save_blob("check.json", "{}"));
    GANTRY_TRY(close());
    GANTRY_ASSIGN(sdk::Store * second, open(deaf));
    persistent_ = second->load_blob("check.json", sdk::BlobVersion::newest).has_value();
    return close();
  }

 private:
  const LoadedPlugin& plugin_;
  const config::Values& values_;
  const std::string folder_;
  std::optional<Run> run_;
  bool persistent_ = false;
};

Result<config::Values> read_options(const Manifest& manifest, const CheckOptions& options) {
  config::OptionTables tables;
  GANTRY_TRY(tables.add(option_section(manifest)));
  config::Overrides overrides;
  for (const auto& [key, value] : options.options) {
    overrides.from_command_line.emplace_back("plugins." + manifest.id + "." + key, value);
  }
  auto resolution = config::resolve({}, tables, overrides, config::UndeclaredPlugins::warn);
  if (!resolution.ok()) return Error{Errc::invalid_argument, to_string(resolution.findings)};
  return std::move(resolution.values);
}

/// A check starts and stops a plugin dozens of times; only warnings are worth a line then.
class QuietLog {
 public:
  QuietLog() : before_(detail::log_level.load()) { set_log_level(std::max(before_, LogLevel::warn)); }
  ~QuietLog() { set_log_level(before_); }
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;

 private:
  const LogLevel before_;
};

class Checker {
 public:
  Checker(const CheckOptions& options, const std::function<void(const CheckStep&)>& report)
      : options_(options), report_(report) {}

  bool run() {
    if (!step("file", inspect_file(options_.file))) return false;
    const std::string id = fs::path(options_.file).stem().string();
    auto plugin = load_library(options_.file, {.id = id, .allow_draft = true});
    if (!plugin) return step("manifest", std::move(plugin).error());
    step("manifest", {});
    auto values = read_options(plugin->manifest, options_);
    if (!values) return step("options", std::move(values).error());
    if (!step("life", live_twice(*plugin, *values))) return false;
    if (plugin->manifest.offers(GANTRY_STORE_ID)) check_store(*plugin, *values);
    if (plugin->manifest.offers(GANTRY_FILTER_ID)) step(GANTRY_FILTER_ID, check_filter(*plugin, *values));
    return passed_;
  }

 private:
  bool step(std::string name, Status outcome) {
    const bool good = outcome.has_value();
    passed_ = passed_ && good;
    report_({std::move(name), std::move(outcome)});
    return good;
  }

  [[nodiscard]] std::string folder() const { return options_.work_folder + "/data"; }

  /// Twice, because what the first life leaves behind must not trouble the second.
  Status live_twice(const LoadedPlugin& plugin, const config::Values& values) const {
    std::error_code failed;
    fs::create_directories(folder(), failed);
    if (failed) return Error{Errc::io, "cannot make " + folder() + ": " + failed.message()};
    for (int life = 0; life < 2; ++life) {
      Run run(plugin, values, folder());
      GANTRY_TRY(run.configure());
      if (sdk::Store* store = run.plugins().store()) store->listen(deaf);
      GANTRY_TRY(run.start());
      GANTRY_TRY(run.stop());
    }
    return {};
  }

  void check_store(const LoadedPlugin& plugin, const config::Values& values) {
    PluginStoreHarness harness(plugin, values, folder());
    if (!step(std::string(GANTRY_STORE_ID) + ": restart", harness.find_out_persistence())) return;
    for (const check::StoreCheck& check : check::store_checks()) {
      step(std::string(GANTRY_STORE_ID) + ": " + std::string(check.name), check::run_store_check(check, harness));
    }
  }

  /// Nonsense must be refused with a text, or match nothing; either way the plugin answers.
  Status check_filter(const LoadedPlugin& plugin, const config::Values& values) const {
    Run run(plugin, values, folder());
    GANTRY_TRY(run.configure());
    if (sdk::Store* store = run.plugins().store()) store->listen(deaf);
    GANTRY_TRY(run.start());
    const std::string language = run.plugins().filter_languages().at(0);  // of the only plugin
    Status outcome;
    for (const std::string& expression : {std::string(), std::string("\x01\xff((("), std::string(64 * 1024, '(')}) {
      const auto compiled = run.plugins().filter(language)->compile(expression);
      if (!compiled && compiled.error().text.empty()) {
        outcome = Error{Errc::invalid_argument, "expected a text with the refusal of an expression, found none"};
      }
    }
    GANTRY_TRY(run.stop());
    return outcome;
  }

  const CheckOptions& options_;
  const std::function<void(const CheckStep&)>& report_;
  bool passed_ = true;
};

}  // namespace

bool check_plugin(const CheckOptions& options, const std::function<void(const CheckStep&)>& report) {
  const QuietLog quiet;
  return Checker(options, report).run();
}

}  // namespace gantry::plugin
