// gantry script new | check | test | bench | status | reload

#include "cli/ask_brokers.hpp"
#include "cli/command.hpp"
#include "cli/json_line.hpp"
#include "cli/script_replay.hpp"
#include "cli/script_report.hpp"
#include "cli/table.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/env/clock.hpp"
#include "kernel/env/files.hpp"
#include "kernel/script/lint.hpp"
#include "kernel/script/runner.hpp"
#include "kernel/script/seen_window.hpp"
#include "protocol/codes.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>

namespace gantry::cli {
namespace {

namespace fs = std::filesystem;

struct ScriptOptions {
  ClusterOptions cluster;
  std::vector<std::string> files;
  std::string name;
  std::string folder = ".";
  std::string kind = "filter";
  ReplayOptions replay;
  bool json = false;
};

/// A script for one thread of this program, with what scripts may ask of their host.
class Desk {
 public:
  Result<std::unique_ptr<script::Runner>> load(const std::string& file) {
    GANTRY_ASSIGN(std::string text, read_file(file, script::source_bytes_max));
    return script::Runner::load({fs::path(file).stem().string(), file, std::move(text)}, {}, services_);
  }

 private:
  const SystemClock clock_;
  script::SeenWindow seen_;
  const script::Services services_{&clock_, &seen_, [](std::string_view level, std::string_view text) {
                                     std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(level.size()), level.data(),
                                                  static_cast<int>(text.size()), text.data());
                                   }};
};

// ---- new ----

constexpr std::string_view filter_template = R"lua(-- @NAME@: delivers what ...
--
-- Bound by the patterns below; or leave them out and name it in a subscription: lua:@NAME@

gantry.hook{
  name = "@NAME@",
  version = "1",
  on = "filter",
  topics = "orders*",
  run = function(msg)
    return msg.properties.region == "eu"
  end,
}

-- Runs whenever the script is loaded; when it fails, the version before stays.
gantry.self_test(function(test)
  assert(test.run("@NAME@", {topic = "orders", properties = {region = "eu"}}).accepted)
end)
)lua";

constexpr std::string_view publish_template = R"lua(-- @NAME@: looks at what is published.

gantry.hook{
  name = "@NAME@",
  version = "1",
  on = "on_publish",
  topics = "orders*",
  run = function(msg)
    if not msg.properties.tenant then
      return false, "every order needs the property tenant"
    end
    msg.properties.lane = "fast"
  end,
}

gantry.self_test(function(test)
  assert(not test.run("@NAME@", {topic = "orders"}).accepted)
  assert(test.run("@NAME@", {topic = "orders", properties = {tenant = "a"}}).properties.lane == "fast")
end)
)lua";

constexpr std::string_view select_template = R"lua(-- @NAME@: chooses the queue where the producer did not.

gantry.hook{
  name = "@NAME@",
  version = "1",
  on = "select_queue",
  topics = "orders*",
  run = function(msg)
    if msg.keys then return gantry.bucket(msg.keys, msg.queue_count) end
  end,
}

gantry.self_test(function(test)
  assert(test.run("@NAME@", {keys = "k", queue_count = 4}).queue < 4)
end)
)lua";

constexpr std::string_view test_template = R"lua(-- Run by: gantry script test @NAME@.lua

test.case("answers for the smallest message", function()
  local result = test.run("@NAME@", {topic = "orders"})
  assert(result.accepted ~= nil)
end)
)lua";

std::string filled(std::string_view text, const std::string& name) {
  std::string out(text);
  constexpr std::string_view mark = "@NAME@";
  for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + name.size())) {
    out.replace(at, mark.size(), name);
  }
  return out;
}

int make_new(const ScriptOptions& options) {
  const bool named = !options.name.empty() &&
                     options.name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
  if (!named)
    return fail(
        {Errc::invalid_argument, "expected a name of letters, digits, '_' and '-', found \"" + options.name + "\""});
  std::string_view text = filter_template;
  if (options.kind == "on_publish") text = publish_template;
  if (options.kind == "select_queue") text = select_template;
  const fs::path base = fs::path(options.folder) / options.name;
  for (const auto& [file, content] :
       {std::pair(base.string() + ".lua", text), std::pair(base.string() + "_test.lua", test_template)}) {
    if (fs::exists(file)) return fail({Errc::already_exists, file + ": expected no such file, found one"});
    if (const auto written = write_file_atomically(file, filled(content, options.name)); !written) {
      return fail(written.error());
    }
    std::printf("%s\n", file.c_str());
  }
  return exit_ok;
}

// ---- check ----

int check(const ScriptOptions& options) {
  int status = exit_ok;
  for (const std::string& file : options.files) {
    Desk desk;
    const auto text = read_file(file, script::source_bytes_max);
    if (!text) {
      status = fail(text.error());
      continue;
    }
    std::vector<script::LintFinding> findings;
    if (auto lint = script::lint(*text, file)) {
      findings = *std::move(lint);
    } else {
      status = fail(lint.error());
      continue;
    }
    for (const script::LintFinding& finding : findings) {
      std::printf("%s:%d: %s\n", file.c_str(), finding.line, finding.text.c_str());
      status = exit_failed;
    }
    auto runner = desk.load(file);
    if (!runner) {
      status = fail(runner.error());
      continue;
    }
    if (const Status tested = (*runner)->run_self_tests(); !tested) {
      status = fail(Error(tested.error()).within(file));
      continue;
    }
    for (const script::Declaration& hook : (*runner)->declarations()) {
      std::printf("%s: %s %s%s%s\n", file.c_str(), std::string(to_string(hook.kind)).c_str(), hook.name.c_str(),
                  hook.version.empty() ? "" : " version ", hook.version.c_str());
    }
  }
  return status;
}

