// Concern: whatever is damaged by hand in a store's folder, it starts and says what it found, or refuses and says which
// file, where, what was expected, what was found and the way out. It never crashes and never loses in silence: every
// message whose bytes are whole in the commit log can be read afterwards, every other one is reported.
// Method: one store with several topics, log files and queue files is made once, after an orderly stop and after a
// crash; each case copies it, damages one thing, and starts. Which messages are damaged is found by comparing the log's
// bytes.
#include "tests/fault/fault_support.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace gantry::storage_mmap {
namespace {

using check::property;
using check::StoreProbe;
using faults::content_of;
using faults::QueueName;
using faults::set_content;
using faults::to_string;
namespace fs = std::filesystem;

constexpr std::uint64_t log_file_size = 64u << 10;
constexpr std::int64_t queue_file_entries = 64;
constexpr std::size_t queue_file_size = queue_file_entries * 20;

std::string offset_file(std::uint64_t offset) {
  auto digits = std::to_string(offset);
  return std::string(20 - digits.size(), '0') + digits;
}

struct KnownMessage {
  QueueName queue;
  std::int64_t offset = 0;
  std::int64_t log_offset = 0;
  std::uint32_t size = 0;
  std::string body;
};

/// A store's folder with everything that was put into it.
struct Original {
  explicit Original(bool orderly) {
    harness.options.segment_size = log_file_size;
    harness.options.reserve_ahead = 4 * log_file_size;
    harness.options.queue_file_entries = static_cast<std::uint32_t>(queue_file_entries);
    QuickDisk disk;
    harness.disk = &disk;
    auto probe = *StoreProbe::open(harness);
    const QueueName queues[] = {{"A", 0}, {"A", 1}, {"B", 0}, {"A", 0}};
    for (int i = 0; i < 320; ++i) {
      const auto& queue = queues[i % 4];
      auto body = "message " + std::to_string(i) + " " + std::string(static_cast<std::size_t>(i * 37 % 2000), 'x');
      const auto at = *probe->append_one(*probe->queue(queue.first, queue.second), body,
                                         property("TAGS", "t") + property("KEYS", "k" + std::to_string(i)));
      messages.push_back({queue, at.queue_offset, at.log_offset, at.record_size, std::move(body)});
    }
    (void)probe->append_one(*probe->queue("Deleted", 0), "gone");
    (void)probe->store().delete_topic("Deleted").has_value();
    (void)probe->store().save_blob("topics.json", "{}").has_value();
    if (orderly) {
      (void)harness.close().has_value();
    } else {
      // Long enough for a checkpoint or two.
      faults::eventually([&] { return probe->events().durable_end >= messages.back().log_offset; });
      (void)probe->wait_durable(messages.back().log_offset + messages.back().size).has_value();
    }
    harness.crash();
    harness.disk = nullptr;
  }

  MmapHarness harness;
  std::vector<KnownMessage> messages;
};

/// The copy that a case damages.
class Folder {
 public:
  Folder(std::string path, std::uint64_t seed) : path_(std::move(path)), random_(seed) {}

