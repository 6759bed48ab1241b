// Concern: headers of both encodings, as real clients and as hostile ones write them.
#include "protocol/header.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace gantry::protocol {
namespace {

using namespace std::string_literals;

Status decode_json(std::string_view text, HeaderView& out) {
  return decode_header(SerializeType::json, as_bytes(text), out);
}

void expect_refused(std::string_view text, std::string_view reason) {
  HeaderView header;
  const Status status = decode_json(text, header);
  ASSERT_FALSE(status) << text;
  EXPECT_NE(status.error().text.find(reason), std::string::npos) << status.error().text;
}

std::string text_of(const HeaderView& header, std::string_view key, Scratch& scratch) {
  std::string_view out;
  EXPECT_EQ(header.ext.get(key, scratch, out), FieldStatus::ok) << key;
  return std::string(out);
}

TEST(JsonHeader, syntax_errors_name_place_and_expectation) {
  expect_refused("", "expected '{' at position 0, found the end");
  expect_refused("[]", "'{'");
  expect_refused("{", "quoted key");
  expect_refused("{\"code\"", "':'");
  expect_refused("{\"code\":", "value");
  expect_refused("{\"code\":10", "',' or '}'");
  expect_refused("{\"code\":10,}", "quoted key");
  expect_refused("{\"code\":10}x", "nothing more at position 11");
  expect_refused("{\"code\":\"10", "closing quote");
  expect_refused("{\"code\":\"10\\", "closing quote");
  expect_refused("{code:10}", "quoted key");
  expect_refused("{\"code\":nul}", "value");
  expect_refused("{\"code\":-}", "value");
}

TEST(JsonHeader, code_is_required_and_numbers_have_32_bits) {
  expect_refused("{}", "\"code\"");
  expect_refused("{\"opaque\":1}", "\"code\"");
  expect_refused("{\"code\":2147483648}", "32-bit integer at position 8");
  expect_refused("{\"code\":1.5}", "32-bit integer");
  expect_refused("{\"code\":true}", "32-bit integer");
  expect_refused("{\"code\":1,\"opaque\":\"x\"}", "32-bit integer");
}

TEST(JsonHeader, nesting_is_bounded_and_brackets_must_match) {
  expect_refused("{\"x\":" + std::string(33, '[') + std::string(33, ']') + ",\"code\":1}", "nesting");
  expect_refused("{\"x\":[}],\"code\":1}", "value");
  expect_refused("{\"x\":" + std::string(100000, '['), "nesting");
  HeaderView header;
  EXPECT_TRUE(decode_json("{\"x\":" + std::string(32, '[') + std::string(32, ']') + ",\"code\":1}", header));
  EXPECT_TRUE(decode_json(R"({"x":{"a":[1,{"b":"}"}],"c":null},"code":1})", header));
}

TEST(JsonHeader, more_than_128_fields_are_refused) {
  const auto with_fields = [](int count) {
    std::string text = "{\"code\":1,\"extFields\":{\"k\":\"v\"";
    for (int i = 1; i < count; ++i) text += ",\"k" + std::to_string(i) + "\":\"v\"";
    return text + "}}";
  };
  HeaderView header;
  ASSERT_TRUE(decode_json(with_fields(128), header));
  EXPECT_EQ(header.ext.size(), 128u);
  expect_refused(with_fields(129), "128");
}

TEST(JsonHeader, reads_what_java_sends) {
  HeaderView header;
  ASSERT_TRUE(decode_json(R"({"code":310,"extFields":{"a":"pg","b":"T"},"flag":0,"language":"JAVA","opaque":-7,)"
                          R"("serializeTypeCurrentRPC":"JSON","version":479,"remark":"say \"hi\""})",
                          header));
  EXPECT_EQ(header.code, 310);
  EXPECT_EQ(header.opaque, -7);
  EXPECT_EQ(header.version, 479);
  EXPECT_EQ(header.language, Language::java);
  EXPECT_FALSE(header.is_response());
  Scratch scratch;
  EXPECT_EQ(header.remark_text(scratch), "say \"hi\"");
  EXPECT_EQ(text_of(header, "b", scratch), "T");
  EXPECT_EQ(header.ext.find("c"), nullptr);
}

