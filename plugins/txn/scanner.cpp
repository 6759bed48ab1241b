#include "plugins/txn/scanner.hpp"

#include "plugins/txn/names.hpp"
#include "plugins/txn/store_reader.hpp"

#include <algorithm>

namespace gantry::txn {

Status Scanner::pass() {
  if (is_first_) find_begin();
  GANTRY_TRY(read_ops());
  GANTRY_TRY(read_halves());
  // Those decided while the half messages were read.
  GANTRY_TRY(read_ops());
  is_first_ = false;
  return {};
}

void Scanner::find_begin() {
  const auto begin = [this](std::string_view topic, gantry_queue* queue) {
    const auto bounds = context_.store.bounds(queue);
    const std::int64_t saved = context_.broker.find_offset(progress_group, topic, 0).value_or(bounds.min);
    // Beyond the end: the queue is not the one that the offset was saved for.
    return saved > bounds.max ? bounds.min : std::max(saved, bounds.min);
  };
  next_half_ = begin(half_topic, context_.half_queue);
  next_op_ = begin(op_topic, context_.op_queue);
  context_.ledger.set_scanned(next_half_);
}

Status Scanner::read_ops() {
  GANTRY_ASSIGN(next_op_, read_queue(context_.store, context_.op_queue, next_op_, [this](std::string_view bytes) {
                  if (const auto record = sdk::read_record(bytes)) {
                    see_op(*record);
                    next_op_ = record->queue_offset + 1;
                  }
                  return true;
                }));
  return {};
}

void Scanner::see_op(const sdk::Record& record) {
  const auto op = read_op_record(record);
  if (!op) {
    context_.host.log(sdk::LogLevel::warn, "txn.op_ignored",
                      {sdk::field("op_offset", record.queue_offset), sdk::field("reason", "it has not the tag d")});
    return;
  }
  const std::int64_t scanned = context_.ledger.scanned();
  std::int64_t newest = -1;
  for (const std::int64_t offset : op->offsets) {
    newest = std::max(newest, offset);
    if (offset >= scanned) closed_.insert(offset);
  }
  if (newest < 0) return;
  ops_.push_back({record.queue_offset, newest});
  // How transactions of this run ended is known already.
  if (is_first_ && !op->id.empty()) context_.ledger.see_op(key_of(op->group, op->id), op->outcome, newest);
}

Status Scanner::read_halves() {
  GANTRY_ASSIGN(next_half_, read_queue(context_.store, context_.half_queue, next_half_, [this](std::string_view bytes) {
                  see_half(bytes);
                  return true;
                }));
  context_.ledger.set_scanned(next_half_);
  return {};
}

void Scanner::see_half(std::string_view bytes) {
  const auto half = read_half_message(bytes);
  if (!half) {
    context_.host.log(sdk::LogLevel::warn, "txn.half_ignored",
                      {sdk::field("half_offset", next_half_), sdk::field("reason", half.error())});
    return;
  }
  const std::int64_t offset = half->record.queue_offset;
  next_half_ = offset + 1;
  const bool is_closed = closed_.erase(offset) != 0;
  const Step step = context_.ledger.see_half(*half, is_closed, is_first_, context_.settings.timing());
  context_.supersede(step.superseded);
  if (step.what.action == Action::write_op) context_.close_copy(step.what.next, *half, offset);
}

void Scanner::save_progress() {
  const std::int64_t half = context_.ledger.progress();
  while (!ops_.empty() && ops_.front().half_offset < half) ops_.pop_front();
  const std::int64_t op = ops_.empty() ? next_op_ : ops_.front().op_offset;
  // The half offset first: op records that are read once more do no harm, those that are missing would.
  if (half != saved_half_ && context_.broker.set_offset(progress_group, half_topic, 0, half)) saved_half_ = half;
  if (op != saved_op_ && context_.broker.set_offset(progress_group, op_topic, 0, op)) saved_op_ = op;
}

}  // namespace gantry::txn
