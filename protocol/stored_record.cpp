#include "protocol/stored_record.hpp"

#include "protocol/crc32.hpp"
#include "protocol/properties.hpp"

#include <limits>
#include <string>

namespace gantry::protocol {

namespace {

/// Goes through a record from its start, writing.
class Cursor {
 public:
  explicit Cursor(std::byte* at) noexcept : start_(at), at_(at) {}

  template <std::integral T>
  void put(T value) noexcept {
    store_big_endian(at_, value);
    at_ += sizeof(T);
  }
  void put(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put(const Host& host) noexcept {
    encode_host(host, at_);
    at_ += host.encoded_size();
  }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - start_); }

 private:
  std::byte* start_;
  std::byte* at_;
};

bool is_v2(const RecordSource& source) noexcept { return source.topic.size() > topic_size_v1_max; }

std::int32_t with_families(const RecordSource& source) noexcept {
  std::int32_t flag = source.sys_flag & ~(sys_flag::born_host_v6 | sys_flag::store_host_v6);
  if (source.born_host.is_v6()) flag |= sys_flag::born_host_v6;
  if (source.store_host.is_v6()) flag |= sys_flag::store_host_v6;
  return flag;
}

}  // namespace

std::size_t record_size_unchecked(const RecordSource& source) noexcept {
  return record_size_v4_min + (source.born_host.is_v6() ? 12 : 0) + (source.store_host.is_v6() ? 12 : 0) +
         (is_v2(source) ? 1 : 0) + source.body.size() + source.topic.size() + source.properties.size() +
         source.properties_more.size();
}

Result<std::size_t> record_size(const RecordSource& source) {
  const auto too_large = [](std::string_view part, std::size_t bound, std::size_t found) {
    return Error{Errc::too_large, "sizing a record: expected " + std::string(part) + " of at most " +
                                      std::to_string(bound) + " bytes, found " + std::to_string(found)};
  };
  constexpr std::size_t size_max = std::numeric_limits<std::int32_t>::max();
  if (source.topic.size() > topic_size_v2_max) return too_large("a topic", topic_size_v2_max, source.topic.size());
  const std::size_t properties_size = source.properties.size() + source.properties_more.size();
  if (properties_size > properties_size_max) return too_large("properties", properties_size_max, properties_size);
  const std::size_t size = record_size_unchecked(source);
  if (source.body.size() > size_max || size > size_max) return too_large("a record", size_max, size);
  return size;
}

std::size_t encode_record(const RecordSource& source, std::byte* to) noexcept {
  Cursor out(to);
  out.put(static_cast<std::uint32_t>(record_size_unchecked(source)));
  out.put(is_v2(source) ? record_magic_v2 : record_magic_v1);
  out.put(source.body_crc);
  out.put(source.queue_id);
  out.put(source.flag);
  out.put(source.queue_offset);
  out.put(source.log_offset);
  out.put(with_families(source));
  out.put(source.born_ms);
  out.put(source.born_host);
  out.put(source.store_ms);
  out.put(source.store_host);
  out.put(source.reconsume_count);
  out.put(source.prepared_offset);
  out.put(static_cast<std::uint32_t>(source.body.size()));
  out.put(as_text(source.body));
  if (is_v2(source)) {
    out.put(static_cast<std::uint16_t>(source.topic.size()));
  } else {
    out.put(static_cast<std::uint8_t>(source.topic.size()));
  }
  out.put(source.topic);
  out.put(static_cast<std::uint16_t>(source.properties.size() + source.properties_more.size()));
  out.put(source.properties);
  out.put(source.properties_more);
  return out.size();
}

void patch_record(std::byte* record, std::int64_t queue_offset, std::int64_t log_offset,
                  std::int64_t store_ms) noexcept {
  const auto flag = load_big_endian<std::int32_t>(record + record_at::sys_flag);
  store_big_endian(record + record_at::queue_offset, queue_offset);
  store_big_endian(record + record_at::log_offset, log_offset);
  store_big_endian(record + store_ms_position(flag), store_ms);
}

void encode_blank(std::byte* to, std::uint32_t size) noexcept {
  store_big_endian(to + record_at::total_size, size);
  store_big_endian(to + record_at::magic, record_magic_blank);
}

