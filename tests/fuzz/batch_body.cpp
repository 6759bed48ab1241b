// Decodes a batch; writing its elements gives the same bytes, but for the two fields that carry nothing.
#include "protocol/batch.hpp"
#include "tests/fuzz/check.hpp"

#include <cstdint>
#include <vector>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<BatchElement> elements;
  if (!decode_batch({reinterpret_cast<const std::byte*>(data), size}, elements)) return 0;
  check(!elements.empty() && elements.size() <= batch_count_max);
  ByteBuffer out;
  for (const BatchElement& element : elements) check(static_cast<bool>(append_batch_element(out, element)));
  check(out.size() == size);
  return 0;
}
