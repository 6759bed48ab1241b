#pragma once
// One declaration per option; parsing, checks, documentation and samples are generated from it, for the kernel's
// options and for those of plugins alike (which arrive as plain data once a plugin's file was read).

#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gantry::config {

enum class OptionType : std::uint8_t {
  boolean,
  integer,
  real,
  text,
  choice,        ///< one of `choices`
  duration,      ///< "200ms", "5s", "1h30m"; a value is milliseconds
  bytes,         ///< "4KiB", "64MiB"; a value is bytes
  address,       ///< "host:port", "[::1]:port"; may be empty when the fallback is
  text_list,     ///< ["a", "b"]
  address_list,  ///< list of addresses
  cidr_list,     ///< list of address ranges, see gantry::CidrSet
};
/// How the type is called in documents and errors: "duration (such as \"5s\")".
std::string_view describe(OptionType type) noexcept;

/// A validated value. Integers, durations (ms) and sizes (bytes) are int64; text, choice and address are strings.
using OptionValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct OptionSpec {
  std::string key = {};  ///< within its section: "flush_interval"
  OptionType type = OptionType::text;
  std::string fallback = {};  ///< the default as TOML without quotes: "500ms", "1GiB", "true"; lists as "a, b"
  std::int64_t minimum = 0;   ///< bounds of integer, duration (ms), bytes, and of the number of a list's entries;
  std::int64_t maximum = 0;   ///< both 0 = unbounded
  std::vector<std::string> choices = {};
  bool live = false;          ///< takes effect by reload; otherwise by restart
  bool operator_sees = true;  ///< part of the annotated sample; rarely touched options are only in the documentation
  std::string sentence = {};  ///< what it does, for an operator; one or two sentences
};

struct SectionSpec {
  std::string path;      ///< "broker", "plugins.storage-mmap"
  std::string sentence;  ///< what the section is about
  std::vector<OptionSpec> options;
};

/// All declarations that a configuration is checked against. A value. [any-thread]
class OptionTables {
 public:
  /// Errors when a key is declared twice or a declaration contradicts itself (a fallback that does not parse or is out
  /// of bounds, a choice without choices, no sentence): a plugin's table is checked like anything else from outside.
  Status add(SectionSpec section);

  [[nodiscard]] const std::vector<SectionSpec>& sections() const& noexcept { return sections_; }
  const std::vector<SectionSpec>& sections() const&& = delete;  // it would dangle

  /// `key` is the full path, "broker.cluster"; nullptr when not declared. Valid until the next add().
  [[nodiscard]] const OptionSpec* find(std::string_view key) const noexcept;
  [[nodiscard]] bool has_section(std::string_view path) const noexcept;

  /// The declared key or section nearest to `key` by spelling, when it is near enough to be worth a question.
  [[nodiscard]] std::optional<std::string> nearest(std::string_view key) const;

 private:
  std::vector<SectionSpec> sections_;
  std::map<std::string, std::pair<std::size_t, std::size_t>, std::less<>> index_;  // key -> section, option
};

/// Reads a value from bare text, as in `--set broker.name=a`, the environment or a fallback. Errors say expected and
/// found, without the key.
Result<OptionValue> parse_option_text(const OptionSpec& spec, std::string_view text);

/// Checks bounds, choices and form of a value of the right kind.
Status check_option_value(const OptionSpec& spec, const OptionValue& value);

/// The value as it is written in TOML: quoted text, "64MiB", ["a", "b"].
std::string format_option_value(const OptionSpec& spec, const OptionValue& value);

/// The fallback as a value. The spec must have been accepted by OptionTables::add().
OptionValue fallback_value(const OptionSpec& spec);

/// Checks of the "host:port" form, for address options: host is a name, an IPv4 or a bracketed IPv6 address.
Status check_address(std::string_view text);

}  // namespace gantry::config
