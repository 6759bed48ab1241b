#pragma once
// Which plugin serves which request code.

#include "gantry/abi/command.h"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace gantry::plugin {

/// Built on control before traffic, constant afterwards. [any-thread]
class CommandTable {
 public:
  struct Command {
    const gantry_command_table* table = nullptr;
    void* self = nullptr;
    bool administrative = false;  ///< only for peers that may administrate

    /// [shard] Answers later, or before it returns, through the host.
    void execute(const gantry_command_request& request) const { table->execute(self, &request); }
  };

  /// Registers all codes of a plugin. The Error names the code and who has it already.
  Status add(const std::string& plugin_id, const gantry_command_table* table, void* self);

  /// nullptr: no plugin serves the code.
  [[nodiscard]] const Command* find(std::int32_t code) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return commands_.empty(); }

 private:
  struct Entry {
    Command command;
    std::string plugin_id;
  };
  std::unordered_map<std::int32_t, Entry> commands_;
};

}  // namespace gantry::plugin
