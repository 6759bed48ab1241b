// Decodes records back to back; a good one encodes to the same bytes.
#include "protocol/stored_record.hpp"

#include "tests/fuzz/check.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

using namespace gantry::protocol;
using gantry::fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(reinterpret_cast<const std::byte*>(data), size);
  RecordView view;
  while (decode_record(rest, view, CheckBody::crc) == RecordOutcome::ok) {
    check(view.size >= record_size_v4_min && view.size <= rest.size());
    (void)property_crc_matches(rest.first(view.size));
    RecordSource source;
    source.topic = view.topic;
    source.body = view.body;
    source.properties = view.properties;
    source.body_crc = view.body_crc;
    source.queue_id = view.queue_id;
    source.flag = view.flag;
    source.sys_flag = view.sys_flag;
    source.queue_offset = view.queue_offset;
    source.log_offset = view.log_offset;
    source.born_ms = view.born_ms;
    source.store_ms = view.store_ms;
    source.prepared_offset = view.prepared_offset;
    source.reconsume_count = view.reconsume_count;
    source.born_host = view.born_host;
    source.store_host = view.store_host;
    // A V2 record with a short topic is legal to read, but never written.
    const bool is_canonical = (view.magic == record_magic_v2) == (view.topic.size() > topic_size_v1_max);
    if (is_canonical) {
      std::vector<std::byte> again(*record_size(source));
      encode_record(source, again.data());
      check(again.size() == view.size && std::memcmp(again.data(), rest.data(), again.size()) == 0);
    }
    rest = rest.subspan(view.size);
  }
  return 0;
}
