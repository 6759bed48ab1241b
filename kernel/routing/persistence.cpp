#include "kernel/routing/persistence.hpp"

#include "kernel/base/log.hpp"
#include "protocol/group_config.hpp"
#include "protocol/offset_table.hpp"
#include "protocol/topic_config.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace gantry::routing {

namespace {

constexpr std::chrono::milliseconds retry_delay{1'000};

}  // namespace

Persistence::Persistence(sdk::Store& store, TopicTable& topics, GroupTable& groups, OffsetTable& offsets,
                         const Clock& clock, PersistenceOptions options)
    : store_(store),
      topics_(topics),
      groups_(groups),
      offsets_(offsets),
      clock_(clock),
      options_(std::move(options)),
      topics_file_{topics_blob, options_.table_delay, std::nullopt, std::nullopt},
      groups_file_{groups_blob, options_.table_delay, std::nullopt, std::nullopt},
      offsets_file_{offsets_blob, options_.offset_interval, std::nullopt, std::nullopt} {}

// ---- loading ----

std::string Persistence::path_of(std::string_view name) const {
  return options_.folder.empty() ? std::string(name) : options_.folder + "/" + std::string(name);
}

template <typename Table>
Result<std::optional<Table>> Persistence::load_table(std::string_view name, std::string_view consequence) {
  const std::string path = path_of(name);
  const auto attempt = [&](sdk::BlobVersion version) -> Result<Table> {
    GANTRY_ASSIGN(const std::string content, store_.load_blob(name, version));
    auto table = protocol::decode_body<Table>(std::string_view(content));
    if (table) return table;
    return Error{Errc::corrupt, "expected RocketMQ's JSON, found " + std::to_string(content.size()) +
                                    " bytes that are not: " + table.error().text};
  };

  auto newest = attempt(sdk::BlobVersion::newest);
  if (newest) return std::optional<Table>(*std::move(newest));
  const bool is_absent = newest.error().code == Errc::not_found;
  if (!is_absent && newest.error().code != Errc::corrupt) {
    return std::move(newest).error().within("loading " + path);
  }
  auto backup = attempt(sdk::BlobVersion::backup);
  if (backup) {
    GANTRY_LOG(warn, "persistence.backup_used", field("file", path), field("error", newest.error()));
    return std::optional<Table>(*std::move(backup));
  }
  const bool no_backup = backup.error().code == Errc::not_found;
  if (is_absent && no_backup) {
    note_missing(name, consequence);
    return std::optional<Table>();
  }
  return Error{Errc::corrupt,
               "loading " + path + ": " + newest.error().text + "; its backup cannot be used either (" +
                   (no_backup ? std::string("there is none") : backup.error().text) +
                   "). Restore the file from a copy, or delete it and its backup to start without its content"};
}

void Persistence::note_missing(std::string_view name, std::string_view consequence) {
  const gantry_store_positions positions = store_.positions();
  if (positions.log_end <= positions.log_begin) return;
  GANTRY_LOG(warn, "persistence.file_missing", field("file", path_of(name)),
             field("found", "neither the file nor its backup, but messages"), field("consequence", consequence),
             field("remedy", "if it was lost, stop the node and restore the file from a copy"));
}

void Persistence::note_rejected(std::string_view name, const Restored& restored, std::string_view consequence) const {
  if (restored.rejected == 0) return;
  GANTRY_LOG(warn, "persistence.entries_rejected", field("file", path_of(name)), field("entries", restored.rejected),
             field("first", restored.first), field("consequence", consequence));
}

Status Persistence::load() {
  GANTRY_TRY(load_topics());
  GANTRY_TRY(load_groups());
  return load_offsets();
}

Status Persistence::load_topics() {
  GANTRY_ASSIGN(const std::optional<protocol::TopicConfigTable> loaded,
                load_table<protocol::TopicConfigTable>(
                    topics_blob, "messages cannot be reached until their topics are made again, with as many queues"));
  if (!loaded) return {};
  const Restored restored = topics_.restore(*loaded);
  GANTRY_LOG(info, "persistence.topics.loaded", field("topics", restored.count));
  note_rejected(topics_blob, restored, "these topics are left out, or have other numbers than the file says");
  // Boot topics that the file does not have yet make a difference worth saving; nothing else does.
  const TopicTable::Image image = topics_.image();
  for (const auto& topic : image.topics) {
    if (loaded->topics.contains(std::string(topic->name()))) topic->queues()->mark_saved();
  }
  const bool same = std::all_of(image.topics.begin(), image.topics.end(), [&loaded](const auto& topic) {
    const auto stored = loaded->topics.find(std::string(topic->name()));
    return stored != loaded->topics.end() && stored->second == topic->config();
  });
  if (same) topics_file_.saved_revision = image.revision;
  return {};
}

Status Persistence::load_groups() {
  GANTRY_ASSIGN(const std::optional<protocol::SubscriptionGroupTable> loaded,
                load_table<protocol::SubscriptionGroupTable>(
                    groups_blob, "consumer groups have no settings of their own: what was forbidden is allowed"));
  if (!loaded) return {};
  const Restored restored = groups_.restore(*loaded);
  GANTRY_LOG(info, "persistence.groups.loaded", field("groups", restored.count));
  note_rejected(groups_blob, restored, "these groups are left out, or have other numbers than the file says");
  const auto [image, revision] = groups_.image();
  if (image.groups == loaded->groups && image.forbidden == loaded->forbidden) groups_file_.saved_revision = revision;
  return {};
}

Status Persistence::load_offsets() {
  GANTRY_ASSIGN(const std::optional<protocol::ConsumerOffsetTable> loaded,
                load_table<protocol::ConsumerOffsetTable>(
                    offsets_blob, "consumer groups begin as new ones: they read messages again, or skip some"));
  if (!loaded) return {};
  const Restored restored = offsets_.restore(*loaded);
  offsets_file_.saved_revision = offsets_.revision();
  GANTRY_LOG(info, "persistence.offsets.loaded", field("pairs", restored.count));
  note_rejected(offsets_blob, restored, "in these queues the groups begin as new ones");
  return {};
}

// ---- saving ----

// A file that does not exist is written soon and without a change, so that its absence means something later.
bool Persistence::File::is_due(std::uint64_t revision, std::chrono::milliseconds now,
                               std::chrono::milliseconds first_delay) {
  if (revision == saved_revision) {
    due.reset();
    return false;
  }
  if (!due) due = now + (saved_revision ? delay : first_delay);
  return now >= *due;
}

Status Persistence::write(File& file, std::uint64_t revision, std::string_view content) {
  if (Status saved = store_.save_blob(file.name, content); !saved) {
    file.due = clock_.steady() + std::max(retry_delay, file.delay);
    return std::move(saved).error().within("saving " + path_of(file.name));
  }
  file.saved_revision = revision;
  file.due.reset();
  return {};
}

Status Persistence::save_topics() {
  TopicTable::Image image = topics_.image();
  protocol::TopicConfigTable table;
  for (const auto& topic : image.topics) {
    table.topics.emplace_hint(table.topics.end(), topic->name(), topic->config());
  }
  table.data_version = image.version;
  GANTRY_TRY(write(topics_file_, image.revision, protocol::encode_body(table, protocol::JsonStyle::file)));
  for (const auto& topic : image.topics) topic->queues()->mark_saved();
  return {};
}

Status Persistence::save_groups() {
  const auto [table, revision] = groups_.image();
  return write(groups_file_, revision, protocol::encode_body(table, protocol::JsonStyle::file));
}

Status Persistence::save_offsets() {
  // Read before the image is made: what is committed meanwhile is in the image or makes it due again.
  const std::uint64_t revision = offsets_.revision();
  return write(offsets_file_, revision, protocol::encode_body(offsets_.image(), protocol::JsonStyle::file));
}

void Persistence::on_work(std::function<void()> wake) { wake_ = std::move(wake); }

void Persistence::when_saved(Done done) {
  Status refused;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      refused = Error{Errc::unavailable, "saving topics and groups: the broker is stopping"};
    } else if (waiters_.size() >= options_.waiters_max) {
      refused = Error{Errc::busy, "saving topics and groups: " + std::to_string(waiters_.size()) +
                                      " answers wait for that already; try again later"};
    } else {
      waiters_.push_back(std::move(done));
    }
  }
  if (!refused) return done(refused);
  if (wake_) wake_();
}

