#include "plugins/storage-mmap/tools/own_files.hpp"

#include "protocol/bytes.hpp"
#include "protocol/crc32.hpp"

#include <charconv>

namespace gantry::storage_mmap::tools {
namespace {

using protocol::ByteReader;

constexpr std::uint64_t file_size_max = 2ull << 30;
constexpr std::string_view ledger_magic = "GANTRYQL";
constexpr std::size_t head_size = 16;
constexpr std::size_t frame_head_size = 8;

/// Applies one payload; false when its parts do not add up.
bool apply_frame(protocol::ByteView payload, Ledger& ledger) {
  ByteReader in(payload);
  Ledger next;
  next.mark.end = in.read<std::int64_t>();
  next.mark.last_record = in.read<std::int64_t>();
  next.log_begin = in.read<std::int64_t>();
  next.mark.clean = in.read<std::uint8_t>() != 0;
  const bool whole = in.read<std::uint8_t>() != 0;
  const auto topic_count = in.read<std::uint32_t>();
  std::map<std::string, std::pair<bool, Ledger::Topic>, std::less<>> changes;
  for (std::uint32_t i = 0; i < topic_count && in.ok(); ++i) {
    const auto name = protocol::as_text(in.read_bytes(in.read<std::uint16_t>()));
    auto& [restarts, topic] = changes[std::string(name)];
    restarts = in.read<std::uint8_t>() != 0;
    topic.deleted_at = in.read<std::int64_t>();
    const auto queue_count = in.read<std::uint32_t>();
    for (std::uint32_t j = 0; j < queue_count && in.ok(); ++j) {
      auto& queue = topic.queues[in.read<std::int32_t>()];
      queue.min = in.read<std::int64_t>();
      queue.max = in.read<std::int64_t>();
      queue.first_record = in.read<std::int64_t>();
      queue.log_end = in.read<std::int64_t>();
    }
  }
  if (!in.ok() || in.remaining() != 0) return false;
  if (whole) ledger.topics.clear();
  ledger.mark = next.mark;
  ledger.log_begin = next.log_begin;
  for (auto& [name, change] : changes) {
    auto& topic = ledger.topics[name];
    if (change.first) topic.queues.clear();
    topic.deleted_at = std::max(topic.deleted_at, change.second.deleted_at);
    for (const auto& [id, queue] : change.second.queues) topic.queues[id] = queue;
  }
  return true;
}

struct SlotForm {
  std::string_view magic;
  std::size_t size = 0;  ///< the last four bytes are the CRC-32 of those before
};

/// The newer good one of the two slots of a mark; empty, with `why`, when the file is not empty and none is good.
protocol::ByteView newest_slot(std::string_view content, const SlotForm& form, std::string& why) {
  constexpr std::size_t slot_size = 512;
  const auto bytes = protocol::as_bytes(content);
  protocol::ByteView newest;
  std::uint64_t newest_sequence = 0;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    if (bytes.size() < slot * slot_size + form.size) continue;
    const auto mark = bytes.subspan(slot * slot_size, form.size);
    const auto crc = protocol::load_big_endian<std::uint32_t>(mark.data() + form.size - 4);
    if (!protocol::as_text(mark).starts_with(form.magic) || protocol::crc32(mark.first(form.size - 4)) != crc) continue;
    const auto sequence = protocol::load_big_endian<std::uint64_t>(mark.data() + form.magic.size());
    if (!newest.empty() && sequence < newest_sequence) continue;
    newest_sequence = sequence;
    newest = mark;
  }
  if (newest.empty() && !content.empty()) why = "neither of its two slots has the right magic and CRC-32";
  return newest;
}

/// The content, or nothing when there is no such file.
Result<std::optional<std::string>> read_if_there(Disk& disk, const std::string& path) {
  auto content = read_file(disk, path, file_size_max);
  if (content) return std::optional(*std::move(content));
  if (content.error().code == Errc::not_found) return std::optional<std::string>();
  return std::move(content).error();
}

}  // namespace