TEST(JsonHeader, coerces_numbers_switches_and_null_like_java) {
  HeaderView header;
  ASSERT_TRUE(decode_json(
      R"({"extFields":{"queueId":3,"unitMode":false,"batch":true,"d":1.5,"n":null,"s":"-9","o":{"a":[1]}},"code":"10"})",
      header));
  EXPECT_EQ(header.code, 10);
  Scratch scratch;
  EXPECT_EQ(text_of(header, "queueId", scratch), "3");
  EXPECT_EQ(text_of(header, "unitMode", scratch), "false");
  EXPECT_EQ(text_of(header, "d", scratch), "1.5");
  EXPECT_EQ(text_of(header, "o", scratch), R"({"a":[1]})");
  std::int32_t i = 0;
  std::int64_t l = 0;
  bool b = false;
  std::string_view t;
  EXPECT_EQ(header.ext.get("queueId", i), FieldStatus::ok);
  EXPECT_EQ(i, 3);
  EXPECT_EQ(header.ext.get("s", l), FieldStatus::ok);
  EXPECT_EQ(l, -9);
  EXPECT_EQ(header.ext.get("batch", b), FieldStatus::ok);
  EXPECT_TRUE(b);
  EXPECT_EQ(header.ext.get("d", i), FieldStatus::invalid);
  EXPECT_EQ(header.ext.get("n", i), FieldStatus::missing);
  EXPECT_EQ(header.ext.get("n", scratch, t), FieldStatus::missing);
  EXPECT_EQ(header.ext.get("x", i), FieldStatus::missing);
}

TEST(JsonHeader, last_of_equal_keys_counts) {
  HeaderView header;
  ASSERT_TRUE(decode_json(R"({"code":1,"extFields":{"a":"1","a":"2"}})", header));
  Scratch scratch;
  EXPECT_EQ(text_of(header, "a", scratch), "2");
}

TEST(JsonHeader, raw_and_escaped_control_characters_read_alike) {
  Scratch scratch;
  HeaderView header;
  ASSERT_TRUE(
      decode_json("{\"code\":1,\"extFields\":{\"i\":\"TAGS\x01"
                  "A\x02"
                  "K\x01v\x02\"}}",
                  header));
  EXPECT_EQ(text_of(header, "i", scratch),
            "TAGS\x01"
            "A\x02"
            "K\x01v\x02");
  ASSERT_TRUE(decode_json("{\"code\":1,\"extFields\":{\"i\":\"TAGS\\u0001A\\u0002K\\u0001v\\u0002\"}}", header));
  EXPECT_EQ(text_of(header, "i", scratch),
            "TAGS\x01"
            "A\x02"
            "K\x01v\x02");
}

TEST(JsonHeader, invalid_utf8_passes_as_it_is) {
  HeaderView header;
  ASSERT_TRUE(decode_json("{\"code\":1,\"extFields\":{\"b\":\"\xFF\xC0z\"}}", header));
  Scratch scratch;
  EXPECT_EQ(text_of(header, "b", scratch), "\xFF\xC0z");
}

TEST(JsonHeader, language_reads_by_name_or_ordinal_and_unknown_is_other) {
  HeaderView header;
  ASSERT_TRUE(decode_json(R"({"code":1,"language":"GO"})", header));
  EXPECT_EQ(header.language, Language::go);
  ASSERT_TRUE(decode_json(R"({"code":1,"language":12})", header));
  EXPECT_EQ(header.language, Language::rust);
  ASSERT_TRUE(decode_json(R"({"code":1,"language":"KLINGON"})", header));
  EXPECT_EQ(header.language, Language::other);
  ASSERT_TRUE(decode_json(R"({"code":1,"language":99,"extFields":null})", header));
  EXPECT_EQ(header.language, Language::other);
}

TEST(JsonHeader, decoding_again_forgets_the_former_header) {
  HeaderView header;
  ASSERT_TRUE(decode_json(R"({"code":1,"flag":3,"remark":"r","opaque":5,"extFields":{"a":"1"}})", header));
  EXPECT_TRUE(header.is_response());
  EXPECT_TRUE(header.is_oneway());
  ASSERT_TRUE(decode_json(R"({"code":2})", header));
  EXPECT_EQ(header.flag, 0);
  EXPECT_EQ(header.opaque, 0);
  EXPECT_TRUE(header.remark.empty());
  EXPECT_TRUE(header.ext.empty());
}

TEST(JsonHeader, truncated_anywhere_is_refused_not_read_beyond) {
  const std::string whole = R"({"code":1,"extFields":{"a":"x\u0001y","b":12},"language":"JAVA","x":[{"y":"z"}]})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);  // Its own allocation, so that sanitizers see an overrun.
    HeaderView header;
    EXPECT_FALSE(decode_json(cut, header)) << cut;
  }
}

TEST(JsonHeader, damaged_bytes_never_break_it) {
  const std::string whole = R"({"code":1,"extFields":{"a":"x\u0001y","b":12},"language":"JAVA","x":[{"y":"z"}]})";
  std::mt19937 random(20261121);
  HeaderView header;
  Scratch scratch;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (!decode_json(damaged, header)) continue;
    for (const ExtField& field : header.ext) {
      std::string_view out;
      EXPECT_TRUE(field.text(scratch, out));
    }
    scratch.reset();
  }
}

std::string unescaped(std::string_view raw) {
  std::string out(raw.size(), '?');
  out.resize(unescape_json(raw, out.data()));
  return out;
}