  [[nodiscard]] std::string at(const std::string& below) const { return path_ + "/" + below; }
  [[nodiscard]] std::string log(std::size_t number) const {
    return at("commitlog/" + offset_file(number * log_file_size));
  }
  [[nodiscard]] std::string queue(const std::string& name, std::size_t file) const {
    return at("consumequeue/" + name + "/" + offset_file(file * queue_file_size));
  }
  [[nodiscard]] bool has(const std::string& below) const { return fs::exists(at(below)); }
  /// Files below a folder, in order of their names.
  [[nodiscard]] std::vector<std::string> files(const std::string& below) const {
    std::vector<std::string> found;
    if (!has(below)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(at(below))) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void put(const std::string& path, std::size_t where, std::string_view bytes) {
    auto content = content_of(path);
    ASSERT_LE(where + bytes.size(), content.size()) << path;
    content.replace(where, bytes.size(), bytes);
    set_content(path, content);
  }
  void zero(const std::string& path, std::size_t where, std::size_t size) { put(path, where, std::string(size, '\0')); }
  void flip(const std::string& path, std::size_t where, std::size_t size = 1) {
    auto content = content_of(path);
    ASSERT_LE(where + size, content.size()) << path;
    for (std::size_t i = where; i < where + size; ++i) content[i] = static_cast<char>(~content[i]);
    set_content(path, content);
  }
  void garble(const std::string& path) {
    auto content = content_of(path);
    for (char& byte : content) byte = static_cast<char>(random_());
    set_content(path, content);
  }
  void truncate(const std::string& path, std::size_t size) { fs::resize_file(path, size); }
  void remove(const std::string& path) {
    ASSERT_TRUE(fs::exists(path)) << path;
    fs::remove_all(path);
  }

 private:
  std::string path_;
  std::mt19937_64 random_;
};

using Messages = std::vector<KnownMessage>;

/// The last message that lies wholly in that log file, but one; and the record in its middle.
const KnownMessage& one_in_log_file(const Messages& messages, std::size_t number) {
  std::vector<const KnownMessage*> inside;
  for (const auto& message : messages) {
    if (message.log_offset / static_cast<std::int64_t>(log_file_size) == static_cast<std::int64_t>(number)) {
      inside.push_back(&message);
    }
  }
  return *inside.at(inside.size() / 2);
}

std::size_t in_file(const KnownMessage& message) {
  return static_cast<std::size_t>(message.log_offset) % log_file_size;
}
std::size_t log_file_of(const KnownMessage& message) {
  return static_cast<std::size_t>(message.log_offset) / log_file_size;
}

enum class Outcome : std::uint8_t { starts, refuses, either };

struct Case {
  std::string name;
  Outcome outcome;
  /// What the log (when it starts) or the refusal must contain; empty: nothing in particular.
  std::string names;
  std::function<void(Folder&, const Messages&)> damage;
};

std::vector<Case> all_cases() {
  using F = Folder&;
  using M = const Messages&;
  const auto either = Outcome::either;
  const auto starts = Outcome::starts;
  const auto refuses = Outcome::refuses;
  std::vector<Case> cases;
  const auto add = [&cases](std::string name, Outcome outcome, std::string names, std::function<void(F, M)> damage) {
    cases.push_back({std::move(name), outcome, std::move(names), std::move(damage)});
  };

  // ---- the commit log ----
  add("log_first_record_flipped", either, "", [](F f, M m) { f.flip(f.log(0), 90 + m[0].body.size() / 2); });
  add("log_record_in_the_middle_flipped", either, "", [](F f, M m) {
    const auto& hit = one_in_log_file(m, 1);
    f.flip(f.log(1), in_file(hit) + 100, 3);
  });
  add("log_record_size_absurd", either, "",
      [](F f, M m) { f.put(f.log(1), in_file(one_in_log_file(m, 1)), std::string("\x7f\xff\xff\xff", 4)); });
  add("log_record_magic_wrong", either, "", [](F f, M m) { f.flip(f.log(1), in_file(one_in_log_file(m, 1)) + 4, 4); });
  add("log_record_zeroed", either, "", [](F f, M m) {
    const auto& hit = one_in_log_file(m, 2);
    f.zero(f.log(2), in_file(hit), hit.size);
  });
  add("log_page_zeroed", either, "", [](F f, M) { f.zero(f.log(1), 16384, 4096); });
  add("log_last_record_flipped", starts, "",
      [](F f, M m) { f.flip(f.log(log_file_of(m.back())), in_file(m.back()) + 95, 2); });
  add("log_last_record_torn", starts, "",
      [](F f, M m) { f.zero(f.log(log_file_of(m.back())), in_file(m.back()) + 60, m.back().size - 60); });
  add("log_garbage_behind_the_end", starts, "", [](F f, M m) {
    const auto end = in_file(m.back()) + m.back().size + 200;  // behind the deleted topic's record
    f.put(f.log(log_file_of(m.back())), end, "garbage behind the end of the log");
  });
  add("log_first_file_missing", either, "", [](F f, M) { f.remove(f.log(0)); });
  add("log_middle_file_missing", refuses, offset_file(log_file_size), [](F f, M) { f.remove(f.log(1)); });
  add("log_last_file_missing", either, "", [](F f, M m) { f.remove(f.log(log_file_of(m.back()))); });
  add("log_all_files_missing", refuses, "commitlog", [](F f, M) { f.remove(f.at("commitlog")); });
  add("log_file_too_short", refuses, offset_file(log_file_size),
      [](F f, M) { f.truncate(f.log(1), log_file_size / 2); });
  add("log_file_too_long", refuses, offset_file(log_file_size),
      [](F f, M) { f.truncate(f.log(1), log_file_size + 100); });
  add("log_file_empty_in_the_middle", refuses, offset_file(log_file_size), [](F f, M) { f.truncate(f.log(1), 0); });
  add("log_last_file_empty", either, "", [](F f, M m) { f.truncate(f.log(log_file_of(m.back())), 0); });
  add("log_file_with_a_wrong_name", refuses, offset_file(7),
      [](F f, M) { fs::rename(f.log(1), f.at("commitlog/" + offset_file(7))); });
  add("log_foreign_file", refuses, "notes.txt", [](F f, M) { set_content(f.at("commitlog/notes.txt"), "hello"); });
  add("log_foreign_folder", starts, "", [](F f, M) { fs::create_directories(f.at("commitlog/lost+found")); });

  // ---- consume queues ----
  add("queue_file_zeroed", starts, "A/0", [](F f, M) { f.zero(f.queue("A/0", 0), 0, queue_file_size); });
  add("queue_last_file_zeroed", starts, "A/0", [](F f, M) { f.zero(f.queue("A/0", 2), 0, queue_file_size); });
  add("queue_file_truncated", either, "A/0", [](F f, M) { f.truncate(f.queue("A/0", 1), queue_file_size / 2); });
  add("queue_file_empty", starts, "A/0", [](F f, M) { f.truncate(f.queue("A/0", 1), 0); });
  add("queue_only_file_truncated", either, "B/0", [](F f, M) { f.truncate(f.queue("B/0", 0), 30); });
  add("queue_entry_offset_flipped", starts, "A/0", [](F f, M) { f.flip(f.queue("A/0", 0), 20 * 20 + 6, 2); });
  add("queue_entry_size_flipped", starts, "A/0", [](F f, M) { f.flip(f.queue("A/0", 0), 21 * 20 + 10, 2); });
  add("queue_entry_tag_flipped", starts, "A/0", [](F f, M) { f.flip(f.queue("A/0", 0), 22 * 20 + 14, 4); });
  add("queue_last_entry_flipped", starts, "A/1", [](F f, M) { f.flip(f.queue("A/1", 1), (79 - 64) * 20 + 4, 4); });
  add("queue_entry_in_the_middle_zeroed", starts, "A/0", [](F f, M) { f.zero(f.queue("A/0", 0), 30 * 20, 20); });
  add("queue_entry_repeats_the_one_before", starts, "A/0", [](F f, M) {
    const auto content = content_of(f.queue("A/0", 0));
    f.put(f.queue("A/0", 0), 31 * 20, std::string_view(content).substr(30 * 20, 20));
  });
  add("queue_entries_of_another_queue", starts, "A/1",
      [](F f, M) { f.put(f.queue("A/1", 0), 0, content_of(f.queue("B/0", 0))); });
  add("queue_stale_entries_behind_the_end", starts, "", [](F f, M) {
    const auto content = content_of(f.queue("A/1", 0));
    f.put(f.queue("A/1", 1), 20 * 20, std::string_view(content).substr(0, 20 * 10));
  });
  add("queue_entries_beyond_the_log", starts, "B/0", [](F f, M) {
    const std::string entry("\0\0\0\0\x7f\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x74", 20);
    f.put(f.queue("B/0", 1), (80 - 64) * 20, entry);
  });
  add("queue_first_file_missing", starts, "A/0", [](F f, M) { f.remove(f.queue("A/0", 0)); });
  add("queue_middle_file_missing", starts, "A/0", [](F f, M) { f.remove(f.queue("A/0", 1)); });
  add("queue_last_file_missing", starts, "A/0", [](F f, M) { f.remove(f.queue("A/0", 2)); });
  add("queue_folder_missing", starts, "A/1", [](F f, M) { f.remove(f.at("consumequeue/A/1")); });
  add("queue_folder_empty", starts, "A/1", [](F f, M) {
    f.remove(f.at("consumequeue/A/1"));
    fs::create_directories(f.at("consumequeue/A/1"));
  });
  add("queue_topic_missing", starts, "B", [](F f, M) { f.remove(f.at("consumequeue/B")); });
  add("queue_all_missing", starts, "", [](F f, M) { f.remove(f.at("consumequeue")); });
  add("queue_extra_file", either, "notes.txt",
      [](F f, M) { set_content(f.at("consumequeue/A/0/notes.txt"), "hello"); });
  add("queue_extra_file_far_away", starts, "",
      [](F f, M) { set_content(f.queue("A/0", 900), std::string(queue_file_size, '\0')); });
  add("queue_extra_file_with_garbage", starts, "A/0",
      [](F f, M) { set_content(f.queue("A/0", 900), std::string(queue_file_size, '\x11')); });
  add("queue_foreign_file_beside_topics", starts, "",
      [](F f, M) { set_content(f.at("consumequeue/notes.txt"), "hello"); });
  add("queue_foreign_folder_beside_queues", starts, "",
      [](F f, M) { set_content(f.at("consumequeue/A/lost+found/x"), "hello"); });
  add("queue_of_a_topic_that_nobody_sent_to", starts, "Z/0", [](F f, M) {
    fs::create_directories(f.at("consumequeue/Z"));
    fs::copy(f.at("consumequeue/B/0"), f.at("consumequeue/Z/0"), fs::copy_options::recursive);
  });
  add("queue_files_of_rocksdb", refuses, "RocksDB",
      [](F f, M) { set_content(f.at("consumequeue/CURRENT"), "MANIFEST-1\n"); });

  // ---- the small files ----
  add("checkpoint_missing", starts, "", [](F f, M) { f.remove(f.at("checkpoint")); });
  add("checkpoint_empty", starts, "", [](F f, M) { f.truncate(f.at("checkpoint"), 0); });
  add("checkpoint_truncated", starts, "", [](F f, M) { f.truncate(f.at("checkpoint"), 11); });
  add("checkpoint_garbage", starts, "", [](F f, M) { f.garble(f.at("checkpoint")); });
  add("checkpoint_of_the_future", starts, "", [](F f, M) { f.put(f.at("checkpoint"), 0, std::string(24, '\x7e')); });
  add("checkpoint_is_a_folder", refuses, "checkpoint", [](F f, M) {
    f.remove(f.at("checkpoint"));
    fs::create_directories(f.at("checkpoint"));
  });
  add("abort_with_garbage", starts, "", [](F f, M) { set_content(f.at("abort"), "\xff\xfe garbage"); });
  add("abort_missing", starts, "", [](F f, M) { fs::remove(f.at("abort")); });
  add("lock_with_garbage", starts, "", [](F f, M) { set_content(f.at("lock"), "garbage"); });
  add("lock_missing", starts, "", [](F f, M) { fs::remove(f.at("lock")); });
  add("lock_is_a_folder", refuses, "lock", [](F f, M) {
    f.remove(f.at("lock"));
    fs::create_directories(f.at("lock"));
  });
  add("dledger_log_beside", refuses, "dledger", [](F f, M) { fs::create_directories(f.at("dledger-n0")); });
  add("config_in_rocksdb", refuses, "rdb", [](F f, M) { fs::create_directories(f.at("config/rdb")); });

  // ---- what is only ours, and the index: every file that there is, whatever it is called ----
  add("ours_missing", starts, "", [](F f, M) { f.remove(f.at("gantry")); });
  add("ours_with_a_foreign_file", starts, "", [](F f, M) { set_content(f.at("gantry/notes.txt"), "hello"); });
  for (const std::string folder : {"gantry", "index"}) {
    const auto each = [folder](std::function<void(F, const std::string&)> damage) {
      return [folder, damage](F f, M) {
        const auto files = f.files(folder);
        if (files.empty()) GTEST_SKIP() << "this build keeps no files in " << folder;
        for (const auto& file : files) damage(f, file);
      };
    };
    add(folder + "_files_empty", starts, "", each([](F f, const std::string& file) { f.truncate(file, 0); }));
    add(folder + "_files_truncated", starts, "", each([](F f, const std::string& file) {
          f.truncate(file, static_cast<std::size_t>(fs::file_size(file)) / 2 + 3);
        }));
    add(folder + "_files_zeroed", starts, "",
        each([](F f, const std::string& file) { f.zero(file, 0, static_cast<std::size_t>(fs::file_size(file))); }));
    add(folder + "_files_garbled", starts, "", each([](F f, const std::string& file) { f.garble(file); }));
    add(folder + "_files_garbage_behind", starts, "",
        each([](F, const std::string& file) { set_content(file, content_of(file) + "garbage behind the end"); }));
    for (const std::size_t at : {0u, 8u, 12u, 16u, 20u, 24u, 32u, 36u, 40u}) {
      add(folder + "_files_flipped_at_" + std::to_string(at), starts, "", each([at](F f, const std::string& file) {
            if (fs::file_size(file) >= at + 4) f.flip(file, at, 4);
          }));
    }
  }
  add("index_missing", starts, "", [](F f, M) {
    if (!f.has("index")) GTEST_SKIP() << "this build keeps no index";
    f.remove(f.at("index"));
  });
  add("index_with_a_foreign_file", either, "notes.txt", [](F f, M) {
    if (!f.has("index")) GTEST_SKIP() << "this build keeps no index";
    set_content(f.at("index/notes.txt"), "hello");
  });
  return cases;
}

struct Variant {
  Case damage;
  bool orderly = true;
};

std::vector<Variant> all_variants() {
  std::vector<Variant> variants;
  for (const auto& one : all_cases()) {
    for (const bool orderly : {true, false}) variants.push_back({one, orderly});
  }
  return variants;
}

class StoreDamageTest : private faults::MemoryFolders, public testing::TestWithParam<Variant> {
 protected:
  static void SetUpTestSuite() {
    orderly_ = std::make_unique<Original>(true);
    crashed_ = std::make_unique<Original>(false);
  }
  static void TearDownTestSuite() {
    orderly_.reset();
    crashed_.reset();
  }

