#include "sdk/check/store_checks.hpp"
#include "sdk/check/store_probe.hpp"

#include <chrono>
#include <thread>

namespace gantry::check {
namespace {

constexpr std::string_view topic = "ContractTopic";
constexpr std::int32_t half_message = 0x4;
constexpr std::int32_t rolled_back = 0xC;

using Offsets = std::vector<std::int64_t>;

/// A store that keeps an index, and a way to fill it. `probe` is null when the store keeps none: nothing to check.
struct Indexed {
  std::unique_ptr<StoreProbe> probe;
  gantry_queue* queue = nullptr;

  /// Stores one message with these properties; where.
  Result<std::int64_t> put(std::string_view properties) {
    GANTRY_ASSIGN(const auto at, probe->append_one(queue, "body", properties));
    return at.log_offset;
  }
  Result<std::int64_t> put_keys(std::string_view keys) { return put(property("KEYS", keys)); }
};

Result<Indexed> indexed(StoreHarness& harness) {
  Indexed store;
  GANTRY_ASSIGN(store.probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(const bool kept, store.probe->keeps_an_index());
  if (!kept) {
    store.probe.reset();
    return store;
  }
  GANTRY_ASSIGN(store.queue, store.probe->queue(topic));
  return store;
}

std::string to_text(const Offsets& offsets) {
  std::string text;
  for (const auto offset : offsets) text += (text.empty() ? "" : ", ") + std::to_string(offset);
  return "[" + text + "]";
}

Status finds(StoreProbe& probe, const QueryDraft& query, const Offsets& expected, const std::string& what) {
  GANTRY_ASSIGN(const auto seen, probe.query(query));
  return expect_equal(to_text(seen.log_offsets), to_text(expected), what + ": log offsets");
}

Status a_message_is_found_by_each_of_its_keys(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  GANTRY_ASSIGN(const auto one, store.put_keys("alone"));
  GANTRY_ASSIGN(const auto three, store.put_keys("first second third"));
  GANTRY_ASSIGN(const auto blanks, store.put_keys("  left   right "));
  GANTRY_TRY(store.put(""));
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(finds(probe, {.key = "alone"}, {one}, "the only key"));
  for (const std::string_view key : {"first", "second", "third"}) {
    GANTRY_TRY(finds(probe, {.key = key}, {three}, "one of three keys"));
  }
  for (const std::string_view key : {"left", "right"}) {
    GANTRY_TRY(finds(probe, {.key = key}, {blanks}, "a key between several blanks"));
  }
  for (const std::string_view key : {"unknown", "firs", "first ", "first second", " ", "FIRST", "alone2"}) {
    GANTRY_TRY(finds(probe, {.key = key}, {}, "'" + std::string(key) + "', which no message has"));
  }
  return {};
}

Status a_message_is_found_by_its_unique_key(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  GANTRY_ASSIGN(const auto own, store.put(property("UNIQ_KEY", "U1") + property("KEYS", "k1")));
  GANTRY_ASSIGN(const auto among, store.put(property("UNIQ_KEY", "U2") + property("KEYS", "k2 U1")));
  GANTRY_ASSIGN(const auto both, store.put(property("UNIQ_KEY", "U3") + property("KEYS", "U3 k3")));
  GANTRY_TRY(probe.wait_indexed());
  const auto unique = GANTRY_QUERY_UNIQUE;
  GANTRY_TRY(finds(probe, {.key = "U1", .options = unique}, {own}, "a unique key that is also among others' KEYS"));
  GANTRY_TRY(finds(probe, {.key = "U1"}, {own, among}, "the same without asking for unique keys only"));
  GANTRY_TRY(finds(probe, {.key = "k2", .options = unique}, {}, "one of KEYS, asked for as a unique key"));
  GANTRY_TRY(finds(probe, {.key = "U3"}, {both}, "a message whose unique key is among its KEYS comes once"));
  return finds(probe, {.key = "U2", .options = unique}, {among}, "a unique key");
}

Status the_keys_of_other_topics_are_not_found(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  GANTRY_ASSIGN(auto* other, probe.queue("Other", 3));
  GANTRY_ASSIGN(const auto here, store.put_keys("k"));
  GANTRY_ASSIGN(const auto there, probe.append_one(other, "there", property("KEYS", "k")));
  // RocketMQ joins topic and key by '#'.
  GANTRY_ASSIGN(auto* joined, probe.queue("Other", 4));
  GANTRY_ASSIGN(const auto odd, probe.append_one(joined, "odd", property("KEYS", "a#k")));
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(finds(probe, {.key = "k"}, {here}, "a key of two topics"));
  GANTRY_TRY(finds(probe, {.topic = "Other", .key = "k"}, {there.log_offset}, "the same key in the other topic"));
  GANTRY_TRY(finds(probe, {.topic = "Other", .key = "a#k"}, {odd.log_offset}, "a key with '#'"));
  GANTRY_TRY(finds(probe, {.topic = "Other#a", .key = "k"}, {}, "a topic that never was"));
  return finds(probe, {.topic = "Never", .key = "k"}, {}, "a topic that never was");
}

Status keys_of_equal_hash_are_told_apart(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  // Java's String.hashCode of these is the same, whatever stands before them.
  Offsets at;
  for (const std::string_view key : {"AaAa", "BBBB", "AaBB", "BBAa"}) {
    GANTRY_ASSIGN(const auto offset, store.put_keys(key));
    at.push_back(offset);
  }
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(finds(probe, {.key = "AaAa", .count_max = 1}, {at[0]}, "the oldest of four keys with one hash"));
  GANTRY_TRY(finds(probe, {.key = "BBBB"}, {at[1]}, "a key of that hash"));
  GANTRY_TRY(finds(probe, {.key = "AaBB"}, {at[2]}, "a key of that hash"));
  return finds(probe, {.key = "BBAa"}, {at[3]}, "a key of that hash");
}

Status the_newest_matches_come_in_ascending_order(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  Offsets all;
  for (int i = 0; i < 20; ++i) {
    GANTRY_ASSIGN(store.queue, probe.queue(topic, i % 3));
    GANTRY_ASSIGN(const auto at, store.put_keys("all k" + std::to_string(i)));
    all.push_back(at);
  }
  GANTRY_TRY(probe.wait_indexed());
  for (const std::size_t count : {1, 2, 19, 20, 64}) {
    const auto skipped = all.size() - std::min(count, all.size());
    const Offsets newest(all.begin() + static_cast<std::ptrdiff_t>(skipped), all.end());
    GANTRY_TRY(finds(probe, {.key = "all", .count_max = static_cast<std::uint32_t>(count)}, newest,
                     "at most " + std::to_string(count) + " of twenty"));
  }
  return finds(probe, {.key = "k0", .count_max = 1}, {all[0]}, "a key of the oldest message only");
}

/// Returns once the wall clock has passed that millisecond.
Status pass(std::int64_t ms) {
  using Wall = std::chrono::system_clock;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::duration_cast<std::chrono::milliseconds>(Wall::now().time_since_epoch()).count() <= ms) {
    GANTRY_TRY(expect_true(std::chrono::steady_clock::now() < deadline, "the clock goes on"));
    std::this_thread::yield();
  }
  return {};
}

Status a_time_range_holds_both_its_ends_to_the_millisecond(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  std::vector<gantry_append_result> at;
  for (int i = 0; i < 4; ++i) {
    if (!at.empty()) GANTRY_TRY(pass(at.back().store_ms + 1));
    GANTRY_ASSIGN(const auto stored, probe.append_one(store.queue, "body", property("KEYS", "timed")));
    at.push_back(stored);
  }
  GANTRY_TRY(probe.wait_indexed());
  const auto first = at.front().store_ms;
  const auto last = at.back().store_ms;
  std::vector<std::int64_t> times;
  for (const auto& each : at) times.insert(times.end(), {each.store_ms - 1, each.store_ms, each.store_ms + 1});
  for (const auto begin : times) {
    for (const auto end : times) {
      Offsets expected;
      for (const auto& each : at) {
        if (each.store_ms >= begin && each.store_ms <= end) expected.push_back(each.log_offset);
      }
      GANTRY_TRY(finds(probe, {.key = "timed", .begin_ms = begin, .end_ms = end}, expected,
                       "stored from " + std::to_string(begin - first) + " to " + std::to_string(end - first) + " ms"));
    }
  }
  const Offsets oldest{at.front().log_offset};
  GANTRY_TRY(finds(probe, {.key = "timed", .end_ms = first, .count_max = 1}, oldest, "the newest up to a time"));
  GANTRY_TRY(finds(probe, {.key = "timed", .begin_ms = INT64_MIN, .end_ms = first}, oldest, "all times up to one"));
  GANTRY_TRY(finds(probe, {.key = "timed", .begin_ms = last, .end_ms = INT64_MAX}, {at.back().log_offset},
                   "all times from one"));
  return finds(probe, {.key = "timed", .begin_ms = INT64_MAX, .end_ms = INT64_MIN}, {}, "an upside-down range");
}

Status messages_of_one_batch_are_found_one_by_one(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  std::vector<Draft> drafts;
  for (int i = 0; i < 5; ++i) {
    drafts.push_back({.queue = store.queue,
                      .properties = property("KEYS", "batch b" + std::to_string(i)),
                      .properties_more = property("UNIQ_KEY", "u" + std::to_string(i)),
                      .options = i > 0 ? GANTRY_APPEND_JOINED : 0});
  }
  GANTRY_ASSIGN(const auto at, probe.append(drafts));
  GANTRY_TRY(probe.wait_indexed());
  Offsets all;
  for (std::size_t i = 0; i < at.size(); ++i) {
    GANTRY_TRY(expect_equal(at[i].status, GANTRY_OK, "status of an append"));
    all.push_back(at[i].log_offset);
    GANTRY_TRY(finds(probe, {.key = "b" + std::to_string(i)}, {at[i].log_offset}, "a key of one message of a batch"));
    GANTRY_TRY(finds(probe, {.key = "u" + std::to_string(i), .options = GANTRY_QUERY_UNIQUE}, {at[i].log_offset},
                     "a unique key that the broker added"));
  }
  return finds(probe, {.key = "batch"}, all, "a key of all messages of a batch");
}

Status half_messages_are_found_and_rolled_back_ones_are_not(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  std::vector<Draft> drafts;
  for (const std::int32_t sys_flag : {half_message, rolled_back}) {
    drafts.push_back({.queue = store.queue, .properties = property("KEYS", "txn"), .sys_flag = sys_flag});
  }
  GANTRY_ASSIGN(const auto at, probe.append(drafts));
  for (const auto& each : at) GANTRY_TRY(expect_equal(each.status, GANTRY_OK, "status of an append"));
  GANTRY_TRY(probe.wait_indexed());
  return finds(probe, {.key = "txn"}, {at[0].log_offset}, "a half message, and the end of one");
}

Status a_query_says_how_far_it_searched(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  GANTRY_ASSIGN(const auto nothing, probe.query({.key = "k"}));
  GANTRY_TRY(expect_equal(nothing.last_ms, 0, "last_ms of an empty store"));
  GANTRY_ASSIGN(const auto at, probe.append_one(store.queue, "body", property("KEYS", "k")));
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_ASSIGN(const auto seen, probe.query({.key = "k"}));
  GANTRY_TRY(expect_true(seen.indexed_end <= probe.store().positions().log_end, "indexed_end <= log_end"));
  GANTRY_TRY(expect_equal(seen.last_ms, at.store_ms, "last_ms"));
  return expect_equal(seen.last_log_offset, at.log_offset, "last_log_offset");
}

Status a_query_without_key_or_room_is_refused(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  const auto refused = [](const Result<SeenQuery>& answer) {
    return !answer && answer.error().code == Errc::invalid_argument;
  };
  GANTRY_TRY(expect_true(refused(probe.query({.key = ""})), "an empty key is refused"));
  GANTRY_TRY(expect_true(refused(probe.query({.key = "k", .count_max = 0})), "a count_max of 0 is refused"));
  const std::string long_key(40'000, 'k');
  return finds(probe, {.key = long_key}, {}, "a key longer than any message's");
}

Status messages_of_a_deleted_topic_are_not_found(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  GANTRY_ASSIGN(auto* other, probe.queue("Other"));
  GANTRY_ASSIGN(const auto kept, probe.append_one(other, "kept", property("KEYS", "k")));
  for (int i = 0; i < 3; ++i) GANTRY_TRY(store.put_keys("k"));
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(probe.store().delete_topic(topic));
  GANTRY_TRY(finds(probe, {.key = "k"}, {}, "a key of a deleted topic"));
  GANTRY_ASSIGN(store.queue, probe.queue(topic));
  GANTRY_TRY(finds(probe, {.key = "k"}, {}, "a key of a topic that was made again"));
  GANTRY_ASSIGN(const auto fresh, store.put_keys("k"));
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(finds(probe, {.key = "k"}, {fresh}, "a key of before and after the deletion"));
  GANTRY_TRY(finds(probe, {.key = "k", .count_max = 1}, {fresh}, "the same, one message at most"));
  return finds(probe, {.topic = "Other", .key = "k"}, {kept.log_offset}, "the key in another topic");
}

Status messages_are_found_after_a_restart(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  Offsets all;
  std::int64_t last_ms = 0;
  for (int round = 0; round < 3; ++round) {
    GANTRY_ASSIGN(store.queue, probe.queue(topic));
    for (int i = 0; i < 5; ++i) {
      GANTRY_ASSIGN(const auto at, probe.append_one(store.queue, "body",
                                                    property("UNIQ_KEY", std::to_string(all.size())) +
                                                        property("KEYS", "all round" + std::to_string(round))));
      all.push_back(at.log_offset);
      last_ms = at.store_ms;
    }
    GANTRY_TRY(probe.reopen());
    GANTRY_TRY(probe.wait_indexed());
    GANTRY_TRY(finds(probe, {.key = "all"}, all, "a key of all messages after a restart"));
    GANTRY_TRY(finds(probe, {.key = "all", .begin_ms = last_ms + 1}, {}, "nothing newer after a restart"));
    GANTRY_TRY(finds(probe, {.key = "round" + std::to_string(round)}, Offsets(all.end() - 5, all.end()),
                     "a key of the newest messages after a restart"));
    for (std::size_t i = 0; i < all.size(); ++i) {
      GANTRY_TRY(finds(probe, {.key = std::to_string(i), .options = GANTRY_QUERY_UNIQUE}, {all[i]},
                       "a unique key after a restart"));
    }
  }
  return {};
}

Status deleted_messages_are_not_found_after_a_restart(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, indexed(harness));
  if (!store.probe) return {};
  auto& probe = *store.probe;
  for (int i = 0; i < 3; ++i) GANTRY_TRY(store.put_keys("k"));
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(probe.store().delete_topic(topic));
  GANTRY_TRY(probe.reopen());
  GANTRY_TRY(probe.wait_indexed());
  GANTRY_TRY(finds(probe, {.key = "k"}, {}, "a key of a deleted topic after a restart"));
  GANTRY_ASSIGN(store.queue, probe.queue(topic));
  GANTRY_ASSIGN(const auto fresh, store.put_keys("k"));
  GANTRY_TRY(probe.wait_indexed());
  return finds(probe, {.key = "k"}, {fresh}, "a key of before and after the deletion");
}

constexpr StoreCheck checks[] = {
    {"a_message_is_found_by_each_of_its_keys", "Messages could not be looked up by key.",
     a_message_is_found_by_each_of_its_keys},
    {"a_message_is_found_by_its_unique_key", "Messages could not be looked up by their unique key.",
     a_message_is_found_by_its_unique_key},
    {"the_keys_of_other_topics_are_not_found", "A query would show messages of other topics.",
     the_keys_of_other_topics_are_not_found},
    {"keys_of_equal_hash_are_told_apart", "A query would show messages with another key.",
     keys_of_equal_hash_are_told_apart},
    {"the_newest_matches_come_in_ascending_order", "A query with many matches would hide the newest ones.",
     the_newest_matches_come_in_ascending_order},
    {"a_time_range_holds_both_its_ends_to_the_millisecond", "A query by time would miss messages, or show too many.",
     a_time_range_holds_both_its_ends_to_the_millisecond},
    {"messages_of_one_batch_are_found_one_by_one", "Messages sent as a batch could not be looked up.",
     messages_of_one_batch_are_found_one_by_one},
    {"half_messages_are_found_and_rolled_back_ones_are_not", "Transactions could not be traced.",
     half_messages_are_found_and_rolled_back_ones_are_not},
    {"a_query_says_how_far_it_searched", "A query could not be told from one that came too early.",
     a_query_says_how_far_it_searched},
    {"a_query_without_key_or_room_is_refused", "A malformed request would crash the broker.",
     a_query_without_key_or_room_is_refused},
    {"messages_of_a_deleted_topic_are_not_found", "Deleted messages would be shown.",
     messages_of_a_deleted_topic_are_not_found},
    {"messages_are_found_after_a_restart", "A restart would lose the keys of messages.",
     messages_are_found_after_a_restart, true},
    {"deleted_messages_are_not_found_after_a_restart", "Deleted messages would be shown after a restart.",
     deleted_messages_are_not_found_after_a_restart, true},
};

}  // namespace

std::span<const StoreCheck> query_checks() { return checks; }

}  // namespace gantry::check