// ---- test, bench ----

/// The cases of the file beside the script; how many failed.
Result<std::size_t> run_cases(const std::string& file) {
  const fs::path script(file);
  const std::string test_file = (script.parent_path() / (script.stem().string() + "_test.lua")).string();
  if (!fs::exists(test_file)) {
    std::printf("%s: no tests (expected %s)\n", file.c_str(), test_file.c_str());
    return std::size_t{0};
  }
  Desk desk;
  GANTRY_ASSIGN(const auto runner, desk.load(file));
  GANTRY_TRY(runner->run_self_tests());
  GANTRY_ASSIGN(const std::string text, read_file(test_file, script::source_bytes_max));
  GANTRY_ASSIGN(const auto cases, runner->run_tests(text, test_file));
  std::size_t failed = 0;
  for (const script::CaseResult& each : cases) {
    std::printf("%s %s: %s\n", each.passed ? "ok    " : "FAILED", file.c_str(), each.name.c_str());
    if (each.passed) continue;
    std::printf("%s\n", each.text.c_str());
    ++failed;
  }
  std::printf("%s: %zu cases, %zu failed\n", file.c_str(), cases.size(), failed);
  return failed;
}

int test(const ScriptOptions& options) {
  int status = exit_ok;
  for (const std::string& file : options.files) {
    const auto failed = run_cases(file);
    if (!failed) {
      status = fail(failed.error());
    } else if (*failed > 0) {
      status = exit_failed;
    }
    if (options.replay.topic.empty()) continue;
    const auto load = [](const std::string& name) {
      // The runner refers to its desk, which therefore lives as long as the program.
      static std::vector<std::unique_ptr<Desk>> desks;
      return desks.emplace_back(std::make_unique<Desk>())->load(name);
    };
    const auto replayed = replay(options.cluster, options.replay, file, load);
    if (!replayed) {
      status = fail(replayed.error());
    } else if (!*replayed) {
      status = exit_failed;
    }
  }
  return status;
}

int bench(const ScriptOptions& options) {
  for (const std::string& file : options.files) {
    Desk desk;
    auto runner = desk.load(file);
    if (!runner) return fail(runner.error());
    if (const Status measured = bench_hooks(**runner, file, options.json); !measured) return fail(measured.error());
  }
  return exit_ok;
}

// ---- status, reload ----

int show_status(const ScriptOptions& options) {
  return ask_brokers({options.cluster, options.json}, protocol::RequestCode::script_status, client::NoFields{},
                     print_script_status);
}

int reload(const ScriptOptions& options) {
  bool refused = false;
  const int status = ask_brokers({options.cluster, options.json}, protocol::RequestCode::script_reload,
                                 client::NoFields{}, [&](const std::string& broker, const std::string& json) {
                                   refused = print_script_reload(broker, json) || refused;
                                 });
  return refused ? exit_failed : status;
}

}  // namespace

void add_script_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<ScriptOptions>();
  CLI::App* script = app.add_subcommand("script", "Write, check, test and watch scripts of the broker");
  script->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, std::function<int(const ScriptOptions&)> action) {
    CLI::App* command = script->add_subcommand(name, help);
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    return command;
  };

  CLI::App* fresh = add("new", "Start a script, with a test beside it", make_new);
  fresh->add_option("name", options->name, "its name, which becomes that of its file")->required();
  fresh->add_option("--on", options->kind, "what it is for")
      ->check(CLI::IsMember({"filter", "on_publish", "select_queue"}))
      ->capture_default_str();
  fresh->add_option("--dir", options->folder, "where the files go")->capture_default_str();

  CLI::App* checks = add("check", "Compile scripts, look for misspelled names, run their self-tests", check);
  checks->add_option("files", options->files, "scripts")->required();

  CLI::App* tests =
      add("test", "Run *_test.lua beside scripts, and replay stored messages without changing anything", test);
  tests->add_option("files", options->files, "scripts")->required();
  tests->add_option("--topic,-t", options->replay.topic, "also run the hooks over the last messages of this topic");
  tests->add_option("--last", options->replay.last, "how many of each queue")->capture_default_str();
  tests->add_option("--group", options->replay.group, "the group that hooks see")->capture_default_str();
  tests->add_option("--against", options->replay.against, "another version; says where the two decide differently");
  tests->add_option("--expect", options->replay.expect, "a file of decisions that must come out the same");
  tests->add_option("--record", options->replay.record, "write the decisions to that file");
  options->cluster.add_to(*tests);

  CLI::App* benches = add("bench", "What each hook costs per message, limits switched on", bench);
  benches->add_option("files", options->files, "scripts")->required();
  benches->add_flag("--json", options->json, "one line of JSON for each hook");

  CLI::App* state = add("status", "The scripts of the brokers and how they fare", show_status);
  state->add_flag("--json", options->json, "one line of JSON for each broker");
  options->cluster.add_to(*state);

  CLI::App* reloads = add("reload", "Have the brokers read all scripts again, quarantined ones too", reload);
  reloads->add_flag("--json", options->json, "one line of JSON for each broker");
  options->cluster.add_to(*reloads);
}

}  // namespace gantry::cli
