#include "plugins/txn/decisions.hpp"

#include "plugins/txn/names.hpp"
#include "plugins/txn/store_reader.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace gantry::txn {
namespace {

std::int32_t code_of(Errc error) noexcept {
  switch (error) {
    case Errc::busy: return response::system_busy;
    case Errc::not_found: return response::topic_not_exist;
    case Errc::too_large: return response::message_illegal;
    default: return response::system_error;
  }
}

std::string contradiction(State state, std::string_view id) {
  std::string remark = "the transaction [" + std::string(id) + "] ";
  switch (state) {
    case State::committing:
    case State::commit_stored:
    case State::committed: return remark + "is committed already, it cannot be rolled back";
    case State::rolling_back:
    case State::rolled_back: return remark + "is rolled back already, it cannot be committed";
    case State::discarding:
    case State::discard_stored:
    case State::discarded:
      return remark +
             "was discarded because its producers were asked too often without an answer; an operator can "
             "resume it (RESUME_CHECK_HALF_MESSAGE)";
    default: return remark + "is " + std::string(to_string(state));
  }
}

std::string difference(std::string_view what, std::string_view expected, std::string_view found) {
  return std::string(what) + ": expected " + std::string(expected) + " as in the half message, found " +
         std::string(found);
}

}  // namespace

Result<Decision> read_decision(const sdk::CommandRequest& request) {
  Decision decision;
  const auto number = [&request](std::string_view name) -> Result<std::int64_t> {
    const auto text = request.field(name);
    const auto value = text ? parse_number(*text) : std::nullopt;
    if (value) return *value;
    return Error{Errc::invalid_argument, "END_TRANSACTION: expected a number in the field " + std::string(name) +
                                             ", found " + (text ? "[" + std::string(*text) + "]" : "no such field")};
  };
  GANTRY_ASSIGN(decision.half_offset, number("tranStateTableOffset"));
  GANTRY_ASSIGN(decision.log_offset, number("commitLogOffset"));
  GANTRY_ASSIGN(const std::int64_t flag, number("commitOrRollback"));
  if (flag == sys_flag::commit) decision.event = Event::commit;
  if (flag == sys_flag::rollback) decision.event = Event::rollback;
  decision.group = request.field("producerGroup").value_or("");
  decision.transaction_id = request.field("transactionId").value_or("");
  decision.from_check = request.field("fromTransactionCheck").value_or("false") == "true";
  return decision;
}

void Decisions::decide(const Decision& decision, const Tell& tell) {
  if (decision.event == Event::unknown) {
    // RocketMQ does not even look which transaction that is: it stays open, and its producer will be asked.
    context_.metrics.unknown.add();
    context_.host.log(sdk::LogLevel::debug, "txn.unknown",
                      {sdk::field("group", decision.group), sdk::field("half_offset", decision.half_offset),
                       sdk::field("from_check", decision.from_check)});
    return tell(response::success, "undecided; the broker will ask");
  }
  if (!is_open_.load(std::memory_order_acquire) && wait_for_gate(decision, tell)) return;
  run(decision, tell, Thread::shard);
}

bool Decisions::wait_for_gate(const Decision& decision, const Tell& tell) {
  {
    const std::lock_guard lock(gate_mutex_);
    if (is_open_.load()) return false;
    if (waiting_.size() < waiting_max) {
      waiting_.emplace_back(decision, tell);
      return true;
    }
  }
  refuse(tell, response::system_busy, "the broker is still reading the transactions of its last run; it will ask");
  return true;
}

void Decisions::open_gate() {
  std::vector<std::pair<Decision, Tell>> waiting;
  {
    const std::lock_guard lock(gate_mutex_);
    is_open_.store(true, std::memory_order_release);
    waiting = std::exchange(waiting_, {});
  }
  for (const auto& [decision, tell] : waiting) run(decision, tell, Thread::pool);
}

