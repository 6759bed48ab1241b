#include "kernel/script/thread_runners.hpp"

#include <algorithm>

namespace gantry::script {
namespace {

bool holds(const ScriptSet& set, const Script* script) {
  const auto found = set.scripts.find(script->spec.name);
  return found != set.scripts.end() && (found->second.live.get() == script || found->second.candidate.get() == script);
}

}  // namespace

ThreadRunners::ThreadRunners(ScriptHost& host, const SnapshotCell<ScriptSet>& cell)
    : host_id_(host.id_), alive_(host.alive_), reader_(cell), watchdog_(host.watchdog_) {
  watchdog_.add(slot_);
}

ThreadRunners::~ThreadRunners() {
  if (expired()) return;  // and with it the watchdog and the gauges
  watchdog_.remove(slot_);
  for (Entry& entry : entries_) account(entry, 0);
}

const ScriptSet& ThreadRunners::sync() {
  const ScriptSet& set = reader_.get();
  if (&set == set_) return set;
  set_ = &set;
  std::erase_if(entries_, [&](Entry& entry) {
    if (holds(set, entry.script.get())) return false;
    account(entry, 0);
    return true;
  });
  return set;
}

ThreadRunners::Entry* ThreadRunners::find(const Script& script) noexcept {
  for (Entry& entry : entries_) {
    if (entry.script.get() == &script) return &entry;
  }
  return nullptr;
}

Runner* ThreadRunners::of(const Script& script) {
  if (Entry* entry = find(script)) return entry->runner.get();
  const auto named = set_->scripts.find(script.spec.name);
  if (named == set_->scripts.end()) return nullptr;
  const auto& owner = named->second.live.get() == &script ? named->second.live : named->second.candidate;
  auto made = script.make_runner();
  if (!made) return nullptr;
  Entry& entry = entries_.emplace_back(Entry{owner, *std::move(made), 0});
  entry.runner->watch(slot_);
  account(entry, static_cast<std::int64_t>(entry.runner->memory_bytes()));
  return entry.runner.get();
}

void ThreadRunners::note_memory(const Script& script) {
  if (Entry* entry = find(script)) account(*entry, static_cast<std::int64_t>(entry->runner->memory_bytes()));
}

void ThreadRunners::drop(const Script& script) {
  const auto at =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.script.get() == &script; });
  if (at == entries_.end()) return;
  account(*at, 0);
  entries_.erase(at);
}

void ThreadRunners::account(Entry& entry, std::int64_t bytes) noexcept {
  if (bytes == entry.memory_bytes) return;
  entry.script->identity->counts.memory_bytes.add(bytes - entry.memory_bytes);
  entry.memory_bytes = bytes;
}

}  // namespace gantry::script
