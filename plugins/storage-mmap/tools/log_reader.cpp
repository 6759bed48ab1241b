#include "plugins/storage-mmap/tools/log_reader.hpp"

#include "plugins/storage-mmap/tools/sparse.hpp"

#include "protocol/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>

namespace gantry::storage_mmap::tools {

using protocol::load_big_endian;

Result<bool> LogReader::open_segment(std::int64_t offset) {
  const auto index = files_.segment_at(offset);
  if (!index) return false;
  const auto& segment = files_.segments[*index];
  if (file_ && file_base_ == segment.base) return true;
  buffer_size_ = 0;
  auto opened = disk_.open(segment.path, OpenMode::read);
  if (!opened && opened.error().code == Errc::not_found) return false;
  if (!opened) return std::move(opened).error();
  file_ = *std::move(opened);
  file_base_ = segment.base;
  return true;
}

Result<bool> LogReader::load(std::int64_t offset, std::size_t size) {
  const auto end = offset + static_cast<std::int64_t>(size);
  if (offset >= buffer_begin_ && end <= buffer_begin_ + buffer_size_) return true;
  const auto rest = static_cast<std::size_t>(file_base_ + files_.segment_size - offset);
  if (size > rest) return false;
  const auto wanted = std::min(std::max(size, read_ahead_), rest);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  buffer_size_ = 0;
  GANTRY_ASSIGN(const auto count,
                disk_.read(file_, std::span(buffer_).first(wanted), static_cast<std::uint64_t>(offset - file_base_)));
  buffer_begin_ = offset;
  buffer_size_ = static_cast<std::int64_t>(count);
  return count >= size;
}

Result<LogPlace> LogReader::at(std::int64_t offset) {
  using Kind = LogPlace::Kind;
  LogPlace place;
  place.offset = offset;
  GANTRY_ASSIGN(const auto is_there, open_segment(offset));
  if (!is_there) return place;
  const auto damaged = [&](std::string expected, std::string found) {
    place.kind = Kind::damaged;
    place.expected = std::move(expected);
    place.found = std::move(found);
    return place;
  };
  const auto rest = file_base_ + files_.segment_size - offset;
  if (rest < static_cast<std::int64_t>(protocol::blank_size_min)) {
    return damaged("at least 8 bytes for a blank record behind the last record", std::to_string(rest) + " bytes");
  }
  GANTRY_ASSIGN(const auto has_head, load(offset, protocol::blank_size_min));
  if (!has_head) return damaged("a file of " + std::to_string(files_.segment_size) + " bytes", "its end here");
  place.size = load_big_endian<std::uint32_t>(data_at(offset));
  const auto magic = load_big_endian<std::uint32_t>(data_at(offset) + 4);
  if (place.size == 0 && magic == 0) {
    place.kind = Kind::nothing;
    return place;
  }
  if (magic == protocol::record_magic_blank) {
    if (place.size != rest) {
      return damaged("a blank record of the " + std::to_string(rest) + " bytes up to the end of the file",
                     "one of " + std::to_string(place.size));
    }
    place.kind = Kind::blank;
    return place;
  }
  if (magic != protocol::record_magic_v1 && magic != protocol::record_magic_v2) {
    char text[16];
    std::snprintf(text, sizeof text, "%08X", magic);
    return damaged("a record's magic DAA320A7 or DAA320AB",
                   std::string("size ") + std::to_string(place.size) + ", magic " + text);
  }
  if (place.size < protocol::record_size_v4_min ||
      static_cast<std::int64_t>(place.size + protocol::blank_size_min) > rest) {
    return damaged("a record of 91 to " + std::to_string(rest - 8) + " bytes",
                   "one that says " + std::to_string(place.size));
  }
  GANTRY_ASSIGN(const auto has_all, load(offset, place.size));
  if (!has_all) return damaged("a file of " + std::to_string(files_.segment_size) + " bytes", "its end in the record");
  place.bytes = protocol::ByteView(data_at(offset), place.size);
  const auto outcome = protocol::decode_record(place.bytes, place.view, protocol::CheckBody::crc);
  if (outcome != protocol::RecordOutcome::ok) {
    return damaged("a record whose parts and checksum fit", std::string(protocol::to_string(outcome)));
  }
  if (place.view.log_offset != offset) {
    return damaged("a record that names its own position " + std::to_string(offset),
                   "one that names " + std::to_string(place.view.log_offset));
  }
  place.kind = Kind::record;
  return place;
}

Result<std::int64_t> LogReader::next_record_in_file(std::int64_t from) {
  GANTRY_ASSIGN(const auto is_there, open_segment(from));
  if (!is_there) return std::int64_t{-1};
  const auto base = file_base_;
  LogReader probe(disk_, files_, random);
  constexpr std::size_t magic_at = protocol::record_at::magic;
  std::vector<std::byte> bytes(sequential + magic_at + 4);
  auto at = from - base;
  while (true) {
    GANTRY_ASSIGN(const auto part, next_data(file_, at, files_.segment_size));
    if (!part) return std::int64_t{-1};
    // A record's head may begin in front of the data by as much as the hole's end is zeros of it.
    for (auto begin = std::max(at, part->begin - static_cast<std::int64_t>(magic_at)); begin < part->end;
         begin += sequential) {
      GANTRY_ASSIGN(const auto count, disk_.read(file_, bytes, static_cast<std::uint64_t>(begin)));
      if (count < magic_at + 4) break;
      const std::size_t last = std::min<std::size_t>(count - magic_at - 4, sequential - 1);
      for (std::size_t i = 0; i <= last; ++i) {
        const auto* found = static_cast<const std::byte*>(std::memchr(bytes.data() + i + magic_at, 0xDA, last - i + 1));
        if (found == nullptr) break;
        i = static_cast<std::size_t>(found - bytes.data()) - magic_at;
        const auto magic = load_big_endian<std::uint32_t>(bytes.data() + i + magic_at);
        if (magic != protocol::record_magic_v1 && magic != protocol::record_magic_v2) continue;
        const auto candidate = base + begin + static_cast<std::int64_t>(i);
        GANTRY_ASSIGN(const auto place, probe.at(candidate));
        if (place.kind == LogPlace::Kind::record) return candidate;
      }
    }
    at = part->end;
  }
}

void LogReader::drop_cache() const {
  if (file_) (void)::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED);
}

