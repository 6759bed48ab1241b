#include "plugins/filter-sql92/program_builder.hpp"

#include <algorithm>
#include <utility>

namespace gantry::filter_sql92 {

namespace {

// By how many values an instruction makes the stack deeper.
std::ptrdiff_t growth_of(Op op) noexcept {
  switch (op) {
    case Op::push_property:
    case Op::push_constant:
    case Op::copy:
    case Op::compare_property:
    case Op::in: return 1;
    case Op::drop_below:
    case Op::logical_and:
    case Op::logical_or:
    case Op::compare:
    case Op::calculate: return -1;
    default: return 0;
  }
}

}  // namespace

void ProgramBuilder::grow(std::ptrdiff_t values) noexcept {
  depth_ = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(depth_) + values);
  deepest_ = std::max(deepest_, depth_);
}

void ProgramBuilder::emit(Op op, std::uint8_t detail, std::uint32_t a) {
  program_->code_.push_back({.op = op, .detail = detail, .a = a});
  grow(growth_of(op));
}

void ProgramBuilder::push_property(std::string_view name) {
  emit(Op::push_property, 0, program_->names_.slot_of(name));
}
void ProgramBuilder::push_constant(Value value) { emit(Op::push_constant, 0, add_constant(value)); }
void ProgramBuilder::push_text(std::string text) { emit(Op::push_constant, 0, add_text(std::move(text))); }

void ProgramBuilder::compare(Comparison comparison) {
  const auto detail = static_cast<std::uint8_t>(comparison);
  auto& code = program_->code_;
  const std::size_t count = code.size();
  if (count < 2 || code[count - 2].op != Op::push_property || code[count - 1].op != Op::push_constant) {
    return emit(Op::compare, detail);
  }
  const std::uint32_t slot = code[count - 2].a;
  const std::uint32_t index = code[count - 1].a;
  cut_back(count - 2, 2);
  emit(Op::compare_property, detail, slot);
  code.back().b = index;
}

void ProgramBuilder::search(Op op, bool negated, std::string text) {
  emit(op, negated ? 1 : 0, add_text(std::move(text)));
}

void ProgramBuilder::replace_by_list(bool negated, std::vector<std::string> list) {
  const std::uint32_t slot = program_->code_.back().a;
  cut_back(place() - 1, 1);
  std::sort(list.begin(), list.end());
  const auto first = static_cast<std::uint32_t>(program_->constants_.size());
  for (std::string& each : list) add_text(std::move(each));
  emit(Op::in, negated ? 1 : 0, slot);
  program_->code_.back().b = first;
  program_->code_.back().c = static_cast<std::uint32_t>(list.size());
}

void ProgramBuilder::call(sdk::Function function, std::uint32_t argument_count) {
  program_->functions_.push_back(function);
  emit(Op::call, 0, static_cast<std::uint32_t>(program_->functions_.size() - 1));
  program_->code_.back().b = argument_count;
  grow(1 - static_cast<std::ptrdiff_t>(argument_count));
}

std::size_t ProgramBuilder::open_skip(Op op) {
  emit(op);
  return place() - 1;
}

void ProgramBuilder::close_skip(std::size_t skip) noexcept {
  program_->code_[skip].a = static_cast<std::uint32_t>(place() - skip - 1);
}

void ProgramBuilder::drop_skip_over_push(std::size_t skip) {
  if (place() == skip + 2 && push_at(skip + 1) != nullptr) {
    program_->code_.erase(program_->code_.begin() + static_cast<std::ptrdiff_t>(skip));
  }
}

void ProgramBuilder::cut_back(std::size_t to, std::size_t values) noexcept {
  program_->code_.erase(program_->code_.begin() + static_cast<std::ptrdiff_t>(to), program_->code_.end());
  depth_ -= values;
}

const Instruction* ProgramBuilder::push_at(std::size_t at) const noexcept {
  const Instruction& instruction = program_->code_[at];
  const bool is_push = instruction.op == Op::push_property || instruction.op == Op::push_constant;
  return is_push ? &instruction : nullptr;
}

std::uint32_t ProgramBuilder::add_constant(Value value) {
  program_->constants_.push_back(value);
  return static_cast<std::uint32_t>(program_->constants_.size() - 1);
}

std::uint32_t ProgramBuilder::add_text(std::string text) {
  return add_constant(Value::text(program_->texts_.emplace_back(std::move(text))));
}

}  // namespace gantry::filter_sql92
