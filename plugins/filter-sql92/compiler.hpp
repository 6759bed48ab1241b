#pragma once
// From an expression to a program: the grammar of RocketMQ's SQL92 and the checks that it makes before any message
// comes. Source: SelectorParser.jj and the create functions of the expression classes.
//
//     selector   := or                       what follows is not looked at, unless `strict`
//     or         := and ( OR and )*
//     and        := equality ( AND equality )*
//     equality   := compare ( '=' compare | '<>' compare | IS [NOT] NULL )*
//     compare    := sum ( ('>' | '>=' | '<' | '<=') sum | [NOT] (CONTAINS | STARTSWITH | ENDSWITH) text
//                       | [NOT] BETWEEN sum AND sum | [NOT] IN '(' text (',' text)* ')'
//                       | [NOT] LIKE text [ESCAPE text] )*                                        LIKE: extended
//     sum        := product ( ('+' | '-') product )*                                              extended; else unary
//     product    := unary ( ('*' | '/' | '%') unary )*                                            extended
//     unary      := '+' unary | '-' unary | NOT unary | primary
//     primary    := text | integer | real | TRUE | FALSE | NULL | identifier | '(' or ')'
//                 | identifier '(' [ or (',' or)* ] ')'                                           extended

#include "plugins/filter-sql92/program.hpp"

#include "gantry/sdk/functions.hpp"
#include "gantry/sdk/result.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace gantry::filter_sql92 {

struct Dialect {
  bool extended = false;  ///< LIKE, arithmetic, function calls
  bool strict = false;    ///< an expression must end where its grammar ends
};

/// Bounds of an expression; RocketMQ has none but the size of its stack. The time to compile is linear in the size.
inline constexpr std::size_t expression_bytes_max = 64 * 1024;
inline constexpr std::size_t nesting_max = 200;  ///< parentheses, signs, NOT and calls inside each other

struct Compiled {
  std::unique_ptr<const Program> program;
  bool has_ignored_rest = false;  ///< something follows the expression that RocketMQ does not look at
};

/// [any-thread] Errc::invalid_argument: "SQL92, line 1, column 5: expected ..., found ...".
Result<Compiled> compile(std::string_view expression, Dialect dialect, sdk::Functions functions);

}  // namespace gantry::filter_sql92
