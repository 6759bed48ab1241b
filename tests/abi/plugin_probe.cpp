// plugin_probe <file.so> [key=value ...]: checks a plugin as `gantry plugin check` does, then, if it is an interceptor,
// sends one message without and one with the property "tenant" through it, and prints what became of them.

#include "kernel/plugin/check.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/plugin_set.hpp"
#include "kernel/plugin/standalone_host.hpp"

#include <deque>
#include <filesystem>
#include <iostream>
#include <string>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace gantry;
using namespace gantry::plugin;

std::string text(gantry_bytes bytes) {
  return bytes.size == 0 ? "" : std::string(static_cast<const char*>(bytes.data), bytes.size);
}

int send_two(const std::string& file, const std::string& folder) {
  const std::string id = fs::path(file).stem().string();
  LoadResult loaded = load_plugins(
      {.folders = {fs::path(file).parent_path().string()}, .load = {id}, .allow_draft = true, .need_store = false});
  config::OptionTables tables;
  if (!add_option_sections(loaded.plugins, tables)) return 1;
  StandaloneHost host(folder);
  PluginSet set(std::move(loaded), host);
  if (!set.configure(config::Values(tables)).empty() || !set.start().empty()) return 1;
  if (set.interceptors().empty()) return 0;

  std::deque<std::string> blocks;
  const gantry_scratch scratch = {
      &blocks, [](void* memory, std::uint64_t size) -> void* {
        return static_cast<std::deque<std::string>*>(memory)->emplace_back(size, '\0').data();
      }};
  const std::string with_tenant = "tenant\x01t1\x02";
  for (const std::string& properties : {std::string(), with_tenant}) {
    gantry_publishing message = {};
    message.struct_size = sizeof message;
    message.topic = {"orders", 6};
    message.properties = {properties.data(), properties.size()};
    set.interceptors().publish({&message, 1}, scratch);
    std::string shown = text(message.properties);
    for (char& c : shown) c = c == '\x01' ? '=' : c == '\x02' ? ' ' : c;
    std::cout << (message.verdict == GANTRY_VERDICT_ACCEPT ? "accepted: " + shown
                                                           : "rejected: " + text(message.reject_reason))
              << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: plugin_probe <file.so> [key=value ...]\n";
    return 2;
  }
  const fs::path folder = fs::temp_directory_path() / ("gantry-probe-" + std::to_string(getpid()));
  fs::create_directories(folder);
  CheckOptions options{.file = argv[1], .work_folder = folder.string(), .options = {}};
  for (int i = 2; i < argc; ++i) {
    const std::string pair = argv[i];
    const auto middle = pair.find('=');
    if (middle != std::string::npos) options.options.emplace_back(pair.substr(0, middle), pair.substr(middle + 1));
  }
  const bool good = check_plugin(options, [](const CheckStep& step) {
    std::cout << (step.outcome ? "ok      " : "FAILED  ") << step.name
              << (step.outcome ? "" : ": " + step.outcome.error().text) << std::endl;
  });
  const int result = good ? send_two(argv[1], folder.string()) : 1;
  fs::remove_all(folder);
  return result;
}
