#pragma once
// Ids and positions are types, never bare integers: append(TopicId, QueueId, QueueOffset) cannot be called in the
// wrong order.

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <type_traits>

namespace gantry {

/// An integer that means one thing. Values compare and hash with their own kind only; `value()` is the way out.
/// `Tag` is any type; where it has `static constexpr bool counts = true`, distances and steps are offered too.
template <typename Tag, std::integral T>
class StrongId {
 public:
  using value_type = T;

  constexpr StrongId() noexcept = default;
  constexpr explicit StrongId(T value) noexcept : value_(value) {}

  [[nodiscard]] constexpr T value() const noexcept { return value_; }
  friend constexpr auto operator<=>(StrongId, StrongId) noexcept = default;

  /// The position `count` steps further (or back, when negative).
  friend constexpr StrongId operator+(StrongId id, T count) noexcept requires Tag::counts {
    return StrongId(static_cast<T>(id.value_ + count));
  }
  friend constexpr StrongId operator-(StrongId id, T count) noexcept requires Tag::counts {
    return StrongId(static_cast<T>(id.value_ - count));
  }
  /// How many steps lie between two positions.
  friend constexpr T operator-(StrongId left, StrongId right) noexcept requires Tag::counts {
    return static_cast<T>(left.value_ - right.value_);
  }
  constexpr StrongId& operator+=(T count) noexcept requires Tag::counts {
    value_ = static_cast<T>(value_ + count);
    return *this;
  }
  constexpr StrongId& operator++() noexcept requires Tag::counts {
    ++value_;
    return *this;
  }

  friend std::ostream& operator<<(std::ostream& out, StrongId id) { return out << +id.value_; }

 private:
  T value_{};
};

namespace detail {
struct IdTag {
  static constexpr bool counts = false;
};
struct PositionTag {
  static constexpr bool counts = true;
};
struct ShardIdTag : IdTag {};
struct ChannelIdTag : IdTag {};
struct QueueIdTag : IdTag {};
struct BrokerIdTag : IdTag {};
struct QueueOffsetTag : PositionTag {};
struct LogOffsetTag : PositionTag {};
}  // namespace detail

using ShardId = StrongId<detail::ShardIdTag, std::uint32_t>;         ///< which shard, from 0
using ChannelId = StrongId<detail::ChannelIdTag, std::uint64_t>;     ///< one connection; never used twice in a process
using QueueId = StrongId<detail::QueueIdTag, std::int32_t>;          ///< a message queue within its topic, from 0
using BrokerId = StrongId<detail::BrokerIdTag, std::int64_t>;        ///< 0 is the master, above it are slaves
using QueueOffset = StrongId<detail::QueueOffsetTag, std::int64_t>;  ///< the n-th message of a queue, from 0
using LogOffset = StrongId<detail::LogOffsetTag, std::int64_t>;      ///< a byte position in the commit log

}  // namespace gantry

template <typename Tag, typename T>
struct std::hash<gantry::StrongId<Tag, T>> {
  std::size_t operator()(gantry::StrongId<Tag, T> id) const noexcept { return std::hash<T>{}(id.value()); }
};
