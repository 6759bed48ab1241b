// Concern: torn tails, damaged bytes and killed writers cost what was torn, and nothing is served that nobody sent.
// Seeds are printed; GANTRY_TEST_SEED repeats one. Power cuts: power_cut_test.cpp; failing calls:
// failing_call_test.cpp.
#include "tests/fault/fault_support.hpp"

#include <algorithm>
#include <array>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::storage_mmap {
namespace {

using check::property;
using check::StoreProbe;
using faults::content_of;
using faults::set_content;
namespace fs = std::filesystem;

/// What was appended to each queue, by offset; the same text says queue, offset and a run's number.
using Expected = std::map<int, std::vector<std::string>>;

/// Reads everything: each message must be the expected one at its offset. Returns how many each queue holds.
std::map<int, std::int64_t> verify(StoreProbe& probe, const Expected& expected, const std::string& topic) {
  std::map<int, std::int64_t> found;
  for (const auto& [id, bodies] : expected) {
    auto* queue = *probe.queue(topic, id);
    const auto max = probe.store().bounds(queue).max;
    found[id] = max;
    EXPECT_LE(max, static_cast<std::int64_t>(bodies.size())) << "phantom messages in queue " << id;
    for (std::int64_t next = 0; next < max;) {
      const auto seen = probe.read(queue, next);
      if (!seen || seen->outcome != GANTRY_READ_FOUND) {
        ADD_FAILURE() << "queue " << id << " offset " << next << ": "
                      << (seen ? "outcome " + std::to_string(seen->outcome) : seen.error().text);
        break;
      }
      for (const auto& record : seen->records) {
        EXPECT_EQ(record.queue_offset, next);
        if (static_cast<std::size_t>(next) < bodies.size()) {
          EXPECT_EQ(record.body, bodies[static_cast<std::size_t>(next)]);
        }
        ++next;
      }
    }
  }
  return found;
}

class StoreFaultTest : public faults::FaultTest {};

TEST_F(StoreFaultTest, a_tail_torn_at_any_byte_costs_only_the_last_record) {
  QuickDisk disk;
  harness_.disk = &disk;
  std::int64_t last = 0;
  std::int64_t end = 0;
  {
    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe);
    auto* queue = *(*probe)->queue("T");
    for (int i = 0; i < 3; ++i) {
      const auto at = (*probe)->append_one(queue, "body " + std::to_string(i), property("TAGS", "t"));
      last = at->log_offset;
      end = at->log_offset + at->record_size;
    }
    harness_.crash();
  }
  const auto file = harness_.path("commitlog/00000000000000000000");
  const auto whole = content_of(file);
  for (auto cut = last; cut < end; ++cut) {
    for (const bool garbage : {false, true}) {
      auto torn = whole;
      for (auto at = cut; at < end; ++at) {
        torn[static_cast<std::size_t>(at)] = garbage ? static_cast<char>(random_()) : '\0';
      }
      if (torn == whole) continue;
      fs::remove_all(harness_.path("consumequeue"));
      fs::remove_all(harness_.path("gantry"));
      for (const auto& entry : fs::directory_iterator(harness_.path("commitlog"))) fs::remove(entry);
      set_content(file, torn);
      auto probe = StoreProbe::open(harness_);
      ASSERT_TRUE(probe) << probe.error().text;
      auto* queue = *(*probe)->queue("T");
      // Topic and properties carry no checksum in this format: garbage there may pass for a record.
      const auto max = (*probe)->store().bounds(queue).max;
      ASSERT_TRUE(max == 2 || (garbage && cut > last + 84)) << "cut at " << cut - last;
      ASSERT_EQ((*probe)->read(queue, 0)->records.at(0).body, "body 0");
      ASSERT_EQ((*probe)->append_one(queue, "after")->queue_offset, max);
      harness_.crash();
    }
  }
}

