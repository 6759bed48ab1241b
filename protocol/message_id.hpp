#pragma once
// The two ids of a message. Source: classes MessageDecoder and MessageClientIDSetter.
//
//   offset message id: upper-case hex of store host address (4 or 16 bytes), 32-bit port, 64-bit commit-log offset
//   UNIQ_KEY:          upper-case hex of address (4 or 16), 16-bit pid, 32-bit instance, 32-bit ms since month start,
//                      16-bit counter
//
// Both have 32 digits for IPv4 (56 for IPv6): which one a text is, only its context tells.

#include "gantry/sdk/result.hpp"
#include "protocol/buffer.hpp"
#include "protocol/host.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::protocol {

/// Text of at most 56 characters, in place. A value.
class MessageIdText {
 public:
  static constexpr std::size_t size_max = 56;
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }
  operator std::string_view() const noexcept { return view(); }  // NOLINT(google-explicit-constructor)
  void append_hex(const void* bytes, std::size_t size) noexcept;

 private:
  std::array<char, size_max> text_;
  std::size_t size_ = 0;
};

struct OffsetMessageId {
  Host store_host;
  std::int64_t log_offset = 0;
};

/// [any-thread], no allocation.
MessageIdText encode_offset_message_id(const Host& store_host, std::int64_t log_offset) noexcept;
/// Accepts both cases of digits. Refuses other lengths and characters, and negative offsets.
Result<OffsetMessageId> decode_offset_message_id(std::string_view text);

/// Makes UNIQ_KEYs that differ from those of every other generator with another address, pid or instance, and among
/// each other for as long as fewer than 65536 are made per millisecond. [any-thread], lock-free.
class UniqKeyGenerator {
 public:
  /// `instance` tells generators of one process apart: any number that differs between them.
  UniqKeyGenerator(const Host& address, std::uint16_t pid, std::uint32_t instance) noexcept;
  /// `now_ms`: wall clock, milliseconds since the epoch. Months are taken in UTC.
  MessageIdText next(std::int64_t now_ms) noexcept;

 private:
  std::array<std::uint8_t, 22> prefix_{};
  std::uint8_t prefix_size_;
  std::atomic<std::int64_t> month_start_ms_{0};
  std::atomic<std::int64_t> next_month_ms_{0};
  std::atomic<std::uint16_t> counter_{0};
};

/// Milliseconds since the epoch of the first instant of the month (UTC) that holds `now_ms`, and of the next one.
std::int64_t month_start_ms(std::int64_t now_ms) noexcept;
std::int64_t next_month_start_ms(std::int64_t now_ms) noexcept;

}  // namespace gantry::protocol
