#include "kernel/script/script.hpp"

#include "kernel/base/log.hpp"
#include "kernel/script/pattern.hpp"

#include <algorithm>

namespace gantry::script {
namespace {

constexpr std::int64_t log_interval_ns = 5'000'000'000;
constexpr std::uint32_t log_lines_per_second = 10;

/// How many faults one fault counts for.
std::int64_t weight_of(Fault fault) noexcept { return fault == Fault::error ? 1 : 10; }

bool in_place(std::string_view name, const std::vector<std::string>& declared,
              const std::vector<std::string>& configured) noexcept {
  if (declared.empty() && configured.empty()) return !name.starts_with('%');
  return (declared.empty() || matches_any(name, declared)) && (configured.empty() || matches_any(name, configured));
}

MetricLabels label(const std::string& script) { return {{"script", script}}; }

/// The log function of a script: at most so many lines a second, whatever it does.
std::function<void(std::string_view, std::string_view)> logger(const std::string& name, const Clock& clock,
                                                               std::shared_ptr<ScriptIdentity> identity) {
  return [name, &clock, identity = std::move(identity)](std::string_view level, std::string_view text) {
    const std::int64_t second = clock.steady_ns() / 1'000'000'000;
    if (identity->log_second.exchange(second, std::memory_order_relaxed) != second) {
      identity->log_lines.store(0, std::memory_order_relaxed);
    }
    const std::uint32_t line = identity->log_lines.fetch_add(1, std::memory_order_relaxed);
    if (line > log_lines_per_second) return;
    if (line == log_lines_per_second) {
      GANTRY_LOG(warn, "script.log_limited", field("script", name), field("lines_per_second", log_lines_per_second));
    } else if (level == "warn") {
      GANTRY_LOG(warn, "script.log", field("script", name), field("text", text));
    } else {
      GANTRY_LOG(info, "script.log", field("script", name), field("text", text));
    }
  };
}

}  // namespace

ScriptMetrics::ScriptMetrics(MetricsRegistry& metrics, const std::string& script)
    : calls(metrics.counter("gantry_script_calls_total", "hooks run, one for each message", label(script))),
      errors(metrics.counter("gantry_script_errors_total", "hooks that failed", label(script))),
      rejected(metrics.counter("gantry_script_rejected_total", "messages that hooks refused or filtered out",
                               label(script))),
      changed(metrics.counter("gantry_script_changed_total", "messages that hooks rewrote or routed", label(script))),
      differences(metrics.counter("gantry_script_shadow_differences_total",
                                  "messages about which the candidate decides otherwise", label(script))),
      call_ns(metrics.histogram("gantry_script_call_ns", "time per hook and message, averaged over a batch",
                                label(script))),
      memory_bytes(metrics.gauge("gantry_script_memory_bytes", "memory of the script in all threads", label(script))),
      quarantined(metrics.gauge("gantry_script_quarantined", "1 while the script is put aside", label(script))) {}

Health::Note Health::failed(Fault fault, OnError policy, const FaultLimits& limits, std::int64_t now_ns) {
  Note note;
  const std::lock_guard lock(mutex_);
  note.log = logged_ns_ == 0 || now_ns - logged_ns_ >= log_interval_ns;
  if (note.log) {
    logged_ns_ = std::max<std::int64_t>(now_ns, 1);
    note.suppressed = std::exchange(suppressed_, 0);
  } else {
    ++suppressed_;
  }
  const std::int64_t horizon = now_ns - std::chrono::nanoseconds(limits.window).count();
  while (!faults_.empty() && faults_.front().first < horizon) faults_.pop_front();
  faults_.emplace_back(now_ns, weight_of(fault));
  std::int64_t weight = 0;
  for (const auto& each : faults_) weight += each.second;
  const bool too_many = policy == OnError::quarantine || weight >= limits.faults_max;
  if (too_many) {
    faults_.clear();
    note.put_aside = !quarantined_.exchange(true, std::memory_order_relaxed);
    note.log = note.log || note.put_aside;
  }
  return note;
}

void Health::release() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
  logged_ns_ = 0;
  suppressed_ = 0;
  quarantined_.store(false, std::memory_order_relaxed);
}

