#include "sdk/check/store_checks.hpp"
#include "sdk/check/store_probe.hpp"

namespace gantry::check {
namespace {

using sdk::BlobVersion;

constexpr std::string_view topic = "ContractTopic";

Status want_durable_is_answered(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  for (int i = 0; i < 5; ++i) {
    GANTRY_ASSIGN(const auto at, probe->append_one(queue, "keep me"));
    const auto end = at.log_offset + at.record_size;
    GANTRY_TRY(probe->wait_durable(end));
    GANTRY_TRY(expect_true(probe->store().positions().durable_end >= end, "positions agree with the listener"));
  }
  GANTRY_TRY(expect_true(!probe->events().went_backwards, "durable_end never decreases"));
  return expect_equal(probe->events().failures.load(), 0, "failures told");
}

Status durable_end_never_passes_the_log(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  GANTRY_ASSIGN(const auto at, probe->append_one(queue, "x"));
  probe->store().want_durable(INT64_MAX);
  probe->store().want_durable(INT64_MIN);
  GANTRY_TRY(probe->wait_durable(at.log_offset + at.record_size));
  const auto positions = probe->store().positions();
  return expect_true(positions.durable_end <= positions.log_end, "durable_end <= log_end");
}

Status blobs_are_kept(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  auto& store = probe->store();
  const auto none = store.load_blob("topics.json", BlobVersion::newest);
  GANTRY_TRY(expect_true(!none && none.error().code == Errc::not_found, "a blob that was never saved is not found"));
  GANTRY_TRY(store.save_blob("topics.json", "one"));
  GANTRY_ASSIGN(const auto one, store.load_blob("topics.json", BlobVersion::newest));
  GANTRY_TRY(expect_equal(one, "one", "a blob"));
  GANTRY_TRY(store.save_blob("topics.json", "two"));
  GANTRY_TRY(store.save_blob("consumerOffset.json", ""));
  GANTRY_ASSIGN(const auto two, store.load_blob("topics.json", BlobVersion::newest));
  GANTRY_ASSIGN(const auto before, store.load_blob("topics.json", BlobVersion::backup));
  GANTRY_ASSIGN(const auto empty, store.load_blob("consumerOffset.json", BlobVersion::newest));
  GANTRY_TRY(expect_equal(two, "two", "a blob after the second save"));
  GANTRY_TRY(expect_equal(before, "one", "its version before"));
  return expect_equal(empty, "", "an empty blob");
}

Status large_blobs_are_kept(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  std::string content(3u << 20, 'b');
  for (std::size_t i = 0; i < content.size(); i += 1000) content[i] = static_cast<char>(i);
  GANTRY_TRY(probe->store().save_blob("large", content));
  GANTRY_ASSIGN(const auto found, probe->store().load_blob("large", BlobVersion::newest));
  return expect_true(found == content, "a blob of 3 MiB comes back unchanged");
}

Status blob_names_stay_inside(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  const std::string_view bad[] = {"", ".", "..", "a/b", "../x", "a b", std::string_view("a\0b", 3)};
  for (const auto name : bad) {
    GANTRY_TRY(expect_true(!probe->store().save_blob(name, "x"), "a bad name is refused: '" + std::string(name) + "'"));
    GANTRY_TRY(expect_true(!probe->store().load_blob(name, BlobVersion::newest), "a bad name is not loaded"));
  }
  return {};
}

Status a_deleted_topic_is_gone(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* old_queue, probe->queue(topic));
  GANTRY_ASSIGN(auto* other, probe->queue("Other"));
  for (int i = 0; i < 3; ++i) GANTRY_TRY(probe->append_one(old_queue, "old"));
  GANTRY_TRY(probe->append_one(other, "other"));
  GANTRY_TRY(probe->store().delete_topic(topic));
  GANTRY_ASSIGN(const auto dead, probe->append({{.queue = old_queue, .body = "late"}}));
  GANTRY_TRY(expect_equal(dead[0].status, GANTRY_E_UNAVAILABLE, "append to a deleted queue"));
  GANTRY_ASSIGN(const auto empty, probe->read(old_queue, 0));
  GANTRY_TRY(expect_equal(empty.outcome, GANTRY_READ_EMPTY_QUEUE, "reading a deleted queue"));
  GANTRY_ASSIGN(auto* new_queue, probe->queue(topic));
  GANTRY_TRY(expect_true(new_queue != old_queue, "a new handle after deletion"));
  GANTRY_TRY(expect_equal(probe->store().bounds(new_queue).max, 0, "max_offset of the new queue"));
  GANTRY_ASSIGN(const auto first, probe->append_one(new_queue, "new"));
  GANTRY_TRY(expect_equal(first.queue_offset, 0, "first offset of the new queue"));
  GANTRY_ASSIGN(const auto seen, probe->read(new_queue, 0));
  GANTRY_TRY(expect_equal(seen.records.at(0).body, "new", "what the new queue holds"));
  GANTRY_ASSIGN(const auto kept, probe->read(other, 0));
  return expect_equal(kept.message_count, 1u, "messages of the other topic");
}

Status deleting_what_is_not_there_is_harmless(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  // Whether this is an error is the store's choice; it must not damage anything.
  const auto unknown = probe->store().delete_topic("NeverUsed");
  const auto outside = probe->store().delete_topic("..");
  GANTRY_TRY(expect_true(!outside, "a name that leaves the store is refused"));
  GANTRY_TRY(expect_true(unknown.has_value() || unknown.error().code == Errc::not_found, "unknown: ok or not_found"));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  GANTRY_ASSIGN(const auto at, probe->append_one(queue, "x"));
  return expect_equal(at.queue_offset, 0, "the store still works");
}

Status messages_survive_a_restart(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  std::vector<std::int64_t> maxima(4, 0);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 50; ++i) {
      const int id = i % 4;
      GANTRY_ASSIGN(auto* queue, probe->queue(topic, id));
      const auto next = maxima[static_cast<std::size_t>(id)]++;
      GANTRY_ASSIGN(const auto at, probe->append_one(queue, std::to_string(next), property("TAGS", "t")));
      GANTRY_TRY(expect_equal(at.queue_offset, next, "queue offset over restarts"));
    }
    const auto before = probe->store().positions();
    GANTRY_TRY(probe->reopen());
    const auto after = probe->store().positions();
    GANTRY_TRY(expect_equal(after.log_end, before.log_end, "log_end over a restart"));
    GANTRY_TRY(expect_equal(after.durable_end, after.log_end, "durable_end after a restart"));
    for (int id = 0; id < 4; ++id) {
      GANTRY_ASSIGN(auto* queue, probe->queue(topic, id));
      const auto count = maxima[static_cast<std::size_t>(id)];
      GANTRY_TRY(expect_equal(probe->store().bounds(queue).max, count, "max_offset after a restart"));
      for (std::int64_t next = 0; next < count;) {
        GANTRY_ASSIGN(const auto seen, probe->read(queue, next));
        GANTRY_TRY(expect_equal(seen.outcome, GANTRY_READ_FOUND, "outcome after a restart"));
        for (const auto& record : seen.records) {
          GANTRY_TRY(expect_equal(record.body, std::to_string(next++), "body after a restart"));
        }
      }
      GANTRY_ASSIGN(const auto entry, probe->store().entry(queue, 0, GANTRY_READ_MAY_BLOCK));
      GANTRY_TRY(expect_equal(entry.tag_code, tag_code("t"), "tag code after a restart"));
    }
  }
  return {};
}

