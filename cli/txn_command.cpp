// gantry txn list | show | resume

#include "cli/ask_brokers.hpp"
#include "cli/command.hpp"
#include "cli/json_rows.hpp"
#include "cli/table.hpp"
#include "cli/time_text.hpp"
#include "protocol/client_requests.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::cli {
namespace {

struct TxnOptions {
  ClusterOptions cluster;
  std::string state = "all";
  std::string topic;
  std::string group;
  std::int64_t limit = 100;
  std::string id;
  std::int64_t half_offset = -1;
  std::int64_t log_offset = -1;
  bool json = false;
};

/// LIST_TRANSACTIONS(30021).
struct ListHeader {
  static constexpr std::string_view name = "LIST_TRANSACTIONS";
  std::string_view state;
  std::string_view topic;
  std::string_view group;
  std::int64_t limit = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("state", h.state);
    v.optional("topic", h.topic);
    v.optional("group", h.group);
    v.required("limit", h.limit);
  }
};

/// SHOW_TRANSACTION(30022).
struct ShowHeader {
  static constexpr std::string_view name = "SHOW_TRANSACTION";
  std::string_view id;
  std::string_view group;
  std::int64_t half_offset = -1;
  std::int64_t log_offset = -1;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("transactionId", h.id);
    v.optional("group", h.group);
    v.required("halfOffset", h.half_offset);
    v.required("logOffset", h.log_offset);
  }
};

std::string time_in(const std::string& ms) { return ms.empty() ? "" : format_time(std::atoll(ms.c_str())); }

void print_list(const std::string& broker, const std::string& json) {
  JsonRows found;
  if (const Status read = protocol::read_json(json, found); !read) {
    std::fprintf(stderr, "gantry: %s: %s\n", broker.c_str(), read.error().text.c_str());
    return;
  }
  std::printf("%s: %s open; half messages before %s of %s are done with\n", broker.c_str(),
              found.values["open_count"].c_str(), found.values["half_progress"].c_str(),
              found.values["half_end"].c_str());
  if (!found.rows["open"].empty()) {
    Table table({"transaction", "state", "topic", "group", "sent", "asked", "asked next"});
    for (JsonRows::Row& row : found.rows["open"]) {
      table.add({row["id"], row["state"], row["topic"], row["group"], time_in(row["born_ms"]),
                 row["checks"] + " of " + found.values["check_max"], time_in(row["due_ms"])});
    }
    table.print();
  }
  if (found.rows["discarded"].empty()) return;
  Table table({"transaction", "topic", "group", "sent", "discarded", "message id", "reason"});
  for (JsonRows::Row& row : found.rows["discarded"]) {
    table.add({row["id"], row["topic"], row["group"], time_in(row["born_ms"]), time_in(row["store_ms"]),
               row["message_id"], row["reason"]});
  }
  table.print();
}

int list(const TxnOptions& options) {
  const ListHeader header{options.state, options.topic, options.group, options.limit};
  return ask_brokers({options.cluster, options.json}, protocol::RequestCode::list_transactions, header, print_list);
}

int show(const TxnOptions& options) {
  if (options.id.empty() && options.half_offset < 0 && options.log_offset < 0) {
    fail({Errc::invalid_argument, "expected a transaction id, --half-offset or --log-offset, found none"});
    return exit_usage;
  }
  const ShowHeader header{options.id, options.group, options.half_offset, options.log_offset};
  std::size_t count = 0;
  const int status =
      ask_brokers({options.cluster, options.json}, protocol::RequestCode::show_transaction, header,
                  [&count](const std::string& broker, const std::string& json) {
                    JsonRows found;
                    if (const Status read = protocol::read_json(json, found); !read) {
                      std::fprintf(stderr, "gantry: %s: %s\n", broker.c_str(), read.error().text.c_str());
                      return;
                    }
                    for (JsonRows::Row& row : found.rows["transactions"]) {
                      ++count;
                      std::printf("%-22s %s\n", "broker", broker.c_str());
                      for (const char* key : {"id", "group", "topic", "state", "reason", "checks", "copies",
                                              "half_offset", "log_offset", "committed_log_offset"}) {
                        if (!row[key].empty()) std::printf("%-22s %s\n", key, row[key].c_str());
                      }
                      for (const char* key : {"born_ms", "due_ms"}) {
                        if (!row[key].empty()) std::printf("%-22s %s\n", key, time_in(row[key]).c_str());
                      }
                    }
                  });
  if (status == exit_ok && !options.json && count == 0) {
    return fail({Errc::not_found, "no broker knows such a transaction"});
  }
  return status;
}

int resume(const TxnOptions& options) {
  protocol::ResumeCheckHeader header;
  header.message_id = options.id;
  return ask_brokers({options.cluster, options.json}, protocol::RequestCode::resume_check_half_message, header,
                     [](const std::string& broker, const std::string&) {
                       std::printf("%s: resumed; its producers are asked now\n", broker.c_str());
                     });
}

}  // namespace

void add_txn_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<TxnOptions>();
  CLI::App* txn = app.add_subcommand("txn", "Look at transactions, and resume discarded ones");
  txn->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, std::function<int(const TxnOptions&)> action) {
    CLI::App* command = txn->add_subcommand(name, help);
    command->callback([options, action, &run] { run = [options, action] { return action(*options); }; });
    command->add_flag("--json", options->json, "one line of JSON for each broker");
    options->cluster.add_to(*command);
    return command;
  };

  CLI::App* lists = add("list", "The oldest open and the newest discarded transactions", list);
  lists->add_option("--state", options->state, "which ones")
      ->check(CLI::IsMember({"all", "open", "discarded"}))
      ->capture_default_str();
  lists->add_option("--topic,-t", options->topic, "only those of this topic");
  lists->add_option("--group,-g", options->group, "only those of this producer group");
  lists->add_option("--limit", options->limit, "how many of each kind")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();

  CLI::App* shows = add("show", "What became of a transaction", show);
  shows->add_option("id", options->id, "the transaction's id, which is the message's UNIQ_KEY");
  shows->add_option("--group,-g", options->group, "its producer group");
  shows->add_option("--half-offset", options->half_offset, "or an offset of it in the half queue");
  shows->add_option("--log-offset", options->log_offset, "or where a half message of it begins in the log");

  CLI::App* resumes = add("resume", "Have producers asked about a discarded transaction again", resume);
  resumes->add_option("id", options->id, "the discarded message's id, as `gantry txn list` shows it")->required();
}

}  // namespace gantry::cli
