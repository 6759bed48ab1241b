// Concern: frames are cut exactly, and hostile prefixes are refused before the rest is waited for.
#include "protocol/frame.hpp"

#include "protocol/buffer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::protocol {
namespace {

ByteBuffer prefix(std::uint32_t total, std::uint32_t type_and_header) {
  ByteBuffer out;
  out.append_integer(total);
  out.append_integer(type_and_header);
  return out;
}

void expect_malformed(const ByteBuffer& in, FrameFault fault) {
  const CutResult cut = cut_frame(in.view());
  EXPECT_EQ(cut.outcome, CutOutcome::malformed);
  EXPECT_EQ(cut.fault, fault);
  EXPECT_NE(cut.describe().find("found"), std::string::npos);
}

TEST(Frame, negative_or_tiny_length_is_refused) {
  for (const std::uint32_t total : {0u, 1u, 3u, 0x80000000u, 0xFFFFFFFFu}) {
    expect_malformed(prefix(total, 2), FrameFault::total_too_small);
  }
}

TEST(Frame, tiny_length_is_refused_from_four_bytes) {
  ByteBuffer in;
  in.append_integer(std::uint32_t{3});
  expect_malformed(in, FrameFault::total_too_small);
}

TEST(Frame, java_counts_the_length_field_into_the_bound) {
  expect_malformed(prefix(frame_size_max - 3, 2), FrameFault::frame_too_large);
  const CutResult cut = cut_frame(prefix(frame_size_max - 4, 2).view());
  EXPECT_EQ(cut.outcome, CutOutcome::need_more);
  EXPECT_EQ(cut.size_wanted, frame_size_max);
}

TEST(Frame, complete_frames_of_8_to_11_bytes_are_errors) {
  for (std::uint32_t size = 8; size <= 11; ++size) {
    ByteBuffer in = prefix(size - 4, 0);
    in.extend(size - 8);
    expect_malformed(in, FrameFault::header_too_small);
  }
}

TEST(Frame, header_beyond_frame_is_refused) { expect_malformed(prefix(10, 7), FrameFault::header_beyond_frame); }

TEST(Frame, huge_header_is_refused) {
  expect_malformed(prefix(1 << 20, header_size_max + 1), FrameFault::header_too_large);
}

TEST(Frame, unknown_type_is_refused) { expect_malformed(prefix(100, 2u << 24 | 30), FrameFault::unknown_type); }

TEST(Frame, short_binary_header_is_refused) {
  expect_malformed(prefix(100, 1u << 24 | 20), FrameFault::header_too_small);
}

TEST(Frame, every_cut_before_the_end_needs_more) {
  ByteBuffer in = prefix(4 + 2 + 3, 2);
  in.append("{}abc");
  for (std::size_t size = 0; size < in.size(); ++size) {
    const CutResult cut = cut_frame(in.view().first(size));
    EXPECT_EQ(cut.outcome, CutOutcome::need_more) << size;
    EXPECT_EQ(cut.size_wanted, size < 4 ? frame_prefix_size : in.size()) << size;
  }
}

TEST(Frame, two_frames_back_to_back_are_cut_one_by_one) {
  ByteBuffer in = prefix(4 + 2 + 3, 2);
  in.append("{}abc");
  ByteBuffer second = prefix(4 + 21, 1u << 24 | 21);
  second.append(std::string(21, 'x'));
  in.append(second.view());
  CutResult cut = cut_frame(in.view());
  ASSERT_EQ(cut.outcome, CutOutcome::frame);
  EXPECT_EQ(cut.frame.type, SerializeType::json);
  EXPECT_EQ(as_text(cut.frame.header), "{}");
  EXPECT_EQ(as_text(cut.frame.body), "abc");
  cut = cut_frame(in.view().subspan(cut.frame.size));
  ASSERT_EQ(cut.outcome, CutOutcome::frame);
  EXPECT_EQ(cut.frame.type, SerializeType::rocketmq);
  EXPECT_EQ(cut.frame.header.size(), 21u);
  EXPECT_TRUE(cut.frame.body.empty());
}

}  // namespace
}  // namespace gantry::protocol
