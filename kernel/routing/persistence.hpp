#pragma once
// Keeps topics, groups and consumer offsets in the store's blobs, in the files and shapes RocketMQ keeps them in.

#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/unique_function.hpp"
#include "kernel/routing/group_table.hpp"
#include "kernel/routing/offset_table.hpp"
#include "kernel/routing/restored.hpp"
#include "kernel/routing/topic_table.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::routing {

struct PersistenceOptions {
  std::chrono::milliseconds offset_interval{5'000};  ///< between saves of consumer offsets, when they changed
  std::chrono::milliseconds table_delay{200};        ///< topics and groups are saved so long after a change
  std::size_t waiters_max = 10'000;                  ///< answers that wait for a save
  std::string folder;  ///< where operators find the files; empty when the store keeps none
};

/// Decides what to save when, and does it on the control thread (or whichever one thread calls it: saving blocks).
///
/// Changes are gathered: one save covers all that happened before it began. Acknowledged administration is durable:
/// when_saved() holds the answer until the files that contain the change (of topics and groups) are on the disk.
class Persistence {
 public:
  using Done = UniqueFunction<void(const Status&)>;

  static constexpr std::string_view topics_blob = "topics.json";
  static constexpr std::string_view groups_blob = "subscriptionGroup.json";
  static constexpr std::string_view offsets_blob = "consumerOffset.json";

  /// All references outlive this object.
  Persistence(sdk::Store& store, TopicTable& topics, GroupTable& groups, OffsetTable& offsets, const Clock& clock,
              PersistenceOptions options = {});

  /// [control][boot] Fills the tables. A damaged file is replaced by its backup, with a warning; when that is damaged
  /// too (or there is none), the boot fails with an error that names the file and the remedy: it never starts empty
  /// over a file that exists. A file that does not exist is a fresh start, with a warning when the store has messages;
  /// it is written soon. Entries that make no sense are left out, with one warning for each file.
  Status load();

  /// [any-thread] Calls `done` on the saving thread once all changes made before this call are durable, or with the
  /// error of the save. Errc::busy at once, on this thread, beyond `waiters_max`; Errc::unavailable after stop().
  /// `wake` (see on_work) is called so that the save happens soon.
  void when_saved(Done done);

  /// [control][boot] Called from any thread when save_due() should run soon; must be quick.
  void on_work(std::function<void()> wake);

  /// [control] Saves what is due. Cheap when nothing is; call it every 100 ms or so, and when woken.
  /// Returns the first error; what failed stays due and is tried again after its interval.
  Status save_due();

  /// [control][stopping] Saves everything that changed, whatever its interval, then answers all waiters.
  Status save_all();

 private:
  /// When one of the files is to be written.
  struct File {
    std::string_view name;
    std::chrono::milliseconds delay{0};            // between noticing a change and saving it
    std::optional<std::uint64_t> saved_revision;   // of the table: nothing changed since; nothing: there is no file
    std::optional<std::chrono::milliseconds> due;  // set once a change was noticed (steady time)

    [[nodiscard]] bool is_due(std::uint64_t revision, std::chrono::milliseconds now,
                              std::chrono::milliseconds first_delay);
  };

  Status write(File& file, std::uint64_t revision, std::string_view content);
  Status save_tables(bool at_once);
  Status save_topics();
  Status save_groups();
  Status save_offsets();
  /// The newest version of a blob, or its backup. Nothing when there is neither: `consequence` says what that means.
  template <typename Table>
  Result<std::optional<Table>> load_table(std::string_view name, std::string_view consequence);
  void note_missing(std::string_view name, std::string_view consequence);
  void note_rejected(std::string_view name, const Restored& restored, std::string_view consequence) const;
  /// The file as operators know it.
  [[nodiscard]] std::string path_of(std::string_view name) const;
  Status load_topics();
  Status load_groups();
  Status load_offsets();

  sdk::Store& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  OffsetTable& offsets_;
  const Clock& clock_;
  const PersistenceOptions options_;
  std::function<void()> wake_;
  File topics_file_;
  File groups_file_;
  File offsets_file_;
  std::mutex mutex_;  // guards waiters_ and stopped_
  std::vector<Done> waiters_;
  bool stopped_ = false;
};

}  // namespace gantry::routing
