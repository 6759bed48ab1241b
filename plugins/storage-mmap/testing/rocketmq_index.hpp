#pragma once
// For tests: an index file as RocketMQ makes it, one entry at a time in memory. Written from the description of the
// format alone, so that it shares no mistakes with index_file.cpp.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace gantry::storage_mmap::testing_support {

class RocketmqIndexFile {
 public:
  RocketmqIndexFile(std::string path, std::uint32_t slots, std::uint32_t entries)
      : path_(std::move(path)), slots_(slots), entries_(entries), bytes_(40 + slots * 4ull + entries * 20ull, 0) {}

  /// As the file after one that ended so.
  void continue_from(std::int64_t end_ms, std::int64_t end_offset) {
    begin_ms_ = end_ms_ = end_ms;
    begin_offset_ = end_offset_ = end_offset;
  }
  /// Goes on with a file that is there.
  bool load() {
    std::ifstream in(path_, std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()))) return false;
    begin_ms_ = get(0, 8);
    end_ms_ = get(8, 8);
    begin_offset_ = get(16, 8);
    end_offset_ = get(24, 8);
    slots_used_ = get(32, 4);
    count_ = std::max<std::int64_t>(get(36, 4), 1);
    return true;
  }

  /// False when the file is full.
  bool put(std::int32_t hash, std::int64_t log_offset, std::int64_t store_ms) {
    if (count_ >= static_cast<std::int64_t>(entries_)) return false;
    const auto slot_at = 40 + static_cast<std::uint64_t>(hash) % slots_ * 4;
    auto previous = get(slot_at, 4);
    if (previous <= 0 || previous > count_) previous = 0;
    const auto seconds = begin_ms_ > 0 ? std::clamp<std::int64_t>((store_ms - begin_ms_) / 1000, 0, INT32_MAX) : 0;
    const auto entry_at = 40 + slots_ * 4 + static_cast<std::uint64_t>(count_) * 20;
    set(entry_at, hash, 4);
    set(entry_at + 4, log_offset, 8);
    set(entry_at + 12, seconds, 4);
    set(entry_at + 16, previous, 4);
    set(slot_at, count_, 4);
    if (count_ <= 1) {
      begin_offset_ = log_offset;
      begin_ms_ = store_ms;
    }
    if (previous == 0) ++slots_used_;
    ++count_;
    end_offset_ = log_offset;
    end_ms_ = store_ms;
    return true;
  }
  [[nodiscard]] std::int64_t end_ms() const { return end_ms_; }
  [[nodiscard]] std::int64_t end_offset() const { return end_offset_; }

  void save() {
    set(0, begin_ms_, 8);
    set(8, end_ms_, 8);
    set(16, begin_offset_, 8);
    set(24, end_offset_, 8);
    set(32, slots_used_, 4);
    set(36, count_, 4);
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
  }

 private:
  void set(std::uint64_t at, std::int64_t value, int size) {
    for (int i = size; i-- > 0; value >>= 8)
      bytes_[at + static_cast<std::uint64_t>(i)] = static_cast<std::uint8_t>(value);
  }
  [[nodiscard]] std::int64_t get(std::uint64_t at, int size) const {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | bytes_[at + static_cast<std::uint64_t>(i)];
    return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }

  const std::string path_;
  const std::uint64_t slots_;
  const std::uint64_t entries_;
  std::vector<std::uint8_t> bytes_;
  std::int64_t begin_ms_ = 0, end_ms_ = 0, begin_offset_ = 0, end_offset_ = 0, slots_used_ = 0, count_ = 1;
};

}  // namespace gantry::storage_mmap::testing_support
