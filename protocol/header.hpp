#pragma once
// The header of a frame, decoded by one pass over its bytes: no allocation, no DOM, no exceptions.
// Source: RocketMQ remoting protocol, classes RemotingCommand and RocketMQSerializable.
//
// Every text here is a view into the frame (or, once unescaped, into the caller's Scratch).

#include "gantry/sdk/result.hpp"
#include "protocol/buffer.hpp"
#include "protocol/codes.hpp"
#include "protocol/frame.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>

namespace gantry::protocol {

/// How a value of extFields was written. Java coerces all of them to text, and so do we.
enum class ValueKind : std::uint8_t { text, number, boolean, null };

/// One entry of extFields, as it came. A key with escapes keeps them: no key of the protocol has any.
struct ExtField {
  std::string_view key;
  std::string_view raw;  ///< the value's bytes, between the quotes for text
  ValueKind kind = ValueKind::text;
  bool escaped = false;  ///< `raw` holds JSON escapes; text() resolves them

  /// The value as text. Unescapes into `scratch` when needed; then gives false when scratch is full.
  bool text(Scratch& scratch, std::string_view& out) const;
};

/// What a typed getter found.
enum class FieldStatus : std::uint8_t {
  ok,
  missing,    ///< no such key, a null value, or (for numbers) empty text
  invalid,    ///< not a decimal number of that width
  too_large,  ///< the scratch is full
};

/// The entries of extFields in the order in which they came; of equal keys the last one counts.
class ExtFields {
 public:
  static constexpr std::size_t count_max = 128;

  ExtFields() noexcept : size_(0) {}  // The array stays uninitialised on purpose: it is 5 KiB and used sparsely.

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<const ExtField> all() const noexcept { return {entries(), size_}; }
  [[nodiscard]] const ExtField* begin() const noexcept { return entries(); }
  [[nodiscard]] const ExtField* end() const noexcept { return entries() + size_; }

  /// The entry of that key, or nullptr.
  [[nodiscard]] const ExtField* find(std::string_view key) const noexcept;

  FieldStatus get(std::string_view key, std::int32_t& out) const noexcept;
  FieldStatus get(std::string_view key, std::int64_t& out) const noexcept;
  /// Like Java's parseBoolean: "true" in any case is true, everything else is false.
  FieldStatus get(std::string_view key, bool& out) const noexcept;
  FieldStatus get(std::string_view key, Scratch& scratch, std::string_view& out) const;

  void clear() noexcept { size_ = 0; }
  /// A fresh entry to fill in place (copying one costs more than parsing it); nullptr when count_max is reached.
  ExtField* add() noexcept {
    if (size_ == count_max) return nullptr;
    return new (storage_.data() + size_++ * sizeof(ExtField)) ExtField;
  }
  /// Adds an entry; false when count_max is reached.
  bool add(const ExtField& field) noexcept {
    ExtField* slot = add();
    if (slot != nullptr) *slot = field;
    return slot != nullptr;
  }

 private:
  [[nodiscard]] const ExtField* entries() const noexcept { return reinterpret_cast<const ExtField*>(storage_.data()); }

  alignas(ExtField) std::array<std::byte, count_max * sizeof(ExtField)> storage_;
  std::size_t size_;
};

/// Parses one entry as a number or a switch; the getters above and the request decoders share these.
FieldStatus parse_field(const ExtField& field, std::int32_t& out) noexcept;
FieldStatus parse_field(const ExtField& field, std::int64_t& out) noexcept;
FieldStatus parse_field(const ExtField& field, bool& out) noexcept;

/// A decoded header, of a request or of a response (the same shape; bit 0 of `flag` tells them apart).
/// A reused object: decode_header() overwrites it. About 5 KiB, so keep one per shard or session rather than many.
struct HeaderView {
  static constexpr std::int32_t flag_response = 1;
  static constexpr std::int32_t flag_oneway = 2;

  std::int32_t code = 0;
  Language language = Language::other;
  std::int32_t version = 0;
  std::int32_t opaque = 0;
  std::int32_t flag = 0;
  SerializeType type = SerializeType::json;
  bool remark_escaped = false;
  std::string_view remark;  ///< raw; remark_text() resolves escapes
  ExtFields ext;

  [[nodiscard]] bool is_response() const noexcept { return (flag & flag_response) != 0; }
  /// Nothing may be answered to a one-way request, whatever happens.
  [[nodiscard]] bool is_oneway() const noexcept { return (flag & flag_oneway) != 0; }
  /// The remark with escapes resolved; empty when the scratch is full.
  [[nodiscard]] std::string_view remark_text(Scratch& scratch) const;
};

/// JSON values may nest this deep in parts of the header that nobody reads.
inline constexpr int header_depth_max = 32;

/// Decodes a header of either encoding. [any-thread]
///
/// Tolerates what clients really send: any key order, unknown keys (with nested values), values of extFields that are
/// numbers, booleans or null, numbers written as text, raw control characters and invalid UTF-8 inside strings, a
/// language by name or ordinal (an unknown one reads as `other`). Refuses, naming the place: syntax errors, a missing
/// code, numbers out of range, more than ExtFields::count_max fields, nesting beyond header_depth_max.
Status decode_header(SerializeType type, ByteView header, HeaderView& out);
inline Status decode_header(const FrameView& frame, HeaderView& out) {
  return decode_header(frame.type, frame.header, out);
}

/// Resolves the JSON escapes of `raw` into `to`, which has room for raw.size() bytes; returns how many were written.
/// Lone surrogates and unknown escapes become U+FFFD and the escaped character: nothing a client writes can fail here.
std::size_t unescape_json(std::string_view raw, char* to) noexcept;

}  // namespace gantry::protocol
