#pragma once
// Turns extFields into structs and back from one declaration. Each header struct of requests.hpp and responses.hpp has
//
//   static constexpr std::string_view name = "PULL_MESSAGE";
//   template <class Self, class Visitor>
//   static void visit(Self& header, Visitor& v) { v.required("topic", header.topic); v.optional("order", header.order);
//   }
//
// and visitors read (FieldReader here) or write (FrameWriter in frame_writer.hpp) those fields.

#include "gantry/sdk/result.hpp"
#include "protocol/header.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// The reading visitor. The first field that is missing or does not parse decides the error; later calls do nothing.
/// Texts become views into the frame or into `scratch`, and live as long as those.
class FieldReader {
 public:
  FieldReader(const ExtFields& fields, Scratch& scratch, std::string_view request) noexcept
      : fields_(fields), scratch_(scratch), request_(request) {}

  template <typename T>
  void required(std::string_view key, T& out) {
    read(key, fields_.find(key), out, true);
  }
  /// Leaves `out` as it is when the field is missing.
  template <typename T>
  void optional(std::string_view key, T& out) {
    read(key, fields_.find(key), out, false);
  }
  template <typename T>
  void optional(std::string_view key, std::optional<T>& out) {
    T value{};
    if (read(key, fields_.find(key), value, false)) out = value;
  }
  /// The same with the entry already at hand (nullptr: missing); true when `out` was set.
  bool read(std::string_view key, const ExtField* field, std::int32_t& out, bool is_required);
  bool read(std::string_view key, const ExtField* field, std::int64_t& out, bool is_required);
  bool read(std::string_view key, const ExtField* field, bool& out, bool is_required);
  bool read(std::string_view key, const ExtField* field, std::string_view& out, bool is_required);

  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  /// Success, or what the first bad field was: request, field, expected, found.
  [[nodiscard]] Status finish() {
    if (error_) return *std::move(error_);
    return {};
  }

 private:
  bool judge(std::string_view key, const ExtField* field, FieldStatus status, std::string_view type, bool is_required);

  const ExtFields& fields_;
  Scratch& scratch_;
  std::string_view request_;
  std::optional<Error> error_;
};

/// Decodes the fields of `Header`, for example `decode_fields<PullHeader>(header.ext, scratch)`. [any-thread]
/// Errors are Errc::invalid_argument; answer them with SYSTEM_ERROR and the text as remark.
template <typename Header>
Result<Header> decode_fields(const ExtFields& fields, Scratch& scratch) {
  Header header;
  FieldReader reader(fields, scratch, Header::name);
  Header::visit(header, reader);
  if (reader.failed()) return reader.finish().error();
  return header;
}

}  // namespace gantry::protocol
