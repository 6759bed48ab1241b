// The part of ScriptHost that says how the scripts fare.

#include "kernel/script/host.hpp"
#include "protocol/buffer.hpp"
#include "protocol/frame_writer.hpp"

#include <algorithm>

namespace gantry::script {
namespace {

/// JSON, written from the outside in.
class Json {
 public:
  void open(std::string_view key, char bracket) {
    name(key);
    out_.push_back(bracket);
    fresh_ = true;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    fresh_ = false;
  }
  void add(std::string_view key, std::string_view text) {
    name(key);
    quote(text);
  }
  void add(std::string_view key, std::uint64_t number) {
    name(key);
    out_.append(std::to_string(number));
  }
  void add(std::string_view key, const std::vector<std::string>& texts) {
    open(key, '[');
    for (const std::string& text : texts) add(std::string_view(), std::string_view(text));
    close(']');
  }
  [[nodiscard]] std::string text() const { return std::string(out_.text()); }

 private:
  void name(std::string_view key) {
    if (!fresh_) out_.push_back(',');
    fresh_ = false;
    if (key.empty()) return;
    quote(key);
    out_.push_back(':');
  }
  void quote(std::string_view text) {
    out_.push_back('"');
    protocol::append_escaped_json(out_, text);
    out_.push_back('"');
  }

  protocol::ByteBuffer out_;
  bool fresh_ = true;
};

void describe(Json& json, const Script& script, std::string_view mode) {
  json.add("file", script.source.file);
  json.add("version", version_of(script));
  json.add("mode", mode);
  json.add("state", script.health.quarantined() ? "quarantined" : "running");
  json.add("on_error", to_string(script.spec.on_error));
  json.open("hooks", '[');
  for (std::size_t i = 0; i < script.hooks.size(); ++i) {
    const Declaration& hook = script.hooks[i];
    json.open({}, '{');
    json.add("name", hook.name);
    json.add("on", to_string(hook.kind));
    json.add("topics", hook.topics.empty() ? script.spec.topics : hook.topics);
    json.add("groups", hook.groups.empty() ? script.spec.groups : hook.groups);
    json.close('}');
  }
  json.close(']');
}

}  // namespace

std::string ScriptHost::status() const {
  const auto set = set_.load();
  Json json;
  json.open({}, '{');
  json.open("scripts", '[');
  for (const auto& [name, entry] : set->scripts) {
    const Script& first = entry.live ? *entry.live : *entry.candidate;
    const ScriptMetrics& counts = first.identity->counts;
    const Histogram::View times = counts.call_ns.view();
    json.open({}, '{');
    json.add("name", name);
    describe(json, first, entry.live ? "live" : "shadow");
    json.add("calls", counts.calls.value());
    json.add("errors", counts.errors.value());
    json.add("rejected", counts.rejected.value());
    json.add("changed", counts.changed.value());
    json.add("differences", counts.differences.value());
    json.add("p50_ns", times.quantile(0.5));
    json.add("p99_ns", times.quantile(0.99));
    json.add("memory_bytes", static_cast<std::uint64_t>(std::max<std::int64_t>(counts.memory_bytes.value(), 0)));
    if (entry.live && entry.candidate) {
      json.open("candidate", '{');
      describe(json, *entry.candidate, "shadow");
      json.close('}');
    }
    json.close('}');
  }
  json.close(']');
  json.open("refused", '[');
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& refused : refused_) json.add({}, std::string_view(refused));
  }
  json.close(']');
  json.close('}');
  return json.text();
}

}  // namespace gantry::script
