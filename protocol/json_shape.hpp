#pragma once
// One declaration per JSON body, read and written by two visitors. For this room's .cpp files only: it brings
// Boost.JSON.
//
//   template <>
//   struct Shape<DataVersion> {
//     template <class V, class D>                 // D is DataVersion, or const DataVersion when writing
//     static void visit(V& v, D& d) {
//       v.member("counter", d.counter);           // in alphabetical order, as fastjson writes
//       ...
//
// GANTRY_JSON_BODY(DataVersion) then defines decode_body<DataVersion> and encode_body<DataVersion>.

#include "protocol/codes.hpp"
#include "protocol/json_body.hpp"
#include "protocol/json_text.hpp"
#include "protocol/message_queue.hpp"

#include <boost/json.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gantry::protocol::detail {

template <typename T>
struct Shape;

/// `names[ordinal]`; with `fallback`, a name or ordinal that is none of them reads as that value instead of failing.
template <typename E>
struct EnumShape;

template <>
struct EnumShape<Language> {
  static constexpr std::array<std::string_view, 14> names = {"JAVA",   "CPP",  "DOTNET", "PYTHON", "DELPHI",
                                                             "ERLANG", "RUBY", "OTHER",  "HTTP",   "GO",
                                                             "PHP",    "OMS",  "RUST",   "NODE_JS"};
  static constexpr std::optional<Language> fallback = Language::other;
};

template <>
struct Shape<MessageQueue> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("brokerName", d.broker_name);
    v.member("queueId", d.queue_id);
    v.member("topic", d.topic);
  }
};

/// What all nodes of one document share. The first error counts.
struct JsonDocument {
  const boost::json::value* root = nullptr;
  std::optional<Error> error;
  std::size_t reads_left = 8'000'000;  ///< pointers can make a small document large: this bounds the work
};

/// A place in a document, or no place (absent and null alike), from which values are read into structs.
class JsonReader {
 public:
  JsonReader(JsonDocument& document, const boost::json::value* value, const JsonReader* parent = nullptr,
             std::string_view key = {})
      : document_(document), value_(value), parent_(parent), key_(key) {
    follow_pointers();
    if (value_ != nullptr && value_->is_null()) value_ = nullptr;
  }

  /// Reads member `key` into `out`, which keeps its value when there is none.
  template <typename T>
  void member(std::string_view key, T& out) {
    const boost::json::object* object = value_ == nullptr ? nullptr : value_->if_object();
    const boost::json::value* found = object == nullptr ? nullptr : object->if_contains({key.data(), key.size()});
    if (found == nullptr) return;
    JsonReader(document_, found, this, key).read(out);
  }
  template <typename T>
  void member_unless_empty(std::string_view key, T& out) {
    member(key, out);
  }
  void wire_constant(std::string_view, std::string_view) {}

  template <typename T>
  void read(T& out) {
    if (value_ == nullptr || document_.error) return;
    if (document_.reads_left == 0) return fail("a document without pointers that multiply it");
    --document_.reads_left;
    read_present(out);
  }

  [[nodiscard]] const boost::json::value* value() const noexcept { return value_; }
  [[nodiscard]] JsonDocument& document() noexcept { return document_; }

  void fail(std::string_view expected) {
    if (document_.error) return;
    std::string found = value_ == nullptr ? "nothing" : boost::json::serialize(*value_).substr(0, 64);
    document_.error = Error{Errc::invalid_argument,
                            "reading JSON: expected " + std::string(expected) + " at " + path() + ", found " + found};
  }

 private:
  [[nodiscard]] std::string path() const {
    if (parent_ == nullptr) return "$";
    return parent_->path() + "." + std::string(key_.substr(0, 128));
  }

  void follow_pointers();

  template <typename T>
  void read_present(T& out) {
    if constexpr (std::is_enum_v<T>) {
      read_enum(out);
    } else {
      if (!value_->is_object()) return fail("an object");
      Shape<T>::visit(*this, out);
    }
  }

  void read_present(std::string& out) {
    if (const auto* text = value_->if_string()) {
      out.assign(text->data(), text->size());
    } else {
      out = boost::json::serialize(*value_);  // As fastjson: numbers and switches become their text.
    }
  }

  void read_present(bool& out) {
    if (const auto* flag = value_->if_bool()) {
      out = *flag;
    } else if (const auto* number = value_->if_int64()) {
      out = *number != 0;
    } else if (const auto* text = value_->if_string()) {
      out = *text == "true" || *text == "TRUE" || *text == "True" || *text == "1";
    } else {
      fail("true or false");
    }
  }

