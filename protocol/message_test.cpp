// Concern: the parts of a message: properties, ids, hashes, names, hosts, batches, compression.
#include "protocol/batch.hpp"
#include "protocol/compression.hpp"
#include "protocol/crc32.hpp"
#include "protocol/host.hpp"
#include "protocol/java_hash.hpp"
#include "protocol/message_id.hpp"
#include "protocol/names.hpp"
#include "protocol/properties.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gantry::protocol {
namespace {

using namespace std::string_literals;

TEST(Properties, segments_that_do_not_count_are_skipped) {
  const std::string text =
      "\x02"
      "ab\x02"
      "noseparator\x02"
      "\x01value\x02"
      "name\x01\x02"
      "K\x01v\x02"
      "T\x01last";
  std::string seen;
  for (const Property& p : PropertyRange(text)) seen += std::string(p.name) + "=" + std::string(p.value) + ";";
  EXPECT_EQ(seen, "K=v;T=last;");
  EXPECT_EQ(find_property(text, "name"), "");
  EXPECT_EQ(find_property(text, "T"), "last");
  EXPECT_EQ(find_property("", "T"), "");
}

TEST(Properties, last_of_equal_names_counts) {
  EXPECT_EQ(find_property("A\x01"
                          "1\x02"
                          "A\x01"
                          "2\x02",
                          "A"),
            "2");
}

TEST(Properties, keys_are_parted_by_single_blanks) {
  EXPECT_TRUE(keys_contain("one two", "one"));
  EXPECT_TRUE(keys_contain("one two", "two"));
  EXPECT_TRUE(keys_contain(" one  two ", "two"));
  EXPECT_FALSE(keys_contain("one two", "one two"));
  EXPECT_FALSE(keys_contain("one two", "on"));
  EXPECT_FALSE(keys_contain("one  two", ""));
  EXPECT_FALSE(keys_contain("one\ttwo", "one"));
  EXPECT_FALSE(keys_contain("", "one"));
}

TEST(Properties, first_key_is_what_stands_before_the_second_blank) {
  EXPECT_EQ(first_key("one two"), "one");
  EXPECT_EQ(first_key("  one"), "one");
  EXPECT_EQ(first_key("  "), "");
  EXPECT_EQ(first_key(""), "");
}

TEST(Properties, messages_are_found_by_their_unique_key_and_their_keys) {
  const std::string text = "KEYS\x01k1 k2\x02UNIQ_KEY\x01u\x02";
  EXPECT_TRUE(has_index_key(text, "k2", false));
  EXPECT_TRUE(has_index_key(text, "u", false));
  EXPECT_TRUE(has_index_key(text, "u", true));
  EXPECT_FALSE(has_index_key(text, "k2", true));
  EXPECT_FALSE(has_index_key(text, "", false));
  EXPECT_FALSE(has_index_key("", "", true)) << "a message without keys is not found by nothing";
}

TEST(Properties, one_pass_finds_what_a_publish_needs) {
  const auto common = scan_properties(
      "TAGS\x01"
      "A\x02"
      "KEYS\x01k1 k2\x02"
      "UNIQ_KEY\x01u\x02"
      "WAIT\x01"
      "False\x02"
      "DELAY\x01"
      "3\x02"
      "TRAN_MSG\x01true\x02"
      "PGROUP\x01pg\x02"
      "POP_CK\x01p\x02"
      "X\x01y\x02"
      "CLUSTER\x01"
      "c\x02"
      "TIMER_DELIVER_MS\x01"
      "9\x02");
  EXPECT_EQ(common.tags, "A");
  EXPECT_EQ(common.keys, "k1 k2");
  EXPECT_EQ(common.uniq_key, "u");
  EXPECT_EQ(common.delay, "3");
  EXPECT_EQ(common.producer_group, "pg");
  EXPECT_EQ(common.pop_ck, "p");
  EXPECT_EQ(common.cluster, "c");
  EXPECT_EQ(common.timer_deliver_ms, "9");
  EXPECT_TRUE(common.is_half_message());
  EXPECT_FALSE(common.waits_for_store());
  EXPECT_TRUE(scan_properties("").waits_for_store());
}

TEST(Properties, separators_in_names_and_values_are_refused) {
  ByteBuffer out;
  EXPECT_FALSE(append_property(out,
                               "a\x01"
                               "b",
                               "v"));
  EXPECT_FALSE(append_property(out, "a", "v\x02"));
  EXPECT_FALSE(append_property(out, "", "v"));
  EXPECT_FALSE(append_property(out, "a", ""));
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(append_property(out, "a", std::int64_t{-12}));
  EXPECT_EQ(out.text(), "a\x01-12\x02");
}

TEST(Properties, rewriting_keeps_unknown_ones) {
  ByteBuffer out;
  append_properties_without(out,
                            "X\x01y\x02POP_CK\x01p\x02Z\x01"
                            "1\x01"
                            "2",
                            "POP_CK");
  EXPECT_EQ(out.text(),
            "X\x01y\x02Z\x01"
            "1\x01"
            "2\x02");
  out.clear();
  EXPECT_TRUE(append_properties_with(out,
                                     "A\x01"
                                     "1\x02"
                                     "B\x01"
                                     "2\x02",
                                     "A", "3"));
  EXPECT_EQ(out.text(),
            "B\x01"
            "2\x02"
            "A\x01"
            "3\x02");
  out.clear();
  out.append(
      "A\x01"
      "1");
  close_properties(out, 0);
  close_properties(out, 0);
  EXPECT_EQ(out.text(),
            "A\x01"
            "1\x02");
}

TEST(JavaHash, known_values) {
  EXPECT_EQ(java_hash("TagA"), 2598919);
  EXPECT_EQ(java_hash("create"), -1352294148);
  EXPECT_EQ(java_hash("TopicTest-0"), 1247014820);
  EXPECT_EQ(java_hash("TopicTest#key1"), -1655984460);
  EXPECT_EQ(java_hash("_RECALL_TAG_"), -847619372);
  EXPECT_EQ(java_hash("中#文"), 19259569);
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("😀"), static_cast<std::int32_t>(0xD83Du * 31 + 0xDE00u));
  EXPECT_EQ(static_cast<std::uint64_t>(tag_code("create")), 0xffffffffaf65a0fcULL);
  EXPECT_EQ(tag_code(""), 0);
}

