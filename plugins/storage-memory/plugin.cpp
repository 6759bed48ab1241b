// storage-memory as a plugin: its options and its life. The store itself is in memory_store.hpp.
#include "gantry/sdk/plugin.hpp"

#include "plugins/storage-memory/memory_store.hpp"

#include <memory>

namespace gantry::storage_memory {
namespace {

constexpr gantry_option options[] = {
    sdk::BytesOption{.key = "bytes_max",
                     .fallback = "256MiB",
                     .minimum = 1 << 20,
                     .maximum = 1ll << 40,
                     .sentence = "Memory that messages may take; beyond it the oldest ones are forgotten."},
};

class MemoryPlugin final : public sdk::Plugin {
 public:
  explicit MemoryPlugin(sdk::Host host) : host_(host) {}

  Status configure(const sdk::OptionValues& values) override {
    MemoryOptions chosen;
    chosen.bytes_max = static_cast<std::uint64_t>(values.bytes("bytes_max"));
    chosen.now_ms = [host = host_] { return host.wall_ms(); };
    store_ = std::make_unique<MemoryStore>(std::move(chosen));
    return {};
  }
  Status start() override { return store_->start(); }
  void quiesce() override { store_->quiesce(); }
  Status stop() override {
    store_->stop();
    return {};
  }
  sdk::Store& store() { return *store_; }

 private:
  const sdk::Host host_;
  std::unique_ptr<MemoryStore> store_;
};

}  // namespace

GANTRY_PLUGIN(MemoryPlugin, .id = "storage-memory", .version = "0.1.0",
              .summary = "Keeps messages in memory, bounded, and forgets them when the broker stops.",
              .options = options)

}  // namespace gantry::storage_memory
