#include "tests/support/command.hpp"

#include "tests/support/broker_process.hpp"

#include <array>
#include <cstdio>
#include <sys/wait.h>

namespace gantry::testing {

Outcome run_gantry(const std::string& arguments) {
  const std::string command = (build_folder() / "bin" / "gantry").string() + " " + arguments + " 2>&1";
  Outcome outcome;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> chunk{};
  while (const std::size_t count = fread(chunk.data(), 1, chunk.size(), pipe)) outcome.text.append(chunk.data(), count);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

}  // namespace gantry::testing