TEST(JavaHash, bytes_that_are_not_utf8_count_as_replacement) {
  EXPECT_EQ(java_hash("\xFF"), 0xFFFD);
  EXPECT_EQ(java_hash("\xE4\xB8"), 0xFFFD * 31 + 0xFFFD);
}

TEST(Crc32, equals_zlibs) {
  EXPECT_EQ(crc32(as_bytes("a")), 0xE8B7BE43u);
  EXPECT_EQ(crc32_positive(as_bytes("a")), 0x68B7BE43u);
  EXPECT_EQ(crc32_positive(as_bytes("hello")), 0x3610A686u);
  EXPECT_EQ(crc32_positive({}), 0u);
  EXPECT_EQ(crc32(as_bytes("lo"), crc32(as_bytes("hel"))), crc32(as_bytes("hello")));
}

Host v4(std::string_view text) { return *parse_host(text); }

TEST(Host, bad_addresses_are_refused) {
  for (const std::string_view text : {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536", "1.2.3.4:-1",
                                      "1.2.3:80", "name:80", "[::1]", ":80", "1.2.3.4:80 "}) {
    EXPECT_FALSE(parse_host(text)) << text;
  }
}

TEST(Host, text_forms_round_trip) {
  EXPECT_EQ(to_string(v4("10.0.0.1:10911")), "10.0.0.1:10911");
  EXPECT_EQ(to_string(v4("[fe80::1]:80")), "[fe80::1]:80");
  EXPECT_EQ(v4("fe80::1:80"), v4("[fe80::1]:80"));
  EXPECT_EQ(host_of(to_abi(v4("[fe80::1]:80"))), v4("[fe80::1]:80"));
  EXPECT_EQ(host_of(to_abi(v4("1.2.3.4:5"))), v4("1.2.3.4:5"));
}

TEST(OffsetMessageId, known_value_and_both_families) {
  const auto id = encode_offset_message_id(v4("10.0.0.1:10911"), 1024);
  EXPECT_EQ(id.view(), "0A00000100002A9F0000000000000400");
  const auto back = decode_offset_message_id("0a00000100002a9f0000000000000400");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->store_host, v4("10.0.0.1:10911"));
  EXPECT_EQ(back->log_offset, 1024);
  const auto v6 = encode_offset_message_id(v4("[fe80::1]:10911"), 7);
  EXPECT_EQ(v6.view().size(), 56u);
  EXPECT_EQ(decode_offset_message_id(v6)->store_host, v4("[fe80::1]:10911"));
}

