#pragma once
// From a TOML file, the environment and `--set key=value` to validated values, in two steps: parse_document() reads the
// file, resolve() checks it against the declarations. Two steps, because the file itself says which plugins there are,
// and only they bring the declarations of their sections.

#include "gantry/sdk/result.hpp"
#include "kernel/config/option_spec.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::config {

enum class Severity : std::uint8_t { error, warning };

/// One thing that is wrong, with the place where an operator can mend it.
struct Finding {
  Severity severity = Severity::error;
  std::string where;         ///< the file's name, "--set" or "environment"
  std::uint32_t line = 0;    ///< from 1; 0 when there is no line
  std::uint32_t column = 0;  ///< from 1
  std::string text;

  friend bool operator==(const Finding&, const Finding&) = default;
};
/// "gantry.toml:12:8: error: ..."
std::string to_string(const Finding& finding);
/// All of them, one a line.
std::string to_string(const std::vector<Finding>& findings);
bool has_errors(const std::vector<Finding>& findings) noexcept;

/// A value as it stands in the file, before anybody knows what it should be.
struct RawValue {
  std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>> value;
  std::string kind;  ///< of something no option can hold ("date", "array of mixed values"); then `value` means nothing
  bool is_table = false;  ///< a table that has no entries; `value` means nothing
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// A file cut into full keys. A value.
struct Document {
  std::string file;
  std::vector<std::pair<std::string, RawValue>> entries;  ///< "broker.cluster" -> value, in the order of the file
};

/// The largest file that is read, in bytes.
inline constexpr std::size_t document_bytes_max = 1024 * 1024;

/// [control] Reads TOML text. On a syntax error, one finding with its line and column, and an empty document.
std::pair<Document, std::vector<Finding>> parse_document(std::string_view toml, std::string file);
/// [control] The same from a file; a file that cannot be read is a finding.
std::pair<Document, std::vector<Finding>> load_document(const std::string& path);

/// "key=value" pairs that go over the file, as text.
struct Overrides {
  std::vector<std::pair<std::string, std::string>> from_command_line;  ///< --set; the last one of a key wins
  std::vector<std::pair<std::string, std::string>> from_environment;   ///< already as keys, see environment_overrides()
};
/// Splits "broker.name=a".
Result<std::pair<std::string, std::string>> parse_override(std::string_view text);
/// The variables among `environment` ("NAME=value" lines, as in environ) that name a declared option: GANTRY_ and the
/// key in capitals with every other character as "_", so broker.auto_create_topics is GANTRY_BROKER_AUTO_CREATE_TOPICS.
std::vector<std::pair<std::string, std::string>> environment_overrides(const OptionTables& tables,
                                                                       const std::vector<std::string>& environment);

/// Where a value came from.
struct Origin {
  enum class Kind : std::uint8_t { fallback, file, environment, command_line };
  Kind kind = Kind::fallback;
  std::string file;
  std::uint32_t line = 0;
};
/// "default", "gantry.toml:12", "environment GANTRY_BROKER_NAME", "--set".
std::string to_string(const Origin& origin);

/// Every declared option with its value. A value; copies are independent. Reading an option that is not declared, or as
/// another type, asserts: keys are written in our own code. [any-thread] to read.
class Values {
 public:
  Values() = default;
  explicit Values(OptionTables tables);  ///< all at their defaults

  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] double real(std::string_view key) const;
  [[nodiscard]] const std::string& text(std::string_view key) const;  ///< text, choice, address
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key) const;
  [[nodiscard]] std::int64_t bytes(std::string_view key) const;
  [[nodiscard]] const std::vector<std::string>& list(std::string_view key) const;  ///< any kind of list

  [[nodiscard]] const OptionTables& tables() const noexcept { return tables_; }
  /// nullptr when not declared.
  [[nodiscard]] const OptionValue* find(std::string_view key) const noexcept;
  [[nodiscard]] const Origin& origin(std::string_view key) const;

  /// Replaces a value that was checked before. For resolve() and tests.
  void set(std::string_view key, OptionValue value, Origin origin);

 private:
  struct Entry {
    OptionValue value;
    Origin origin;
  };
  [[nodiscard]] const Entry& entry(std::string_view key, OptionType type) const;
  OptionTables tables_;
  std::map<std::string, Entry, std::less<>> entries_;
};

/// What to do with [plugins.x] when no declarations of x are known.
enum class UndeclaredPlugins : std::uint8_t {
  accept,  ///< first pass: plugins were not looked at yet
  warn,    ///< second pass: x is not loaded, so its section does nothing
};

struct Resolution {
  Values values;  ///< meaningful when there are no errors
  std::vector<Finding> findings;
  [[nodiscard]] bool ok() const noexcept { return !has_errors(findings); }
};

/// [any-thread] Defaults, then the file, then the environment, then the command line. All errors are found, not only
/// the first: unknown keys (with the nearest known one), wrong kinds, units and bounds (expected and found).
Resolution resolve(const Document& document, const OptionTables& tables, const Overrides& overrides,
                   UndeclaredPlugins undeclared);

/// A difference between two configurations.
struct Change {
  std::string key;
  std::string before;  ///< as TOML
  std::string after;
  bool live = false;
};
/// Keys declared in both whose values differ, in the order of the declarations.
std::vector<Change> diff(const Values& before, const Values& after);

/// What a reload may do at once and what has to wait.
struct Reload {
  Values values;                      ///< `before` with all live changes applied
  std::vector<Change> applied;        ///< live
  std::vector<Change> needs_restart;  ///< left as they were
};
/// All or nothing is the caller's promise: call this with a resolution that has no errors, hand `values` to everyone
/// concerned, and keep `before` when one of them refuses.
Reload plan_reload(const Values& before, const Values& after);

/// The declaration, the value and where it came from, for `gantry config explain <key>`; a section's path explains all
/// of its options. Errors name the nearest key.
Result<std::string> explain(const Values& values, std::string_view key);

/// docs/config.md. Deterministic: the same tables give the same bytes.
std::string generate_markdown(const OptionTables& tables);
/// A TOML file with every option that operators touch, commented, at its default.
std::string generate_sample(const OptionTables& tables);

}  // namespace gantry::config
