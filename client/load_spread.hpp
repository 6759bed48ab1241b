#pragma once
// Over which topics and queues a load is spread, and what each of its messages says about itself.
//
// A load numbers its messages 0, 1, 2 ... The number alone decides the place (topic and queue), and it travels in the
// body, so that whoever reads the messages back knows where each had to be and whether one is missing.

#include "protocol/bytes.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace gantry::client {

/// A value. Place p is queue p / topic_count of topic p % topic_count, so that neighbouring places are different
/// topics.
struct LoadSpread {
  enum class Order : std::uint8_t { in_turn, random };

  static constexpr std::uint32_t topics_max = 1'000'000;
  static constexpr std::size_t number_digits = 6;  ///< of a topic's number in its name

  std::string topic = "BenchmarkTest";  ///< with several topics what their names begin with: "<topic>-000017"
  std::uint32_t topic_count = 1;
  std::uint32_t queue_count = 4;  ///< of each topic: 0..n-1 are used
  Order order = Order::in_turn;   ///< random: uniform, and the same for the same number every time

  [[nodiscard]] std::uint64_t place_count() const noexcept {
    return static_cast<std::uint64_t>(topic_count) * queue_count;
  }
  [[nodiscard]] std::uint64_t place_of(std::uint64_t number) const noexcept {
    return (order == Order::random ? mixed(number) : number) % place_count();
  }
  [[nodiscard]] std::uint32_t topic_of(std::uint64_t place) const noexcept {
    return static_cast<std::uint32_t>(place % topic_count);
  }
  [[nodiscard]] std::int32_t queue_of(std::uint64_t place) const noexcept {
    return static_cast<std::int32_t>(place / topic_count);
  }
  [[nodiscard]] std::string topic_name(std::uint32_t index) const {
    if (topic_count == 1) return topic;
    const std::string digits = std::to_string(index);
    return topic + "-" + std::string(number_digits - digits.size(), '0') + digits;
  }

 private:
  // splitmix64's finaliser: a bijection whose low bits depend on all bits.
  static std::uint64_t mixed(std::uint64_t x) noexcept {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  }
};

/// The first bytes of a load's bodies that have room for it. Times are of the steady clock, which all processes of a
/// machine share: a consumer beside the load can tell how long a message was under way.
struct LoadStamp {
  static constexpr std::size_t size = 16;

  std::chrono::steady_clock::time_point sent;  ///< when it was meant to be sent
  std::uint64_t number = 0;

  void write(char* to) const noexcept {
    protocol::store_big_endian<std::int64_t>(reinterpret_cast<std::byte*>(to), sent.time_since_epoch().count());
    protocol::store_big_endian<std::uint64_t>(reinterpret_cast<std::byte*>(to) + 8, number);
  }
  /// Nothing when the body is too short to have one.
  static std::optional<LoadStamp> read(protocol::ByteView body) noexcept {
    if (body.size() < size) return std::nullopt;
    const std::chrono::nanoseconds since(protocol::load_big_endian<std::int64_t>(body.data()));
    return LoadStamp{std::chrono::steady_clock::time_point(since),
                     protocol::load_big_endian<std::uint64_t>(body.data() + 8)};
  }
};

}  // namespace gantry::client