TEST(OffsetMessageId, other_texts_are_refused) {
  EXPECT_FALSE(decode_offset_message_id(""));
  EXPECT_FALSE(decode_offset_message_id("0A00000100002A9F000000000000040"));
  EXPECT_FALSE(decode_offset_message_id("0A00000100002A9F000000000000040g"));
  EXPECT_FALSE(decode_offset_message_id("0A00000100002A9FF000000000000400"));
  EXPECT_FALSE(decode_offset_message_id("0A000001FFFFFFFF0000000000000400"));
}

TEST(UniqKey, keys_differ_and_say_where_they_come_from) {
  UniqKeyGenerator generator(v4("10.0.0.1:0"), 0x1234, 0xABCD);
  std::set<std::string> seen;
  const std::int64_t now = 1700000000000;
  for (int i = 0; i < 1000; ++i) seen.emplace(generator.next(now).view());
  EXPECT_EQ(seen.size(), 1000u);
  const std::string first(UniqKeyGenerator(v4("10.0.0.1:0"), 0x1234, 0xABCD).next(now).view());
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(first.substr(0, 20), "0A00000112340000ABCD");
  EXPECT_EQ(std::stoll(first.substr(20, 8), nullptr, 16), now - month_start_ms(now));
  EXPECT_EQ(UniqKeyGenerator(v4("[::1]:0"), 1, 1).next(now).view().size(), 56u);
}

TEST(UniqKey, months_turn) {
  EXPECT_EQ(month_start_ms(1700000000000), 1698796800000);       // 2023-11-01T00:00Z
  EXPECT_EQ(next_month_start_ms(1700000000000), 1701388800000);  // 2023-12-01T00:00Z
  EXPECT_EQ(next_month_start_ms(1701388800000), 1704067200000);  // 2024-01-01T00:00Z
  UniqKeyGenerator generator(v4("1.1.1.1:0"), 1, 1);
  EXPECT_EQ(generator.next(1701388799999).view().substr(20, 8), "9A7EC7FF");
  EXPECT_EQ(generator.next(1701388800001).view().substr(20, 8), "00000001");
}

TEST(Names, bad_names_are_refused_with_the_reason) {
  EXPECT_NE(check_topic_name("").error().text.find("found none"), std::string::npos);
  EXPECT_NE(check_topic_name("a/b").error().text.find("byte 47 at position 1"), std::string::npos);
  EXPECT_NE(check_group_name("../x").error().text.find("position 0"), std::string::npos);
  EXPECT_NE(check_topic_name(std::string(128, 'a')).error().text.find("at most 127"), std::string::npos);
  EXPECT_FALSE(check_group_name(std::string(121, 'a')));
  EXPECT_FALSE(check_topic_name("a+b"));
  EXPECT_FALSE(check_topic_name("a\0b"s));
  EXPECT_FALSE(is_topic_name("a b"));
  EXPECT_FALSE(is_group_name("g\n"));
  EXPECT_FALSE(is_topic_name("%RETRY%" + std::string(249, 'a')));
}

TEST(Names, good_names_pass) {
  EXPECT_TRUE(check_topic_name("Az09%-_|"));
  EXPECT_TRUE(check_topic_name(std::string(127, 'a')));
  EXPECT_TRUE(check_topic_name("%RETRY%" + std::string(248, 'a')));
  EXPECT_TRUE(check_topic_name("%RETRY%group+topic"));
  EXPECT_TRUE(check_group_name(std::string(120, 'a')));
  EXPECT_EQ(retry_topic("g"), "%RETRY%g");
  EXPECT_EQ(dead_letter_topic("g"), "%DLQ%g");
  EXPECT_EQ(group_of_retry_topic("%DLQ%g"), "g");
  EXPECT_EQ(group_of_retry_topic("%RETRY%g"), "g");
}

TEST(Names, ours_are_known) {
  EXPECT_TRUE(is_system_topic("TBW102"));
  EXPECT_TRUE(is_system_topic("rmq_sys_anything"));
  EXPECT_FALSE(is_system_topic("Orders"));
  EXPECT_TRUE(is_send_forbidden("SCHEDULE_TOPIC_XXXX"));
  EXPECT_TRUE(is_send_forbidden("rmq_sys_wheel_timer"));
  EXPECT_TRUE(is_send_forbidden("rmq_sys_REVIVE_LOG_DefaultCluster"));
  EXPECT_FALSE(is_send_forbidden("TBW102"));
  EXPECT_TRUE(is_system_group("CID_RMQ_SYS_TRANS"));
  EXPECT_FALSE(is_system_group("g"));
}