void Decisions::run_on_pool(const Decision& decision, const Tell& tell) {
  const Status accepted = context_.host.run_blocking([this, decision, tell] { run(decision, tell, Thread::pool); });
  if (!accepted) refuse(tell, response::system_busy, accepted.error().text);
}

void Decisions::run(const Decision& decision, const Tell& tell, Thread thread) {
  const std::uint32_t options = thread == Thread::pool ? GANTRY_READ_MAY_BLOCK : 0;
  auto held = HeldRecord::read(context_.store, decision.log_offset, options);
  if (!held && held.error().code == Errc::would_block) return run_on_pool(decision, tell);
  Result<HalfMessage> half = held ? read_half_message(held->bytes()) : Result<HalfMessage>(held.error());
  if (half && half->record.topic != half_topic) {
    half = Error{Errc::invalid_argument, "the message there was discarded"};
  }
  if (!half) {
    // The quoted copy is gone, but a newer one may be there: its key tells.
    const auto known = context_.ledger.find(key_of(decision.group, decision.transaction_id));
    if (known && known->log_offset != decision.log_offset) {
      Decision newer = decision;
      newer.log_offset = known->log_offset;
      newer.half_offset = known->half_offset;
      return run(newer, tell, thread);
    }
    return refuse(tell, response::system_error,
                  "no half message at log offset " + std::to_string(decision.log_offset) + ": " + half.error().text);
  }
  if (half->group != decision.group) {
    return refuse(tell, response::system_error, difference("the producer group is wrong", half->group, decision.group));
  }
  if (half->record.queue_offset != decision.half_offset || half->record.log_offset != decision.log_offset) {
    return refuse(tell, response::system_error,
                  difference("the transaction state table offset is wrong", std::to_string(half->record.queue_offset),
                             std::to_string(decision.half_offset)));
  }
  carry_out(decision, *half, tell, thread);
}

void Decisions::carry_out(const Decision& decision, const HalfMessage& half, const Tell& tell, Thread thread) {
  const Step step = context_.ledger.decide(half, decision.event, context_.settings.timing(), tell);
  context_.supersede(step.superseded);
  if (step.needs_look_up || step.what.answer == Answer::look_up) {
    // The index of keys may need the disk.
    if (thread != Thread::pool) return run_on_pool(decision, tell);
    if (!step.needs_look_up) return look_up(decision, half, tell);
    if (look_for_message(half, tell)) carry_out(decision, half, tell, thread);
    return;
  }
  switch (step.what.answer) {
    case Answer::success: return tell(response::success, {});
    case Answer::refuse: return refuse(tell, response::illegal_operation, contradiction(step.before, half.id()));
    case Answer::wait:
      if (step.what.action != Action::none) store(half, step);
      return;
    default: return refuse(tell, response::system_error, "the transaction is " + std::string(to_string(step.before)));
  }
}

bool Decisions::look_for_message(const HalfMessage& half, const Tell& tell) {
  const std::uint64_t key = half.key();
  const auto found = context_.archive.find_committed(half.real_topic, half.group, half.uniq_key, context_.run_begin);
  if (!found && found.error().code == Errc::busy) {
    refuse(tell, response::system_busy, "whether it is committed cannot be told yet: " + found.error().text);
    return false;
  }
  if (!found && found.error().code != Errc::unsupported) {
    refuse(tell, response::system_error, "whether it is committed cannot be told: " + found.error().text);
    return false;
  }
  if (!found || !*found) {
    context_.ledger.clear_suspicion(key);
    return true;
  }
  const Step step = context_.ledger.apply(key, Event::message_found);
  if (step.what.action == Action::write_op) {
    context_.write_op(
        Outcome::committed, half.group, half.id(), {step.transaction.half_offset},
        [this, key](bool stored) { context_.ledger.apply(key, stored ? Event::stored : Event::store_failed); });
  }
  return true;
}