  StoreDamageTest() : original_(GetParam().orderly ? *orderly_ : *crashed_), seed_(faults::seed_of_run()) {
    harness_.options = [&] {
      auto options = original_.harness.options;
      options.path = harness_.options.path;
      return options;
    }();
    harness_.disk = &disk_;
    fs::copy(original_.harness.options.path, harness_.options.path, fs::copy_options::recursive);
  }

  /// Whether the message's bytes are what they were.
  bool is_whole(const KnownMessage& message) {
    const auto below = "commitlog/" + offset_file(log_file_of(message) * log_file_size);
    if (!log_files_.contains(below)) {
      log_files_[below] = {content_of(original_.harness.path(below)), content_of(harness_damaged_ + "/" + below)};
    }
    const auto& [before, after] = log_files_[below];
    return after.size() >= in_file(message) + message.size &&
           before.compare(in_file(message), message.size, after, in_file(message), message.size) == 0;
  }

  /// What was wrong with the message, or nothing.
  std::optional<std::string> read_problem(StoreProbe& probe, const KnownMessage& message) {
    auto* queue = *probe.queue(message.queue.first, message.queue.second);
    const auto seen = faults::patient_read(probe, queue, message.offset, {.messages = 1});
    if (!seen) return seen.error().text;
    if (seen->outcome != GANTRY_READ_FOUND || seen->records.empty()) {
      return "read outcome " + std::to_string(seen->outcome) + ", the queue holds " + std::to_string(seen->min_offset) +
             " to " + std::to_string(seen->max_offset);
    }
    const auto& record = seen->records.front();
    if (record.queue_offset != message.offset || record.body != message.body) {
      return "found offset " + std::to_string(record.queue_offset) + " with \"" + record.body.substr(0, 20) + "\"";
    }
    const auto entry = probe.store().entry(queue, message.offset, GANTRY_READ_MAY_BLOCK);
    if (entry && entry->tag_code != check::tag_code("t")) return "its tag code is wrong";
    return std::nullopt;
  }

