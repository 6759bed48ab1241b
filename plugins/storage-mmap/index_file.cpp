#include "plugins/storage-mmap/index_file.hpp"

#include "protocol/bytes.hpp"

#include <array>
#include <cstring>
#include <ctime>
#include <optional>

namespace gantry::storage_mmap {
namespace {

using protocol::load_big_endian;
using protocol::store_big_endian;
using namespace index_layout;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t window_size_max = 64 * page;
constexpr std::size_t name_size = 17;

std::uint32_t slot_of(std::uint64_t ordered) { return static_cast<std::uint32_t>(ordered >> 32); }
std::uint32_t place_of(std::uint64_t ordered) { return static_cast<std::uint32_t>(ordered); }

/// The keys' slots with their places in the batch, by slot, then by place.
void order_by_slot(std::span<const IndexKey> keys, std::uint32_t slots, std::vector<std::uint64_t>& order) {
  order.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    order[i] = std::uint64_t{static_cast<std::uint32_t>(keys[i].hash) % slots} << 32 | i;
  }
  std::sort(order.begin(), order.end());
}

std::string expected_found(std::string_view what, std::string_view expected, std::int64_t found) {
  return std::string(what) + ": expected " + std::string(expected) + ", found " + std::to_string(found);
}

}  // namespace

IndexHeader decode_index_header(const std::byte* from) noexcept {
  IndexHeader header;
  header.begin_ms = load_big_endian<std::int64_t>(from + begin_ms);
  header.end_ms = load_big_endian<std::int64_t>(from + end_ms);
  header.begin_offset = load_big_endian<std::int64_t>(from + begin_offset);
  header.end_offset = load_big_endian<std::int64_t>(from + end_offset);
  header.slots_used = load_big_endian<std::int32_t>(from + slots_used);
  header.count = load_big_endian<std::int32_t>(from + count);
  if (header.count == 0) header.count = 1;
  return header;
}

void encode_index_header(const IndexHeader& header, std::byte* to) noexcept {
  store_big_endian(to + begin_ms, header.begin_ms);
  store_big_endian(to + end_ms, header.end_ms);
  store_big_endian(to + begin_offset, header.begin_offset);
  store_big_endian(to + end_offset, header.end_offset);
  store_big_endian(to + slots_used, header.slots_used);
  store_big_endian(to + count, header.count);
}

// ---- entries and slots ----

struct IndexFile::Entry {
  std::int32_t hash = 0;
  std::int64_t log_offset = 0;
  std::int32_t seconds = 0;
  std::int32_t previous = 0;
};

/// Reads entries by number, with their neighbours before them: chains go backwards and entries of one key come in runs.
class IndexFile::EntryReader {
 public:
  explicit EntryReader(const IndexFile& of) : of_(of) {}

  /// `number` is in [1, entries).
  Result<Entry> read(std::uint32_t number) {
    if (number < first_ || number >= first_ + held_) GANTRY_TRY(load(number));
    const auto* from = block_.data() + (number - first_) * entry_size;
    return Entry{
        load_big_endian<std::int32_t>(from + entry_hash), load_big_endian<std::int64_t>(from + entry_log_offset),
        load_big_endian<std::int32_t>(from + entry_seconds), load_big_endian<std::int32_t>(from + entry_previous)};
  }

  /// The entry before `number` in its slot; 0 at the end, or where the chain is damaged: it must go down.
  static std::uint32_t before(const Entry& entry, std::uint32_t number) {
    const bool goes_down = entry.previous > 0 && static_cast<std::uint32_t>(entry.previous) < number;
    return goes_down ? static_cast<std::uint32_t>(entry.previous) : 0;
  }

 private:
  static constexpr std::uint32_t block_entries = 204;

  Status load(std::uint32_t number) {
    const auto first = number + 1 > block_entries ? number + 1 - block_entries : 0;
    const auto size = std::size_t{number + 1 - first} * entry_size;
    held_ = 0;
    GANTRY_ASSIGN(const auto read,
                  of_.disk_.read(of_.file_, std::span(block_).first(size), entry_at(of_.geometry_, first)));
    // What a file lacks at its end reads as zero.
    std::memset(block_.data() + read, 0, size - read);
    first_ = first;
    held_ = number + 1 - first;
    return {};
  }

