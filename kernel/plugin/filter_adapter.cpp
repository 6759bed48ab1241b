#include "kernel/plugin/filter_adapter.hpp"

#include "kernel/plugin/c_call.hpp"

namespace gantry::plugin {

Result<std::shared_ptr<const FilterProgram>> FilterAdapter::compile(std::string_view expression) const {
  ErrorBuffer error;
  gantry_filter_program* program = nullptr;
  const auto status = table_->compile(self_, to_bytes(expression), &program, error.out());
  if (status != GANTRY_OK) return error.to_error(status);
  if (program == nullptr) return Error{Errc::internal, "the filter '" + language_ + "' compiled into nothing"};
  return std::make_shared<const FilterProgram>(table_, self_, program);
}

}  // namespace gantry::plugin
