// Concern: record bytes are exactly RocketMQ's, and damaged ones are never believed.
#include "protocol/stored_record.hpp"

#include "gantry/sdk/record.hpp"
#include "gantry/sdk/record_writer.hpp"
#include "protocol/crc32.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace gantry::protocol {
namespace {

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> out;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::byte>(high << 4 | digit));
      high = -1;
    }
  }
  return out;
}

RecordSource sample() {
  RecordSource source;
  source.topic = "TopicTest";
  source.body = as_bytes("hello");
  source.properties = "KEYS\x01key1\x02";
  source.properties_more = "TAGS\x01TagA\x02";
  source.body_crc = crc32_positive(source.body);
  source.queue_id = 3;
  source.queue_offset = 7;
  source.log_offset = 1024;
  source.born_ms = 1700000000000;
  source.store_ms = 1700000000123;
  source.born_host = *parse_host("192.168.1.10:50000");
  source.store_host = *parse_host("10.0.0.1:10911");
  return source;
}

std::vector<std::byte> encoded(const RecordSource& source) {
  const auto size = record_size(source);
  EXPECT_TRUE(size);
  std::vector<std::byte> out(*size);
  EXPECT_EQ(encode_record(source, out.data()), out.size());
  return out;
}

TEST(StoredRecord, bytes_equal_the_reference_vector) {
  EXPECT_EQ(encoded(sample()), from_hex("0000007d daa320a7 3610a686 00000003 00000000 0000000000000007 0000000000000400"
                                        "00000000 0000018bcfe56800 c0a8010a0000c350 0000018bcfe5687b 0a00000100002a9f"
                                        "00000000 0000000000000000 00000005 68656c6c6f 09 546f70696354657374"
                                        "0014 4b455953016b65793102 54414753015461674102"));
}

TEST(StoredRecord, patching_gives_the_same_bytes_as_knowing_before) {
  for (const std::string_view born : {"1.2.3.4:5", "[fe80::1]:5"}) {
    RecordSource source = sample();
    source.born_host = *parse_host(born);
    const auto whole = encoded(source);
    source.queue_offset = source.log_offset = source.store_ms = 0;
    auto patched = encoded(source);
    patch_record(patched.data(), 7, 1024, 1700000000123);
    EXPECT_EQ(patched, whole);
  }
}

/// What the SDK reads for plugins is what the broker reads.
void expect_same(std::string_view bytes, const RecordView& view) {
  const auto record = sdk::read_record(bytes);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->size, view.size);
  EXPECT_EQ(record->queue_id, view.queue_id);
  EXPECT_EQ(record->flag, view.flag);
  EXPECT_EQ(record->sys_flag, view.sys_flag);
  EXPECT_EQ(record->queue_offset, view.queue_offset);
  EXPECT_EQ(record->log_offset, view.log_offset);
  EXPECT_EQ(record->born_ms, view.born_ms);
  EXPECT_EQ(record->store_ms, view.store_ms);
  EXPECT_EQ(record->prepared_offset, view.prepared_offset);
  EXPECT_EQ(record->reconsume_count, view.reconsume_count);
  EXPECT_EQ(host_of(record->born_host), view.born_host);
  EXPECT_EQ(host_of(record->store_host), view.store_host);
  EXPECT_EQ(record->body, as_text(view.body));
  EXPECT_EQ(record->topic, view.topic);
  EXPECT_EQ(record->properties, view.properties);
  std::string written = "before";
  ASSERT_TRUE(sdk::append_record(written, *record));
  EXPECT_EQ(written, "before" + std::string(bytes.substr(0, record->size)));
}

TEST(StoredRecord, every_layout_decodes_to_what_was_encoded) {
  for (const std::string_view born : {"1.2.3.4:5", "[fe80::1]:5"}) {
    for (const std::string_view store : {"10.0.0.1:10911", "[fe80::2]:10911"}) {
      for (const std::size_t topic_size : {1u, 127u, 128u, 255u}) {
        RecordSource source = sample();
        const std::string topic(topic_size, 't');
        source.topic = topic;
        source.born_host = *parse_host(born);
        source.store_host = *parse_host(store);
        source.reconsume_count = 2;
        source.prepared_offset = 99;
        source.flag = -1;
        source.sys_flag = sys_flag::compressed | sys_flag::born_host_v6 | sys_flag::store_host_v6;
        auto bytes = encoded(source);
        bytes.push_back(std::byte{0});  // What follows the record does not matter.
        RecordView view;
        ASSERT_EQ(decode_record(bytes, view, CheckBody::crc), RecordOutcome::ok);
        EXPECT_EQ(view.size, bytes.size() - 1);
        EXPECT_EQ(view.magic, topic_size > 127 ? record_magic_v2 : record_magic_v1);
        EXPECT_EQ(view.topic, topic);
        EXPECT_EQ(view.born_host, source.born_host);
        EXPECT_EQ(view.store_host, source.store_host);
        EXPECT_EQ(view.store_ms, source.store_ms);
        EXPECT_EQ(view.reconsume_count, 2);
        EXPECT_EQ(view.prepared_offset, 99);
        EXPECT_EQ(view.flag, -1);
        EXPECT_EQ(view.sys_flag & sys_flag::compressed, sys_flag::compressed);
        EXPECT_EQ((view.sys_flag & sys_flag::born_host_v6) != 0, source.born_host.is_v6());
        EXPECT_EQ(as_text(view.body), "hello");
        EXPECT_EQ(view.properties, "KEYS\x01key1\x02TAGS\x01TagA\x02");
        expect_same(as_text(bytes), view);
      }
    }
  }
}

