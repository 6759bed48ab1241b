#pragma once
// What tests of the language are written with: properties as a list, and an expression's answer or error as a text.

#include "plugins/filter-sql92/compiler.hpp"

#include "gantry/sdk/filter.hpp"
#include "gantry/sdk/functions.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::filter_sql92::testing {

using Properties = std::initializer_list<std::pair<std::string_view, std::string_view>>;

inline std::string encode(Properties properties) {
  std::string out;
  for (const auto& [name, value] : properties) out.append(name).append("\x01").append(value).append("\x02");
  return out;
}

inline std::string_view name_of(Truth truth) {
  constexpr std::string_view names[] = {"false", "true", "null", "fails"};
  return names[static_cast<std::size_t>(truth)];
}

/// "true", "false", "null", "fails" for a property string, or the error of the compilation.
inline std::string evaluate_raw(std::string_view expression, std::string_view properties, Dialect dialect = {},
                                sdk::Functions functions = sdk::Functions(nullptr)) {
  const auto compiled = compile(expression, dialect, functions);
  if (!compiled) return compiled.error().text;
  const gantry_filter_message message{sdk::detail::to_bytes(properties), {}, 0};
  return std::string(name_of(compiled->program->evaluate(sdk::FilterMessage(message))));
}

inline std::string evaluate(std::string_view expression, Properties properties = {}, Dialect dialect = {},
                            sdk::Functions functions = sdk::Functions(nullptr)) {
  return evaluate_raw(expression, encode(properties), dialect, functions);
}

/// The error of an expression that does not compile; empty when it does.
inline std::string error_of(std::string_view expression, Dialect dialect = {}) {
  const auto compiled = compile(expression, dialect, sdk::Functions(nullptr));
  return compiled ? std::string() : compiled.error().text;
}

}  // namespace gantry::filter_sql92::testing
