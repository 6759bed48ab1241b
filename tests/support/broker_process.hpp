#pragma once
// A real `gantry run` in a temporary folder, for tests that need the whole process.

#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::testing {

/// A folder that goes away with its owner.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct BrokerSettings {
  std::string extra_toml;   ///< appended to the generated configuration
  std::string broker_toml;  ///< put into its section [broker]
  std::string store = "storage-mmap";
  std::vector<std::string> plugins;  ///< loaded besides the store
  std::string ack = "memory";
  std::string data;                                ///< the store's folder; empty: <folder>/store
  std::map<std::string, std::string> environment;  ///< added to the test's own
  std::chrono::milliseconds start_timeout{60'000};
};

/// The process behind the tests' clients. The folder outlives it, so that another one can be started on the same data.
class BrokerProcess {
 public:
  /// Starts it and waits until it says that it serves. Ports are chosen by the system on the first start in a folder
  /// and kept afterwards, so that clients find a restarted broker again.
  static Result<std::unique_ptr<BrokerProcess>> start(const TempFolder& folder, const BrokerSettings& settings = {});
  ~BrokerProcess();
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t broker_port() const { return broker_port_; }
  [[nodiscard]] std::uint16_t name_server_port() const { return name_server_port_; }
  [[nodiscard]] std::vector<std::string> name_servers() const;
  [[nodiscard]] std::string broker_address() const;

  /// kill -9, and wait until it is gone.
  void kill();
  /// SIGTERM; returns the exit status, or -1 when it had to be killed after `timeout`.
  int stop(std::chrono::milliseconds timeout = std::chrono::seconds(30));
  [[nodiscard]] bool is_running();
  /// Waits for it to end by itself; its exit status (128 + the signal's number), or -1 when it still runs.
  int wait_for_exit(std::chrono::milliseconds timeout);

  /// Resident memory in bytes.
  [[nodiscard]] std::int64_t resident_bytes() const;
  /// From fork to the line that says ready.
  [[nodiscard]] std::chrono::microseconds start_duration() const { return start_duration_; }
  /// What it logged so far.
  [[nodiscard]] std::string log() const;

 private:
  BrokerProcess() = default;

  pid_t pid_ = -1;
  int exit_status_ = -1;
  std::filesystem::path log_file_;
  std::uint16_t broker_port_ = 0;
  std::uint16_t name_server_port_ = 0;
  std::chrono::microseconds start_duration_{0};
};

/// The folder of the build under test: GANTRY_BUILD, else what CMake said.
std::filesystem::path build_folder();

/// Waits until `condition()` holds, looking every few milliseconds; false after `timeout`.
template <typename Condition>
bool eventually(Condition&& condition, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    struct timespec pause {
      0, 5'000'000
    };
    nanosleep(&pause, nullptr);
  }
  return true;
}

}  // namespace gantry::testing
