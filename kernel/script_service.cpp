#include "kernel/script_service.hpp"

#include "kernel/base/log.hpp"
#include "kernel/env/clock.hpp"
#include "protocol/buffer.hpp"
#include "protocol/frame_writer.hpp"

#include <utility>

namespace gantry {
namespace {

script::OnError policy_of(config::ScriptOnError policy) {
  switch (policy) {
    case config::ScriptOnError::reject: return script::OnError::reject;
    case config::ScriptOnError::quarantine: return script::OnError::quarantine;
    case config::ScriptOnError::accept: break;
  }
  return script::OnError::accept;
}

script::HostOptions host_options(const config::ScriptOptions& from) {
  script::HostOptions to;
  to.folder = from.dir;
  to.defaults.on_error = policy_of(from.on_error);
  to.defaults.limits = {from.deadline, static_cast<std::size_t>(from.memory)};
  to.fault_limits = {from.faults_max, from.fault_window};
  return to;
}

std::vector<script::ScriptSpec> specs_of(const std::vector<config::ScriptEntry>& entries) {
  std::vector<script::ScriptSpec> specs;
  for (const config::ScriptEntry& entry : entries) {
    specs.push_back({.name = entry.name,
                     .file = entry.path,
                     .candidate = entry.candidate,
                     .topics = entry.topics,
                     .groups = entry.groups,
                     .on_error = policy_of(entry.on_error),
                     .limits = {entry.deadline, static_cast<std::size_t>(entry.memory)}});
  }
  return specs;
}

void append_list(protocol::ByteBuffer& json, std::string_view key, const std::vector<std::string>& texts) {
  json.append(key);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    json.append(std::string_view(i == 0 ? "\"" : ",\""));
    protocol::append_escaped_json(json, texts[i]);
    json.push_back('"');
  }
  json.push_back(']');
}

}  // namespace

ScriptService::ScriptService(const config::ScriptOptions& options, const Clock& clock, MetricsRegistry& metrics)
    : entries_(options.entries), host_(host_options(options), clock, metrics) {}

script::ScriptHost::Report ScriptService::load() {
  auto report = host_.load(specs_of(entries_));
  for (const std::string& changed : report.changed) GANTRY_LOG(info, "script.loaded", field("script", changed));
  for (const Error& refusal : report.refusals) {
    GANTRY_LOG(error, "script.refused", field("error", refusal), field("consequence", "the version before stays"));
  }
  if (!report.removed.empty()) {
    std::string names;
    for (const std::string& name : report.removed) names += (names.empty() ? "" : ", ") + name;
    GANTRY_LOG(warn, "script.reload.removed", field("names", names),
               field("consequence",
                     "subscriptions that name them are refused from now on; until they are, a filter accepts or "
                     "rejects everything as its script's on_error said, and a function is unknown (NULL)"));
  }
  return report;
}

Status ScriptService::start() {
  const auto report = load();
  if (report.refusals.empty()) return {};
  return Error{Errc::invalid_argument, "scripts: " + report.refusals.front().text};
}

void ScriptService::reconfigure(std::vector<config::ScriptEntry> entries) {
  entries_ = std::move(entries);
  load();
}

void ScriptService::poll() {
  if (host_.has_changed()) load();
}

std::string ScriptService::reload() {
  host_.release_quarantined();
  const auto report = load();
  std::vector<std::string> refusals;
  for (const Error& refusal : report.refusals) refusals.push_back(refusal.text);
  protocol::ByteBuffer json;
  append_list(json, "{\"changed\":[", report.changed);
  append_list(json, ",\"refused\":[", refusals);
  append_list(json, ",\"removed\":[", report.removed);
  json.append(",\"scripts\":" + std::to_string(report.live) + "}");
  return std::string(json.text());
}

std::vector<config::Finding> check_scripts(const config::ScriptOptions& options) {
  std::vector<config::Finding> findings;
  if (options.dir.empty() && options.entries.empty()) return findings;
  const SystemClock clock;
  MetricsRegistry metrics;
  script::ScriptHost host(host_options(options), clock, metrics);
  for (const Error& refusal : host.load(specs_of(options.entries)).refusals) {
    findings.push_back({config::Severity::error, "scripts", 0, 0, refusal.text});
  }
  return findings;
}

}  // namespace gantry
