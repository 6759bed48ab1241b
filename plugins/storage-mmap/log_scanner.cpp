#include "plugins/storage-mmap/log_scanner.hpp"

#include <algorithm>

namespace gantry::storage_mmap {

namespace {
constexpr std::uint64_t window_size = 4ull << 20;
constexpr std::uint64_t head_size = 8;  // size and magic
constexpr std::int64_t find_step = 1 << 20;
}  // namespace

LogItem inspect_record(protocol::ByteView bytes, std::uint64_t left, std::int64_t position, protocol::RecordView& view,
                       std::string& reason) {
  const auto outcome = protocol::decode_record(bytes, view, protocol::CheckBody::crc);
  if (outcome == protocol::RecordOutcome::blank) return LogItem::blank;
  if (outcome != protocol::RecordOutcome::ok) {
    reason = protocol::to_string(outcome);
    return LogItem::end;
  }
  if (view.log_offset != position) {
    reason = "the record says that it is at log offset " + std::to_string(view.log_offset);
    return LogItem::end;
  }
  if (view.size + protocol::blank_size_min > left || view.topic.empty() || view.queue_id < 0 || view.queue_offset < 0) {
    reason = "a field has a value that no record has";
    return LogItem::end;
  }
  // Topic and properties have no checksum. What a power cut did not write reads as zero, and append() lets no record in
  // that looks like that.
  const auto behind = protocol::load_big_endian<std::uint64_t>(bytes.data() + view.size);
  const bool ends_in_zero = !view.properties.empty() && view.properties.back() == '\0' && behind == 0;
  if (ends_in_zero || view.topic.find('\0') != std::string_view::npos) {
    reason = "the end of the record was never written";
    return LogItem::end;
  }
  return LogItem::record;
}

void LogScanner::drop_window() noexcept {
  if (cache_ != Cache::drop || was_cached_ || !pin_ || window_end_ == window_begin_) return;
  disk_.advise(pin_->file(), static_cast<std::uint64_t>(window_begin_ - pin_->base()),
               static_cast<std::uint64_t>(window_end_ - window_begin_), Advice::dont_need);
}

void LogScanner::reset() noexcept {
  drop_window();
  window_begin_ = window_end_ = 0;
  pin_ = {};
}

Result<protocol::ByteView> LogScanner::bytes(Segment& segment, std::int64_t position, std::uint64_t size) {
  const auto wanted_end = std::min(position + static_cast<std::int64_t>(size), segment.end());
  if (position < window_begin_ || wanted_end > window_end_) {
    drop_window();
    const auto left = static_cast<std::uint64_t>(segment.end() - position);
    const auto part = std::min(left, std::max(window_size, size));
    const auto at = static_cast<std::uint64_t>(position - segment.base());
    window_.resize(part);
    was_cached_ = cache_ == Cache::keep || disk_.is_cached(segment.file(), at, part);
    if (!was_cached_) disk_.advise(segment.file(), at + part, std::min(left - part, window_size), Advice::will_need);
    GANTRY_ASSIGN(const auto count, disk_.read(segment.file(), window_, at));
    window_begin_ = position;
    window_end_ = position + static_cast<std::int64_t>(count);
  }
  return protocol::ByteView(window_.data() + (position - window_begin_),
                            static_cast<std::size_t>(std::min(wanted_end, window_end_) - position));
}

Result<std::int64_t> LogScanner::find_record(std::int64_t from, std::int64_t end) {
  const auto segment = log_.pin(from);
  if (!segment) return -1;
  end = std::min(end, segment->end() - static_cast<std::int64_t>(protocol::record_size_v4_min));
  std::vector<std::byte> part(find_step + head_size);
  protocol::RecordView view;
  std::string ignored;
  for (auto at = from; at < end; at += find_step) {
    GANTRY_ASSIGN(const auto count,
                  disk_.read(segment->file(), part, static_cast<std::uint64_t>(at - segment->base())));
    if (count < head_size) break;
    const auto starts = std::min<std::int64_t>(static_cast<std::int64_t>(count - head_size) + 1, end - at);
    for (std::int64_t i = 0; i < std::min(starts, find_step); ++i) {
      // The first byte of the magic is rare enough to make this quick.
      if (part[static_cast<std::size_t>(i) + protocol::record_at::magic] != std::byte{0xDA}) continue;
      GANTRY_ASSIGN(const auto item, inspect(at + i, view, ignored));
      if (item == LogItem::record) return at + i;
    }
  }
  return -1;
}

Result<LogItem> LogScanner::inspect(std::int64_t position, protocol::RecordView& view, std::string& reason) {
  if (!pin_ || position < pin_->base() || position >= pin_->end()) {
    reset();
    pin_ = log_.pin(position);
    if (!pin_) {
      reason = "no file holds this offset";
      return LogItem::end;
    }
  }
  auto& segment = *pin_.get();
  const auto left = static_cast<std::uint64_t>(segment.end() - position);
  GANTRY_ASSIGN(auto head, bytes(segment, position, head_size));
  if (head.size() < head_size) {
    reason = protocol::to_string(protocol::RecordOutcome::too_short);
    return LogItem::end;
  }
  const auto size = protocol::load_big_endian<std::uint32_t>(head.data());
  const auto magic = protocol::load_big_endian<std::uint32_t>(head.data() + protocol::record_at::magic);
  const bool is_record = magic == protocol::record_magic_v1 || magic == protocol::record_magic_v2;
  // Of what is no record the head tells all; what claims to be larger than the file is refused by the decoder.
  const auto wanted = is_record ? std::min<std::uint64_t>(left, std::uint64_t{size} + protocol::blank_size_min)
                                : std::min<std::uint64_t>(left, protocol::record_size_v4_min);
  GANTRY_ASSIGN(const auto whole, bytes(segment, position, wanted));
  return inspect_record(whole, left, position, view, reason);
}

}  // namespace gantry::storage_mmap
