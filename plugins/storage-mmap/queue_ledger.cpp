#include "plugins/storage-mmap/queue_ledger.hpp"

#include "protocol/crc32.hpp"

#include <algorithm>
#include <utility>

namespace gantry::storage_mmap {

namespace {

constexpr std::string_view file_magic = "GANTRYQL";
constexpr std::uint32_t file_version = 1;
constexpr std::size_t file_head_size = 16;
constexpr std::size_t frame_head_size = 8;
constexpr std::size_t payload_head_size = 5 * 8 + 2;  // up to the items
constexpr std::uint8_t queue_item = 1;
constexpr std::uint8_t deleted_item = 2;
constexpr std::uint64_t file_size_max = 4ull << 30;
constexpr std::string_view file_name = "queues";

}  // namespace

LedgerFrame::LedgerFrame(const LedgerMark& mark, Kind kind) {
  bytes_.extend(frame_head_size);
  bytes_.append_integer(std::uint64_t{0});  // the number, which the ledger knows
  bytes_.append_integer(mark.end);
  bytes_.append_integer(mark.last_record);
  bytes_.append_integer(mark.log_begin);
  bytes_.append_integer(mark.confirmed);
  bytes_.append_integer(static_cast<std::uint8_t>(mark.clean));
  bytes_.append_integer(static_cast<std::uint8_t>(kind == Kind::whole));
}

void LedgerFrame::put_topic(std::uint8_t kind, std::string_view topic) {
  bytes_.append_integer(kind);
  bytes_.append_integer(static_cast<std::uint16_t>(topic.size()));
  bytes_.append(topic);
}

void LedgerFrame::add_queue(std::string_view topic, std::int32_t id, const QueueExtent& extent,
                            std::span<const protocol::QueueEntry> entries) {
  put_topic(queue_item, topic);
  bytes_.append_integer(id);
  bytes_.append_integer(extent.min);
  bytes_.append_integer(extent.written);
  bytes_.append_integer(extent.max);
  bytes_.append_integer(extent.first_record);
  bytes_.append_integer(extent.log_end);
  bytes_.append_integer(static_cast<std::uint32_t>(entries.size()));
  for (const auto& entry : entries) protocol::encode_queue_entry(entry, bytes_.extend(protocol::queue_entry_size));
}

void LedgerFrame::add_deleted(std::string_view topic, std::int64_t deleted_at) {
  put_topic(deleted_item, topic);
  bytes_.append_integer(deleted_at);
}

protocol::ByteView QueueLedger::seal(LedgerFrame& frame) {
  auto& bytes = frame.bytes_;
  bytes.patch_integer(frame_head_size, ++number_);
  const auto payload = bytes.view().subspan(frame_head_size);
  bytes.patch_integer(0, static_cast<std::uint32_t>(payload.size()));
  bytes.patch_integer(4, protocol::crc32(payload));
  return bytes.view();
}

Status QueueLedger::rewrite(LedgerFrame frame) {
  protocol::ByteBuffer content(frame.bytes_.size() + file_head_size);
  content.append(file_magic);
  content.append_integer(file_version);
  content.append_integer(std::uint32_t{0});
  content.append(seal(frame));
  file_.close();
  end_ = 0;
  GANTRY_TRY(replace_file(disk_, folder_, std::string(file_name), content.text()));
  GANTRY_ASSIGN(file_, disk_.open(folder_ + "/" + std::string(file_name), OpenMode::update));
  end_ = content.size();
  whole_bytes_ = end_;
  appended_bytes_ = 0;
  is_torn_ = false;
  return {};
}

Status QueueLedger::append(LedgerFrame frame) {
  const auto bytes = seal(frame);
  const auto written = [&]() -> Status {
    GANTRY_TRY(disk_.write(file_, bytes, end_));
    return disk_.sync(file_);
  }();
  if (!written) {
    // Half a frame may be there now: the next one must not follow it.
    is_torn_ = true;
    return written;
  }
  end_ += bytes.size();
  appended_bytes_ += bytes.size();
  return {};
}

bool QueueLedger::follows(std::string_view payload) const {
  if (payload.size() < payload_head_size) return false;
  const auto number = protocol::load_big_endian<std::uint64_t>(payload.data());
  const bool whole = payload[payload_head_size - 1] != 0;
  return whole ? number_ == 0 : number_ != 0 && number == number_ + 1;
}

bool QueueLedger::apply(std::string_view payload, Image& image) {
  protocol::ByteReader reader(protocol::as_bytes(payload));
  const auto number = reader.read<std::uint64_t>();
  LedgerMark mark;
  mark.end = reader.read<std::int64_t>();
  mark.last_record = reader.read<std::int64_t>();
  mark.log_begin = reader.read<std::int64_t>();
  mark.confirmed = reader.read<std::int64_t>();
  mark.clean = reader.read<std::uint8_t>() != 0;
  const bool whole = reader.read<std::uint8_t>() != 0;
  if (!reader.ok() || mark.end < 0) return false;
  if (whole) image.topics.clear();
  while (reader.ok() && reader.remaining() > 0) {
    const auto kind = reader.read<std::uint8_t>();
    const auto name = protocol::as_text(reader.read_bytes(reader.read<std::uint16_t>()));
    auto found = image.topics.find(name);
    if (found == image.topics.end()) found = image.topics.try_emplace(std::string(name)).first;
    auto& topic = found->second;
    if (kind == deleted_item) {
      topic.queues.clear();
      topic.deleted_at = reader.read<std::int64_t>();
      continue;
    }
    if (kind != queue_item) return false;
    const auto id = reader.read<std::int32_t>();
    QueueExtent extent;
    extent.min = reader.read<std::int64_t>();
    extent.written = reader.read<std::int64_t>();
    extent.max = reader.read<std::int64_t>();
    extent.first_record = reader.read<std::int64_t>();
    extent.log_end = reader.read<std::int64_t>();
    const auto count = reader.read<std::uint32_t>();
    const auto entries = reader.read_bytes(std::int64_t{count} * static_cast<std::int64_t>(protocol::queue_entry_size));
    if (!reader.ok() || id < 0 || extent.min < 0 || extent.max < extent.min || extent.written > extent.max)
      return false;
    auto& queue = topic.queues[id];
    auto& tail = queue.tail;
    // What is in the files by now leaves the tail; what is new joins it.
    const auto tail_begin = queue.extent.max - static_cast<std::int64_t>(tail.size());
    const auto gone = std::clamp<std::int64_t>(extent.written - tail_begin, 0, static_cast<std::int64_t>(tail.size()));
    tail.erase(tail.begin(), tail.begin() + gone);
    if (!tail.empty() && queue.extent.max != extent.max - count) tail.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto offset = extent.max - count + i;
      if (offset < extent.written) continue;
      tail.push_back(protocol::decode_queue_entry(entries.data() + i * protocol::queue_entry_size));
    }
    queue.extent = extent;
  }
  if (!reader.ok()) return false;
  image.mark = mark;
  number_ = number;
  return true;
}

