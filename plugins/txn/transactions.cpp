#include "plugins/txn/transactions.hpp"

#include "plugins/txn/names.hpp"
#include "plugins/txn/prepare.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace gantry::txn {
namespace {

constexpr std::chrono::milliseconds pause_max{1'000};
constexpr std::chrono::milliseconds pause_min{50};
constexpr std::chrono::seconds landing_patience{10};

void take(Settings& settings, const sdk::OptionValues& values) {
  settings.check_interval_ms = values.duration("check_interval").count();
  settings.timeout_ms = values.duration("timeout").count();
  settings.check_max = static_cast<std::int32_t>(values.integer("check_max"));
  settings.reject = values.boolean("reject");
  settings.open_max = values.integer("open_max");
}

void copy(const Settings& from, Settings& to) {
  to.check_interval_ms = from.check_interval_ms.load();
  to.timeout_ms = from.timeout_ms.load();
  to.check_max = from.check_max.load();
  to.reject = from.reject.load();
  to.open_max = from.open_max.load();
}

std::int64_t number_in(const sdk::CommandRequest& request, std::string_view field, std::int64_t fallback) {
  const auto text = request.field(field);
  return text ? parse_number(*text).value_or(fallback) : fallback;
}

}  // namespace

Transactions::~Transactions() { static_cast<void>(stop()); }

Status Transactions::configure(const sdk::OptionValues& values) {
  take(initial_, values);
  return {};
}

Status Transactions::reconfigure(const sdk::OptionValues& values) {
  take(initial_, values);
  if (context_) copy(initial_, context_->settings);
  return {};
}

Status Transactions::start() {
  const sdk::Broker broker = host_.broker();
  if (!broker) return {};  // a tool looks at the plugin: there is nothing to do
  GANTRY_ASSIGN(const sdk::StoreClient store, broker.store());
  context_.emplace(host_, store);
  copy(initial_, context_->settings);
  GANTRY_ASSIGN(context_->half_queue, context_->store.open_queue(half_topic, 0));
  GANTRY_ASSIGN(context_->op_queue, context_->store.open_queue(op_topic, 0));
  decisions_.emplace(*context_);
  checker_.emplace(*context_);
  operations_.emplace(*context_);
  return broker.when_serving([this] { begin(); });
}

void Transactions::begin() {
  for (const std::string_view topic : {half_topic, op_topic, discard_topic}) {
    if (const Status made = context_->broker.ensure_topic(topic, 1); !made) {
      host_.fault(sdk::FaultSeverity::degraded,
                  "transactions need the topic " + std::string(topic) + ", which cannot be made: " + made.error().text);
    }
  }
  if (has_thread) thread_ = std::thread([this] { run(); });
}

Status Transactions::recover() {
  context_->run_begin = context_->store.positions().log_end;
  GANTRY_TRY(checker_->recover());
  host_.log(sdk::LogLevel::info, "txn.recovered",
            {sdk::field("open", context_->ledger.open_count()), sdk::field("progress", context_->ledger.progress())});
  decisions_->open_gate();
  return {};
}

void Transactions::run() {
  for (Status recovered = recover(); !recovered; recovered = recover()) {
    host_.log(sdk::LogLevel::error, "txn.recovery_failed", {sdk::field("error", recovered.error())});
    if (!pause(pause_max)) return;
  }
  const auto time = [this] {
    const auto timing = context_->settings.timing();
    return std::clamp(std::chrono::milliseconds(std::min(timing.timeout_ms, timing.check_interval_ms) / 4), pause_min,
                      pause_max);
  };
  while (pause(time())) checker_->pass();
}

bool Transactions::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return is_stopping_; });
}

void Transactions::quiesce() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  wake_.notify_all();
}

Status Transactions::stop() {
  quiesce();
  if (thread_.joinable()) thread_.join();
  if (context_ && !context_->flights.wait(landing_patience)) {
    return Error{Errc::timed_out, "op records of transactions are still being stored"};
  }
  return {};
}

Status Transactions::publish(const sdk::PublishBatch& messages) {
  if (context_) prepare(messages, *context_);
  return {};
}

std::span<const gantry_command_code> Transactions::codes() const {
  static constexpr std::array<gantry_command_code, 4> served = {{
      {request::end_transaction, 0},
      {request::resume_check_half_message, GANTRY_COMMAND_ADMIN},
      {request::list_transactions, GANTRY_COMMAND_ADMIN},
      {request::show_transaction, GANTRY_COMMAND_ADMIN},
  }};
  return served;
}

void Transactions::on_pool(std::uint64_t ticket, std::function<void()> work) {
  if (const Status accepted = host_.run_blocking(std::move(work)); !accepted) {
    host_.answer(ticket, {.code = response::system_busy, .remark = accepted.error().text});
  }
}

void Transactions::execute(const sdk::CommandRequest& request) {
  const std::uint64_t ticket = request.ticket();
  const Tell tell = [this, ticket](std::int32_t code, std::string_view remark) {
    host_.answer(ticket, {.code = code, .remark = remark});
  };
  switch (request.code()) {
    case request::end_transaction: {
      const auto decision = read_decision(request);
      if (!decision) return tell(response::system_error, decision.error().text);
      return decisions_->decide(*decision, tell);
    }
    case request::resume_check_half_message:
      return on_pool(ticket, [this, tell, id = std::string(request.field("msgId").value_or(""))] {
        operations_->resume(id, tell);
      });
    case request::list_transactions: {
      ListRequest wanted;
      const std::string_view state = request.field("state").value_or("all");
      wanted.open = state != "discarded";
      wanted.discarded = state != "open";
      wanted.topic = request.field("topic").value_or("");
      wanted.group = request.field("group").value_or("");
      const auto limit = number_in(request, "limit", static_cast<std::int64_t>(wanted.count_max));
      wanted.count_max = static_cast<std::size_t>(
          std::clamp<std::int64_t>(limit, 1, static_cast<std::int64_t>(Operations::count_max)));
      return on_pool(ticket, [this, ticket, wanted] { host_.answer(ticket, {.body = operations_->list(wanted)}); });
    }
    default: {
      ShowRequest wanted;
      wanted.id = request.field("transactionId").value_or("");
      wanted.group = request.field("group").value_or("");
      wanted.half_offset = number_in(request, "halfOffset", -1);
      wanted.log_offset = number_in(request, "logOffset", -1);
      return on_pool(ticket, [this, ticket, tell, wanted] {
        const auto shown = operations_->show(wanted);
        if (!shown) return tell(response::system_error, shown.error().text);
        host_.answer(ticket, {.body = *shown});
      });
    }
  }
}

}  // namespace gantry::txn