  [[nodiscard]] std::optional<std::int64_t> integer() const {
    if (const auto* number = value_->if_int64()) return *number;
    if (const auto* number = value_->if_double()) {
      constexpr double exact_max = 9007199254740992.0;  // 2^53: above it a double is not that number any more
      if (std::trunc(*number) == *number && std::abs(*number) <= exact_max) return static_cast<std::int64_t>(*number);
    }
    if (const auto* text = value_->if_string()) {
      std::int64_t number = 0;
      const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
      if (failure == std::errc() && end == text->data() + text->size() && !text->empty()) return number;
    }
    return std::nullopt;
  }

  void read_present(std::int64_t& out) {
    if (value_->is_string() && value_->get_string().empty()) return;
    const auto number = integer();
    if (!number) return fail("a 64-bit integer");
    out = *number;
  }

  void read_present(std::int32_t& out) {
    if (value_->is_string() && value_->get_string().empty()) return;
    const auto number = integer();
    if (!number || *number != static_cast<std::int32_t>(*number)) return fail("a 32-bit integer");
    out = static_cast<std::int32_t>(*number);
  }

  void read_present(double& out) {
    if (const auto* number = value_->if_double()) {
      out = *number;
    } else if (const auto whole = integer()) {
      out = static_cast<double>(*whole);
    } else if (const auto* text = value_->if_string()) {
      const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), out);
      if (failure != std::errc() || end != text->data() + text->size()) fail("a number");
    } else {
      fail("a number");
    }
  }

  template <typename E>
  void read_enum(E& out) {
    constexpr auto& names = EnumShape<E>::names;
    if (const auto* text = value_->if_string()) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == std::string_view(text->data(), text->size())) {
          out = static_cast<E>(i);
          return;
        }
      }
    }
    if (const auto ordinal = integer();
        ordinal && *ordinal >= 0 && *ordinal < static_cast<std::int64_t>(names.size())) {
      out = static_cast<E>(*ordinal);
      return;
    }
    if (EnumShape<E>::fallback) {
      out = *EnumShape<E>::fallback;
      return;
    }
    fail("one of " + std::string(names.front()) + " to " + std::string(names.back()));
  }

  template <typename T>
  void read_present(std::optional<T>& out) {
    T value{};
    read_present(value);
    out = std::move(value);
  }

  template <typename T>
  void read_present(std::vector<T>& out) {
    out.clear();
    each_element([&](JsonReader& element) {
      if (element.value_ == nullptr) return;
      T value{};
      element.read(value);
      out.push_back(std::move(value));
    });
  }

  void read_present(std::set<std::string>& out) {
    out.clear();
    each_element([&](JsonReader& element) {
      std::string value;
      element.read(value);
      out.insert(std::move(value));
    });
  }

  template <typename Function>
  void each_element(Function&& function) {
    const auto* array = value_->if_array();
    if (array == nullptr) return fail("an array");
    for (const auto& element : *array) {
      if (document_.error) return;
      JsonReader reader(document_, &element, this, "[]");
      function(reader);
    }
  }

  template <typename K, typename T>
  void read_present(std::map<K, T>& out) {
    out.clear();
    const auto* object = value_->if_object();
    if (object == nullptr) {
      if constexpr (std::same_as<K, MessageQueue>) return read_queue_list(out);
      return fail("an object");
    }
    for (const auto& entry : *object) {
      if (document_.error) return;
      const std::string_view text(entry.key().data(), entry.key().size());
      JsonReader reader(document_, &entry.value(), this, text);
      K key{};
      if (!read_key(reader, text, key)) return;
      T value{};
      reader.read(value);
      out[std::move(key)] = std::move(value);
    }
  }

  static bool read_key(JsonReader&, std::string_view text, std::string& out) {
    out = text;
    return true;
  }

  template <std::integral K>
  static bool read_key(JsonReader& at, std::string_view text, K& out) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (failure == std::errc() && end == text.data() + text.size() && !text.empty()) return true;
    at.fail("an integer as key");
    return false;
  }

  static bool read_key(JsonReader& at, std::string_view text, MessageQueue& out);

  /// [[queue, value], ...] as Go writes, or [{queue's members and "offset"}, ...] as C++ reads.
  template <typename T>
  void read_queue_list(std::map<MessageQueue, T>& out) {
    each_element([&](JsonReader& element) {
      MessageQueue queue;
      T value{};
      const auto* pair = element.value_ == nullptr ? nullptr : element.value_->if_array();
      if (pair != nullptr && pair->size() == 2) {
        JsonReader(document_, &(*pair)[0], &element, "[0]").read(queue);
        JsonReader(document_, &(*pair)[1], &element, "[1]").read(value);
      } else {
        element.read(queue);
        if constexpr (std::integral<T>) element.member("offset", value);
      }
      out[std::move(queue)] = std::move(value);
    });
  }

  JsonDocument& document_;
  const boost::json::value* value_;
  const JsonReader* parent_;
  std::string_view key_;
};

