#include "kernel/plugin/extension_catalog.hpp"

#include "gantry/abi/command.h"
#include "gantry/abi/draft/observer.h"
#include "gantry/abi/filter.h"
#include "gantry/abi/interceptor.h"
#include "gantry/abi/store.h"
#include "gantry/abi/store_tools.h"

#include <cstddef>
#include <cstring>

namespace gantry::plugin {

namespace {

// The sizes are those of ABI 1.0, and stay when the tables grow: members added later are optional for plugins.
constexpr ExtensionPoint points[] = {
    {.id = GANTRY_STORE_ID,
     .table_size_min = offsetof(gantry_store_table, blob_load) + sizeof(void*),
     .functions_from = offsetof(gantry_store_table, listen),
     .exactly_one = true},
    {.id = GANTRY_STORE_TOOLS_ID,
     .table_size_min = offsetof(gantry_store_tools_table, copy) + sizeof(void*),
     .functions_from = offsetof(gantry_store_tools_table, check),
     .exactly_one = true},
    {.id = GANTRY_FILTER_ID,
     .table_size_min = offsetof(gantry_filter_table, release) + sizeof(void*),
     .functions_from = offsetof(gantry_filter_table, language)},
    {.id = GANTRY_INTERCEPTOR_ID,
     .table_size_min = offsetof(gantry_interceptor_table, publish) + sizeof(void*),
     .functions_from = offsetof(gantry_interceptor_table, publish)},
    {.id = GANTRY_COMMAND_ID,
     .table_size_min = offsetof(gantry_command_table, execute) + sizeof(void*),
     .functions_from = offsetof(gantry_command_table, codes)},
    {.id = GANTRY_OBSERVER_ID,
     .table_size_min = offsetof(gantry_observer_table, observe) + sizeof(void*),
     .functions_from = offsetof(gantry_observer_table, observe),
     .draft = true},
};

}  // namespace

std::span<const ExtensionPoint> extension_points() noexcept { return points; }

const ExtensionPoint* find_extension_point(std::string_view id) noexcept {
  for (const ExtensionPoint& point : points) {
    if (point.id == id) return &point;
  }
  return nullptr;
}

std::string list_extension_points() {
  std::string text;
  for (const ExtensionPoint& point : points) {
    if (!text.empty()) text += ", ";
    text += point.id;
    if (point.draft) text += " (draft)";
  }
  return text;
}

Status check_extension_table(const ExtensionPoint& point, const void* table) {
  const std::string name = "the table of " + std::string(point.id);
  if (table == nullptr) return Error{Errc::invalid_argument, name + " is missing: get_extension() answered NULL"};
  std::uint32_t struct_size = 0;  // every table begins with it
  std::memcpy(&struct_size, table, sizeof struct_size);
  if (struct_size < point.table_size_min) {
    return Error{Errc::invalid_argument, name + " has struct_size " + std::to_string(struct_size) + ", less than the " +
                                             std::to_string(point.table_size_min) + " bytes of its first release"};
  }
  for (std::uint32_t at = point.functions_from; at < point.table_size_min; at += sizeof(void*)) {
    const void* function = nullptr;
    std::memcpy(&function, static_cast<const std::byte*>(table) + at, sizeof function);
    if (function == nullptr) {
      const auto number = (at - point.functions_from) / sizeof(void*) + 1;
      return Error{Errc::invalid_argument, name + " has no function number " + std::to_string(number)};
    }
  }
  return {};
}

}  // namespace gantry::plugin