namespace {

/// The first byte of the next segment that holds something, or -1.
Result<std::int64_t> next_used_file(LogReader& probe, const StoreFiles& files, std::int64_t behind) {
  for (const auto& segment : files.segments) {
    if (segment.base < behind) continue;
    GANTRY_ASSIGN(const auto place, probe.at(segment.base));
    if (place.kind == LogPlace::Kind::record || place.kind == LogPlace::Kind::damaged) return segment.base;
  }
  return std::int64_t{-1};
}

}  // namespace

Result<LogEnd> walk_log(LogReader& reader, LogReader& probe, const StoreFiles& files, std::int64_t from,
                        std::int64_t limit, const LogWalk& walk) {
  using Kind = LogPlace::Kind;
  LogEnd end;
  end.end = from;
  auto position = from;
  const auto keep_from = files.files_end() - 2 * files.segment_size;
  while (position < limit) {
    GANTRY_ASSIGN(auto place, reader.at(position));
    if (place.kind == Kind::damaged || place.kind == Kind::nothing) {
      // Perhaps it was read while it was written.
      GANTRY_ASSIGN(place, reader.again(position));
    }
    const auto file_end = position - files.position_in_segment(position) + files.segment_size;
    if (place.kind == Kind::record) {
      end.last_record = position;
      end.last_store_ms = place.view.store_ms;
      end.end = position + place.size;
      position = end.end;
      GANTRY_ASSIGN(const auto more, walk.visit(place));
      if (!more) return end;
      continue;
    }
    if (place.kind == Kind::blank) {
      if (walk.drop_cache && file_end <= keep_from) reader.drop_cache();
      position = file_end;
      end.end = file_end;
      continue;
    }
    if (place.kind == Kind::no_file) {
      GANTRY_ASSIGN(const auto next, next_used_file(probe, files, file_end));
      if (next < 0) return end;
      // On a running store the retention has removed it meanwhile.
      if (!files.is_running() && walk.damaged) GANTRY_TRY(walk.damaged({position, next, "a file of the log", "none"}));
      position = next;
      continue;
    }
    GANTRY_ASSIGN(auto next, probe.next_record_in_file(position + 1));
    if (next < 0) {
      GANTRY_ASSIGN(next, next_used_file(probe, files, file_end));
    }
    if (next < 0 || next >= limit) {
      end.what = place.kind;
      end.reason =
          place.kind == Kind::damaged ? "expected " + place.expected + ", found " + place.found : std::string();
      return end;
    }
    if (files.is_running()) {
      // What follows may have been written after this place was read.
      GANTRY_ASSIGN(const auto retried, reader.again(position));
      if (retried.kind == Kind::record || retried.kind == Kind::blank) continue;
    }
    if (walk.damaged) {
      if (place.kind == Kind::nothing) {
        place.expected = "a record";
        place.found = "zeros";
      }
      GANTRY_TRY(walk.damaged({position, next, place.expected, place.found}));
    }
    position = next;
  }
  return end;
}

Result<LogEnd> find_log_end(Disk& disk, const StoreFiles& files) {
  LogEnd end;
  end.end = files.files_begin();
  LogReader reader(disk, files, LogReader::sequential);
  LogReader probe(disk, files, LogReader::random);
  std::int64_t from = -1;
  for (auto segment = files.segments.rbegin(); segment != files.segments.rend() && from < 0; ++segment) {
    GANTRY_ASSIGN(const auto place, probe.at(segment->base));
    if (place.kind == LogPlace::Kind::record || place.kind == LogPlace::Kind::damaged) from = segment->base;
  }
  if (from < 0) return end;
  if (files.mark && files.mark->last_record > from) {
    GANTRY_ASSIGN(const auto place, probe.at(files.mark->last_record));
    if (place.kind == LogPlace::Kind::record && place.end() == files.mark->end) from = files.mark->last_record;
  }
  const LogWalk walk{.visit = [](const LogPlace&) -> Result<bool> { return true; }, .damaged = {}, .drop_cache = false};
  return walk_log(reader, probe, files, from, INT64_MAX, walk);
}

}  // namespace gantry::storage_mmap::tools