/// Writes structs as JSON text.
class JsonWriter {
 public:
  JsonWriter(std::string& out, JsonStyle style) : out_(out), style_(style) {}

  template <typename T>
  void member(std::string_view key, const T& value) {
    if constexpr (requires { value.has_value(); }) {
      if (value) member(key, *value);
    } else {
      begin_member();
      append_json_text(out_, key);
      out_.push_back(':');
      write(value);
    }
  }
  template <typename T>
  void member_unless_empty(std::string_view key, const T& value) {
    if (!value.empty()) member(key, value);
  }
  /// A member that peers expect and that never varies. Files do not have it.
  void wire_constant(std::string_view key, std::string_view json) {
    if (style_ == JsonStyle::file) return;
    begin_member();
    append_json_text(out_, key);
    out_.push_back(':');
    out_ += json;
  }

  template <typename T>
  void write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      append_json_text(out_, EnumShape<T>::names[static_cast<std::size_t>(value)]);
    } else {
      open('{');
      Shape<T>::visit(*this, value);
      close('}');
    }
  }
  void write(const std::string& value) { append_json_text(out_, value); }
  void write(bool value) { out_ += value ? "true" : "false"; }
  void write(std::int32_t value) { out_ += std::to_string(value); }
  void write(std::int64_t value) { out_ += std::to_string(value); }
  void write(double value) { append_json_double(out_, value); }

  template <typename T>
  void write(const std::vector<T>& values) {
    write_elements(values);
  }
  void write(const std::set<std::string>& values) { write_elements(values); }

  template <typename K, typename T>
  void write(const std::map<K, T>& values) {
    open('{');
    for (const auto& [key, value] : values) {
      begin_member();
      write_key(key);
      out_.push_back(':');
      write(value);
    }
    close('}');
  }

 private:
  template <typename Range>
  void write_elements(const Range& values) {
    open('[');
    for (const auto& value : values) {
      begin_member();
      write(value);
    }
    close(']');
  }

  void write_key(const std::string& key) { append_json_text(out_, key); }
  void write_key(std::int64_t key) {
    const bool quoted = style_ == JsonStyle::wire;
    if (quoted) out_.push_back('"');
    out_ += std::to_string(key);
    if (quoted) out_.push_back('"');
  }
  void write_key(
      const MessageQueue& key) {  // The object itself, in one line: fastjson's form, which Go cuts textually.
    JsonWriter line(out_, JsonStyle::wire);
    line.write(key);
  }

  void open(char bracket) {
    out_.push_back(bracket);
    ++depth_;
    is_empty_ = true;
  }
  void begin_member() {
    if (!is_empty_) out_.push_back(',');
    is_empty_ = false;
    new_line();
  }
  void close(char bracket) {
    --depth_;
    if (!is_empty_) new_line();
    is_empty_ = false;
    out_.push_back(bracket);
  }
  void new_line() {
    if (style_ == JsonStyle::wire) return;
    out_.push_back('\n');
    out_.append(depth_, '\t');
  }

  std::string& out_;
  JsonStyle style_;
  std::size_t depth_ = 0;
  bool is_empty_ = true;
};

/// Parses strict JSON, whose exceptions stop here.
Result<boost::json::value> parse_json(std::string_view strict);

template <typename Body>
Result<Body> decode_shape(std::string_view json) {
  GANTRY_ASSIGN(const std::string strict, normalise_fastjson(json));
  GANTRY_ASSIGN(const boost::json::value root, parse_json(strict));
  JsonDocument document;
  document.root = &root;
  Body body;
  JsonReader(document, &root).read(body);
  if (document.error) return *std::move(document.error);
  return body;
}

template <typename Body>
std::string encode_shape(const Body& body, JsonStyle style) {
  std::string out;
  JsonWriter(out, style).write(body);
  return out;
}

}  // namespace gantry::protocol::detail

#define GANTRY_JSON_DECODE(Body)                    \
  template <>                                       \
  Result<Body> decode_body(std::string_view json) { \
    return detail::decode_shape<Body>(json);        \
  }
#define GANTRY_JSON_ENCODE(Body)                               \
  template <>                                                  \
  std::string encode_body(const Body& body, JsonStyle style) { \
    return detail::encode_shape(body, style);                  \
  }
#define GANTRY_JSON_BODY(Body) \
  GANTRY_JSON_DECODE(Body)     \
  GANTRY_JSON_ENCODE(Body)