TEST_F(StoreFaultTest, a_killed_writer_loses_nothing_that_it_saw_appended) {
  const auto cycles = faults::scale("GANTRY_KILL_CYCLES", 12);
  Expected expected{{0, {}}, {1, {}}};
  for (std::int64_t cycle = 0; cycle < cycles && !HasFailure(); ++cycle) {
    SCOPED_TRACE("cycle " + std::to_string(cycle));
    int channel[2];
    ASSERT_EQ(::pipe(channel), 0);
    const auto child = ::fork();
    if (child == 0) {
      // The writer: tells each message after it was appended, for ever.
      auto probe = StoreProbe::open(harness_);
      if (!probe) ::_exit(1);
      for (int i = 0;; ++i) {
        const int id = i % 2;
        auto* queue = *(*probe)->queue("T", id);
        const auto at = (*probe)->append_one(queue, std::to_string(cycle) + ":" + std::to_string(i));
        if (!at) ::_exit(2);
        const std::array<std::int64_t, 2> told{i, at->queue_offset};
        if (::write(channel[1], told.data(), sizeof told) != sizeof told) ::_exit(3);
      }
    }
    ::close(channel[1]);
    std::array<std::int64_t, 2> told{};
    const auto wanted = 1 + random_() % 3000;
    std::uint64_t count = 0;
    const auto take = [&] {
      const int id = static_cast<int>(told[0] % 2);
      ASSERT_EQ(told[1], static_cast<std::int64_t>(expected[id].size()));
      expected[id].push_back(std::to_string(cycle) + ":" + std::to_string(told[0]));
      ++count;
    };
    while (count < wanted && ::read(channel[0], told.data(), sizeof told) == sizeof told) take();
    ::kill(child, SIGKILL);
    while (::read(channel[0], told.data(), sizeof told) == sizeof told) take();
    ::close(channel[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);

    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe) << probe.error().text;
    for (auto& [id, bodies] : expected) {
      auto* queue = *(*probe)->queue("T", id);
      const auto max = (*probe)->store().bounds(queue).max;
      const auto known = static_cast<std::int64_t>(bodies.size());
      ASSERT_GE(max, known);
      // One message may have been appended and not told any more.
      ASSERT_LE(max, known + 1);
      if (max > known) bodies.push_back((*probe)->read(queue, known)->records.at(0).body);
    }
    verify(**probe, expected, "T");
  }
}

TEST_F(StoreFaultTest, damaged_bytes_are_refused_or_left_out_but_never_served) {
  const auto rounds = faults::scale("GANTRY_DAMAGE_ROUNDS", 150);
  QuickDisk disk;
  harness_.disk = &disk;
  Expected expected{{0, {}}, {1, {}}};
  {
    auto probe = StoreProbe::open(harness_);
    ASSERT_TRUE(probe);
    for (int i = 0; i < 200; ++i) {
      const int id = i % 2;
      const auto body = random_body(std::to_string(i) + " ");
      ASSERT_TRUE((*probe)->append_one(*(*probe)->queue("T", id), body, property("TAGS", "t")));
      expected[id].push_back(body);
    }
    ASSERT_TRUE((*probe)->store().save_blob("topics.json", "{}"));
  }
  const auto whole = harness_.options.path + ".whole";
  fs::copy(harness_.options.path, whole, fs::copy_options::recursive);
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(whole)) {
    if (entry.is_regular_file() && entry.file_size() > 0) files.push_back(fs::relative(entry.path(), whole));
  }
  std::sort(files.begin(), files.end());
  int refused = 0;
  for (std::int64_t round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    fs::remove_all(harness_.options.path);
    fs::copy(whole, harness_.options.path, fs::copy_options::recursive);
    if (random_() % 2 == 0) set_content(harness_.path("abort"), "1");
    if (random_() % 3 == 0) fs::remove_all(harness_.path("gantry"));
    const auto flips = 1 + random_() % 20;
    const auto name = files[random_() % files.size()];
    if (!fs::exists(harness_.path(name))) continue;
    auto content = content_of(harness_.path(name));
    for (std::uint64_t i = 0; i < flips; ++i) content[random_() % content.size()] = static_cast<char>(random_());
    if (random_() % 10 == 0) content.resize(random_() % content.size());
    set_content(harness_.path(name), content);
    auto probe = StoreProbe::open(harness_);
    if (!probe) {
      ++refused;
      EXPECT_GT(probe.error().text.size(), 40u) << probe.error().text;
      EXPECT_NE(probe.error().text.find(harness_.options.path), std::string::npos) << probe.error().text;
      continue;
    }
    for (const auto& [id, bodies] : expected) {
      auto* queue = *(*probe)->queue("T", id);
      const auto bounds = (*probe)->store().bounds(queue);
      for (auto next = bounds.min; next < bounds.max; ++next) {
        const auto seen = (*probe)->read(queue, next, {.messages = 1});
        if (!seen || seen->outcome != GANTRY_READ_FOUND) continue;
        const auto& body = seen->records.at(0).body;
        EXPECT_NE(std::find(bodies.begin(), bodies.end(), body), bodies.end()) << "a body that nobody sent";
      }
      const auto ignored = (*probe)->store().search_time(queue, 1, GANTRY_SEARCH_UPPER, GANTRY_READ_MAY_BLOCK);
      (void)ignored.has_value();
    }
    if ((*probe)->store().positions().writable != 0) {
      EXPECT_TRUE((*probe)->append_one(*(*probe)->queue("T", 0), "after the damage"));
    }
    harness_.crash();
  }
  std::printf("%d of %lld rounds were refused\n", refused, static_cast<long long>(rounds));
  fs::remove_all(whole);
}

}  // namespace
}  // namespace gantry::storage_mmap
