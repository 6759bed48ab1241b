#include "plugins/storage-mmap/log_reader.hpp"

#include <algorithm>

namespace gantry::storage_mmap {

bool LogReader::pin(std::int64_t log_offset) {
  if (!pin_ || log_offset < pin_->base() || log_offset >= pin_->end()) pin_ = log_.pin(log_offset);
  return static_cast<bool>(pin_);
}

void LogReader::plan(std::span<const protocol::QueueEntry> records, std::int64_t distance) {
  if (cache_ == nullptr || !may_block_) return;
  reads_on_ = distance <= cache_->distance_max();
  if (reads_on_) return;
  for (const auto& record : records) {
    if (log_.is_hot(record.log_offset) || !pin(record.log_offset) || record.log_end() > pin_->end()) continue;
    cache_->read_here(*pin_.get(), record.log_offset, static_cast<std::uint64_t>(record.size));
  }
}

Result<LogBytes> LogReader::get(std::int64_t log_offset, std::uint64_t size, std::int64_t likely_end) {
  const auto end = log_offset + static_cast<std::int64_t>(size);
  if (log_offset >= window_begin_ && end <= window_end_) {
    return LogBytes{protocol::ByteView(window_.data() + (log_offset - window_begin_), size), nullptr};
  }
  const bool hot = log_.is_hot(log_offset);
  if (!hot && !may_block_) return Error{Errc::would_block, {}};
  if (!pin(log_offset) || end > pin_->end()) {
    return Error{Errc::not_found, "no file of the log holds " + std::to_string(size) + " bytes at log offset " +
                                      std::to_string(log_offset)};
  }
  if (hot && pin_->state() == Segment::State::hot) {
    return LogBytes{protocol::ByteView(pin_->at(log_offset), size), pin_.get()};
  }
  if (!may_block_) return Error{Errc::would_block, {}};
  if (reads_on_) cache_->read_on(*pin_.get(), log_offset);
  const auto until = std::min(std::max(end, likely_end), pin_->end());
  window_.resize(static_cast<std::size_t>(until - log_offset));
  GANTRY_ASSIGN(const auto count,
                disk_.read(pin_->file(), window_, static_cast<std::uint64_t>(log_offset - pin_->base())));
  window_begin_ = log_offset;
  window_end_ = log_offset + static_cast<std::int64_t>(count);
  if (count < size) {
    return Error{Errc::corrupt, "reading " + pin_->file().path() + ": expected " + std::to_string(size) +
                                    " bytes at position " + std::to_string(log_offset - pin_->base()) +
                                    ", found the end of the file after " + std::to_string(count)};
  }
  return LogBytes{protocol::ByteView(window_.data(), size), nullptr};
}

}  // namespace gantry::storage_mmap
