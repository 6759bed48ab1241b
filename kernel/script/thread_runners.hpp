#pragma once
// The Lua states of one thread. For the host's own files.

#include "kernel/script/host.hpp"
#include "kernel/script/watchdog.hpp"

#include <memory>
#include <vector>

namespace gantry::script {

/// One thread's runners of one host, made when first needed and dropped once their script is gone.
class ThreadRunners {
 public:
  ThreadRunners(ScriptHost& host, const SnapshotCell<ScriptSet>& cell);
  ~ThreadRunners();
  ThreadRunners(const ThreadRunners&) = delete;
  ThreadRunners& operator=(const ThreadRunners&) = delete;

  /// Takes over the current set. Valid until the next call: once per batch.
  const ScriptSet& sync();
  /// nullptr: the script cannot be loaded in this thread (which was noted as a fault).
  Runner* of(const Script& script);
  /// After a batch: how much memory the script holds here.
  void note_memory(const Script& script);
  /// Forgets the state of a script that ran out of memory: it starts afresh.
  void drop(const Script& script);

  [[nodiscard]] std::uint64_t host_id() const noexcept { return host_id_; }
  [[nodiscard]] bool expired() const noexcept { return alive_.expired(); }

  Message message;
  Message shadow_message;
  Verdict verdict;
  Verdict shadow_verdict;

 private:
  struct Entry {
    std::shared_ptr<const Script> script;
    std::unique_ptr<Runner> runner;
    std::int64_t memory_bytes = 0;
  };
  Entry* find(const Script& script) noexcept;
  void account(Entry& entry, std::int64_t bytes) noexcept;

  const std::uint64_t host_id_;
  const std::weak_ptr<const int> alive_;
  SnapshotReader<ScriptSet> reader_;
  const ScriptSet* set_ = nullptr;
  Watchdog& watchdog_;  // the host's
  WatchSlot slot_;      // outlives the runners
  std::vector<Entry> entries_;
};

}  // namespace gantry::script
