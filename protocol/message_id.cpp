#include "protocol/message_id.hpp"

#include "protocol/bytes.hpp"
#include "protocol/json_scan.hpp"

#include <chrono>
#include <cstring>

namespace gantry::protocol {

void MessageIdText::append_hex(const void* bytes, std::size_t size) noexcept {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto* from = static_cast<const unsigned char*>(bytes);
  for (std::size_t i = 0; i < size && size_ + 2 <= size_max; ++i) {
    text_[size_++] = digits[from[i] >> 4];
    text_[size_++] = digits[from[i] & 15];
  }
}

MessageIdText encode_offset_message_id(const Host& store_host, std::int64_t log_offset) noexcept {
  std::byte raw[28];
  encode_host(store_host, raw);
  const std::size_t host_size = store_host.encoded_size();
  store_big_endian(raw + host_size, log_offset);
  MessageIdText id;
  id.append_hex(raw, host_size + 8);
  return id;
}

Result<OffsetMessageId> decode_offset_message_id(std::string_view text) {
  const auto bad = [text](std::string_view expected) {
    return Error{Errc::invalid_argument, "reading an offset message id: expected " + std::string(expected) +
                                             ", found \"" + std::string(text.substr(0, 64)) + "\""};
  };
  if (text.size() != 32 && text.size() != 56) return bad("32 or 56 hexadecimal digits");
  std::byte raw[28];
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = detail::hex_digit(text[i]);
    const int low = detail::hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return bad("32 or 56 hexadecimal digits");
    raw[i / 2] = static_cast<std::byte>(high << 4 | low);
  }
  OffsetMessageId id;
  id.store_host = decode_host(raw, text.size() == 56);
  id.log_offset = load_big_endian<std::int64_t>(raw + id.store_host.encoded_size());
  if (id.log_offset < 0) return bad("a log offset that is not negative");
  if (id.store_host.port > 65535) return bad("a port of at most 65535");
  return id;
}

namespace {

std::chrono::year_month month_of(std::int64_t now_ms) noexcept {
  const std::chrono::sys_time<std::chrono::milliseconds> now{std::chrono::milliseconds(now_ms)};
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(now)};
  return day.year() / day.month();
}

std::int64_t first_ms_of(std::chrono::year_month month) noexcept {
  const std::chrono::sys_days day = month / std::chrono::day(1);
  return std::chrono::duration_cast<std::chrono::milliseconds>(day.time_since_epoch()).count();
}

}  // namespace

std::int64_t month_start_ms(std::int64_t now_ms) noexcept { return first_ms_of(month_of(now_ms)); }
std::int64_t next_month_start_ms(std::int64_t now_ms) noexcept {
  return first_ms_of(month_of(now_ms) + std::chrono::months(1));
}

UniqKeyGenerator::UniqKeyGenerator(const Host& address, std::uint16_t pid, std::uint32_t instance) noexcept
    : prefix_size_(static_cast<std::uint8_t>((address.is_v6() ? 16 : 4) + 6)) {
  const std::size_t ip_size = prefix_size_ - 6u;
  std::memcpy(prefix_.data(), address.ip.data(), ip_size);
  store_big_endian(prefix_.data() + ip_size, pid);
  store_big_endian(prefix_.data() + ip_size + 2, instance);
}

MessageIdText UniqKeyGenerator::next(std::int64_t now_ms) noexcept {
  // Each month's start is a function of the time alone, so threads that race here store the same values; one that sees
  // a mixture of two months only misses the shortcut.
  std::int64_t start = month_start_ms_.load(std::memory_order_relaxed);
  if (now_ms < start || now_ms >= next_month_ms_.load(std::memory_order_relaxed)) {
    start = month_start_ms(now_ms);
    month_start_ms_.store(start, std::memory_order_relaxed);
    next_month_ms_.store(next_month_start_ms(now_ms), std::memory_order_relaxed);
  }
  std::byte suffix[6];
  store_big_endian(suffix, static_cast<std::uint32_t>(now_ms - start));
  store_big_endian(suffix + 4, counter_.fetch_add(1, std::memory_order_relaxed));
  MessageIdText id;
  id.append_hex(prefix_.data(), prefix_size_);
  id.append_hex(suffix, sizeof suffix);
  return id;
}

}  // namespace gantry::protocol