Result<std::optional<QueueLedger::Image>> QueueLedger::load() {
  number_ = end_ = whole_bytes_ = appended_bytes_ = 0;
  is_torn_ = false;
  const auto path = folder_ + "/" + std::string(file_name);
  auto content = read_file(disk_, path, file_size_max);
  if (!content && content.error().code == Errc::not_found) return std::optional<Image>();
  if (!content) return std::move(content).error();
  std::string_view rest = *content;
  const bool known = rest.size() >= file_head_size && rest.starts_with(file_magic) &&
                     protocol::load_big_endian<std::uint32_t>(rest.data() + file_magic.size()) == file_version;
  if (!known) return std::optional<Image>();
  rest.remove_prefix(file_head_size);
  std::optional<Image> image;
  while (rest.size() >= frame_head_size) {
    const auto size = protocol::load_big_endian<std::uint32_t>(rest.data());
    const auto crc = protocol::load_big_endian<std::uint32_t>(rest.data() + 4);
    if (size > rest.size() - frame_head_size) break;
    const auto payload = rest.substr(frame_head_size, size);
    // Zeros are an empty payload with a good checksum; what lay there before has the number of another story.
    if (protocol::crc32(protocol::as_bytes(payload)) != crc || !follows(payload)) break;
    if (!image) image.emplace();
    if (!apply(payload, *image)) {
      // Half applied: this file cannot be believed any more.
      number_ = 0;
      return std::optional<Image>();
    }
    rest.remove_prefix(frame_head_size + size);
    (whole_bytes_ == 0 ? whole_bytes_ : appended_bytes_) += frame_head_size + size;
  }
  if (!image) return image;
  image->bytes = content->size() - rest.size();
  image->bytes_ignored = rest.size();
  end_ = image->bytes;
  is_torn_ = !rest.empty();
  GANTRY_ASSIGN(file_, disk_.open(path, OpenMode::update));
  return image;
}

}  // namespace gantry::storage_mmap
