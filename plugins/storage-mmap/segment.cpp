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

bool Segment::settle() noexcept {
  const auto state = state_.load();
  if (state == State::hot) return true;
  if (pins_.load() != 0) return false;
  unmap();
  if (state == State::retired) file_.close();
  return true;
}

SegmentTable::~SegmentTable() {
  for (auto& slot : blocks_) {
    auto* block = slot.load();
    if (block == nullptr) continue;
    for (auto& segment : *block) delete segment.load();
    delete block;
  }
}

std::atomic<Segment*>* SegmentTable::slot_of(std::int64_t base) {
  const auto index = base / segment_size_ - first_index_;
  if (index < 0 || static_cast<std::size_t>(index) >= capacity) return nullptr;
  auto& block = blocks_[static_cast<std::size_t>(index) / block_size];
  if (block.load() == nullptr) block.store(new Block{}, std::memory_order_release);
  return &(*block.load())[static_cast<std::size_t>(index) % block_size];
}

Status SegmentTable::add(std::unique_ptr<Segment> segment) {
  auto* slot = slot_of(segment->base());
  if (slot == nullptr) {
    return Error{Errc::full, "adding " + segment->file().path() + ": the log holds at most " +
                                 std::to_string(capacity) + " files; restart the broker to count anew"};
  }
  slot->store(segment.release(), std::memory_order_release);
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

Segment* SegmentTable::retire(std::int64_t base) {
  auto* slot = slot_of(base);
  auto* segment = slot == nullptr ? nullptr : slot->exchange(nullptr);
  if (segment != nullptr) retired_.emplace_back(segment);
  return segment;
}

}  // namespace gantry::storage_mmap
