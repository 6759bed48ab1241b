#include "plugins/storage-mmap/tools/index_scan.hpp"

#include "protocol/bytes.hpp"
#include "protocol/java_hash.hpp"
#include "protocol/properties.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace gantry::storage_mmap::tools {
namespace {

using protocol::load_big_endian;

constexpr std::size_t header_size = 40;
constexpr std::size_t slot_size = 4;
constexpr std::size_t entry_size = 20;
constexpr std::int32_t entries_per_read = 8192;
constexpr std::string_view remedy = "gantry store rebuild --index makes the index again from the log";

std::int64_t entries_begin(const StoreFiles& files) {
  return static_cast<std::int64_t>(header_size) + files.index_slots * static_cast<std::int64_t>(slot_size);
}
std::int64_t index_file_size(const StoreFiles& files) {
  return entries_begin(files) + files.index_entries * static_cast<std::int64_t>(entry_size);
}
std::int64_t position_of(const StoreFiles& files, std::int32_t number) {
  return entries_begin(files) + number * static_cast<std::int64_t>(entry_size);
}

IndexEntry decode(const std::byte* from) {
  return {load_big_endian<std::int32_t>(from), load_big_endian<std::int64_t>(from + 4),
          load_big_endian<std::int32_t>(from + 12), load_big_endian<std::int32_t>(from + 16)};
}

bool all_digits(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Tells what is wrong with a header; true when its entries can be read.
bool check_header(const StoreFiles& files, const IndexFileState& file, std::int64_t log_end, Reporter& reporter) {
  const auto tell = [&](std::int64_t position, std::string expected, std::string found) {
    reporter.tell({.kind = "index header",
                   .file = file.name,
                   .position = position,
                   .expected = std::move(expected),
                   .found = std::move(found),
                   .remedy = std::string(remedy)});
    return false;
  };
  if (file.count < 0 || file.count > files.index_entries) {
    return tell(36, "an entry count of 1 to " + std::to_string(files.index_entries), std::to_string(file.count));
  }
  if (file.count <= 1) return true;
  bool good = true;
  if (file.begin_offset > file.end_offset || file.begin_offset < 0) {
    good = tell(16, "log offsets that ascend",
                std::to_string(file.begin_offset) + " to " + std::to_string(file.end_offset));
  }
  if (!files.is_running() && file.end_offset >= log_end) {
    good = tell(24, "a log offset below " + std::to_string(log_end) + ", where the log ends",
                std::to_string(file.end_offset));
  }
  if (file.slots_used < 0 || file.slots_used >= file.count) {
    tell(32, "between 1 and " + std::to_string(file.count - 1) + " slots in use", std::to_string(file.slots_used));
  }
  return good || file.count <= files.index_entries;
}

}  // namespace

std::int32_t key_hash(std::string_view topic, std::string_view key) {
  std::string text(topic);
  text.append("#").append(key);
  const auto hash = protocol::java_hash(text);
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return hash < 0 ? -hash : hash;
}

void append_key_hashes(std::string_view topic, std::string_view properties, std::vector<std::int32_t>& out) {
  const auto unique = protocol::find_property(properties, protocol::property::uniq_key);
  if (!unique.empty()) out.push_back(key_hash(topic, unique));
  auto keys = protocol::find_property(properties, protocol::property::keys);
  while (!keys.empty()) {
    const auto token = keys.substr(0, keys.find(' '));
    keys.remove_prefix(std::min(keys.size(), token.size() + 1));
    if (!token.empty()) out.push_back(key_hash(topic, token));
  }
}

Result<std::vector<IndexFileState>> list_index(Disk& disk, const StoreFiles& files, Reporter& reporter,
                                               std::int64_t log_end) {
  std::vector<IndexFileState> index;
  GANTRY_ASSIGN(auto entries, disk.list(files.root + "/index"));
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& entry : entries) {
    if (entry.is_directory) continue;
    IndexFileState file;
    file.name = "index/" + entry.name;
    if (!all_digits(entry.name)) {
      reporter.tell({.severity = sdk::FindingSeverity::warning,
                     .kind = "foreign index file",
                     .file = file.name,
                     .expected = "names of digits, yyyyMMddHHmmssSSS",
                     .found = "'" + entry.name + "'",
                     .remedy = "move it out of the folder"});
      continue;
    }
    if (entry.size != static_cast<std::uint64_t>(index_file_size(files))) {
      // A file that was made a moment ago, or whose making a crash cut short, holds nothing yet.
      const bool fresh = entry.size == 0 || (files.is_running() && entry.size < header_size);
      if (!fresh) {
        reporter.tell({.kind = "index file size",
                       .file = file.name,
                       .expected = std::to_string(index_file_size(files)) + " bytes for " +
                                   std::to_string(files.index_slots) + " slots and " +
                                   std::to_string(files.index_entries) + " entries",
                       .found = std::to_string(entry.size) + " bytes",
                       .remedy = std::string(remedy)});
      }
      index.push_back(file);
      continue;
    }
    auto opened = disk.open(files.root + "/" + file.name, OpenMode::read);
    if (!opened && opened.error().code == Errc::not_found) continue;  // expired meanwhile
    if (!opened) return std::move(opened).error();
    std::array<std::byte, header_size> header{};
    GANTRY_TRY(disk.read(*opened, header, 0));
    file.begin_ms = load_big_endian<std::int64_t>(header.data());
    file.end_ms = load_big_endian<std::int64_t>(header.data() + 8);
    file.begin_offset = load_big_endian<std::int64_t>(header.data() + 16);
    file.end_offset = load_big_endian<std::int64_t>(header.data() + 24);
    file.slots_used = load_big_endian<std::int32_t>(header.data() + 32);
    file.count = load_big_endian<std::int32_t>(header.data() + 36);
    file.readable = check_header(files, file, log_end, reporter);
    if (file.count <= 0) file.count = 1;
    index.push_back(file);
  }
  return index;
}

