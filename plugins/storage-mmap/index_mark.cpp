#include "plugins/storage-mmap/index_mark.hpp"

#include "protocol/bytes.hpp"
#include "protocol/crc32.hpp"

#include <array>
#include <cstring>
#include <span>

namespace gantry::storage_mmap {
namespace {

using protocol::load_big_endian;
using protocol::store_big_endian;

constexpr std::string_view magic = "GANTRYIM";
constexpr std::size_t slot_size = 512;
constexpr std::size_t header_at = 32;
constexpr std::size_t flags_at = header_at + index_layout::header_size;
constexpr std::size_t name_at = 80;
constexpr std::size_t name_size_max = 32;
constexpr std::size_t crc_at = name_at + name_size_max;
constexpr std::size_t mark_size = crc_at + 4;
constexpr std::uint32_t flag_clean = 1;
constexpr std::uint32_t flag_complete = 2;
static_assert(flags_at == 72 && mark_size == 116 && mark_size <= slot_size);

std::optional<IndexMark> decode(std::span<const std::byte> bytes) {
  if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) return std::nullopt;
  if (load_big_endian<std::uint32_t>(bytes.data() + crc_at) != protocol::crc32(bytes.first(crc_at)))
    return std::nullopt;
  IndexMark mark;
  mark.written_end = load_big_endian<std::int64_t>(bytes.data() + 16);
  mark.geometry = {load_big_endian<std::uint32_t>(bytes.data() + 24),
                   load_big_endian<std::uint32_t>(bytes.data() + 28)};
  mark.header = decode_index_header(bytes.data() + header_at);
  const auto flags = load_big_endian<std::uint32_t>(bytes.data() + flags_at);
  mark.clean = (flags & flag_clean) != 0;
  mark.complete = (flags & flag_complete) != 0;
  const auto name_size = load_big_endian<std::uint32_t>(bytes.data() + flags_at + 4);
  if (name_size > name_size_max || mark.geometry.slots == 0 || mark.geometry.entries < 2 || mark.written_end < 0) {
    return std::nullopt;
  }
  mark.newest = protocol::as_text(bytes.subspan(name_at, name_size));
  return mark;
}

}  // namespace

Result<std::optional<IndexMark>> IndexMarkFile::load() {
  if (!file_) {
    GANTRY_TRY(disk_.make_directories(folder_));
    GANTRY_ASSIGN(file_, disk_.open(folder_ + "/index", OpenMode::create));
    GANTRY_TRY(disk_.sync_directory(folder_));
  }
  std::optional<IndexMark> newest;
  for (std::uint64_t slot = 0; slot < 2; ++slot) {
    std::array<std::byte, mark_size> bytes{};
    GANTRY_ASSIGN(const auto count, disk_.read(file_, bytes, slot * slot_size));
    if (count != mark_size) continue;
    auto mark = decode(bytes);
    if (!mark) continue;
    const auto sequence = load_big_endian<std::uint64_t>(bytes.data() + 8);
    if (newest && sequence < sequence_) continue;
    sequence_ = sequence;
    newest = std::move(mark);
  }
  return newest;
}

Status IndexMarkFile::save(const IndexMark& mark) {
  if (mark.newest.size() > name_size_max) {
    return Error{Errc::internal, "saving the index's mark: expected a file name of at most " +
                                     std::to_string(name_size_max) + " bytes, found " + mark.newest};
  }
  std::array<std::byte, mark_size> bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  store_big_endian(bytes.data() + 8, sequence_ + 1);
  store_big_endian(bytes.data() + 16, mark.written_end);
  store_big_endian(bytes.data() + 24, mark.geometry.slots);
  store_big_endian(bytes.data() + 28, mark.geometry.entries);
  encode_index_header(mark.header, bytes.data() + header_at);
  store_big_endian(bytes.data() + flags_at, (mark.clean ? flag_clean : 0u) | (mark.complete ? flag_complete : 0u));
  store_big_endian(bytes.data() + flags_at + 4, static_cast<std::uint32_t>(mark.newest.size()));
  std::memcpy(bytes.data() + name_at, mark.newest.data(), mark.newest.size());
  store_big_endian(bytes.data() + crc_at, protocol::crc32(std::span(bytes).first(crc_at)));
  // A write that fails may have torn its slot: the next one takes the same, the other one stays whole.
  GANTRY_TRY(disk_.write(file_, bytes, (sequence_ + 1) % 2 * slot_size));
  GANTRY_TRY(disk_.sync(file_));
  ++sequence_;
  return {};
}

}  // namespace gantry::storage_mmap