Status blobs_survive_a_restart(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_TRY(probe->store().save_blob("topics.json", "one"));
  GANTRY_TRY(probe->store().save_blob("topics.json", "two"));
  GANTRY_TRY(probe->reopen());
  GANTRY_ASSIGN(const auto two, probe->store().load_blob("topics.json", BlobVersion::newest));
  GANTRY_ASSIGN(const auto one, probe->store().load_blob("topics.json", BlobVersion::backup));
  GANTRY_TRY(expect_equal(two, "two", "a blob after a restart"));
  return expect_equal(one, "one", "its version before, after a restart");
}

Status deletion_survives_a_restart(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* gone, probe->queue("Gone"));
  GANTRY_ASSIGN(auto* again, probe->queue("Again"));
  for (int i = 0; i < 5; ++i) {
    GANTRY_TRY(probe->append_one(gone, "old"));
    GANTRY_TRY(probe->append_one(again, "old"));
  }
  GANTRY_TRY(probe->store().delete_topic("Gone"));
  GANTRY_TRY(probe->store().delete_topic("Again"));
  GANTRY_ASSIGN(auto* fresh, probe->queue("Again"));
  GANTRY_TRY(probe->append_one(fresh, "new"));
  GANTRY_TRY(probe->reopen());
  GANTRY_ASSIGN(auto* gone_after, probe->queue("Gone"));
  GANTRY_ASSIGN(auto* again_after, probe->queue("Again"));
  GANTRY_TRY(expect_equal(probe->store().bounds(gone_after).max, 0, "max_offset of a deleted queue after a restart"));
  GANTRY_TRY(expect_equal(probe->store().bounds(again_after).max, 1, "max_offset of a recreated queue"));
  GANTRY_ASSIGN(const auto seen, probe->read(again_after, 0));
  GANTRY_TRY(expect_equal(seen.message_count, 1u, "messages of a recreated queue"));
  return expect_equal(seen.records[0].body, "new", "what a recreated queue holds");
}

Status an_empty_store_restarts(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_TRY(probe->reopen());
  GANTRY_TRY(probe->reopen());
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  GANTRY_ASSIGN(const auto at, probe->append_one(queue, "first"));
  GANTRY_TRY(expect_equal(at.log_offset, 0, "log offset of the first message"));
  return expect_equal(at.queue_offset, 0, "queue offset of the first message");
}

constexpr StoreCheck checks[] = {
    {"want_durable_is_answered", "Synchronous sends would wait for ever.", want_durable_is_answered},
    {"durable_end_never_passes_the_log", "Sends would be acknowledged before they are stored.",
     durable_end_never_passes_the_log},
    {"blobs_are_kept", "Topics and consumer offsets would be lost.", blobs_are_kept},
    {"large_blobs_are_kept", "The offsets of a large cluster would be cut.", large_blobs_are_kept},
    {"blob_names_stay_inside", "A blob's name could write outside the store's folder.", blob_names_stay_inside},
    {"a_deleted_topic_is_gone", "A recreated topic would show old messages.", a_deleted_topic_is_gone},
    {"deleting_what_is_not_there_is_harmless", "Deleting twice would damage the store.",
     deleting_what_is_not_there_is_harmless},
    {"messages_survive_a_restart", "A restart would lose messages.", messages_survive_a_restart, true},
    {"blobs_survive_a_restart", "A restart would lose topics and offsets.", blobs_survive_a_restart, true},
    {"deletion_survives_a_restart", "Deleted messages would come back.", deletion_survives_a_restart, true},
    {"an_empty_store_restarts", "A broker could not be stopped before its first message.", an_empty_store_restarts,
     true},
};

}  // namespace

std::span<const StoreCheck> keep_checks() { return checks; }

}  // namespace gantry::check
