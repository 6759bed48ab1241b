#include "protocol/frame.hpp"

namespace gantry::protocol {

namespace {

constexpr std::size_t json_header_size_min = 2;
constexpr std::size_t rocketmq_header_size_min = 21;

CutResult malformed(FrameFault fault, std::int64_t found, std::int64_t bound) noexcept {
  CutResult result;
  result.outcome = CutOutcome::malformed;
  result.fault = fault;
  result.found = found;
  result.bound = bound;
  return result;
}

CutResult need_more(std::size_t size_wanted) noexcept {
  CutResult result;
  result.size_wanted = size_wanted;
  return result;
}

}  // namespace

CutResult cut_frame(ByteView in) noexcept {
  if (in.size() < 4) return need_more(frame_prefix_size);
  const auto total = load_big_endian<std::int32_t>(in.data());
  if (total < 4) return malformed(FrameFault::total_too_small, total, 4);
  const std::size_t frame_size = static_cast<std::size_t>(total) + 4;
  if (frame_size > frame_size_max) {
    return malformed(FrameFault::frame_too_large, static_cast<std::int64_t>(frame_size), frame_size_max);
  }
  if (in.size() < frame_prefix_size) return need_more(frame_size);

  const auto word = load_big_endian<std::uint32_t>(in.data() + 4);
  const std::uint32_t type = word >> 24;
  const std::size_t header_size = word & 0xFFFFFF;
  if (type > 1) return malformed(FrameFault::unknown_type, type, 1);
  const std::size_t header_room = frame_size - frame_prefix_size;
  if (header_size > header_room) {
    return malformed(FrameFault::header_beyond_frame, static_cast<std::int64_t>(header_size),
                     static_cast<std::int64_t>(header_room));
  }
  if (header_size > header_size_max) {
    return malformed(FrameFault::header_too_large, static_cast<std::int64_t>(header_size), header_size_max);
  }
  const std::size_t header_size_min = type == 0 ? json_header_size_min : rocketmq_header_size_min;
  if (header_size < header_size_min) {
    return malformed(FrameFault::header_too_small, static_cast<std::int64_t>(header_size),
                     static_cast<std::int64_t>(header_size_min));
  }
  if (in.size() < frame_size) return need_more(frame_size);

  CutResult result;
  result.outcome = CutOutcome::frame;
  result.frame.type = static_cast<SerializeType>(type);
  result.frame.header = in.subspan(frame_prefix_size, header_size);
  result.frame.body = in.subspan(frame_prefix_size + header_size, header_room - header_size);
  result.frame.size = frame_size;
  return result;
}

std::string CutResult::describe() const {
  const auto say = [this](std::string_view what, std::string_view relation) {
    return "cutting a frame: expected " + std::string(what) + " of " + std::string(relation) + " " +
           std::to_string(bound) + ", found " + std::to_string(found) +
           "; the peer does not speak RocketMQ's remoting protocol";
  };
  switch (fault) {
    case FrameFault::none: break;
    case FrameFault::total_too_small: return say("a length field", "at least");
    case FrameFault::frame_too_large: return say("a frame size", "at most");
    case FrameFault::unknown_type: return say("a serialize type", "at most");
    case FrameFault::header_too_large: return say("a header size", "at most");
    case FrameFault::header_beyond_frame: return say("a header size inside the frame,", "at most");
    case FrameFault::header_too_small: return say("a header size", "at least");
  }
  return "cutting a frame: nothing wrong";
}

}  // namespace gantry::protocol