Status Persistence::save_tables(bool at_once) {
  const std::chrono::milliseconds now = clock_.steady();
  Status first;
  const bool topics_due = topics_file_.is_due(topics_.revision(), now, options_.table_delay);
  const bool groups_due = groups_file_.is_due(groups_.revision(), now, options_.table_delay);
  // `due` is set exactly when something changed since the last save, or there was none.
  if (topics_due || (at_once && topics_file_.due)) first = save_topics();
  if (groups_due || (at_once && groups_file_.due)) {
    if (Status saved = save_groups(); !saved && first) first = std::move(saved);
  }
  return first;
}

Status Persistence::save_due() {
  std::vector<Done> waiters;
  {
    const std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
  }
  // The waiters were taken before the tables are looked at, so their changes are in what is saved now.
  Status first = save_tables(!waiters.empty());
  for (Done& done : waiters) done(first);
  if (offsets_file_.is_due(offsets_.revision(), clock_.steady(), options_.table_delay)) {
    if (Status saved = save_offsets(); !saved && first) first = std::move(saved);
  }
  return first;
}

Status Persistence::save_all() {
  std::vector<Done> waiters;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiters.swap(waiters_);
  }
  Status first = save_tables(true);
  for (Done& done : waiters) done(first);
  if (offsets_.revision() != offsets_file_.saved_revision) {
    if (Status saved = save_offsets(); !saved && first) first = std::move(saved);
  }
  return first;
}

}  // namespace gantry::routing
