#pragma once
// A host without a broker around it: for `gantry plugin check` and for tests. Timers and blocking work run on threads
// of its own; publishing and answering are refused or recorded, never performed.

#include "kernel/plugin/host_backend.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace gantry::plugin {

/// Owns one thread that serves as control thread and pool. Bound: 1,024 waiting tasks. Destroyed after all plugins.
class StandaloneHost final : public HostBackend {
 public:
  /// `data_folder` is an absolute path.
  explicit StandaloneHost(std::string data_folder);
  ~StandaloneHost() override;
  StandaloneHost(const StandaloneHost&) = delete;
  StandaloneHost& operator=(const StandaloneHost&) = delete;

  [[nodiscard]] const Clock& clock() const noexcept override;
  [[nodiscard]] MetricsRegistry& metrics() noexcept override;
  [[nodiscard]] std::string_view data_folder() const noexcept override;
  [[nodiscard]] Executor& control() noexcept override;
  [[nodiscard]] bool run_blocking(UniqueFunction<void()> task) override;
  /// Errc::unavailable: there is no broker.
  Status publish(const gantry_outgoing& message, PublishDone done) override;
  void answer(std::uint64_t ticket, std::int32_t code, std::string_view remark, std::span<const gantry_bytes> fields,
              std::string_view body) override;
  void fault(std::string_view plugin_id, FaultSeverity severity, std::string_view text) override;

  struct Answer {
    std::uint64_t ticket = 0;
    std::int32_t code = 0;
    std::string remark;
  };
  /// What was answered since the last call.
  [[nodiscard]] std::vector<Answer> take_answers();
  /// The faults that plugins reported since the last call.
  [[nodiscard]] std::vector<std::pair<FaultSeverity, std::string>> take_faults();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
  MetricsRegistry metrics_;
  const std::string data_folder_;
  std::mutex mutex_;  // guards what follows
  std::vector<Answer> answers_;
  std::vector<std::pair<FaultSeverity, std::string>> faults_;
};

}  // namespace gantry::plugin
