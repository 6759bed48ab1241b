// What loads say about their messages: the number of a message alone decides its place and can be read back, and the
// frames that are patched from templates are frames that the protocol's own decoders accept.

#include "client/load_spread.hpp"
#include "client/publish_frames.hpp"
#include "protocol/frame.hpp"
#include "protocol/header.hpp"
#include "protocol/properties.hpp"
#include "protocol/send_header.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace gantry::client {
namespace {

LoadStamp stamp_of(std::uint64_t number) {
  return {std::chrono::steady_clock::time_point(std::chrono::nanoseconds(123'456'789'012)), number};
}

TEST(LoadSpread, in_turn_visits_every_place_once_before_any_twice) {
  LoadSpread spread{.topic = "t", .topic_count = 7, .queue_count = 3};
  std::set<std::pair<std::uint32_t, std::int32_t>> seen;
  for (std::uint64_t number = 0; number < spread.place_count(); ++number) {
    const auto place = spread.place_of(number);
    seen.emplace(spread.topic_of(place), spread.queue_of(place));
  }
  EXPECT_EQ(seen.size(), 21u);
  EXPECT_EQ(spread.place_of(21), spread.place_of(0));
}

TEST(LoadSpread, random_is_the_same_every_time_and_near_uniform) {
  const LoadSpread spread{.topic = "t", .topic_count = 10, .queue_count = 10, .order = LoadSpread::Order::random};
  std::vector<int> counts(100);
  for (std::uint64_t number = 0; number < 100'000; ++number) {
    ASSERT_EQ(spread.place_of(number), spread.place_of(number));
    ++counts[spread.place_of(number)];
  }
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  EXPECT_GT(*least, 800);
  EXPECT_LT(*most, 1200);
}

TEST(LoadSpread, only_several_topics_are_numbered) {
  EXPECT_EQ((LoadSpread{.topic = "one", .topic_count = 1}).topic_name(0), "one");
  EXPECT_EQ((LoadSpread{.topic = "many", .topic_count = 100'000}).topic_name(417), "many-000417");
}

class Frames : public testing::TestWithParam<bool> {
 protected:
  void decode(const std::string& bytes) {
    const auto cut = protocol::cut_frame(protocol::as_bytes(bytes));
    ASSERT_EQ(cut.outcome, protocol::CutOutcome::frame) << cut.describe();
    ASSERT_EQ(cut.frame.size, bytes.size());
    const Status decoded = protocol::decode_header(cut.frame, header);
    ASSERT_TRUE(decoded) << decoded.error().text;
    body = protocol::as_text(cut.frame.body);
  }
  [[nodiscard]] std::string field(std::string_view key) {
    std::string_view value;
    EXPECT_EQ(header.ext.get(key, scratch, value), protocol::FieldStatus::ok) << key;
    return std::string(value);
  }

  protocol::HeaderView header;
  protocol::Scratch scratch;
  std::string body;
};

TEST_P(Frames, carry_place_keys_and_stamp_of_their_number) {
  const LoadSpread spread{.topic = "many", .topic_count = 1'000, .queue_count = 1'200};
  const PublishFrames frames(spread, {.body_bytes = 100, .key_count = 2, .tags = true, .binary_header = GetParam()});
  for (const std::uint64_t number : {0ull, 999ull, 1'000ull, 123'456ull, 1'199'999ull, 98'765'432'109ull}) {
    std::string out;
    frames.append(out, stamp_of(number), 41);
    ASSERT_NO_FATAL_FAILURE(decode(out));
    const auto place = spread.place_of(number);
    EXPECT_EQ(header.code, 310);
    EXPECT_EQ(header.opaque % 1'000'000'000, 41);
    EXPECT_EQ(field("b"), spread.topic_name(spread.topic_of(place)));
    EXPECT_EQ(field("e"), std::to_string(spread.queue_of(place)));
    const std::string properties = field("i");
    EXPECT_EQ(protocol::find_property(properties, protocol::property::tags), "TagA");
    EXPECT_EQ(protocol::find_property(properties, protocol::property::uniq_key).size(), 32u);
    const std::string keys(protocol::find_property(properties, protocol::property::keys));
    ASSERT_EQ(keys.size(), 18u + 1 + 2 + 18);
    EXPECT_EQ(keys.substr(6, 12), keys.substr(27, 12));
    EXPECT_EQ(std::stoull(keys.substr(6, 12), nullptr, 16), number);
    ASSERT_EQ(body.size(), 100u);
    const auto stamp = LoadStamp::read(protocol::as_bytes(body));
    ASSERT_TRUE(stamp);
    EXPECT_EQ(stamp->number, number);
    EXPECT_EQ(stamp->sent, stamp_of(0).sent);
  }
}

TEST_P(Frames, of_short_bodies_have_no_stamp_and_of_one_topic_no_number) {
  const PublishFrames frames({.topic = "one"},
                             {.body_bytes = 15, .key_count = 0, .tags = true, .binary_header = GetParam()});
  std::string out;
  frames.append(out, stamp_of(3), 3);
  ASSERT_NO_FATAL_FAILURE(decode(out));
  EXPECT_EQ(field("b"), "one");
  EXPECT_EQ(field("e"), "3");
  EXPECT_EQ(body, std::string(15, 'x'));
  EXPECT_FALSE(LoadStamp::read(protocol::as_bytes(body)));
}

INSTANTIATE_TEST_SUITE_P(Encodings, Frames, testing::Bool(),
                         [](const auto& encoding) { return encoding.param ? "binary" : "json"; });

}  // namespace
}  // namespace gantry::client
