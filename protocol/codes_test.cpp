// Concern: names of codes and languages.
#include "protocol/codes.hpp"

#include <gtest/gtest.h>

namespace gantry::protocol {
namespace {

TEST(Codes, names_are_those_of_the_protocol) {
  EXPECT_EQ(to_string(RequestCode::send_message_v2), "SEND_MESSAGE_V2");
  EXPECT_EQ(to_string(static_cast<RequestCode>(-5)), "unknown");
  EXPECT_EQ(to_string(ResponseCode::pull_offset_moved), "PULL_OFFSET_MOVED");
  EXPECT_EQ(static_cast<int>(RequestCode::batch_ack_message), 200151);
}

TEST(Codes, languages_round_trip_and_unknown_is_other) {
  for (int i = 0; i < 14; ++i) EXPECT_EQ(parse_language(to_string(static_cast<Language>(i))), static_cast<Language>(i));
  EXPECT_EQ(parse_language(""), Language::other);
  EXPECT_EQ(language_of(-1), Language::other);
  EXPECT_EQ(language_of(14), Language::other);
}

}  // namespace
}  // namespace gantry::protocol
