#include "kernel/script/host.hpp"

#include "kernel/base/log.hpp"
#include "kernel/env/files.hpp"
#include "kernel/script/thread_runners.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace gantry::script {
namespace {

namespace fs = std::filesystem;

std::uint64_t next_host_id() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

bool is_script(const fs::path& path) {
  const std::string stem = path.stem().string();
  // The names that sections of a configuration can have; so gantry.d.lua, which is for editors, is none.
  const bool is_name =
      !stem.empty() && stem.size() <= 64 &&
      stem.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
  return is_name && path.extension() == ".lua" && !stem.ends_with("_test");
}

/// The scripts of a folder by name; nothing when it cannot be read.
std::map<std::string, std::string> scripts_in(const std::string& folder) {
  std::map<std::string, std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (is_script(at->path()) && at->is_regular_file(error))
      found.emplace(at->path().stem().string(), at->path().string());
  }
  return found;
}

fs::file_time_type modified(const std::string& file) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error);
  return error ? fs::file_time_type::min() : time;
}

bool same_limits(const ScriptSpec& a, const ScriptSpec& b) {
  return a.topics == b.topics && a.groups == b.groups && a.on_error == b.on_error &&
         a.limits.deadline == b.limits.deadline && a.limits.memory_bytes_max == b.limits.memory_bytes_max;
}

using Table = std::map<std::string, Binding, std::less<>>;

void append_removed(std::vector<std::string>& removed, std::string_view kind, const Table& before, const Table& now) {
  for (const auto& [name, binding] : before) {
    if (!now.contains(name)) removed.push_back(std::string(kind) + " " + name);
  }
}

}  // namespace

ScriptHost::ScriptHost(HostOptions options, const Clock& clock, MetricsRegistry& metrics)
    : options_(std::move(options)), clock_(clock), metrics_(metrics), id_(next_host_id()) {}

ScriptHost::~ScriptHost() = default;

// ---- loading ----

