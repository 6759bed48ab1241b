// delay as a plugin: its options, and the way in for messages and requests. The parts are told in README.md.
#include "gantry/sdk/plugin.hpp"

#include "plugins/delay/commands.hpp"
#include "plugins/delay/names.hpp"
#include "plugins/delay/rewriter.hpp"
#include "plugins/delay/service.hpp"

#include <memory>
#include <optional>
#include <string>

namespace gantry::delay {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

constexpr gantry_option options[] = {
    sdk::DurationOption{.key = "horizon",
                        .fallback = "366d",
                        .minimum_ms = 1'000,
                        .maximum_ms = 3'660 * day_ms,
                        .sentence =
                            "How far in the future a message may be timed; beyond it is refused. RocketMQ, should "
                            "it take over, refuses more than 3 days."},
    sdk::DurationOption{.key = "roll_after",
                        .fallback = "24h",
                        .minimum_ms = 1'000,
                        .maximum_ms = 32 * hour_ms,
                        .sentence = "Records of timers that still wait are appended again at this age. One and a half "
                                    "times this must be less than the time for which the store keeps its log."},
    sdk::IntegerOption{.key = "table_entries",
                       .fallback = "131072",
                       .minimum = 1'024,
                       .maximum = 4'194'304,
                       .sentence =
                           "Timers held in memory before they are moved into a file; 48 bytes each, and at most "
                           "three times as many for a moment."},
    sdk::IntegerOption{.key = "batches_in_flight",
                       .fallback = "4",
                       .minimum = 1,
                       .maximum = 64,
                       .sentence = "Batches of 512 due messages that may wait for their acknowledgement at the same "
                                   "time. More catch up faster after a downtime, at the cost of other traffic."},
    sdk::BoolOption{.key = "recall",
                    .fallback = "true",
                    .sentence = "Producers may recall timed messages with the handle that they got. RocketMQ has this "
                                "off by default."},
};

constexpr const char* required[] = {GANTRY_STORE_ID};

class DelayPlugin final : public sdk::Plugin, public sdk::Interceptor {
 public:
  explicit DelayPlugin(sdk::Host host) : host_(host) {}

  Status configure(const sdk::OptionValues& values) override {
    const sdk::Broker broker = host_.broker();
    const bool has_broker = static_cast<bool>(broker);  // else a tool looks at the plugin
    const std::int64_t horizon_ms = values.duration("horizon").count();
    const std::string broker_name(has_broker ? broker.name() : "");
    const WishLimits limits = {
        .level_count = has_broker ? static_cast<std::int32_t>(broker.delay_levels().size()) : rocketmq_level_count,
        .horizon_ms = horizon_ms};
    rewriter_.emplace(
        Rewriter::Settings{.limits = limits, .broker_name = broker_name, .recall = values.boolean("recall")});
    service_ = std::make_unique<Service>(
        host_, Service::Settings{.roll_after_ms = values.duration("roll_after").count(),
                                 .table_entries = static_cast<std::size_t>(values.integer("table_entries")),
                                 .batches_in_flight = static_cast<std::size_t>(values.integer("batches_in_flight"))});
    commands_ = std::make_unique<Commands>(
        host_, *service_,
        Commands::Settings{.recall = values.boolean("recall"), .horizon_ms = horizon_ms, .broker_name = broker_name});
    if (!has_broker) return {};
    return broker.when_serving([this] { service_->begin(); });
  }

  Status start() override { return host_.broker() ? service_->open() : Status(); }
  Status stop() override { return service_ ? service_->stop() : Status(); }

  Status publish(const sdk::PublishBatch& messages) override { return take(messages); }
  Status send_back(const sdk::PublishBatch& messages) override { return take(messages); }

  sdk::Command& command() { return *commands_; }

 private:
  Status take(const sdk::PublishBatch& messages) {
    const std::int64_t now_ms = host_.wall_ms();
    for (sdk::Publishing message : messages) {
      GANTRY_ASSIGN(const auto outcome, rewriter_->rewrite(message, now_ms));
      if (outcome.is_timer) service_->expect(outcome.due_ms);
    }
    return {};
  }

  const sdk::Host host_;
  std::optional<Rewriter> rewriter_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Commands> commands_;
};

}  // namespace

GANTRY_PLUGIN(DelayPlugin, .id = "delay", .version = "0.1.0",
              .summary = "Delayed and timed messages, delivered to the millisecond, for a year and more.",
              .options = options, .required_extensions = required)

}  // namespace gantry::delay
