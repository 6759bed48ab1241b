#include "plugins/txn/checker.hpp"

#include "plugins/txn/names.hpp"
#include "plugins/txn/store_reader.hpp"

#include "gantry/sdk/record_writer.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <utility>

namespace gantry::txn {
namespace {

constexpr std::int64_t retry_ms = 1'000;
constexpr std::chrono::seconds batch_patience{30};

}  // namespace

/// Copies on their way. Holds the records that they are made of.
struct Checker::Batch {
  struct Copy {
    Transaction transaction;
    Purpose purpose;
    HalfMessage half;
    HeldRecord held;
    std::string properties;
    std::int32_t checks;
  };
  std::vector<Copy> copies;
  std::size_t bytes = 0;
  std::promise<void> landed;
};

Status Checker::recover() {
  GANTRY_TRY(scanner_.pass());
  context_.flush_superseded(context_.ledger.progress());
  scanner_.save_progress();
  context_.metrics.open.set(static_cast<std::int64_t>(context_.ledger.open_count()));
  return {};
}

void Checker::pass() {
  if (const Status read = scanner_.pass(); !read) {
    context_.host.log(sdk::LogLevel::warn, "txn.scan_failed", {sdk::field("error", read.error())});
  }
  check_due();
  carry_stragglers();
  context_.flush_superseded(context_.ledger.progress());
  scanner_.save_progress();
  context_.metrics.open.set(static_cast<std::int64_t>(context_.ledger.open_count()));
}

void Checker::check_due() {
  const std::vector<Transaction> due = context_.ledger.take_due(context_.host.wall_ms(), due_max);
  auto batch = std::make_shared<Batch>();
  for (const Transaction& transaction : due) {
    check(transaction, *batch);
    if (batch->copies.size() >= copies_max || batch->bytes >= copy_bytes_max) {
      store(std::exchange(batch, std::make_shared<Batch>()));
    }
  }
  store(batch);
}

void Checker::check(const Transaction& transaction, Batch& batch) {
  auto held = HeldRecord::read(context_.store, transaction.log_offset, GANTRY_READ_MAY_BLOCK);
  if (!held && held.error().code != Errc::not_found) {
    context_.host.log(sdk::LogLevel::warn, "txn.read_failed", {sdk::field("error", held.error())});
    return context_.ledger.put_off(transaction.key, soon());
  }
  const auto half = held ? read_half_message(held->bytes()) : Result<HalfMessage>(held.error());
  if (!half || half->key() != transaction.key) {
    return give_up(transaction, half ? "another message stands in its place" : half.error().text);
  }
  if (transaction.state == State::commit_stored || transaction.state == State::discard_stored) {
    return finish_op(transaction, *half);
  }
  if (transaction.is_suspect && look_for_message(transaction, *half)) return;
  const bool is_over = transaction.checks >= context_.settings.check_max.load();
  const Step step = context_.ledger.apply(transaction.key, is_over ? Event::limit_reached : Event::check_due);
  switch (step.what.action) {
    case Action::append_discard: return discard(transaction, *half);
    case Action::append_copy: {
      const std::int32_t checks = transaction.checks + 1;
      batch.bytes += held->bytes().size();
      batch.copies.push_back(
          {transaction, Purpose::ask, *half, *std::move(held), copy_properties(*half, checks), checks});
      return;
    }
    default:  // decided meanwhile; should that fail, it is due again
      return context_.ledger.put_off(transaction.key, soon());
  }
}

// True: its message is there, or that cannot be told yet.
bool Checker::look_for_message(const Transaction& transaction, const HalfMessage& half) {
  const auto found = context_.archive.find_committed(half.real_topic, half.group, half.uniq_key, context_.run_begin);
  if (!found && found.error().code != Errc::unsupported) {
    context_.ledger.put_off(transaction.key, soon());
    return true;
  }
  if (!found || !*found) {
    context_.ledger.clear_suspicion(transaction.key);
    return false;
  }
  context_.host.log(sdk::LogLevel::info, "txn.found_committed",
                    {sdk::field("id", half.id()), sdk::field("log_offset", **found)});
  if (context_.ledger.apply(transaction.key, Event::message_found).what.action == Action::write_op) {
    Transaction committed = transaction;
    committed.state = State::commit_stored;
    finish_op(committed, half);
  }
  return true;
}

void Checker::finish_op(const Transaction& transaction, const HalfMessage& half) {
  context_.ledger.put_off(transaction.key, soon());
  context_.write_op(outcome_of(transaction.state), half.group, half.id(), {transaction.half_offset},
                    [this, key = transaction.key](bool stored) {
                      context_.ledger.apply(key, stored ? Event::stored : Event::store_failed);
                    });
}

void Checker::discard(const Transaction& transaction, const HalfMessage& half) {
  const std::string reason =
      "its producers were asked " + std::to_string(transaction.checks) + " times without a decision (check_max)";
  const std::string properties = discard_properties(half, reason);
  const OpText op = make_op(Outcome::discarded, half.group, half.id(), {transaction.half_offset});
  const std::array<sdk::Outgoing, 2> messages = {make_copy(half, discard_topic, properties),
                                                 op.outgoing(context_.host.wall_ms())};
  const std::uint64_t key = transaction.key;
  const auto failed = [this, key](const Error& error) {
    context_.host.log(sdk::LogLevel::warn, "txn.discard_failed", {sdk::field("error", error)});
    context_.ledger.apply(key, Event::store_failed);
    context_.ledger.put_off(key, soon());
  };
  const Status accepted =
      context_.publish(messages, [this, key, failed, reason, id = half.id(), group = std::string(half.group),
                                  topic = std::string(half.real_topic)](std::span<const sdk::Published> published) {
        if (!is_stored(published[0])) return failed(published[0].status.error());
        const bool has_op = is_stored(published[1]);
        context_.ledger.apply(key, has_op ? Event::stored : Event::message_stored);
        if (!has_op) context_.ledger.put_off(key, soon());
        context_.metrics.discarded.add();
        context_.host.log(sdk::LogLevel::warn, "txn.discarded",
                          {sdk::field("id", id), sdk::field("topic", topic), sdk::field("group", group),
                           sdk::field("log_offset", published[0].log_offset), sdk::field("reason", reason)});
      });
  if (!accepted) failed(accepted.error());
}

void Checker::give_up(const Transaction& transaction, std::string_view reason) {
  context_.ledger.apply(transaction.key, Event::record_gone);
  context_.metrics.discarded.add();
  context_.host.log(sdk::LogLevel::error, "txn.half_gone",
                    {sdk::field("half_offset", transaction.half_offset),
                     sdk::field("log_offset", transaction.log_offset), sdk::field("reason", reason)});
}

void Checker::carry_stragglers() {
  const auto is_straggler = [this, now = context_.host.wall_ms(),
                             scanned = context_.ledger.scanned()](const Transaction& transaction) {
    return scanned - transaction.half_offset > behind_max || now - transaction.store_ms > copy_age_max_ms;
  };
  const auto lowest = context_.ledger.lowest();
  if (!lowest || !is_straggler(*lowest)) return;
  auto batch = std::make_shared<Batch>();
  for (const Transaction& transaction : context_.ledger.first_open(due_max)) {
    if (!is_straggler(transaction)) break;
    if (transaction.state != State::open) continue;
    if (batch->copies.size() >= copies_max || batch->bytes >= copy_bytes_max) {
      store(std::exchange(batch, std::make_shared<Batch>()));
    }
    auto held = HeldRecord::read(context_.store, transaction.log_offset, GANTRY_READ_MAY_BLOCK);
    if (!held && held.error().code != Errc::not_found) continue;
    const auto half = held ? read_half_message(held->bytes()) : Result<HalfMessage>(held.error());
    if (!half || half->key() != transaction.key) {
      give_up(transaction, half ? "another message stands in its place" : half.error().text);
      continue;
    }
    if (context_.ledger.apply(transaction.key, Event::check_due).what.action != Action::append_copy) continue;
    batch->bytes += held->bytes().size();
    const std::int32_t checks = transaction.checks;
    batch->copies.push_back(
        {transaction, Purpose::carry, *half, *std::move(held), copy_properties(*half, checks), checks});
  }
  store(batch);
}

void Checker::store(const std::shared_ptr<Batch>& batch) {
  if (batch->copies.empty()) return;
  std::vector<sdk::Outgoing> messages;
  messages.reserve(batch->copies.size());
  for (const Batch::Copy& copy : batch->copies) {
    messages.push_back(make_copy(copy.half, half_topic, copy.properties));
  }
  const Status accepted = context_.publish(messages, [this, batch](std::span<const sdk::Published> published) {
    for (std::size_t i = 0; i < published.size(); ++i) copy_stored(*batch, i, published[i]);
    batch->landed.set_value();
  });
  if (!accepted) {
    const sdk::Published failed{.status = accepted.error()};
    for (std::size_t i = 0; i < batch->copies.size(); ++i) copy_stored(*batch, i, failed);
  } else if (batch->landed.get_future().wait_for(batch_patience) != std::future_status::ready) {
    context_.host.log(sdk::LogLevel::warn, "txn.store_slow", {sdk::field("copies", batch->copies.size())});
  }
}

void Checker::copy_stored(const Batch& batch, std::size_t index, const sdk::Published& published) {
  const Batch::Copy& copy = batch.copies[index];
  const std::uint64_t key = copy.transaction.key;
  const std::int64_t now_ms = context_.host.wall_ms();
  if (!is_stored(published)) {
    context_.host.log(sdk::LogLevel::warn, "txn.copy_failed", {sdk::field("error", published.status.error())});
    context_.ledger.apply(key, Event::copy_failed);
    return context_.ledger.put_off(key, soon());
  }
  Transaction place = copy.transaction;
  place.half_offset = published.queue_offset;
  place.log_offset = published.log_offset;
  place.store_ms = now_ms;
  place.checks = static_cast<std::uint16_t>(copy.checks);
  if (copy.purpose == Purpose::ask) place.due_ms = now_ms + context_.settings.check_interval_ms.load();
  const Step step = context_.ledger.apply_copy(key, place);
  context_.supersede(step.superseded);
  if (step.what.action == Action::write_op) {
    context_.close_copy(step.what.next, copy.half, published.queue_offset);
  } else if (step.what.action == Action::adopt_and_ask && copy.purpose == Purpose::ask) {
    ask(batch, index, published);
  }
}

void Checker::ask(const Batch& batch, std::size_t index, const sdk::Published& published) {
  const Batch::Copy& copy = batch.copies[index];
  sdk::Record record = copy.half.record;
  record.topic = copy.half.real_topic;
  record.queue_id = copy.half.real_queue;
  record.properties = copy.properties;
  record.queue_offset = published.queue_offset;
  record.log_offset = published.log_offset;
  std::string body;
  if (!sdk::append_record(body, record)) return;  // it was stored, so it fits
  const std::string half_offset = std::to_string(published.queue_offset);
  const std::string log_offset = std::to_string(published.log_offset);
  const std::array<std::pair<std::string_view, std::string_view>, 7> fields = {{
      {"topic", half_topic},
      {"tranStateTableOffset", half_offset},
      {"commitLogOffset", log_offset},
      {"msgId", copy.half.uniq_key},
      {"transactionId", copy.half.uniq_key},
      {"offsetMsgId", published.message_id},
      {"bname", context_.broker.name()},
  }};
  const Status asked = context_.broker.ask_producer(copy.half.group, request::check_transaction_state, fields, body);
  context_.metrics.asked.add();
  if (!asked) context_.metrics.unasked.add();
  context_.host.log(
      sdk::LogLevel::debug, "txn.asked",
      {sdk::field("id", copy.half.id()), sdk::field("group", copy.half.group), sdk::field("checks", copy.checks),
       sdk::field("half_offset", published.queue_offset), sdk::field("reached", asked.has_value())});
}

std::int64_t Checker::soon() const { return context_.host.wall_ms() + retry_ms; }

}  // namespace gantry::txn
