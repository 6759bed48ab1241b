#pragma once
// Java's String.hashCode, on which tag codes, index slots and lock stripes of RocketMQ depend.

#include <cstdint>
#include <string_view>

namespace gantry::protocol {

/// The hash of the text over its UTF-16 code units. `text` is UTF-8; each byte that is not valid there counts as
/// U+FFFD, which is what Java sees too after decoding. [any-thread], no allocation.
std::int32_t java_hash(std::string_view text) noexcept;

/// The hash of what `hash` is the hash of, followed by `text`. Start with 0. The parts must not divide a character.
/// [any-thread], no allocation.
std::uint32_t java_hash_continue(std::uint32_t hash, std::string_view text) noexcept;

/// The tag code of a consume-queue entry and of a subscription: the hash, sign-extended; 0 for no tag.
inline std::int64_t tag_code(std::string_view tag) noexcept { return tag.empty() ? 0 : java_hash(tag); }

}  // namespace gantry::protocol
