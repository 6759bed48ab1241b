#include "plugins/storage-mmap/segment.hpp"

#include <charconv>

namespace gantry::storage_mmap {

namespace {
constexpr std::size_t name_digits = 20;
}

std::string offset_name(std::int64_t offset) {
  auto digits = std::to_string(offset);
  return std::string(name_digits - digits.size(), '0') + digits;
}

std::int64_t offset_of_name(std::string_view name) {
  std::int64_t offset = -1;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), offset);
  const bool good = name.size() == name_digits && code == std::errc() && end == name.data() + name.size();
  return good ? offset : -1;
}

SegmentTable::~SegmentTable() {
  for (auto& slot : blocks_) {
    auto* block = slot.load();
    if (block == nullptr) continue;
    for (auto& segment : *block) delete segment.load();
    delete block;
  }
}

Status SegmentTable::add(std::unique_ptr<Segment> segment) {
  const auto index = segment->base() / segment_size_ - first_index_;
  if (index < 0 || static_cast<std::size_t>(index) >= capacity) {
    return Error{Errc::full, "adding " + segment->file().path() + ": the log holds at most " +
                                 std::to_string(capacity) + " files; expired files must be removed first"};
  }
  auto& slot = blocks_[static_cast<std::size_t>(index) / block_size];
  if (slot.load() == nullptr) slot.store(new Block{}, std::memory_order_release);
  (*slot.load())[static_cast<std::size_t>(index) % block_size].store(segment.release(), std::memory_order_release);
  return {};
}

void SegmentTable::remove_behind(std::int64_t log_offset) {
  for (auto& slot : blocks_) {
    auto* block = slot.load();
    if (block == nullptr) continue;
    for (auto& entry : *block) {
      auto* segment = entry.load();
      if (segment == nullptr || segment->base() < log_offset) continue;
      entry.store(nullptr);
      delete segment;
    }
  }
}

}  // namespace gantry::storage_mmap