  const IndexFile& of_;
  std::uint32_t first_ = 0;
  std::uint32_t held_ = 0;
  std::array<std::byte, block_entries * entry_size> block_;
};

/// Calls use(bytes of the slots from `at` on, at, the part of `order` that lies there) for whole pages of slots, each
/// page once; with `write`, what it made of the bytes is written.
template <typename Use>
Status IndexFile::for_each_window(std::span<const std::uint64_t> order, bool write, Use use) {
  const auto page_of = [](std::uint64_t ordered) { return slot_at(slot_of(ordered)) / page; };
  while (!order.empty()) {
    const auto first = page_of(order.front());
    auto last = first;
    std::size_t size = 1;
    for (; size < order.size(); ++size) {
      const auto here = page_of(order[size]);
      if (here > last + 1 || (here - first + 1) * page > window_size_max) break;
      last = here;
    }
    const auto from = std::max<std::uint64_t>(first * page, header_size);
    const auto to = std::min((last + 1) * page, slot_at(geometry_.slots));
    window_.assign(to - from, std::byte{0});
    GANTRY_TRY(disk_.read(file_, window_, from));
    use(std::span(window_), from, order.first(size));
    if (write) {
      const std::lock_guard lock(slots_mutex_);
      GANTRY_TRY(disk_.write(file_, window_, from));
    }
    order = order.subspan(size);
  }
  return {};
}

// ---- opening ----

Result<IndexFile::Opened> IndexFile::open(Disk& disk, const std::string& folder, const std::string& name,
                                          IndexGeometry geometry) {
  GANTRY_ASSIGN(auto file, disk.open(folder + "/" + name, OpenMode::update));
  GANTRY_ASSIGN(const auto size, disk.size(file));
  std::array<std::byte, header_size> bytes{};
  GANTRY_TRY(disk.read(file, bytes, 0));
  Opened opened;
  opened.header = decode_index_header(bytes.data());
  if (size > file_size(geometry)) {
    opened.damage = expected_found("size", std::to_string(file_size(geometry)), static_cast<std::int64_t>(size));
  } else if (size < file_size(geometry)) {
    GANTRY_TRY(disk.resize(file, file_size(geometry)));
  }
  opened.file = std::make_unique<IndexFile>(disk, std::move(file), name, geometry);
  if (opened.damage.empty()) {
    GANTRY_ASSIGN(opened.damage, opened.file->find_damage(opened.header));
  }
  return opened;
}

Result<IndexFile::Opened> IndexFile::create(Disk& disk, const std::string& folder, const std::string& name,
                                            IndexGeometry geometry, const IndexHeader& before) {
  GANTRY_ASSIGN(auto file, disk.open(folder + "/" + name, OpenMode::create));
  GANTRY_TRY(disk.resize(file, file_size(geometry)));
  Opened made;
  made.header = {before.end_ms, before.end_ms, before.end_offset, before.end_offset, 0, 1};
  made.file = std::make_unique<IndexFile>(disk, std::move(file), name, geometry);
  GANTRY_TRY(made.file->write_header(made.header));
  GANTRY_TRY(disk.sync(made.file->file_));
  GANTRY_TRY(disk.sync_directory(folder));
  return made;
}

Result<std::string> IndexFile::find_damage(const IndexHeader& header) const {
  if (header.count < 1 || static_cast<std::uint32_t>(header.count) > geometry_.entries) {
    return expected_found("count", "1 to " + std::to_string(geometry_.entries), header.count);
  }
  if (header.slots_used < 0 || header.slots_used >= header.count) {
    return expected_found("slots in use", "0 to " + std::to_string(header.count - 1), header.slots_used);
  }
  if (header.begin_ms < 0 || header.begin_ms > header.end_ms) {
    return expected_found("time of the first entry", "0 to " + std::to_string(header.end_ms), header.begin_ms);
  }
  if (header.begin_offset < 0 || header.begin_offset > header.end_offset) {
    return expected_found("log offset of the first entry", "0 to " + std::to_string(header.end_offset),
                          header.begin_offset);
  }
  if (header.is_empty()) return std::string();
  EntryReader reader(*this);
  GANTRY_ASSIGN(const auto first, reader.read(1));
  if (first.log_offset != header.begin_offset) {
    return expected_found("log offset in entry 1", std::to_string(header.begin_offset), first.log_offset);
  }
  const auto newest = static_cast<std::uint32_t>(header.count) - 1;
  GANTRY_ASSIGN(const auto last, reader.read(newest));
  if (last.log_offset != header.end_offset) {
    return expected_found("log offset in entry " + std::to_string(newest), std::to_string(header.end_offset),
                          last.log_offset);
  }
  return std::string();
}

