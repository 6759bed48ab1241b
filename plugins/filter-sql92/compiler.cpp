#include "plugins/filter-sql92/compiler.hpp"

#include "plugins/filter-sql92/parser.hpp"

#include <string>
#include <utility>

namespace gantry::filter_sql92 {

Result<Compiled> compile(std::string_view expression, Dialect dialect, sdk::Functions functions) {
  if (expression.size() > expression_bytes_max) {
    return Error{Errc::invalid_argument, "SQL92: expected an expression of at most " +
                                             std::to_string(expression_bytes_max) + " bytes, found one of " +
                                             std::to_string(expression.size())};
  }
  auto compiled = Parser(expression, dialect, functions).parse();
  if (!compiled) compiled = Error{compiled.error().code, "SQL92, " + compiled.error().text};
  return compiled;
}

}  // namespace gantry::filter_sql92