Result<bool> IndexStream::load() {
  while (file_ < index_.size()) {
    const auto& file = index_[file_];
    if (file.readable && number_ < file.count) {
      if (number_ >= first_ && number_ < first_ + loaded_) {
        entry_ = decode(bytes_.data() + static_cast<std::size_t>(number_ - first_) * entry_size);
        return true;
      }
      if (!open_) {
        auto opened = disk_.open(files_.root + "/" + file.name, OpenMode::read);
        if (!opened && opened.error().code != Errc::not_found) return std::move(opened).error();
        if (opened) open_ = *std::move(opened);
      }
      if (open_) {
        const auto wanted = std::min(entries_per_read, file.count - number_);
        bytes_.resize(static_cast<std::size_t>(wanted) * entry_size);
        GANTRY_ASSIGN(const auto count,
                      disk_.read(open_, bytes_, static_cast<std::uint64_t>(position_of(files_, number_))));
        first_ = number_;
        loaded_ = static_cast<std::int32_t>(count / entry_size);
        if (loaded_ > 0) continue;
      }
    }
    ++file_;
    number_ = 1;
    loaded_ = 0;
    open_.close();
  }
  return false;
}

std::int64_t IndexStream::position() const noexcept { return position_of(files_, number_); }

Status check_index_chains(Disk& disk, const StoreFiles& files, const IndexFileState& file, Reporter& reporter) {
  if (!file.readable || file.count <= 1) return {};
  const auto tell = [&](std::string_view kind, std::int64_t position, std::string expected, std::string found) {
    reporter.tell({.kind = kind,
                   .file = file.name,
                   .position = position,
                   .expected = std::move(expected),
                   .found = std::move(found),
                   .remedy = std::string(remedy)});
  };
  std::vector<std::int32_t> heads(static_cast<std::size_t>(files.index_slots));
  const std::vector<IndexFileState> only{file};
  IndexStream stream(disk, files, only);
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  for (std::int32_t number = 1;; ++number) {
    GANTRY_ASSIGN(const auto more, stream.load());
    if (!more) break;
    const auto entry = stream.entry();
    if (entry.hash < 0) {
      tell("index entry", stream.position(), "a hash of at least 0", std::to_string(entry.hash));
    } else {
      auto& head = heads[static_cast<std::size_t>(entry.hash % files.index_slots)];
      if (entry.previous != head) {
        tell("index chain", stream.position() + 16,
             "the number of the entry before it in its chain, " + std::to_string(head), std::to_string(entry.previous));
      }
      head = number;
    }
    if (entry.log_offset < last) {
      tell("order of index entries", stream.position() + 4, "a log offset of at least " + std::to_string(last),
           std::to_string(entry.log_offset));
    }
    last = std::max(last, entry.log_offset);
    stream.advance();
    if (number % entries_per_read == 0) GANTRY_TRY(reporter.progress("index chains", number, file.count - 1));
  }
  GANTRY_ASSIGN(const auto opened, disk.open(files.root + "/" + file.name, OpenMode::read));
  std::vector<std::byte> slots(1u << 20);
  const auto slot_count = heads.size();
  for (std::size_t slot = 0; slot < slot_count;) {
    const auto part = std::min(slots.size() / slot_size, slot_count - slot);
    GANTRY_ASSIGN(const auto count,
                  disk.read(opened, std::span(slots).first(part * slot_size), header_size + slot * slot_size));
    if (count < part * slot_size) break;
    for (std::size_t i = 0; i < part; ++i, ++slot) {
      const auto found = load_big_endian<std::int32_t>(slots.data() + i * slot_size);
      // A running store may have put newer entries in front.
      if (found == heads[slot] || (files.is_running() && found >= file.count)) continue;
      // After a crash: a slot that was written before the header counted its entry. A start writes it again.
      if (files.crash_marker && found >= file.count) continue;
      tell("index slot", static_cast<std::int64_t>(header_size + slot * slot_size),
           "the newest entry of its chain, " + std::to_string(heads[slot]), std::to_string(found));
    }
  }
  return {};
}

}  // namespace gantry::storage_mmap::tools
