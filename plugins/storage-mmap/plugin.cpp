// storage-mmap as a plugin: its options and its life. The store itself is in mmap_store.hpp.
#include "gantry/sdk/plugin.hpp"

#include "plugins/storage-mmap/mmap_store.hpp"
#include "plugins/storage-mmap/tools/mmap_tools.hpp"

#include <memory>
#include <string>
#include <utility>

namespace gantry::storage_mmap {
namespace {

constexpr gantry_option options[] = {
    sdk::TextOption{.key = "path", .sentence = "Root folder of the store; empty: the node's data folder."},
    sdk::BytesOption{.key = "segment_size",
                     .fallback = "1GiB",
                     .minimum = 64 << 10,
                     .maximum = 2146435072,
                     .sentence = "Size of every commit-log file; a directory keeps the size it was made with."},
    sdk::IntegerOption{.key = "queue_file_entries",
                       .fallback = "300000",
                       .minimum = 1,
                       .maximum = 100'000'000,
                       .sentence = "Entries in every consume-queue file; a directory keeps what it was made with."},
    sdk::ChoiceOption{.key = "flush",
                      .fallback = "async",
                      .choices = "async|sync",
                      .sentence = "sync: data goes to the disk as soon as it arrives; async: at the intervals below."},
    sdk::DurationOption{.key = "flush_interval",
                        .fallback = "500ms",
                        .minimum_ms = 1,
                        .maximum_ms = 60'000,
                        .sentence = "Async: how often the log is synced when at least flush_bytes_min wait."},
    sdk::BytesOption{.key = "flush_bytes_min",
                     .fallback = "16KiB",
                     .minimum = 1,
                     .maximum = 1 << 30,
                     .sentence = "Async: fewer bytes than this wait for flush_thorough_interval."},
    sdk::DurationOption{.key = "flush_thorough_interval",
                        .fallback = "10s",
                        .minimum_ms = 1,
                        .maximum_ms = 600'000,
                        .sentence = "Async: the longest that any byte waits for being synced."},
    sdk::DurationOption{.key = "checkpoint_interval",
                        .fallback = "10s",
                        .minimum_ms = 10,
                        .maximum_ms = 3'600'000,
                        .sentence = "How often it is noted what the queues hold; bounds what is read after a crash."},
    sdk::BytesOption{.key = "checkpoint_bytes_max",
                     .fallback = "512MiB",
                     .minimum = 1 << 20,
                     .maximum = 1ll << 40,
                     .sentence = "The same after so much log at the latest."},
    sdk::BytesOption{.key = "hot_window",
                     .fallback = "64MiB",
                     .minimum = 1 << 20,
                     .maximum = 1ll << 40,
                     .sentence = "The newest part of the log, which stays mapped and counts as being in memory."},
    sdk::BytesOption{.key = "cold_cache",
                     .fallback = "256MiB",
                     .minimum = 8 << 20,
                     .maximum = 1ll << 40,
                     .sentence = "Page cache that readers of older messages may fill."},
    sdk::BytesOption{.key = "cold_read_ahead",
                     .fallback = "4MiB",
                     .minimum = 64 << 10,
                     .maximum = 256 << 20,
                     .sentence = "How much is read ahead for a reader of older messages."},
    sdk::IntegerOption{.key = "pending_entries_max",
                       .fallback = "4000000",
                       .minimum = 1000,
                       .maximum = 1'000'000'000,
                       .sentence = "Queue entries that are in no file yet; beyond it appends answer busy."},
    sdk::IntegerOption{.key = "open_files_max",
                       .fallback = "512",
                       .minimum = 1,
                       .maximum = 1'000'000,
                       .sentence = "Consume-queue files that are kept open."},
    sdk::IntegerOption{.key = "disk_full_percent",
                       .fallback = "90",
                       .minimum = 1,
                       .maximum = 100,
                       .sentence = "Used part of the disk, in percent, from which messages are refused."},
    sdk::IntegerOption{.key = "disk_clean_percent",
                       .fallback = "85",
                       .minimum = 1,
                       .maximum = 100,
                       .sentence =
                           "Used part of the disk, in percent, from which the oldest files of the log go before "
                           "their time; 100: never."},
    sdk::DurationOption{.key = "retention_time",
                        .fallback = "72h",
                        .minimum_ms = 0,
                        .maximum_ms = 10ll * 365 * 86'400'000,
                        .sentence = "Files of the log whose newest message is older go; 0s: no limit of age."},
    sdk::BytesOption{.key = "retention_size",
                     .fallback = "0B",
                     .minimum = 0,
                     .maximum = 1ll << 50,
                     .sentence = "The oldest files of the log go while it is larger; 0B: no limit of size."},
    sdk::DurationOption{.key = "retention_interval",
                        .fallback = "10s",
                        .minimum_ms = 100,
                        .maximum_ms = 86'400'000,
                        .sentence = "How often it is looked for files that have to go."},
    sdk::BoolOption{.key = "index",
                    .fallback = "true",
                    .sentence = "Whether messages can be found by key; costs about 20 bytes of disk per key."},
    sdk::IntegerOption{.key = "index_slots",
                       .fallback = "5000000",
                       .minimum = 1,
                       .maximum = 500'000'000,
                       .sentence = "Hash slots of every index file; a directory keeps what it was made with."},
    sdk::IntegerOption{.key = "index_entries",
                       .fallback = "20000000",
                       .minimum = 2,
                       .maximum = 2'000'000'000,
                       .sentence = "Entries of every index file; a directory keeps what it was made with."},
};

class MmapPlugin final : public sdk::Plugin {
 public:
  explicit MmapPlugin(sdk::Host host) : host_(host) {}