RecordOutcome decode_record(ByteView in, RecordView& out, CheckBody check) noexcept {
  if (in.size() < blank_size_min) return RecordOutcome::too_short;
  out.size = load_big_endian<std::uint32_t>(in.data() + record_at::total_size);
  out.magic = load_big_endian<std::uint32_t>(in.data() + record_at::magic);
  if (out.magic == record_magic_blank) return RecordOutcome::blank;
  if (out.magic != record_magic_v1 && out.magic != record_magic_v2) return RecordOutcome::bad_magic;
  if (out.size < record_size_v4_min) return RecordOutcome::bad_field;
  if (out.size > in.size()) return RecordOutcome::too_short;

  ByteReader reader(in.first(out.size));
  reader.read_bytes(record_at::body_crc);
  out.body_crc = reader.read<std::uint32_t>();
  out.queue_id = reader.read<std::int32_t>();
  out.flag = reader.read<std::int32_t>();
  out.queue_offset = reader.read<std::int64_t>();
  out.log_offset = reader.read<std::int64_t>();
  out.sys_flag = reader.read<std::int32_t>();
  out.born_ms = reader.read<std::int64_t>();
  const bool born_v6 = (out.sys_flag & sys_flag::born_host_v6) != 0;
  const bool store_v6 = (out.sys_flag & sys_flag::store_host_v6) != 0;
  const ByteView born_host = reader.read_bytes(born_v6 ? 20 : 8);
  out.store_ms = reader.read<std::int64_t>();
  const ByteView store_host = reader.read_bytes(store_v6 ? 20 : 8);
  out.reconsume_count = reader.read<std::int32_t>();
  out.prepared_offset = reader.read<std::int64_t>();
  out.body = reader.read_bytes(reader.read<std::int32_t>());
  const std::int64_t topic_size =
      out.magic == record_magic_v2 ? reader.read<std::int16_t>() : reader.read<std::int8_t>();
  out.topic = as_text(reader.read_bytes(topic_size));
  out.properties = as_text(reader.read_bytes(reader.read<std::int16_t>()));
  if (!reader.ok()) return RecordOutcome::bad_field;
  if (reader.remaining() != 0) return RecordOutcome::size_mismatch;
  out.born_host = decode_host(born_host.data(), born_v6);
  out.store_host = decode_host(store_host.data(), store_v6);
  if (check == CheckBody::crc && !out.body.empty() && crc32_positive(out.body) != out.body_crc) {
    return RecordOutcome::crc_mismatch;
  }
  return RecordOutcome::ok;
}

std::string_view to_string(RecordOutcome outcome) noexcept {
  switch (outcome) {
    case RecordOutcome::ok: return "ok";
    case RecordOutcome::blank: return "blank";
    case RecordOutcome::too_short: return "too_short";
    case RecordOutcome::bad_magic: return "bad_magic";
    case RecordOutcome::bad_field: return "bad_field";
    case RecordOutcome::size_mismatch: return "size_mismatch";
    case RecordOutcome::crc_mismatch: return "crc_mismatch";
  }
  return "unknown";
}

namespace {

/// "__CRC32#" 0x01 ten digits 0x02
void put_property_crc(ByteView checked, char* to) noexcept {
  std::memcpy(to, property::crc32.data(), property::crc32.size());
  to += property::crc32.size();
  *to++ = property_name_end;
  std::uint32_t value = crc32_positive(checked);
  for (int i = 0; i < 10; ++i) {
    *to++ = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  *to = property_end;
}

}  // namespace

void write_property_crc(std::byte* record, std::size_t size) noexcept {
  const std::size_t checked_size = size - property_crc_size;
  put_property_crc(ByteView(record, checked_size), reinterpret_cast<char*>(record + checked_size));
}

bool property_crc_matches(ByteView record) noexcept {
  if (record.size() < record_size_v4_min + property_crc_size) return false;
  char expected[property_crc_size];
  const ByteView checked = record.first(record.size() - property_crc_size);
  put_property_crc(checked, expected);
  return std::memcmp(expected, record.data() + checked.size(), sizeof expected) == 0;
}

}  // namespace gantry::protocol
