#include "plugins/filter-sql92/program.hpp"

#include "plugins/filter-sql92/like.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace gantry::filter_sql92 {

namespace {

Value from_truth(Truth truth) noexcept {
  return truth == Truth::unknown ? Value::null() : Value::boolean(truth == Truth::yes);
}

// The left side has been evaluated and does not decide alone.
Value both(Value left, Value right) noexcept {
  if (left.is_false() || right.is_false()) return Value::boolean(false);
  return left.is_null() || right.is_null() ? Value::null() : Value::boolean(true);
}

Value either(Value left, Value right) noexcept {
  if (left.is_true() || right.is_true()) return Value::boolean(true);
  return left.is_null() || right.is_null() ? Value::null() : Value::boolean(false);
}

bool contains(std::string_view text, std::string_view searched) noexcept {
  // memmem is linear in the worst case, which string_view::find is not.
  return ::memmem(text.data(), text.size(), searched.data(), searched.size()) != nullptr;
}

bool has_affix(Op op, std::string_view text, std::string_view searched) noexcept {
  switch (op) {
    case Op::contains: return contains(text, searched);
    case Op::starts_with: return text.starts_with(searched);
    default: return text.ends_with(searched);
  }
}

bool is_listed(const Value* list, std::size_t count, std::string_view text) noexcept {
  constexpr std::size_t worth_halving = 12;
  if (count < worth_halving) {
    return std::any_of(list, list + count, [text](Value each) { return each.as_text() == text; });
  }
  return std::binary_search(list, list + count, Value::text(text),
                            [](Value a, Value b) { return a.as_text() < b.as_text(); });
}

}  // namespace

// One run of a program. The arrays are deliberately not cleared: only what is written is read.
struct Program::Evaluation {
  Evaluation(const Program& the_program, const sdk::FilterMessage& the_message) noexcept
      : program(the_program), message(the_message) {}

  const Program& program;
  const sdk::FilterMessage& message;
  std::size_t text_bytes = 0;
  std::array<Value, names_max> slots;
  std::array<Value, stack_max + 1> stack;  // the first is never used: `top` points there while it is empty
  std::array<char, text_bytes_max> texts;

  Truth run() noexcept;
  Value call(const Instruction& instruction, const Value* arguments) noexcept;
  Value take(const gantry_value& value) noexcept;
};

bool Program::match(const sdk::FilterMessage& message) const { return evaluate(message) == Truth::yes; }

Truth Program::evaluate(const sdk::FilterMessage& message) const noexcept {
  Evaluation evaluation(*this, message);
  names_.find(message.properties(), evaluation.slots.data());
  return evaluation.run();
}

Truth Program::Evaluation::run() noexcept {
  const Value* const constants = program.constants_.data();
  const Instruction* const end = program.code_.data() + program.code_.size();
  Value* top = stack.data();  // the compiler has counted that the stack suffices
  for (const Instruction* at = program.code_.data(); at < end; ++at) {
    switch (at->op) {
      case Op::push_property: *++top = slots[at->a]; break;
      case Op::push_constant: *++top = constants[at->a]; break;
      case Op::copy:
        top[1] = *(top - at->a);
        ++top;
        break;
      case Op::drop_below:
        top[-1] = *top;
        --top;
        break;
      case Op::skip_if_false:
        if (top->is_false()) at += at->a;
        break;
      case Op::skip_if_true:
        if (top->is_true()) at += at->a;
        break;
      case Op::skip_if_null:
        if (top->is_null()) at += at->a;
        break;
      case Op::logical_and:
        --top;
        *top = both(*top, top[1]);
        break;
      case Op::logical_or:
        --top;
        *top = either(*top, top[1]);
        break;
      case Op::logical_not:
        if (!top->is_null()) *top = Value::boolean(!top->is_true());
        break;
      case Op::cast_to_boolean:
        if (!top->is_null()) *top = Value::boolean(top->is_true());
        break;
      case Op::compare: {
        --top;
        const Truth truth = filter_sql92::compare(static_cast<Comparison>(at->detail), *top, top[1]);
        if (truth == Truth::failed) return truth;
        *top = from_truth(truth);
        break;
      }
      case Op::compare_property: {
        const Truth truth = compare_property(static_cast<Comparison>(at->detail), slots[at->a], constants[at->b]);
        if (truth == Truth::failed) return truth;
        *++top = from_truth(truth);
        break;
      }
      case Op::is_null: *top = Value::boolean(top->is_null() != (at->detail != 0)); break;
      case Op::contains:
      case Op::starts_with:
      case Op::ends_with:
        // A missing property contains nothing, and does not not contain it either.
        *top = Value::boolean(top->is(Kind::text) &&
                              has_affix(at->op, top->as_text(), constants[at->a].as_text()) == (at->detail == 0));
        break;
      case Op::like:
        *top = top->is(Kind::text)
                   ? Value::boolean(is_like(top->as_text(), constants[at->a].as_text()) == (at->detail == 0))
                   : Value::null();
        break;
      case Op::in:
        *++top = slots[at->a].is_null()
                     ? Value::null()
                     : Value::boolean(is_listed(constants + at->b, at->c, slots[at->a].as_text()) == (at->detail == 0));
        break;
      case Op::negate: *top = filter_sql92::negate(*top); break;
      case Op::negate_number: *top = negate_converted(*top); break;
      case Op::calculate:
        --top;
        *top = filter_sql92::calculate(static_cast<Operation>(at->detail), *top, top[1]);
        break;
      case Op::call:
        top -= static_cast<std::ptrdiff_t>(at->b);
        top[1] = call(*at, top + 1);
        ++top;
        break;
    }
  }
  if (top->is_null()) return Truth::unknown;
  return top->is_true() ? Truth::yes : Truth::no;
}

Value Program::Evaluation::call(const Instruction& instruction, const Value* arguments) noexcept {
  std::array<gantry_value, GANTRY_FUNCTION_ARGUMENTS_MAX> given;
  for (std::size_t i = 0; i < instruction.b; ++i) {
    const Value value = arguments[i];
    switch (value.kind()) {
      case Kind::null: given[i] = sdk::null_value(); break;
      case Kind::boolean: given[i] = sdk::boolean_value(value.is_true()); break;
      case Kind::int32:
      case Kind::int64: given[i] = sdk::integer_value(value.as_integer()); break;
      case Kind::real: given[i] = sdk::number_value(value.as_real()); break;
      case Kind::text: given[i] = sdk::text_value(value.as_text()); break;
    }
  }
  const auto answer = program.functions_[instruction.a].call({given.data(), instruction.b}, message);
  return answer ? take(*answer) : Value::null();
}

// A text is good until the next call only, so it is kept here; what finds no room is null.
Value Program::Evaluation::take(const gantry_value& value) noexcept {
  switch (value.kind) {
    case GANTRY_VALUE_BOOL: return Value::boolean(value.integer != 0);
    case GANTRY_VALUE_INT64: return Value::int64(value.integer);
    case GANTRY_VALUE_DOUBLE: return Value::real(value.number);
    case GANTRY_VALUE_TEXT: {
      const std::string_view text = sdk::detail::to_view(value.text);
      if (text.size() > texts.size() - text_bytes) return Value::null();
      char* const kept = texts.data() + text_bytes;
      if (!text.empty()) std::memcpy(kept, text.data(), text.size());
      text_bytes += text.size();
      return Value::text({kept, text.size()});
    }
    default: return Value::null();
  }
}

}  // namespace gantry::filter_sql92
