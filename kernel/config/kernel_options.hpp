#pragma once
// The kernel's own options: typed, as the rooms receive them. Declared once, in kernel_options.cpp; what each one means
// is written there and in docs/config.md, which is generated from it.

#include "kernel/base/cidr.hpp"
#include "kernel/base/log.hpp"
#include "kernel/config/config.hpp"
#include "kernel/config/option_spec.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gantry::config {

using std::chrono::milliseconds;

/// When a producer hears "stored": once the message is in memory, or once it is on disk.
enum class AckPromise : std::uint8_t { memory, disk };
enum class TlsMode : std::uint8_t { disabled, permissive, enforcing };
enum class TlsClientAuth : std::uint8_t { none, optional, require };

struct BrokerOptions {
  bool enabled{};
  std::string cluster;
  std::string name;
  std::int64_t id{};
  std::string region;
  std::string advertise;      ///< "" = the address by which the client reached us; else "host" or "host:port"
  std::string data;           ///< the store's root folder
  std::int64_t permission{};  ///< bits as in routes: 4 read, 2 write
  bool trace_on{};
  bool auto_create_topics{};
  bool auto_create_groups{};
  std::int64_t default_topic_queues{};
  std::int64_t message_bytes_max{};
  AckPromise ack{};
  milliseconds sync_flush_timeout{};
  bool long_polling{};
  milliseconds long_poll_max{};
  std::int64_t held_pulls_max{};
  std::int64_t pull_messages_max{};
  std::int64_t pull_bytes_max{};
  std::int64_t pull_cold_bytes_max{};
  std::int64_t waiting_acks_max{};
  milliseconds client_expiry{};
  milliseconds offset_save_interval{};
  bool enforce_topic_write_permission{};
  std::string delay_levels;  ///< see delay_levels.hpp; checked
};

struct ListenOptions {
  std::string host;
  std::int64_t port{};       ///< 0 = any free port
  std::int64_t fast_port{};  ///< -1 = off, 0 = any free port
  std::int64_t backlog{};
  std::int64_t connections_max{};
  milliseconds idle_timeout{};
  milliseconds handshake_timeout{};
  std::int64_t frame_bytes_max{};
  std::int64_t out_bytes_max{};
  std::int64_t read_chunk{};
  TlsMode tls{};
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
  TlsClientAuth tls_client_auth{};
};

struct NameserverOptions {
  bool enabled{};
  std::string host;
  std::int64_t port{};                 ///< 0 = any free port
  std::vector<std::string> addresses;  ///< name servers to register with besides our own, "host:port"
  milliseconds register_interval{};
  milliseconds register_timeout{};
  milliseconds broker_expiry{};
  milliseconds scan_interval{};
  CidrSet trusted;
};

struct AdminOptions {
  CidrSet allow_from;
};

struct ThreadOptions {
  std::int64_t shards{};  ///< 0 = one per core
  std::int64_t blocking{};
  std::int64_t blocking_queue_max{};
};

struct LogSettings {
  LogLevel level{};
  LogFormat format{};
  std::string file;
};

struct PluginOptions {
  std::vector<std::string> dir;
  std::vector<std::string> load;
  bool allow_draft{};
};

/// What becomes of a message when the script that looks at it fails.
enum class ScriptOnError : std::uint8_t { accept, reject, quarantine };
inline constexpr std::array script_on_error_words{"accept", "reject", "quarantine"};

/// One script that the configuration names, by its section [scripts.NAME].
struct ScriptEntry {
  std::string name;
  std::string path;
  std::string candidate;
  std::vector<std::string> topics;
  std::vector<std::string> groups;
  ScriptOnError on_error{};
  milliseconds deadline{};
  std::int64_t memory{};
};

struct ScriptOptions {
  std::string dir;
  milliseconds poll_interval{};
  ScriptOnError on_error{};
  milliseconds deadline{};
  std::int64_t memory{};
  std::int64_t faults_max{};
  milliseconds fault_window{};
  std::vector<ScriptEntry> entries;  ///< in the order of their names
};

struct ShutdownOptions {
  milliseconds drain{};
};

struct LimitOptions {
  std::int64_t topics_max{};
  std::int64_t groups_max{};
  std::int64_t queues_per_topic_max{};
  std::int64_t clients_per_group_max{};
  std::int64_t subscriptions_per_group_max{};
  std::int64_t brokers_max{};
  std::int64_t kv_entries_max{};
};

/// A value. Rooms take the part that concerns them, by const reference or as a snapshot.
struct KernelOptions {
  BrokerOptions broker;
  ListenOptions listen;
  NameserverOptions nameserver;
  AdminOptions admin;
  ThreadOptions threads;
  LogSettings log;
  PluginOptions plugins;
  ScriptOptions scripts;
  ShutdownOptions shutdown;
  LimitOptions limits;

  /// Everything at its default.
  KernelOptions();

  /// Everything zero and empty, for code that fills it whole.
  struct Blank {};
  explicit KernelOptions(Blank) {}
};

/// The declarations of all sections above.
OptionTables kernel_option_tables();

/// Declares [scripts.NAME]. Error: no script can have that name, or it is declared already.
Status add_script_section(const std::string& name, OptionTables& tables);
/// Declares the section of every script that the file or an override names. What is no name is left to resolve(), which
/// reports it as an unknown option.
void add_script_sections(const Document& document, const Overrides& overrides, OptionTables& tables);

/// The scripts whose sections are declared; what a section leaves out is as in `defaults`.
std::vector<ScriptEntry> read_script_entries(const Values& values, const ScriptOptions& defaults);

/// The typed form of resolved values. `values` must contain the kernel's tables.
KernelOptions read_kernel_options(const Values& values);

/// What no single option can say wrong: TLS without a certificate, both roles off, two listeners on one port.
std::vector<Finding> check_kernel_options(const KernelOptions& options);

}  // namespace gantry::config