std::optional<Ledger> parse_ledger(std::string_view content, std::string& why) {
  const auto bytes = protocol::as_bytes(content);
  if (content.size() < head_size || !content.starts_with(ledger_magic)) {
    why = "no head GANTRYQL";
    return std::nullopt;
  }
  const auto version = protocol::load_big_endian<std::uint32_t>(bytes.data() + 8);
  if (version != 1) {
    why = "version " + std::to_string(version);
    return std::nullopt;
  }
  Ledger ledger;
  std::size_t at = head_size;
  bool any = false;
  while (at < content.size()) {
    if (content.size() - at < frame_head_size) {
      ledger.reason = "a torn frame head";
      break;
    }
    const auto size = protocol::load_big_endian<std::uint32_t>(bytes.data() + at);
    const auto crc = protocol::load_big_endian<std::uint32_t>(bytes.data() + at + 4);
    if (size > content.size() - at - frame_head_size) {
      ledger.reason = "a frame of " + std::to_string(size) + " bytes, of which " +
                      std::to_string(content.size() - at - frame_head_size) + " are there";
      break;
    }
    const auto payload = bytes.subspan(at + frame_head_size, size);
    if (protocol::crc32(payload) != crc) {
      ledger.reason = "a frame with another CRC-32 than it says";
      break;
    }
    if (!apply_frame(payload, ledger)) {
      ledger.reason = "a frame whose parts do not add up to its size";
      break;
    }
    any = true;
    at += frame_head_size + size;
  }
  if (!any) {
    why = ledger.reason.empty() ? "no frame" : ledger.reason;
    return std::nullopt;
  }
  ledger.bytes = static_cast<std::int64_t>(at);
  ledger.bytes_ignored = static_cast<std::int64_t>(content.size() - at);
  ledger.mark.file = "gantry/queues";
  return ledger;
}

Result<std::optional<Ledger>> read_ledger(Disk& disk, const std::string& root, std::string& why) {
  GANTRY_ASSIGN(const auto content, read_if_there(disk, root + "/gantry/queues"));
  if (!content) return std::optional<Ledger>();
  return parse_ledger(*content, why);
}

Result<std::optional<DurableMark>> read_dispatch_mark(Disk& disk, const std::string& root, std::string& why) {
  GANTRY_ASSIGN(const auto content, read_if_there(disk, root + "/gantry/dispatch"));
  if (!content) return std::optional<DurableMark>();
  const auto slot = newest_slot(*content, {.magic = "GANTRYDM", .size = 40}, why);
  if (slot.empty()) return std::optional<DurableMark>();
  return std::optional(DurableMark{.end = protocol::load_big_endian<std::int64_t>(slot.data() + 16),
                                   .last_record = protocol::load_big_endian<std::int64_t>(slot.data() + 24),
                                   .clean = protocol::load_big_endian<std::uint32_t>(slot.data() + 32) != 0,
                                   .file = "gantry/dispatch"});
}

Result<std::optional<IndexMarkSeen>> read_index_mark(Disk& disk, const std::string& root, std::string& why) {
  GANTRY_ASSIGN(const auto content, read_if_there(disk, root + "/gantry/index"));
  if (!content) return std::optional<IndexMarkSeen>();
  const auto slot = newest_slot(*content, {.magic = "GANTRYIM", .size = 116}, why);
  if (slot.empty()) return std::optional<IndexMarkSeen>();
  return std::optional(IndexMarkSeen{.written_end = protocol::load_big_endian<std::int64_t>(slot.data() + 16),
                                     .slots = protocol::load_big_endian<std::uint32_t>(slot.data() + 24),
                                     .entries = protocol::load_big_endian<std::uint32_t>(slot.data() + 28)});
}

Result<std::map<std::string, std::int64_t, std::less<>>> read_deleted_topics(Disk& disk, const std::string& root) {
  std::map<std::string, std::int64_t, std::less<>> topics;
  GANTRY_ASSIGN(const auto content, read_if_there(disk, root + "/gantry/deleted-topics"));
  std::string_view rest = content ? std::string_view(*content) : std::string_view();
  while (!rest.empty()) {  // one line each: "<log offset> <topic>"
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::int64_t offset = 0;
    const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), offset);
    const auto used = static_cast<std::size_t>(end - line.data());
    if (code == std::errc() && used + 1 < line.size() && line[used] == ' ') {
      topics[std::string(line.substr(used + 1))] = offset;
    }
  }
  return topics;
}

}  // namespace gantry::storage_mmap::tools