std::vector<ScriptSpec> ScriptHost::wanted(const std::vector<ScriptSpec>& listed, Report& report) const {
  std::map<std::string, ScriptSpec> by_name;
  for (const ScriptSpec& spec : listed) by_name.emplace(spec.name, spec);
  if (!options_.folder.empty()) {
    std::error_code error;
    if (!fs::is_directory(options_.folder, error)) {
      report.refusals.push_back(
          {Errc::not_found, "scripts.dir: expected a folder, found none at \"" + options_.folder + "\""});
    }
    for (const auto& [name, file] : scripts_in(options_.folder)) {
      auto [at, is_new] = by_name.emplace(name, options_.defaults);
      at->second.name = name;
      if (is_new || (at->second.file.empty() && at->second.candidate.empty())) at->second.file = file;
    }
  }
  std::vector<ScriptSpec> specs;
  for (auto& [name, spec] : by_name) {
    if (specs.size() == scripts_max) {
      report.refusals.push_back({Errc::too_large, "expected at most 256 scripts, found more; \"" + name +
                                                      "\" and those after it are not loaded"});
      break;
    }
    if (spec.file.empty() && spec.candidate.empty()) {
      report.refusals.push_back({Errc::invalid_argument, "scripts." + name +
                                                             ": expected a path (or a candidate), or a file " + name +
                                                             ".lua in scripts.dir; found neither"});
      continue;
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::shared_ptr<ScriptIdentity> ScriptHost::identity_of(const std::string& name) {
  auto& identity = identities_[name];
  if (!identity) identity = std::make_shared<ScriptIdentity>(metrics_, name);
  return identity;
}

std::shared_ptr<const Script> ScriptHost::load_one(const ScriptSpec& spec, const std::string& file,
                                                   const std::shared_ptr<const Script>& old, Report& report) {
  files_[file] = modified(file);
  auto text = read_file(file, source_bytes_max);
  if (!text) {
    report.refusals.push_back(std::move(text).error().within("script " + spec.name));
    return old;
  }
  if (old && old->source.file == file && old->source.text == *text && same_limits(old->spec, spec)) return old;
  auto loaded = Script::load(spec, Source{spec.name, file, *std::move(text)}, identity_of(spec.name), clock_);
  if (!loaded) {
    report.refusals.push_back(std::move(loaded).error().within("script " + spec.name));
    return old;
  }
  report.changed.push_back(spec.name + " " + version_of(**loaded));
  return *std::move(loaded);
}

ScriptHost::Report ScriptHost::load(const std::vector<ScriptSpec>& listed) {
  Report report;
  listed_ = listed;
  files_.clear();
  const auto old = set_.load();
  auto fresh = std::make_shared<ScriptSet>();
  for (const ScriptSpec& spec : wanted(listed, report)) {
    ScriptSet::Entry before;
    if (const auto found = old->scripts.find(spec.name); found != old->scripts.end()) before = found->second;
    const std::size_t refusals = report.refusals.size();
    ScriptSet::Entry entry;
    if (!spec.file.empty()) entry.live = load_one(spec, spec.file, before.live, report);
    if (!spec.candidate.empty()) entry.candidate = load_one(spec, spec.candidate, before.candidate, report);
    if (!entry.live && !entry.candidate) continue;
    if (const Status added = fresh->add(spec.name, entry); !added) {
      report.refusals.push_back(added.error());
      // What was there before did not clash: it stays.
      if (before.live || before.candidate) (void)fresh->add(spec.name, before);
    }
    if (report.refusals.size() == refusals && entry.live && entry.live != before.live) {
      identity_of(spec.name)->counts.quarantined.set(0);
    }
  }
  report.live = fresh->scripts.size();
  append_removed(report.removed, "filter", old->filters, fresh->filters);
  append_removed(report.removed, "function", old->functions, fresh->functions);
  {
    const std::lock_guard lock(mutex_);
    refused_.clear();
    for (const Error& refusal : report.refusals) refused_.push_back(refusal.text);
  }
  const auto any = [&](HookKind kind) { return !fresh->of(kind).empty(); };
  const bool publishes = any(HookKind::on_publish) || any(HookKind::select_queue);
  const bool filters = any(HookKind::filter) || any(HookKind::on_deliver);
  const bool sends_back = any(HookKind::on_send_back);
  set_.update([&](const ScriptSet&) { return std::shared_ptr<const ScriptSet>(std::move(fresh)); });
  publishes_.store(publishes, std::memory_order_relaxed);
  filters_.store(filters, std::memory_order_relaxed);
  sends_back_.store(sends_back, std::memory_order_relaxed);
  return report;
}

bool ScriptHost::has_changed() const {
  for (const auto& [file, time] : files_) {
    if (modified(file) != time) return true;
  }
  if (options_.folder.empty()) return false;
  std::map<std::string, bool> listed;
  for (const ScriptSpec& spec : listed_) {
    if (!spec.file.empty() || !spec.candidate.empty()) listed[spec.name] = true;
  }
  for (const auto& [name, file] : scripts_in(options_.folder)) {
    if (!files_.contains(file) && !listed.contains(name)) return true;
  }
  return false;
}

void ScriptHost::release_quarantined() {
  for (const auto& [name, entry] : set_.load()->scripts) {
    if (entry.live) entry.live->health.release();
    if (entry.candidate) entry.candidate->health.release();
    identity_of(name)->counts.quarantined.set(0);
  }
}

// ---- threads ----

ThreadRunners& ScriptHost::here() {
  thread_local std::vector<std::unique_ptr<ThreadRunners>> all;
  for (const auto& each : all) {
    if (each->host_id() == id_) return *each;
  }
  std::erase_if(all, [](const auto& each) { return each->expired(); });
  return *all.emplace_back(std::make_unique<ThreadRunners>(*this, set_));
}

// ---- faults ----

void ScriptHost::note_fault(const Script& script, std::size_t hook, Fault fault, const std::string& text,
                            std::string_view message_id, std::string_view topic) {
  ScriptMetrics& counts = script.identity->counts;
  counts.errors.add();
  const Health::Note note =
      script.health.failed(fault, script.spec.on_error, options_.fault_limits, clock_.steady_ns());
  if (note.log) {
    GANTRY_LOG(warn, "script.failed", field("script", script.spec.name), field("version", version_of(script)),
               field("hook", hook < script.hooks.size() ? script.hooks[hook].name : std::string("(loading)")),
               field("fault", fault), field("topic", topic), field("message", message_id), field("error", text),
               field("suppressed", note.suppressed));
  }
  if (!note.put_aside) return;
  counts.quarantined.set(1);
  GANTRY_LOG(error, "script.quarantined", field("script", script.spec.name), field("version", version_of(script)),
             field("file", script.source.file), field("on_error", script.spec.on_error),
             field("remedy", "mend the file, which loads it again, or run: gantry script reload"));
}

}  // namespace gantry::script
