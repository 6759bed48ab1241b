#pragma once
// The body of a batch: several messages for one topic and queue. Source: class MessageDecoder (encodeMessages).
//
//   repeated:  total size 4 | magic 4 (0) | body CRC 4 (0) | flag 4 | body size 4 + n | properties size 2 + n
//
// Whether a request carries one is said by SendHeader::batch, not by its code.

#include "gantry/sdk/result.hpp"
#include "protocol/buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gantry::protocol {

struct BatchElement {
  std::int32_t flag = 0;
  ByteView body{};
  std::string_view properties{};
};

/// One element takes at least this much.
inline constexpr std::size_t batch_element_size_min = 22;
/// A body of 4 MiB could hold 190 000 empty elements; nobody means that.
inline constexpr std::size_t batch_count_max = 65536;

/// Decodes the whole body before anything of it is used: either every element is well-formed and `out` (cleared first,
/// its capacity kept) holds them all, or an error names the element, what was expected and what was found. Refuses
/// empty bodies, sizes that are negative or reach beyond their element, properties beyond properties_size_max, empty
/// messages, bytes behind the last element, and more than `count_max` elements. Views into `body`. [any-thread]
Status decode_batch(ByteView body, std::vector<BatchElement>& out, std::size_t count_max = batch_count_max);

/// Appends one element. Error: properties or body beyond their length fields.
Status append_batch_element(ByteBuffer& out, const BatchElement& element);

}  // namespace gantry::protocol
