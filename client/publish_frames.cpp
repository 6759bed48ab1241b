#include "client/publish_frames.hpp"

#include "protocol/bytes.hpp"
#include "protocol/codes.hpp"

#include <charconv>
#include <cstring>
#include <string_view>

namespace gantry::client {
namespace {

constexpr std::size_t opaque_digits = 10;
constexpr std::uint32_t first_json_opaque = 1'000'000'000;  // all opaques have ten digits, so frames keep their size
constexpr std::size_t number_digits = 12;                   // hexadecimal, of a message in its keys
constexpr std::size_t queue_digits_max = 5;
// The Java client's unique key: address, process, class loader and time make 20 digits, a counter the rest.
constexpr std::string_view blank_unique_key = "7F0000010000000000000000000000AA";
constexpr std::string_view blank_key = "order-000000000000";
constexpr std::uint32_t binary_mark = 0x01000000;

void put_be16(std::string& out, std::uint16_t value) {
  std::byte bytes[2];
  protocol::store_big_endian(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

void put_be32(std::string& out, std::uint32_t value) {
  std::byte bytes[4];
  protocol::store_big_endian(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

void patch_be32(char* at, std::uint32_t value) { protocol::store_big_endian(reinterpret_cast<std::byte*>(at), value); }

void patch_decimal(char* at, std::size_t digits, std::uint64_t value) {
  for (; digits > 0; value /= 10) at[--digits] = static_cast<char>('0' + value % 10);
}

void patch_hex(char* at, std::uint64_t value) {
  constexpr char hex[] = "0123456789ABCDEF";
  for (std::size_t i = number_digits; i > 0; value >>= 4) at[--i] = hex[value & 15];
}

std::size_t digits_of(std::int32_t queue) {
  std::size_t digits = 1;
  for (; queue >= 10; queue /= 10) ++digits;
  return digits;
}

/// The lengths in front of a frame whose header and body are behind them.
void close_frame(std::string& frame, std::size_t header_bytes, std::uint32_t mark) {
  patch_be32(frame.data(), static_cast<std::uint32_t>(frame.size() - 4));
  patch_be32(frame.data() + 4, static_cast<std::uint32_t>(header_bytes) | mark);
}

}  // namespace

PublishFrames::PublishFrames(const LoadSpread& spread, const Options& options) : spread_(spread), options_(options) {
  for (std::size_t digits = 1; digits <= queue_digits_max; ++digits) {
    by_queue_digits_.push_back(options.binary_header ? binary_template(digits) : json_template(digits));
  }
}

std::string PublishFrames::blank_topic() const {
  return spread_.topic_count == 1 ? spread_.topic : spread_.topic + "-" + std::string(LoadSpread::number_digits, '0');
}

/// The properties, with `between` names and values and `behind` each of them; places are told from their beginning.
std::string PublishFrames::blank_properties(std::string_view between, std::string_view behind, Template& at) const {
  std::string text = "UNIQ_KEY";
  text += between;
  text += blank_unique_key;
  at.unique_at = text.size() - number_digits;
  text += behind;
  if (options_.key_count > 0) {
    text += "KEYS";
    text += between;
    for (std::uint32_t i = 0; i < options_.key_count; ++i) {
      if (i > 0) text += " ";
      // Of one message all keys differ, of different messages, too: "order-...", "a-order-...", "b-order-..." and so
      // on.
      if (i > 0) text += std::string(1, static_cast<char>('a' + (i - 1) % 26)) + "-";
      text += blank_key;
      at.keys_at.push_back(text.size() - number_digits);
    }
    text += behind;
  }
  const auto add = [&](std::string_view name, std::string_view value) {
    text += name;
    text += between;
    text += value;
    text += behind;
  };
  add("WAIT", "true");
  if (options_.tags) add("TAGS", "TagA");
  return text;
}

PublishFrames::Template PublishFrames::json_template(std::size_t queue_digits) const {
  Template made;
  std::string& frame = made.bytes;
  frame.assign(8, '\0');
  frame += R"({"code":310,"extFields":{"a":"bench_producer","b":")" + blank_topic();
  if (spread_.topic_count > 1) made.topic_number_at = frame.size() - LoadSpread::number_digits;
  frame += R"(","c":"TBW102","d":"4","e":")";
  made.queue_at = frame.size();
  frame += std::string(queue_digits, '0') + R"(","f":"0","g":"1700000000000","h":"0","i":")";
  const std::size_t properties_at = frame.size();
  frame += blank_properties(R"(\u0001)", R"(\u0002)", made);
  made.unique_at += properties_at;
  for (std::size_t& key_at : made.keys_at) key_at += properties_at;
  frame += R"(","j":"0","k":"false","m":"false","n":"broker-a"},"flag":0,"language":"JAVA","opaque":)";
  made.opaque_at = frame.size();
  frame += std::to_string(first_json_opaque) + R"(,"serializeTypeCurrentRPC":"JSON","version":479})";
  made.body_at = frame.size();
  frame.append(options_.body_bytes, 'x');
  close_frame(frame, made.body_at - 8, 0);
  return made;
}

PublishFrames::Template PublishFrames::binary_template(std::size_t queue_digits) const {
  Template made;
  std::string& frame = made.bytes;
  frame.assign(8, '\0');
  put_be16(frame, static_cast<std::uint16_t>(protocol::RequestCode::send_message_v2));
  frame.push_back('\0');  // JAVA
  put_be16(frame, 479);
  made.opaque_at = frame.size();
  put_be32(frame, 0);
  put_be32(frame, 0);  // flag
  put_be32(frame, 0);  // no remark
  const std::size_t fields_size_at = frame.size();
  put_be32(frame, 0);
  const std::size_t fields_at = frame.size();
  const auto field = [&frame](std::string_view name, std::string_view value) {
    put_be16(frame, static_cast<std::uint16_t>(name.size()));
    frame += name;
    put_be32(frame, static_cast<std::uint32_t>(value.size()));
    frame += value;
    return frame.size() - value.size();
  };
  field("a", "bench_producer");
  const std::size_t topic_at = field("b", blank_topic());
  if (spread_.topic_count > 1) made.topic_number_at = topic_at + spread_.topic.size() + 1;
  field("c", "TBW102");
  field("d", "4");
  made.queue_at = field("e", std::string(queue_digits, '0'));
  field("f", "0");
  field("g", "1700000000000");
  field("h", "0");
  const std::size_t properties_at = field("i", blank_properties("\x01", "\x02", made));
  made.unique_at += properties_at;
  for (std::size_t& key_at : made.keys_at) key_at += properties_at;
  field("j", "0");
  field("k", "false");
  field("m", "false");
  field("n", "broker-a");
  patch_be32(frame.data() + fields_size_at, static_cast<std::uint32_t>(frame.size() - fields_at));
  made.body_at = frame.size();
  frame.append(options_.body_bytes, 'x');
  close_frame(frame, made.body_at - 8, binary_mark);
  return made;
}

void PublishFrames::append(std::string& out, const LoadStamp& stamp, std::uint32_t opaque) const {
  const std::uint64_t place = spread_.place_of(stamp.number);
  const std::int32_t queue = spread_.queue_of(place);
  const std::size_t queue_digits = digits_of(queue);
  const Template& from = by_queue_digits_[queue_digits - 1];
  const std::size_t begin = out.size();
  out += from.bytes;
  char* frame = out.data() + begin;
  if (options_.binary_header) {
    patch_be32(frame + from.opaque_at, opaque % 1'000'000'000);
  } else {
    patch_decimal(frame + from.opaque_at, opaque_digits, first_json_opaque + opaque % 1'000'000'000);
  }
  if (from.topic_number_at != 0) {
    patch_decimal(frame + from.topic_number_at, LoadSpread::number_digits, spread_.topic_of(place));
  }
  patch_decimal(frame + from.queue_at, queue_digits, static_cast<std::uint64_t>(queue));
  patch_hex(frame + from.unique_at, stamp.number);
  for (const std::size_t key_at : from.keys_at) patch_hex(frame + key_at, stamp.number);
  if (options_.body_bytes >= LoadStamp::size) stamp.write(frame + from.body_at);
}

}  // namespace gantry::client