Result<std::shared_ptr<const Script>> Script::load(const ScriptSpec& spec, Source source,
                                                   std::shared_ptr<ScriptIdentity> identity, const Clock& clock) {
  auto made = std::make_shared<Script>();
  made->spec = spec;
  made->hash = stable_hash(source.text);
  made->source = std::move(source);
  made->services = {&clock, &identity->seen, logger(spec.name, clock, identity)};
  made->identity = std::move(identity);
  GANTRY_ASSIGN(const auto runner, made->make_runner());
  made->hooks = runner->declarations();
  if (made->hooks.empty()) {
    return Error{Errc::invalid_argument, made->source.file + ": expected at least one gantry.hook{...}, found none"};
  }
  if (const Status tested = runner->run_self_tests(); !tested) {
    return Error{Errc::invalid_argument, made->source.file + ": " + tested.error().text};
  }
  return std::shared_ptr<const Script>(std::move(made));
}

Result<std::unique_ptr<Runner>> Script::make_runner() const { return Runner::load(source, spec.limits, services); }

bool Script::binds(std::size_t hook, std::string_view topic, std::string_view group) const noexcept {
  return in_place(topic, hooks[hook].topics, spec.topics) && in_place(group, hooks[hook].groups, spec.groups);
}

bool Script::is_bound(std::size_t hook) const noexcept {
  return !hooks[hook].topics.empty() || !hooks[hook].groups.empty() || !spec.topics.empty() || !spec.groups.empty();
}

std::string version_of(const Script& script) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text = script.hooks.empty() ? std::string() : script.hooks.front().version;
  if (text.empty()) text = "0";
  text += '+';
  for (int shift = 60; shift >= 0; shift -= 4) text += digits[(script.hash >> shift) & 15];
  return text;
}

Status ScriptSet::add(const std::string& name, Entry entry) {
  std::vector<Binding> bindings;
  const auto find = [](const Script& in, const Declaration& like) {
    const auto at = std::find_if(in.hooks.begin(), in.hooks.end(), [&](const Declaration& each) {
      return each.kind == like.kind && each.name == like.name;
    });
    return static_cast<std::size_t>(at - in.hooks.begin());
  };
  const Script* live = entry.live.get();
  const Script* candidate = entry.candidate.get();
  if (live != nullptr) {
    for (std::size_t i = 0; i < live->hooks.size(); ++i) {
      Binding binding{live, i};
      if (candidate != nullptr) {
        const std::size_t twin = find(*candidate, live->hooks[i]);
        if (twin < candidate->hooks.size()) {
          binding.candidate = candidate;
          binding.candidate_hook = twin;
        }
      }
      bindings.push_back(binding);
    }
  }
  if (candidate != nullptr) {
    for (std::size_t i = 0; i < candidate->hooks.size(); ++i) {
      if (live == nullptr || find(*live, candidate->hooks[i]) == live->hooks.size()) {
        bindings.push_back({nullptr, 0, candidate, i});
      }
    }
  }
  for (const Binding& binding : bindings) {
    if (binding.live == nullptr) continue;
    const Declaration& hook = binding.live->hooks[binding.hook];
    const auto* taken = hook.kind == HookKind::filter     ? &filters
                        : hook.kind == HookKind::function ? &functions
                                                          : nullptr;
    if (taken == nullptr) continue;
    if (const auto other = taken->find(hook.name); other != taken->end()) {
      return Error{Errc::already_exists, binding.live->source.file + ": the " + std::string(to_string(hook.kind)) +
                                             " '" + hook.name + "' exists already, in " +
                                             other->second.live->source.file};
    }
  }
  for (const Binding& binding : bindings) {
    const bool is_live = binding.live != nullptr;
    const Script& script = is_live ? *binding.live : *binding.candidate;
    const std::size_t index = is_live ? binding.hook : binding.candidate_hook;
    const Declaration& hook = script.hooks[index];
    if (is_live && hook.kind == HookKind::filter) filters.emplace(hook.name, binding);
    if (is_live && hook.kind == HookKind::function) functions.emplace(hook.name, binding);
    if (hook.kind != HookKind::function && script.is_bound(index)) {
      bound[static_cast<std::size_t>(hook.kind)].push_back(binding);
    }
  }
  scripts.emplace(name, std::move(entry));
  return {};
}

}  // namespace gantry::script