  Status configure(const sdk::OptionValues& values) override {
    StoreOptions chosen;
    chosen.path = values.text("path");
    if (chosen.path.empty()) chosen.path = host_.data_folder();
    chosen.segment_size = static_cast<std::uint64_t>(values.bytes("segment_size"));
    chosen.queue_file_entries = static_cast<std::uint32_t>(values.integer("queue_file_entries"));
    chosen.flush = values.choice("flush") == "sync" ? FlushMode::sync : FlushMode::async;
    chosen.flush_interval = values.duration("flush_interval");
    chosen.flush_bytes_min = static_cast<std::uint64_t>(values.bytes("flush_bytes_min"));
    chosen.flush_thorough_interval = values.duration("flush_thorough_interval");
    chosen.checkpoint_interval = values.duration("checkpoint_interval");
    chosen.checkpoint_bytes_max = static_cast<std::uint64_t>(values.bytes("checkpoint_bytes_max"));
    chosen.cold_cache = static_cast<std::uint64_t>(values.bytes("cold_cache"));
    chosen.cold_read_ahead = static_cast<std::uint64_t>(values.bytes("cold_read_ahead"));
    chosen.hot_window = static_cast<std::uint64_t>(values.bytes("hot_window"));
    chosen.pending_entries_max = values.integer("pending_entries_max");
    chosen.open_files_max = static_cast<std::uint32_t>(values.integer("open_files_max"));
    chosen.disk_full_percent = static_cast<std::uint32_t>(values.integer("disk_full_percent"));
    chosen.disk_clean_percent = static_cast<std::uint32_t>(values.integer("disk_clean_percent"));
    chosen.retention_time = values.duration("retention_time");
    chosen.retention_bytes = static_cast<std::uint64_t>(values.bytes("retention_size"));
    chosen.retention_interval = values.duration("retention_interval");
    chosen.index = values.boolean("index");
    chosen.index_slots = static_cast<std::uint32_t>(values.integer("index_slots"));
    chosen.index_entries = static_cast<std::uint32_t>(values.integer("index_entries"));
    Surroundings surroundings;
    surroundings.wall_ms = [host = host_] { return host.wall_ms(); };
    surroundings.log = [table = host_.raw()](std::uint32_t level, std::string_view event, std::string_view text) {
      if (table->log_enabled(table->context, level) == 0) return;
      table->log(table->context, level, {event.data(), event.size()}, {text.data(), text.size()});
    };
    tools_ = std::make_unique<tools::MmapTools>(chosen, surroundings);
    store_ = std::make_unique<MmapStore>(std::move(chosen), std::move(surroundings));
    return {};
  }
  Status start() override { return store_->start(); }
  void quiesce() override { store_->quiesce(); }
  Status stop() override { return store_->stop(); }
  sdk::Store& store() { return *store_; }
  sdk::StoreTools& store_tools() { return *tools_; }

 private:
  const sdk::Host host_;
  std::unique_ptr<MmapStore> store_;
  std::unique_ptr<tools::MmapTools> tools_;
};

}  // namespace

GANTRY_PLUGIN(MmapPlugin, .id = "storage-mmap", .version = "0.1.0",
              .summary = "Keeps messages in RocketMQ's files: a mapped commit log and consume queues.",
              .options = options)

}  // namespace gantry::storage_mmap
