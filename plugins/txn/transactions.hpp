#pragma once
// Transactions as a whole: what the plugin is made of, between the host and the parts.

#include "plugins/txn/checker.hpp"
#include "plugins/txn/context.hpp"
#include "plugins/txn/decisions.hpp"
#include "plugins/txn/operations.hpp"

#include "gantry/sdk/plugin.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace gantry::txn {

/// The plugin. Its thread recovers, then looks after open transactions every now and then; decisions are carried out on
/// the shards that receive them.
class Transactions final : public sdk::Plugin, public sdk::Interceptor, public sdk::Command {
 public:
  explicit Transactions(sdk::Host host) : host_(host) {}
  ~Transactions() override;
  Transactions(const Transactions&) = delete;
  Transactions& operator=(const Transactions&) = delete;

  Status configure(const sdk::OptionValues& values) override;
  Status reconfigure(const sdk::OptionValues& values) override;
  Status start() override;
  void quiesce() override;
  Status stop() override;

  Status publish(const sdk::PublishBatch& messages) override;
  [[nodiscard]] std::span<const gantry_command_code> codes() const override;
  void execute(const sdk::CommandRequest& request) override;

  /// For tests, which have no use for a thread: what it would do, once.
  Status recover();
  void pass() { checker_->pass(); }
  [[nodiscard]] Context& context() noexcept { return *context_; }
  /// For tests: do not start a thread when the broker serves.
  bool has_thread = true;

 private:
  void begin();
  void run();
  bool pause(std::chrono::milliseconds time);
  void on_pool(std::uint64_t ticket, std::function<void()> work);

  const sdk::Host host_;
  Settings initial_;  // until there is a context
  std::optional<Context> context_;
  std::optional<Decisions> decisions_;
  std::optional<Checker> checker_;
  std::optional<Operations> operations_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::txn
