// The `gantry` command: `gantry run` is the broker, everything else is what an operator types.

#include "cli/command.hpp"
#include "cli/version.hpp"

int main(int argc, char** argv) {
  using namespace gantry::cli;
  CLI::App app{"Gantry, a message broker that speaks Apache RocketMQ's protocol"};
  app.set_version_flag("--version", "gantry " + std::string(version));
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);

  Run run;
  add_run_command(app, run);
  add_topic_command(app, run);
  add_group_command(app, run);
  add_message_command(app, run);
  add_produce_command(app, run);
  add_consume_command(app, run);
  add_config_command(app, run);
  add_plugin_command(app, run);
  add_bench_command(app, run);
  add_store_command(app, run);
  add_script_command(app, run);
  add_txn_command(app, run);
  add_timer_command(app, run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return run();
}
