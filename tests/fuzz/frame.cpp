// Cuts a stream into frames and decodes their headers: nothing outside the stream is read, every frame moves forward.
#include "protocol/frame.hpp"

#include "protocol/header.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(reinterpret_cast<const std::byte*>(data), size);
  HeaderView header;
  for (;;) {
    const CutResult cut = cut_frame(rest);
    if (cut.outcome == CutOutcome::malformed) {
      check(cut.fault != FrameFault::none && !cut.describe().empty());
      return 0;
    }
    if (cut.outcome == CutOutcome::need_more) {
      check(cut.size_wanted > rest.size() && cut.size_wanted <= frame_size_max);
      return 0;
    }
    check(cut.frame.size == frame_prefix_size + cut.frame.header.size() + cut.frame.body.size());
    check(cut.frame.size <= rest.size());
    (void)decode_header(cut.frame, header);
    rest = rest.subspan(cut.frame.size);
  }
}
