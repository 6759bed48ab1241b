#pragma once
// The requests that this plugin answers:
//
//   370    RECALL_MESSAGE: topic, recallHandle -> msgId. RocketMQ's
//   30011  timers: [topic, key | limit] -> JSON: what waits, by topic, and what is due next or has the key
//   30012  cancel: topic, key or uniqKey -> JSON: what was cancelled

#include "plugins/delay/service.hpp"

#include "gantry/sdk/command.hpp"

#include <cstdint>
#include <string>

namespace gantry::delay {

inline constexpr std::int32_t recall_message_code = 370;
inline constexpr std::int32_t timer_list_code = 30'011;
inline constexpr std::int32_t timer_cancel_code = 30'012;

class Commands final : public sdk::Command {
 public:
  struct Settings {
    bool recall = true;
    std::int64_t horizon_ms = 0;
    std::string broker_name;
  };
  Commands(sdk::Host host, Service& service, Settings settings)
      : host_(host), service_(service), settings_(std::move(settings)) {}

  [[nodiscard]] std::span<const gantry_command_code> codes() const override;
  void execute(const sdk::CommandRequest& request) override;

  static constexpr gantry_command_code served[] = {
      {recall_message_code, 0}, {timer_list_code, 0}, {timer_cancel_code, GANTRY_COMMAND_ADMIN}};

 private:
  void recall(const sdk::CommandRequest& request);
  void list(const sdk::CommandRequest& request);
  void cancel(const sdk::CommandRequest& request);
  void on_pool(std::uint64_t ticket, std::function<void()> work);
  void refuse(std::uint64_t ticket, std::int32_t code, std::string_view remark) const;
  void refuse(std::uint64_t ticket, const Error& error) const;

  const sdk::Host host_;
  Service& service_;
  const Settings settings_;
};

}  // namespace gantry::delay