TEST(Unescape, resolves_every_json_escape) {
  EXPECT_EQ(unescaped(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"(\u0041\u00e9\u4e2d\uD83D\uDE00)"), "A\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80");
  EXPECT_EQ(unescaped(R"(a long plain text without any escape at all)"), "a long plain text without any escape at all");
  EXPECT_EQ(unescaped("0123456789abcde\\u0001\x02tail"), "0123456789abcde\x01\x02tail");
}

TEST(Unescape, sloppy_escapes_do_not_fail) {
  EXPECT_EQ(unescaped(R"(\uD83Dx)"), "\xEF\xBF\xBDx");
  EXPECT_EQ(unescaped(R"(\uDE00)"), "\xEF\xBF\xBD");
  EXPECT_EQ(unescaped(R"(\uD83D\u0041)"),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(unescaped(R"(\u12)"), "u12");
  EXPECT_EQ(unescaped(R"(\uzzzz)"), "uzzzz");
  EXPECT_EQ(unescaped(R"(\q)"), "q");
  EXPECT_EQ(unescaped("\\"), "\\");
}

TEST(Scratch, full_scratch_is_said_not_hidden) {
  HeaderView header;
  ASSERT_TRUE(decode_json(R"({"code":1,"extFields":{"a":"x\u0001y"}})", header));
  Scratch tiny(0);
  std::string_view out;
  EXPECT_EQ(header.ext.get("a", tiny, out), FieldStatus::too_large);
}

TEST(Scratch, what_was_handed_out_stays_until_reset) {
  Scratch scratch;
  char* first = scratch.allocate(10);
  std::fill_n(first, 10, 'a');
  char* large = scratch.allocate(3 * Scratch::block_size);
  std::fill_n(large, 3 * Scratch::block_size, 'b');
  for (int i = 0; i < 100; ++i) std::fill_n(scratch.allocate(5000), 5000, 'c');
  EXPECT_EQ(std::string(first, 10), "aaaaaaaaaa");
  EXPECT_EQ(large[3 * Scratch::block_size - 1], 'b');
  scratch.reset();
  EXPECT_EQ(scratch.allocate(10), first);
}

TEST(Scratch, bound_holds_also_when_the_first_text_is_large) {
  Scratch scratch(2 * Scratch::block_size);
  EXPECT_EQ(scratch.allocate(2 * Scratch::block_size), nullptr);
  EXPECT_NE(scratch.allocate(10), nullptr);
}

ByteBuffer binary(std::string_view remark, std::string_view fields) {
  ByteBuffer out;
  out.append_integer(std::int16_t{310});
  out.append_integer(std::uint8_t{9});
  out.append_integer(std::int16_t{479});
  out.append_integer(std::int32_t{-5});
  out.append_integer(std::int32_t{2});
  out.append_integer(static_cast<std::int32_t>(remark.size()));
  out.append(remark);
  out.append_integer(static_cast<std::int32_t>(fields.size()));
  out.append(fields);
  return out;
}

TEST(BinaryHeader, reads_fields_and_empty_value_is_null) {
  HeaderView header;
  const ByteBuffer in = binary("why", "\0\1a\0\0\0\2pg\0\1i\0\0\0\0"s);
  ASSERT_TRUE(decode_header(SerializeType::rocketmq, in.view(), header));
  EXPECT_EQ(header.code, 310);
  EXPECT_EQ(header.language, Language::go);
  EXPECT_EQ(header.version, 479);
  EXPECT_EQ(header.opaque, -5);
  EXPECT_TRUE(header.is_oneway());
  EXPECT_EQ(header.remark, "why");
  Scratch scratch;
  EXPECT_EQ(text_of(header, "a", scratch), "pg");
  std::string_view out;
  EXPECT_EQ(header.ext.get("i", scratch, out), FieldStatus::missing);
}

TEST(BinaryHeader, truncated_anywhere_is_refused) {
  const ByteBuffer in = binary("why", "\0\1a\0\0\0\2pg"s);
  for (std::size_t size = 0; size < in.size(); ++size) {
    HeaderView header;
    const std::string cut(in.text().substr(0, size));
    EXPECT_FALSE(decode_header(SerializeType::rocketmq, as_bytes(cut), header)) << size;
  }
}

TEST(BinaryHeader, lying_sizes_are_refused) {
  for (const std::string& fields : {"\xFF\xFF"
                                    "a\0\0\0\1x"s,
                                    "\0\1a\xFF\xFF\xFF\xFFx"s, "\0\1a\0\0\0\2x"s, "\0\5a\0\0\0\1x"s, "\0"s}) {
    HeaderView header;
    EXPECT_FALSE(decode_header(SerializeType::rocketmq, binary("", fields).view(), header));
  }
}

}  // namespace
}  // namespace gantry::protocol
