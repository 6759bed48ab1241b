#include "plugins/delay/delay_offsets.hpp"

#include "plugins/delay/wish.hpp"

namespace gantry::delay {
namespace {

/// As much of JSON as the file needs: objects, numbers, text without escapes.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  bool take(char wanted) noexcept {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// A name, with quotes or without, or a number.
  std::string_view word() noexcept {
    skip_blanks();
    const bool quoted = take('"');
    const std::size_t end = quoted ? rest_.find('"') : rest_.find_first_of(" \t\r\n:,{}\"");
    const std::string_view word = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + (quoted ? 1 : 0));
    return word;
  }
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

 private:
  void skip_blanks() noexcept {
    const std::size_t begin = rest_.find_first_not_of(" \t\r\n");
    rest_ = begin == std::string_view::npos ? std::string_view() : rest_.substr(begin);
  }
  std::string_view rest_;
};

/// The numbers of an object by name; objects in it are passed over, as far as they hold numbers and text.
template <typename Each>
bool read_object(Reader& reader, Each&& each, int depth = 0) {
  if (depth > 4 || !reader.take('{')) return false;
  if (reader.take('}')) return true;
  do {
    const std::string_view name = reader.word();
    if (!reader.take(':') || !each(reader, name)) return false;
  } while (reader.take(','));
  return reader.take('}');
}

bool skip_value(Reader& reader, int depth) {
  Reader ahead = reader;
  if (!ahead.take('{')) {
    reader.word();
    return true;
  }
  return read_object(
      reader, [depth](Reader& inner, std::string_view) { return skip_value(inner, depth + 1); }, depth);
}

}  // namespace

std::string encode_delay_offsets(const DelayOffsets& offsets, std::int64_t now_ms) {
  std::string json = "{\n\t\"dataVersion\":{\n\t\t\"counter\":" + std::to_string(offsets.counter) +
                     ",\n\t\t\"stateVersion\":0,\n\t\t\"timestamp\":" + std::to_string(now_ms) +
                     "\n\t},\n\t\"offsetTable\":{";
  const char* separator = "";
  for (const auto& [level, offset] : offsets.levels) {
    json += separator + std::to_string(level) + ":" + std::to_string(offset);
    separator = ",";
  }
  return json + "\n\t}\n}";
}

Result<DelayOffsets> decode_delay_offsets(std::string_view json) {
  DelayOffsets offsets;
  Reader reader(json);
  const bool whole = read_object(reader, [&](Reader& outer, std::string_view name) {
    if (name == "offsetTable") {
      return read_object(outer, [&](Reader& table, std::string_view level_text) {
        const auto level = read_number(level_text);
        const auto offset = read_number(table.word());
        if (!level || !offset || *level < 1 || *level > INT32_MAX || *offset < 0) return false;
        offsets.levels[static_cast<std::int32_t>(*level)] = *offset;
        return true;
      });
    }
    if (name == "dataVersion") {
      return read_object(outer, [&](Reader& version, std::string_view member) {
        const auto number = read_number(version.word());
        if (number && member == "counter") offsets.counter = *number;
        return number.has_value();
      });
    }
    return skip_value(outer, 1);
  });
  if (!whole) {
    return Error{Errc::corrupt,
                 "delayOffset.json: expected {\"offsetTable\":{level:offset,...}}, found something else " +
                     std::to_string(reader.left()) + " bytes before its end"};
  }
  return offsets;
}

}  // namespace gantry::delay