  std::size_t loud_lines() const { return harness_.lines_with("").size() - harness_.lines_with("2 storage").size(); }

  /// `more`: messages that were appended to B/0 since.
  void check_started(StoreProbe& probe, std::int64_t more = 0) {
    int problems = 0;
    std::size_t damaged = 0;
    for (const auto& message : original_.messages) {
      const bool whole = is_whole(message);
      if (!whole) ++damaged;
      const auto where = to_string(message.queue) + " offset " + std::to_string(message.offset) + " at log offset " +
                         std::to_string(message.log_offset);
      std::optional<std::string> problem;
      // A queue may be found wrong and repaired while it is read.
      if (whole) {
        faults::eventually([&] { return !(problem = read_problem(probe, message)); }, std::chrono::seconds(2));
        EXPECT_FALSE(problem) << "an undamaged message cannot be read: " << where << ": " << *problem;
        problems += problem ? 1 : 0;
      } else {
        problem = read_problem(probe, message);
        const bool is_reported = loud_lines() > 0 || !problem || problem->find("expected") != std::string::npos;
        EXPECT_TRUE(is_reported) << "a damaged message is gone in silence: " << where << ": " << *problem;
        problems += is_reported ? 0 : 1;
      }
      if (problems >= 1) break;
    }
    if (!GetParam().damage.names.empty()) {
      EXPECT_TRUE(faults::eventually([&] { return harness_.logged(GetParam().damage.names); }))
          << "no line of the log names " << GetParam().damage.names;
    }
    if (damaged == 0) {
      for (const QueueName& name : {QueueName{"A", 0}, QueueName{"A", 1}, QueueName{"B", 0}}) {
        const auto bounds = probe.store().bounds(*probe.queue(name.first, name.second));
        EXPECT_EQ(bounds.min, 0) << to_string(name);
        const auto known = std::count_if(original_.messages.begin(), original_.messages.end(),
                                         [&](const auto& message) { return message.queue == name; });
        EXPECT_EQ(bounds.max, known + (name.first == "B" ? more : 0)) << to_string(name);
      }
    }
  }