// The transaction is finished, and so long ago that only the store knows how.
void Decisions::look_up(const Decision& decision, const HalfMessage& half, const Tell& tell) {
  const auto committed = context_.archive.find_committed(half.real_topic, half.group, half.uniq_key, 0);
  const bool is_committed = committed && *committed;
  if (is_committed && decision.event == Event::rollback) {
    return refuse(tell, response::illegal_operation, contradiction(State::committed, half.id()));
  }
  if (is_committed || decision.event == Event::rollback) return tell(response::success, {});
  const auto discarded = context_.archive.find(discard_topic, half.uniq_key, 1, 0);
  if (discarded && !discarded->empty()) {
    return refuse(tell, response::illegal_operation, contradiction(State::discarded, half.id()));
  }
  refuse(tell, response::illegal_operation,
         "the transaction [" + half.id() +
             "] ended before and its message is not in the topic: it was rolled back, or is too old to tell");
}

void Decisions::store(const HalfMessage& half, const Step& step) {
  const bool is_commit = step.what.action == Action::append_message;
  const std::uint64_t key = step.transaction.key;
  std::vector<std::int64_t> offsets = {step.transaction.half_offset};
  for (const std::int64_t other : {half.record.queue_offset, step.superseded}) {
    if (other >= 0 && std::find(offsets.begin(), offsets.end(), other) == offsets.end()) offsets.push_back(other);
  }
  const OpText op = make_op(is_commit ? Outcome::committed : Outcome::rolled_back, half.group, half.id(), offsets);
  std::vector<sdk::Outgoing> messages;
  if (is_commit) {
    const auto topic = context_.broker.find_topic(half.real_topic);
    if (!topic) {
      return finish(context_.ledger.apply(key, Event::store_failed), response::topic_not_exist,
                    "the topic [" + std::string(half.real_topic) + "] of the transaction does not exist any more");
    }
    // A queue that the topic does not have any more: better another one than none.
    const bool exists = half.real_queue < topic->write_queues;
    messages.push_back(make_committed(half, exists ? half.real_queue : -1));
  }
  messages.push_back(op.outgoing(context_.host.wall_ms()));
  const std::int64_t closed = *std::max_element(offsets.begin(), offsets.end());
  const Status accepted = context_.publish(messages, [this, key, closed, is_commit, group = std::string(half.group),
                                                      id = half.id()](std::span<const sdk::Published> published) {
    const bool has_message = !is_commit || is_stored(published.front());
    const bool has_op = is_stored(published.back());
    if (has_message && has_op) {
      (is_commit ? context_.metrics.committed : context_.metrics.rolled_back).add();
      const Step done = context_.ledger.apply(key, Event::stored);
      finish(done, response::success, {});
      // A copy that was on its way meanwhile.
      if (done.transaction.half_offset > closed) {
        context_.write_op(outcome_of(done.what.next), group, id, {done.transaction.half_offset}, {});
      }
      return;
    }
    if (has_message && is_commit) {
      context_.metrics.committed.add();
      finish(context_.ledger.apply(key, Event::message_stored), response::success, {});
      context_.ledger.put_off(key, context_.host.wall_ms());
      return;
    }
    const Error& error = published.front().status.error();
    finish(context_.ledger.apply(key, Event::store_failed), code_of(error.code), error.text);
  });
  if (!accepted) {
    finish(context_.ledger.apply(key, Event::store_failed), code_of(accepted.error().code), accepted.error().text);
  }
}

void Decisions::finish(const Step& step, std::int32_t code, std::string_view remark) {
  if (code != response::success) {
    context_.metrics.refused.add();
    context_.host.log(sdk::LogLevel::warn, "txn.decision_failed",
                      {sdk::field("half_offset", step.transaction.half_offset), sdk::field("reason", remark)});
  }
  for (const Tell& tell : step.waiters) tell(code, remark);
}

void Decisions::refuse(const Tell& tell, std::int32_t code, std::string_view remark) {
  context_.metrics.refused.add();
  context_.host.log(sdk::LogLevel::info, "txn.decision_refused",
                    {sdk::field("code", code), sdk::field("reason", remark)});
  tell(code, remark);
}

}  // namespace gantry::txn
