#include "plugins/storage-mmap/tools/sparse.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <vector>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::int64_t chunk_size = 1 << 20;
constexpr std::int64_t copy_size = 8 << 20;

Status copy_by_hand(Disk& disk, const File& from, const File& to, Extent part) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(part.end - part.begin, chunk_size)));
  for (auto at = part.begin; at < part.end;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(part.end - at, chunk_size));
    GANTRY_ASSIGN(const auto count, disk.read(from, std::span(bytes).first(wanted), static_cast<std::uint64_t>(at)));
    if (count == 0) break;
    GANTRY_TRY(disk.write(to, std::span(bytes).first(count), static_cast<std::uint64_t>(at)));
    at += static_cast<std::int64_t>(count);
  }
  return {};
}

/// In the kernel where it can, which also shares blocks; else by reading and writing.
Status copy_part(Disk& disk, const File& from, const File& to, Extent part) {
  auto in = static_cast<off_t>(part.begin);
  auto out = in;
  while (in < part.end) {
    const auto count = ::copy_file_range(from.fd(), &in, to.fd(), &out, static_cast<std::size_t>(part.end - in), 0);
    if (count > 0) continue;
    if (count == 0) return {};  // the file became shorter
    if (errno == EINTR) continue;
    if (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) {
      return copy_by_hand(disk, from, to, {in, part.end});
    }
    return system_error("copying to", to.path(), errno);
  }
  return {};
}

}  // namespace

Result<std::optional<Extent>> next_data(const File& file, std::int64_t from, std::int64_t limit) {
  if (from >= limit) return std::optional<Extent>();
  const auto begin = ::lseek(file.fd(), static_cast<off_t>(from), SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return std::optional<Extent>();
  if (begin < 0 && errno == EINVAL) return std::optional(Extent{from, limit});
  if (begin < 0) return system_error("looking for data in", file.path(), errno);
  if (begin >= limit) return std::optional<Extent>();
  const auto end = ::lseek(file.fd(), begin, SEEK_HOLE);
  if (end < 0) return system_error("looking for a hole in", file.path(), errno);
  return std::optional(Extent{begin, std::min<std::int64_t>(end, limit)});
}

Result<std::int64_t> first_nonzero(Disk& disk, const File& file, std::int64_t from, std::int64_t limit) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(chunk_size));
  while (true) {
    GANTRY_ASSIGN(const auto part, next_data(file, from, limit));
    if (!part) return std::int64_t{-1};
    for (auto at = part->begin; at < part->end; at += chunk_size) {
      const auto wanted = static_cast<std::size_t>(std::min(part->end - at, chunk_size));
      GANTRY_ASSIGN(const auto count, disk.read(file, std::span(bytes).first(wanted), static_cast<std::uint64_t>(at)));
      const auto found = std::find_if(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count),
                                      [](std::byte b) { return b != std::byte{0}; });
      if (found != bytes.begin() + static_cast<std::ptrdiff_t>(count)) return at + (found - bytes.begin());
      if (count < wanted) return std::int64_t{-1};
    }
    from = part->end;
  }
}

Status copy_data(Disk& disk, const File& from, const File& to, std::int64_t limit,
                 const std::function<Status(std::int64_t)>& progress) {
  std::int64_t at = 0;
  while (true) {
    GANTRY_ASSIGN(const auto part, next_data(from, at, limit));
    if (!part) return {};
    for (auto begin = part->begin; begin < part->end; begin += copy_size) {
      const Extent piece{begin, std::min(begin + copy_size, part->end)};
      GANTRY_TRY(copy_part(disk, from, to, piece));
      GANTRY_TRY(progress(piece.end - piece.begin));
    }
    at = part->end;
  }
}

}  // namespace gantry::storage_mmap::tools
