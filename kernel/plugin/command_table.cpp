#include "kernel/plugin/command_table.hpp"

namespace gantry::plugin {

Status CommandTable::add(const std::string& plugin_id, const gantry_command_table* table, void* self) {
  constexpr std::uint64_t codes_max = 1024;
  std::uint64_t count = 0;
  const gantry_command_code* codes = table->codes(self, &count);
  if (count == 0 || count > codes_max || codes == nullptr) {
    return Error{Errc::invalid_argument, "expected between 1 and " + std::to_string(codes_max) +
                                             " request codes from '" + plugin_id + "', found " +
                                             (codes == nullptr ? "no list" : std::to_string(count))};
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const Command command{table, self, (codes[i].flags & GANTRY_COMMAND_ADMIN) != 0};
    const auto [known, added] = commands_.try_emplace(codes[i].code, Entry{command, plugin_id});
    if (!added) {
      return Error{Errc::already_exists, "expected one provider of request code " + std::to_string(codes[i].code) +
                                             ", found '" + known->second.plugin_id + "' and '" + plugin_id +
                                             "'; list only one of them in plugins.load"};
    }
  }
  return {};
}

const CommandTable::Command* CommandTable::find(std::int32_t code) const noexcept {
  const auto found = commands_.find(code);
  return found == commands_.end() ? nullptr : &found->second.command;
}

}  // namespace gantry::plugin