TEST(StoredRecord, too_large_parts_are_refused) {
  RecordSource source = sample();
  const std::string large(32768, 'x');
  source.properties = large;
  EXPECT_EQ(record_size(source).error().code, Errc::too_large);
  source = sample();
  source.topic = large;
  EXPECT_EQ(record_size(source).error().code, Errc::too_large);
}

TEST(StoredRecord, truncated_anywhere_is_too_short) {
  const auto whole = encoded(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    RecordView view;
    EXPECT_EQ(decode_record(cut, view), RecordOutcome::too_short) << size;
  }
}

TEST(StoredRecord, lying_lengths_are_refused) {
  const auto with = [](std::size_t at, auto value) {
    auto bytes = encoded(sample());
    store_big_endian(bytes.data() + at, value);
    RecordView view;
    return decode_record(bytes, view);
  };
  EXPECT_EQ(with(0, std::int32_t{-1}), RecordOutcome::too_short);
  EXPECT_EQ(with(0, std::int32_t{0}), RecordOutcome::bad_field);
  EXPECT_EQ(with(0, std::int32_t{90}), RecordOutcome::bad_field);
  EXPECT_EQ(with(0, std::int32_t{124}), RecordOutcome::bad_field);
  EXPECT_EQ(with(4, std::int32_t{0}), RecordOutcome::bad_magic);
  EXPECT_EQ(with(84, std::int32_t{-1}), RecordOutcome::bad_field);
  EXPECT_EQ(with(84, std::int32_t{INT32_MAX}), RecordOutcome::bad_field);
  EXPECT_EQ(with(93, std::int8_t{-1}), RecordOutcome::bad_field);
  EXPECT_EQ(with(93, std::int8_t{127}), RecordOutcome::bad_field);
  EXPECT_EQ(with(103, std::int16_t{-1}), RecordOutcome::bad_field);
  EXPECT_EQ(with(103, std::int16_t{19}), RecordOutcome::size_mismatch);
  EXPECT_EQ(with(103, std::int16_t{21}), RecordOutcome::bad_field);
}

TEST(StoredRecord, damaged_body_is_seen_when_asked) {
  auto bytes = encoded(sample());
  bytes[88] ^= std::byte{1};
  RecordView view;
  EXPECT_EQ(decode_record(bytes, view), RecordOutcome::ok);
  EXPECT_EQ(decode_record(bytes, view, CheckBody::crc), RecordOutcome::crc_mismatch);
}

TEST(StoredRecord, damaged_bytes_never_break_it) {
  const auto whole = encoded(sample());
  std::mt19937 random(20261121);
  for (int round = 0; round < 20000; ++round) {
    auto damaged = whole;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    RecordView view;
    if (decode_record(damaged, view) == RecordOutcome::ok) {
      EXPECT_LE(view.size, damaged.size());
    }
  }
}

TEST(StoredRecord, blank_fills_the_rest_of_a_file) {
  std::vector<std::byte> bytes(24);
  encode_blank(bytes.data(), 24);
  EXPECT_EQ(std::vector<std::byte>(bytes.begin(), bytes.begin() + 8), from_hex("00000018 cbd43194"));
  RecordView view;
  EXPECT_EQ(decode_record(bytes, view), RecordOutcome::blank);
  EXPECT_EQ(view.size, 24u);
}

TEST(StoredRecord, property_checksum_equals_the_reference) {
  RecordSource source = sample();
  source.properties_more = "TAGS\x01TagA\x02                    ";  // Room for the checksum.
  auto bytes = encoded(source);
  ASSERT_EQ(bytes.size(), 145u);
  write_property_crc(bytes.data(), bytes.size());
  EXPECT_EQ(as_text(bytes).substr(125),
            "__CRC32#\x01"
            "7191353120\x02");
  EXPECT_TRUE(property_crc_matches(bytes));
  bytes[20] ^= std::byte{1};
  EXPECT_FALSE(property_crc_matches(bytes));
  EXPECT_FALSE(property_crc_matches(encoded(sample())));
}

}  // namespace
}  // namespace gantry::protocol