ByteBuffer element(std::int32_t size, std::int32_t body_size, std::int16_t properties_size, std::string_view body,
                   std::string_view properties) {
  ByteBuffer out;
  out.append_integer(size);
  out.append_integer(std::int64_t{0});
  out.append_integer(std::int32_t{7});
  out.append_integer(body_size);
  out.append(body);
  out.append_integer(properties_size);
  out.append(properties);
  return out;
}

TEST(Batch, lying_sizes_are_refused_whole) {
  std::vector<BatchElement> out;
  EXPECT_FALSE(decode_batch({}, out));
  EXPECT_FALSE(decode_batch(element(-1, 1, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(INT32_MAX, 1, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(21, 1, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(24, 1, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(23, -1, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(23, INT32_MAX, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(23, 2, 0, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(23, 1, 1, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(23, 1, -1, "b", "").view(), out));
  EXPECT_FALSE(decode_batch(element(25, 1, 1, "b", "pp").view(), out));
  EXPECT_FALSE(decode_batch(element(22, 0, 0, "", "").view(), out));
}

TEST(Batch, trailing_bytes_and_too_many_elements_are_refused) {
  ByteBuffer in = element(23, 1, 0, "b", "");
  in.append("x");
  std::vector<BatchElement> out;
  const Status status = decode_batch(in.view(), out);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text.find("element 1"), std::string::npos);
  in.truncate(23);
  in.append(element(23, 1, 0, "c", "").view());
  EXPECT_EQ(decode_batch(in.view(), out, 1).error().code, Errc::too_large);
  EXPECT_TRUE(decode_batch(in.view(), out, 2));
}

TEST(Batch, elements_round_trip) {
  ByteBuffer in;
  ASSERT_TRUE(append_batch_element(in, {.flag = 1,
                                        .body = as_bytes("one"),
                                        .properties = "A\x01"
                                                      "1\x02"}));
  ASSERT_TRUE(append_batch_element(in, {.flag = 2, .body = as_bytes("two"), .properties = ""}));
  std::vector<BatchElement> out;
  ASSERT_TRUE(decode_batch(in.view(), out));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].flag, 1);
  EXPECT_EQ(as_text(out[0].body), "one");
  EXPECT_EQ(out[0].properties,
            "A\x01"
            "1\x02");
  EXPECT_EQ(as_text(out[1].body), "two");
}

TEST(Batch, oversized_properties_are_refused) {
  ByteBuffer out;
  const std::string properties(32768, 'p');
  EXPECT_FALSE(append_batch_element(out, {.body = as_bytes("b"), .properties = properties}));
  EXPECT_TRUE(out.empty());
  EXPECT_FALSE(append_batch_element(out, {}));
}

TEST(Compression, bombs_damage_and_trailing_bytes_are_refused) {
  ByteBuffer packed;
  const std::string zeros(1 << 20, '\0');
  ASSERT_TRUE(zlib_deflate(as_bytes(zeros), 5, packed));
  ByteBuffer out;
  EXPECT_EQ(zlib_inflate(packed.view(), zeros.size() - 1, out).error().code, Errc::too_large);
  EXPECT_TRUE(out.empty());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, packed.size() / 2, packed.size() - 1}) {
    EXPECT_EQ(zlib_inflate(packed.view().first(size), 1 << 21, out).error().code, Errc::corrupt) << size;
  }
  packed.push_back('x');
  EXPECT_EQ(zlib_inflate(packed.view(), 1 << 21, out).error().code, Errc::corrupt);
  EXPECT_EQ(zlib_inflate(as_bytes("not zlib"), 1 << 21, out).error().code, Errc::corrupt);
}

TEST(Compression, round_trips_up_to_exactly_the_bound) {
  const std::string text(100000, 'r');
  ByteBuffer packed;
  ByteBuffer out;
  ASSERT_TRUE(zlib_deflate(as_bytes(text), 5, packed));
  ASSERT_TRUE(zlib_inflate(packed.view(), text.size(), out));
  EXPECT_EQ(out.text(), text);
}

}  // namespace
}  // namespace gantry::protocol
