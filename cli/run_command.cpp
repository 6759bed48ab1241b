// gantry run: the node itself.

#include "cli/command.hpp"
#include "kernel/kernel.hpp"

#include <memory>

namespace gantry::cli {

void add_run_command(CLI::App& app, Run& run) {
  auto request = std::make_shared<RunRequest>();
  CLI::App* command = app.add_subcommand("run", "Run a node: broker, NameServer, or both, as the configuration says");
  command->add_option("--config,-c", request->source.file, "TOML file; without one, everything is at its default");
  command->add_option("--set", request->source.overrides, "section.key=value, over the file; may be repeated");
  command->add_option("--ports-file", request->ports_file, "write the ports in use to this file, as JSON, when ready");
  command->callback([request, &run] { run = [request] { return run_node(*request); }; });
}

}  // namespace gantry::cli