  void check_refusal(const Error& error) {
    const auto& text = error.text;
    EXPECT_NE(text.find(harness_.options.path), std::string::npos) << "it does not name the file: " << text;
    EXPECT_NE(text.find(GetParam().damage.names), std::string::npos)
        << "it does not name " << GetParam().damage.names << ": " << text;
    EXPECT_NE(text.find("found"), std::string::npos) << "it does not say what was found: " << text;
    EXPECT_NE(text.find(';'), std::string::npos) << "it has no remedy: " << text;
  }

  static std::unique_ptr<Original> orderly_;
  static std::unique_ptr<Original> crashed_;

  const Original& original_;
  const std::uint64_t seed_;
  QuickDisk disk_;
  MmapHarness harness_;
  std::string harness_damaged_;
  std::map<std::string, std::pair<std::string, std::string>> log_files_;
};

std::unique_ptr<Original> StoreDamageTest::orderly_;
std::unique_ptr<Original> StoreDamageTest::crashed_;

TEST_P(StoreDamageTest, starts_or_refuses_and_says_so) {
  const auto& damage = GetParam().damage;
  Folder folder(harness_.options.path, seed_);
  damage.damage(folder, original_.messages);
  if (IsSkipped() || HasFatalFailure()) return;
  // What the store does to the files must not decide which messages count as damaged.
  TemporaryFolder damaged;
  harness_damaged_ = damaged.path() + "/copy";
  fs::copy(harness_.options.path, harness_damaged_, fs::copy_options::recursive);

  auto probe = StoreProbe::open(harness_);
  if (!probe) {
    EXPECT_NE(damage.outcome, Outcome::starts) << "it should start: " << probe.error().text;
    check_refusal(probe.error());
    return;
  }
  EXPECT_NE(damage.outcome, Outcome::refuses) << "it should refuse to start";
  check_started(**probe);
  if (HasFailure()) return;
  // And it goes on: what is appended now is there after a crash, with everything before.
  const auto at = (*probe)->append_one(*(*probe)->queue("B", 0), "after the damage");
  ASSERT_TRUE(at) << at.error().text;
  harness_.crash();
  auto again = StoreProbe::open(harness_);
  ASSERT_TRUE(again) << again.error().text;
  check_started(**again, 1);
  const auto seen = faults::patient_read(**again, *(*again)->queue("B", 0), at->queue_offset);
  ASSERT_TRUE(seen) << seen.error().text;
  ASSERT_FALSE(seen->records.empty());
  EXPECT_EQ(seen->records.front().body, "after the damage");
  harness_.crash();
}

TEST(StoreLockTest, a_second_store_on_the_folder_is_refused_and_told_who_holds_it) {
  MmapHarness harness;
  auto probe = StoreProbe::open(harness);
  ASSERT_TRUE(probe) << probe.error().text;
  MmapStore second(harness.options, {});
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::busy);
  EXPECT_NE(started.error().text.find(harness.path("lock")), std::string::npos) << started.error().text;
  EXPECT_NE(started.error().text.find("stop that broker"), std::string::npos) << started.error().text;
}

INSTANTIATE_TEST_SUITE_P(Cases, StoreDamageTest, testing::ValuesIn(all_variants()), [](const auto& instance) {
  return instance.param.damage.name + (instance.param.orderly ? "_after_an_orderly_stop" : "_after_a_crash");
});

}  // namespace
}  // namespace gantry::storage_mmap