// ---- writing ----

Status IndexFile::write_header(const IndexHeader& header) {
  std::array<std::byte, header_size> bytes;
  encode_index_header(header, bytes.data());
  return disk_.write(file_, bytes, 0);
}

Result<IndexHeader> IndexFile::insert(const IndexHeader& header, std::span<const IndexKey> keys) {
  if (keys.size() > room(header)) {
    return Error{Errc::invalid_argument, "adding to " + path() + ": expected at most " + std::to_string(room(header)) +
                                             " keys, found " + std::to_string(keys.size())};
  }
  if (keys.empty()) return header;
  auto after = header;
  if (header.is_empty()) {
    after.begin_ms = after.end_ms = keys.front().store_ms;
    after.begin_offset = keys.front().log_offset;
  }
  after.count += static_cast<std::int32_t>(keys.size());
  after.end_offset = keys.back().log_offset;

  entries_.resize(keys.size() * entry_size);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& key = keys[i];
    after.end_ms = std::max(after.end_ms, key.store_ms);
    const auto seconds = after.begin_ms > 0 ? (key.store_ms - after.begin_ms) / 1000 : 0;
    auto* to = entries_.data() + i * entry_size;
    store_big_endian(to + entry_hash, key.hash);
    store_big_endian(to + entry_log_offset, key.log_offset);
    store_big_endian(to + entry_seconds, static_cast<std::int32_t>(std::clamp<std::int64_t>(seconds, 0, INT32_MAX)));
  }

  order_by_slot(keys, geometry_.slots, order_);
  const auto number_of = [&](std::uint64_t ordered) {
    return header.count + static_cast<std::int32_t>(place_of(ordered));
  };
  GANTRY_TRY(for_each_window(order_, false, [&](auto bytes, std::uint64_t at, std::span<const std::uint64_t> part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      std::int32_t previous = 0;
      if (i > 0 && slot_of(part[i - 1]) == slot_of(part[i])) {
        previous = number_of(part[i - 1]);
      } else {
        previous = load_big_endian<std::int32_t>(bytes.data() + (slot_at(slot_of(part[i])) - at));
        if (previous < 0 || previous >= header.count) previous = 0;
        if (previous == 0) ++after.slots_used;
      }
      store_big_endian(entries_.data() + place_of(part[i]) * entry_size + entry_previous, previous);
    }
  }));
  GANTRY_TRY(disk_.write(file_, entries_, entry_at(geometry_, static_cast<std::uint32_t>(header.count))));
  GANTRY_TRY(disk_.sync(file_));
  GANTRY_TRY(for_each_window(order_, true, [&](auto bytes, std::uint64_t at, std::span<const std::uint64_t> part) {
    // Of one slot the last one stays.
    for (const auto ordered : part)
      store_big_endian(bytes.data() + (slot_at(slot_of(ordered)) - at), number_of(ordered));
  }));
  GANTRY_TRY(write_header(after));
  GANTRY_TRY(disk_.sync(file_));
  return after;
}

