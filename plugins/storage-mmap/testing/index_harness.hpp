#pragma once
// For tests: an index over a log that exists only as a list of records, with what must be found computed from the list.

#include "plugins/storage-mmap/message_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gantry::storage_mmap {

/// Records of 100 bytes and more, all of topic "T". [any-thread]
class FakeLog {
 public:
  struct Record {
    std::int64_t offset = 0;
    std::int64_t end = 0;
    std::int64_t store_ms = 0;
    std::string properties;
  };

  /// A record with these words as KEYS; its index.
  Record append(const std::string& words, MessageIndex* index = nullptr) {
    const std::lock_guard lock(mutex_);
    Record record{end_, end_ + 100 + static_cast<std::int64_t>(words.size()), now_ms_,
                  words.empty() ? std::string() : "KEYS\x01" + words + "\x02"};
    now_ms_ += step_ms;
    end_ = record.end;
    records_.push_back(record);
    if (index != nullptr) {
      record_keys("T", record.properties, {}, 0, hashes_);
      index->add(record.offset, record.end, record.store_ms, hashes_);
    }
    if (durable_at_once) durable_ = end_;
    return record;
  }
  void sync() {
    const std::lock_guard lock(mutex_);
    durable_ = end_;
  }
  /// What is not durable is gone.
  void cut() {
    const std::lock_guard lock(mutex_);
    while (!records_.empty() && records_.back().end > durable_) records_.pop_back();
    end_ = durable_;
  }
  /// Records from that one on are gone.
  void cut_from(std::int64_t offset) {
    const std::lock_guard lock(mutex_);
    while (!records_.empty() && records_.back().offset >= offset) records_.pop_back();
    end_ = durable_ = offset;
  }
  void expire_before(std::int64_t offset) {
    const std::lock_guard lock(mutex_);
    std::erase_if(records_, [&](const Record& record) { return record.offset < offset; });
    begin_ = offset;
  }
  /// The next record begins further behind, as after the blank rest of a file.
  void leave_blank(std::int64_t size) {
    const std::lock_guard lock(mutex_);
    end_ += size;
    if (durable_at_once) durable_ = end_;
  }

  IndexSource source() {
    IndexSource source;
    source.durable_end = [this] {
      const std::lock_guard lock(mutex_);
      return durable_;
    };
    source.log_begin = [this] {
      const std::lock_guard lock(mutex_);
      return begin_;
    };
    source.scan = [this](std::int64_t from, const auto& visit) -> Result<std::int64_t> { return scan(from, visit); };
    return source;
  }

  [[nodiscard]] std::int64_t end() const {
    const std::lock_guard lock(mutex_);
    return end_;
  }
  [[nodiscard]] std::vector<Record> records() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }
  [[nodiscard]] std::int64_t scanned_from() const {
    const std::lock_guard lock(mutex_);
    return scanned_from_;
  }
  /// Offsets of the records with that key, newest first.
  [[nodiscard]] std::vector<std::int64_t> with(const std::string& key) const {
    std::vector<std::int64_t> offsets;
    const auto hash = index_hash("T", key);
    std::vector<std::int32_t> hashes;
    for (const auto& record : records()) {
      record_keys("T", record.properties, {}, 0, hashes);
      if (std::find(hashes.begin(), hashes.end(), hash) != hashes.end()) offsets.push_back(record.offset);
    }
    std::reverse(offsets.begin(), offsets.end());
    return offsets;
  }

  bool durable_at_once = true;
  std::int64_t step_ms = 1'000;
  std::optional<Error> scan_error;

 private:
  Result<std::int64_t> scan(std::int64_t from, const std::function<bool(const protocol::RecordView&)>& visit) {
    std::vector<Record> copy;
    std::int64_t durable = 0;
    {
      const std::lock_guard lock(mutex_);
      if (scan_error) return *scan_error;
      scanned_from_ = scanned_from_ < 0 ? from : std::min(from, scanned_from_);
      copy = records_;
      durable = durable_;
    }
    auto at = std::lower_bound(copy.begin(), copy.end(), from,
                               [](const Record& record, std::int64_t offset) { return record.offset < offset; });
    if (at != copy.begin() && (at - 1)->end > from) return Error{Errc::corrupt, "no record begins there"};
    auto stopped = from;
    for (; at != copy.end() && at->end <= durable; ++at) {
      protocol::RecordView view;
      view.log_offset = at->offset;
      view.size = static_cast<std::uint32_t>(at->end - at->offset);
      view.store_ms = at->store_ms;
      view.topic = "T";
      view.properties = at->properties;
      if (!visit(view)) return at->offset;
      stopped = at->end;
    }
    return stopped;
  }

  mutable std::mutex mutex_;
  std::vector<Record> records_;
  std::vector<std::int32_t> hashes_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  std::int64_t durable_ = 0;
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::int64_t scanned_from_ = -1;
};

class IndexHarness {
 public:
  IndexHarness(const std::string& path, Disk& disk) : disk_(&disk) {
    options.path = path;
    options.index_slots = 7;
    options.index_entries = 32;
    options.index_pending_max = 1'000;
    options.index_interval = std::chrono::milliseconds(1);
    surroundings.wall_ms = [] { return std::int64_t{1'700'000'000'000}; };
    surroundings.log = [this](std::uint32_t, std::string_view event, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::string(event) + " " + std::string(text));
    };
  }

  Status start(bool closed_in_order = true, std::int64_t checkpoint_ms = 0) {
    index = std::make_unique<MessageIndex>(*disk_, options, surroundings);
    return index->start(log.source(), {log.end(), closed_in_order, checkpoint_ms});
  }
  /// From the next start on.
  void use(Disk& disk) { disk_ = &disk; }
  void append(const std::string& words) { log.append(words, index.get()); }

  [[nodiscard]] std::vector<std::int64_t> found(const std::string& key, std::int64_t begin_ms = 0,
                                                std::int64_t end_ms = INT64_MAX) const {
    std::vector<std::int64_t> offsets;
    const auto status = index->find(index_hash("T", key), begin_ms, end_ms, [&](std::int64_t offset) {
      offsets.push_back(offset);
      return true;
    });
    EXPECT_TRUE(status) << status.error().text;
    return offsets;
  }
  /// Every key of `keys` is found in all its records and nowhere else, newest first.
  void expect_all(const std::vector<std::string>& keys) const {
    for (const auto& key : keys) EXPECT_EQ(found(key), log.with(key)) << "key " << key;
  }
  template <typename Condition>
  static bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  [[nodiscard]] bool caught_up() const {
    return eventually([&] { return index->progress().indexed_end >= log.end(); });
  }
  [[nodiscard]] bool all_written() const {
    return eventually([&] {
      const auto progress = index->progress();
      return progress.indexed_end >= log.end() && progress.pending_keys == 0;
    });
  }
  [[nodiscard]] bool logged(const std::string& part) const {
    const std::lock_guard lock(mutex_);
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const auto& line) { return line.find(part) != std::string::npos; });
  }

  StoreOptions options;
  Surroundings surroundings;
  FakeLog log;
  std::unique_ptr<MessageIndex> index;

 private:
  Disk* disk_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace gantry::storage_mmap
