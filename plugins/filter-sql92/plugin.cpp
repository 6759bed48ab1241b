// filter-sql92 as a plugin: its options, and the filter language SQL92. The language itself is in compiler.hpp.
#include "gantry/sdk/plugin.hpp"

#include "plugins/filter-sql92/compiler.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace gantry::filter_sql92 {
namespace {

constexpr gantry_option options[] = {
    sdk::BoolOption{.key = "extended",
                    .fallback = "false",
                    .sentence = "Beyond RocketMQ: LIKE, arithmetic (+ - * / %) and calls of functions."},
    sdk::BoolOption{
        .key = "strict",
        .fallback = "false",
        .sentence = "Refuses text behind the end of an expression, which RocketMQ ignores: \"a = 1 garbage\"."},
};

class Sql92Plugin final : public sdk::Plugin, public sdk::Filter {
 public:
  explicit Sql92Plugin(sdk::Host host)
      : host_(host),
        compiled_(host.counter("compiled", "Expressions that were compiled.")),
        refused_(host.counter("refused", "Expressions that do not compile.")),
        ignored_rests_(host.counter("ignored_rests", "Compiled expressions with ignored text behind their end.")) {}

  Status configure(const sdk::OptionValues& values) override {
    dialect_ = {.extended = values.boolean("extended"), .strict = values.boolean("strict")};
    return {};
  }

  [[nodiscard]] std::string_view language() const override { return "SQL92"; }

  Result<std::unique_ptr<const sdk::FilterProgram>> compile(std::string_view expression) override {
    auto compiled = filter_sql92::compile(expression, dialect_, host_.functions());
    if (!compiled) {
      refused_.add();
      return std::move(compiled).error();
    }
    compiled_.add();
    if (compiled->has_ignored_rest) ignored_rests_.add();
    return std::unique_ptr<const sdk::FilterProgram>(std::move(compiled->program));
  }

 private:
  const sdk::Host host_;
  const sdk::Counter compiled_;
  const sdk::Counter refused_;
  const sdk::Counter ignored_rests_;
  Dialect dialect_;
};

}  // namespace

GANTRY_PLUGIN(Sql92Plugin, .id = "filter-sql92", .version = "0.1.0",
              .summary = "RocketMQ's SQL92 expressions over the properties of messages.", .options = options)

}  // namespace gantry::filter_sql92