Status IndexFile::rewind(const IndexHeader& header) {
  const auto kept = static_cast<std::uint32_t>(header.count);
  EntryReader reader(*this);
  const auto earlier = [&](std::uint32_t slot, std::uint32_t number) -> Result<std::uint32_t> {
    const auto start = number;
    while (number >= kept) {
      if (kept <= 1) return std::uint32_t{0};
      if (number >= geometry_.entries) break;
      GANTRY_ASSIGN(const auto entry, reader.read(number));
      // Entries of other slots would make the work endless, and the chain's rest is lost.
      if (entry.hash < 0 || static_cast<std::uint32_t>(entry.hash) % geometry_.slots != slot) break;
      if (entry.previous < 0 || static_cast<std::uint32_t>(entry.previous) >= number) break;
      number = static_cast<std::uint32_t>(entry.previous);
    }
    if (number < kept) return number;
    return Error{Errc::corrupt, "rewinding " + path() + " to " + std::to_string(kept - 1) + " entries: expected slot " +
                                    std::to_string(slot) + " to lead there from entry " + std::to_string(start) +
                                    ", found that entry " + std::to_string(number) + " does not"};
  };
  for (std::uint64_t from = header_size; from < slot_at(geometry_.slots);) {
    const auto to = std::min((from / page * page) + window_size_max, slot_at(geometry_.slots));
    window_.assign(to - from, std::byte{0});
    GANTRY_TRY(disk_.read(file_, window_, from));
    std::optional<std::size_t> changed_from;
    std::size_t changed_to = 0;
    for (std::size_t at = 0; at < window_.size(); at += slot_size) {
      const auto value = load_big_endian<std::int32_t>(window_.data() + at);
      if (value <= 0 || static_cast<std::uint32_t>(value) < kept) continue;
      const auto slot = static_cast<std::uint32_t>((from + at - header_size) / slot_size);
      GANTRY_ASSIGN(const auto number, earlier(slot, static_cast<std::uint32_t>(value)));
      store_big_endian(window_.data() + at, number);
      if (!changed_from) changed_from = at;
      changed_to = at + slot_size;
    }
    if (changed_from) {
      const std::lock_guard lock(slots_mutex_);
      GANTRY_TRY(disk_.write(file_, std::span(window_).subspan(*changed_from, changed_to - *changed_from),
                             from + *changed_from));
    }
    from = to;
  }
  GANTRY_TRY(write_header(header));
  return disk_.sync(file_);
}

// ---- reading ----

Result<bool> IndexFile::find(const IndexHeader& header, std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms,
                             const std::function<bool(std::int64_t log_offset)>& visit) const {
  std::array<std::byte, slot_size> bytes{};
  {
    const std::shared_lock lock(slots_mutex_);
    GANTRY_TRY(disk_.read(file_, bytes, slot_at(static_cast<std::uint32_t>(hash) % geometry_.slots)));
  }
  const auto newest = load_big_endian<std::int32_t>(bytes.data());
  if (newest <= 0 || static_cast<std::uint32_t>(newest) >= geometry_.entries) return true;
  EntryReader reader(*this);
  std::int64_t visited = -1;
  for (auto number = static_cast<std::uint32_t>(newest); number != 0;) {
    GANTRY_ASSIGN(const auto entry, reader.read(number));
    const auto at = number;
    number = EntryReader::before(entry, number);
    // A batch that is being written, or failed: its slots are there, it does not count yet.
    if (at >= static_cast<std::uint32_t>(header.count)) continue;
    if (entry.seconds < 0) break;
    // RocketMQ leaves in the first entry the distance to another file's end.
    const auto entry_ms = header.begin_ms + (at == 1 ? 0 : entry.seconds * std::int64_t{1000});
    constexpr std::int64_t lost_ms = 999;
    if (entry_ms + lost_ms < begin_ms) break;
    if (entry.hash != hash || entry_ms > end_ms) continue;
    if (entry.log_offset < header.begin_offset || entry.log_offset > header.end_offset) continue;
    if (entry.log_offset == visited) continue;
    visited = entry.log_offset;
    if (!visit(entry.log_offset)) return false;
  }
  return true;
}

Result<std::uint32_t> IndexFile::entries_at_end(const IndexHeader& header, std::uint32_t max) const {
  EntryReader reader(*this);
  std::uint32_t found = 0;
  for (auto number = static_cast<std::uint32_t>(header.count) - 1; number > 0 && found < max; --number) {
    GANTRY_ASSIGN(const auto entry, reader.read(number));
    if (entry.log_offset != header.end_offset) break;
    ++found;
  }
  return found;
}

// ---- names ----

std::string index_file_name(std::int64_t wall_ms, std::string_view newest) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &local);
  auto name = std::string(text.data(), size);
  auto milliseconds = std::to_string(wall_ms % 1000);
  name.append(3 - std::min<std::size_t>(3, milliseconds.size()), '0').append(milliseconds);
  if (name.size() != name_size) name.resize(name_size, '0');
  if (newest.empty() || name > newest) return name;
  // The clock went back: counting up keeps the order, and the name made of digits, which is all that RocketMQ asks.
  name = newest;
  for (auto digit = name.rbegin(); digit != name.rend(); ++digit) {
    if (*digit != '9') {
      ++*digit;
      return name;
    }
    *digit = '0';
  }
  return "9" + name;
}

bool is_index_file_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace gantry::storage_mmap
