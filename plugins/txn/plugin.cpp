// txn as a plugin: its options. What it does is in transactions.hpp.
#include "gantry/sdk/plugin.hpp"

#include "plugins/txn/transactions.hpp"

namespace gantry::txn {
namespace {

constexpr gantry_option options[] = {
    sdk::DurationOption{.key = "check_interval",
                        .fallback = "30s",
                        .minimum_ms = 10,
                        .maximum_ms = 24 * 3600 * 1000,
                        .sentence = "How long after a question without an answer the producer is asked again.",
                        .live = true},
    sdk::DurationOption{
        .key = "timeout",
        .fallback = "6s",
        .minimum_ms = 10,
        .maximum_ms = 24 * 3600 * 1000,
        .sentence = "How long a transaction is undecided before its producer is asked the first time; a message's "
                    "CHECK_IMMUNITY_TIME_IN_SECONDS takes its place.",
        .live = true},
    sdk::IntegerOption{.key = "check_max",
                       .fallback = "15",
                       .minimum = 1,
                       .maximum = 10'000,
                       .sentence = "How often a producer is asked before the transaction is discarded.",
                       .live = true},
    sdk::BoolOption{.key = "reject",
                    .fallback = "false",
                    .sentence = "Refuses new transactions (RocketMQ's rejectTransactionMessage).",
                    .live = true},
    sdk::IntegerOption{.key = "open_max",
                       .fallback = "1000000",
                       .minimum = 1,
                       .maximum = 100'000'000,
                       .sentence = "Undecided transactions beyond which new ones are refused as busy; each takes about "
                                   "100 bytes of memory.",
                       .live = true},
};

constexpr const char* required[] = {GANTRY_STORE_ID};

}  // namespace

GANTRY_PLUGIN(Transactions, .id = "txn", .version = "0.1.0",
              .summary = "Transactional messages: half messages, decisions, and questions to producers.",
              .options = options, .required_extensions = required)

}  // namespace gantry::txn
