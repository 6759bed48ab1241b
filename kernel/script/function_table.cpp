#include "kernel/script/function_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>

namespace gantry::script {
namespace {

std::string_view to_text(const gantry_bytes& bytes) noexcept {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

gantry_status fail(gantry_error* error, Errc code, std::string_view text) noexcept {
  if (error != nullptr && error->text != nullptr) {
    error->size = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), error->capacity));
    std::memcpy(error->text, text.data(), error->size);
  }
  return static_cast<gantry_status>(code);
}

Value to_value(const gantry_value& from) {
  switch (from.kind) {
    case GANTRY_VALUE_BOOL: return from.integer != 0;
    case GANTRY_VALUE_INT64: return from.integer;
    case GANTRY_VALUE_DOUBLE: return from.number;
    case GANTRY_VALUE_TEXT: return std::string(to_text(from.text));
    default: return std::monostate();
  }
}

}  // namespace

FunctionTable::FunctionTable(ScriptHost& host) : host_(host) {
  table_.struct_size = sizeof table_;
  table_.context = this;
  table_.resolve = &FunctionTable::resolve;
  table_.call = &FunctionTable::call;
}

gantry_status FunctionTable::resolve(void* self, gantry_bytes name, std::uint32_t argument_count, gantry_function** out,
                                     gantry_error* error) {
  try {
    auto& table = *static_cast<FunctionTable*>(self);
    if (argument_count > GANTRY_FUNCTION_ARGUMENTS_MAX) {
      return fail(error, Errc::invalid_argument, "expected at most 16 arguments");
    }
    if (const Status known = table.host_.check_function(to_text(name)); !known) {
      return fail(error, known.error().code, known.error().text);
    }
    const std::lock_guard lock(table.mutex_);
    auto at = std::find(table.names_.begin(), table.names_.end(), to_text(name));
    if (at == table.names_.end()) {
      if (table.names_.size() == handles_max) return fail(error, Errc::busy, "expected at most 4096 functions in use");
      at = table.names_.insert(table.names_.end(), std::string(to_text(name)));
    }
    *out = reinterpret_cast<gantry_function*>(&*at);
    return GANTRY_OK;
  } catch (const std::exception& failure) {
    return fail(error, Errc::internal, failure.what());
  }
}

gantry_status FunctionTable::call(void* self, gantry_function* function, const gantry_value* arguments,
                                  std::uint32_t count, const gantry_filter_message* message, gantry_value* out) {
  try {
    auto& table = *static_cast<FunctionTable*>(self);
    std::array<Value, GANTRY_FUNCTION_ARGUMENTS_MAX> values;
    count = std::min<std::uint32_t>(count, GANTRY_FUNCTION_ARGUMENTS_MAX);
    for (std::uint32_t i = 0; i < count; ++i) values[i] = to_value(arguments[i]);
    auto result = table.host_.call_function(*reinterpret_cast<const std::string*>(function),
                                            std::span<const Value>(values).first(count), message);
    if (!result) return static_cast<gantry_status>(result.error().code);
    *out = {};
    if (const auto* flag = std::get_if<bool>(&*result)) {
      out->kind = GANTRY_VALUE_BOOL;
      out->integer = *flag ? 1 : 0;
    } else if (const auto* integer = std::get_if<std::int64_t>(&*result)) {
      out->kind = GANTRY_VALUE_INT64;
      out->integer = *integer;
    } else if (const auto* number = std::get_if<double>(&*result)) {
      out->kind = GANTRY_VALUE_DOUBLE;
      out->number = *number;
    } else if (auto* text = std::get_if<std::string>(&*result)) {
      thread_local std::string kept;
      kept = std::move(*text);
      out->kind = GANTRY_VALUE_TEXT;
      out->text = {kept.data(), kept.size()};
    }
    return GANTRY_OK;
  } catch (const std::exception&) {
    return GANTRY_E_INTERNAL;
  }
}

}  // namespace gantry::script
