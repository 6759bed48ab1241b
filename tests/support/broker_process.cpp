#include "tests/support/broker_process.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::testing {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The number behind "name": in the ports file; 0 when there is none.
std::uint16_t port_in(const std::string& text, const std::string& name) {
  const auto at = text.find("\"" + name + "\":");
  if (at == std::string::npos) return 0;
  std::uint16_t port = 0;
  std::from_chars(text.data() + at + name.size() + 3, text.data() + text.size(), port);
  return port;
}

std::string make_toml(const TempFolder& folder, const BrokerSettings& settings, std::uint16_t broker_port,
                      std::uint16_t name_server_port) {
  std::ostringstream toml;
  const auto data = settings.data.empty() ? (folder.path() / "store").string() : settings.data;
  toml << "[broker]\nname = \"broker-a\"\nack = \"" << settings.ack << "\"\ndata = \"" << data << "\"\n"
       << settings.broker_toml << "\n[listen]\nhost = \"127.0.0.1\"\nport = " << broker_port
       << "\nfast_port = -1\n[nameserver]\nport = " << name_server_port << "\n[plugins]\ndir = [\""
       << (build_folder() / "plugins").string() << "\"]\nload = [\"" << settings.store << '"';
  for (const std::string& plugin : settings.plugins) toml << ", \"" << plugin << '"';
  toml << "]\n" << settings.extra_toml;
  return toml.str();
}

}  // namespace

std::filesystem::path build_folder() {
  if (const char* given = std::getenv("GANTRY_BUILD")) return given;
  return GANTRY_TEST_BUILD_FOLDER;
}

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "gantry-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<std::unique_ptr<BrokerProcess>> BrokerProcess::start(const TempFolder& folder, const BrokerSettings& settings) {
  std::unique_ptr<BrokerProcess> process(new BrokerProcess);
  const auto ports_file = folder.path() / "ports.json";
  const std::string known_ports = read_text(ports_file);
  const auto config = folder.path() / "gantry.toml";
  std::ofstream(config) << make_toml(folder, settings, port_in(known_ports, "broker"),
                                     port_in(known_ports, "nameserver"));
  process->log_file_ = folder.path() / "broker.log";
  std::filesystem::remove(ports_file);

  const std::string program = (build_folder() / "bin" / "gantry").string();
  const auto begin = std::chrono::steady_clock::now();
  process->pid_ = fork();
  if (process->pid_ < 0) return Error{Errc::io, std::string("fork: ") + std::strerror(errno)};
  if (process->pid_ == 0) {
    const int log = open(process->log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (const auto& [name, value] : settings.environment) setenv(name.c_str(), value.c_str(), 1);
    execl(program.c_str(), program.c_str(), "run", "--config", config.c_str(), "--ports-file", ports_file.c_str(),
          nullptr);
    _exit(127);
  }
  // The ports file appears, whole, when the node serves.
  const bool ready = eventually([&] { return std::filesystem::exists(ports_file) || !process->is_running(); },
                                settings.start_timeout) &&
                     std::filesystem::exists(ports_file);
  process->start_duration_ =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  if (!ready) {
    const auto ended =
        process->is_running() ? std::string("it runs") : "exit status " + std::to_string(process->stop());
    return Error{Errc::timed_out, "the broker did not become ready (" + ended + "):\n" + process->log()};
  }
  const std::string ports = read_text(ports_file);
  process->broker_port_ = port_in(ports, "broker");
  process->name_server_port_ = port_in(ports, "nameserver");
  return process;
}

BrokerProcess::~BrokerProcess() { kill(); }

std::vector<std::string> BrokerProcess::name_servers() const {
  return {"127.0.0.1:" + std::to_string(name_server_port_)};
}
std::string BrokerProcess::broker_address() const { return "127.0.0.1:" + std::to_string(broker_port_); }

bool BrokerProcess::is_running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, &exit_status_, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void BrokerProcess::kill() {
  if (!is_running()) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, &exit_status_, 0);
  pid_ = -1;
}

int BrokerProcess::stop(std::chrono::milliseconds timeout) {
  if (is_running()) {
    ::kill(pid_, SIGTERM);
    if (!eventually([this] { return !is_running(); }, timeout)) {
      kill();
      return -1;
    }
  }
  return WIFEXITED(exit_status_) ? WEXITSTATUS(exit_status_) : 128 + WTERMSIG(exit_status_);
}

int BrokerProcess::wait_for_exit(std::chrono::milliseconds timeout) {
  return eventually([this] { return !is_running(); }, timeout) ? stop() : -1;
}

std::int64_t BrokerProcess::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

std::string BrokerProcess::log() const { return read_text(log_file_); }

}  // namespace gantry::testing
