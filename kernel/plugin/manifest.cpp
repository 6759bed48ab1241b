#include "kernel/plugin/manifest.hpp"

#include "kernel/plugin/elf_file.hpp"
#include "kernel/plugin/extension_catalog.hpp"
#include "kernel/plugin/failure_policy.hpp"
#include "kernel/plugin/refusal.hpp"

#include <boost/dll/library_info.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <limits>
#include <optional>

namespace gantry::plugin {

namespace {

constexpr std::size_t text_size_max = 4096;
constexpr std::uint64_t option_count_max = 256;
constexpr std::uint64_t extension_count_max = 16;
constexpr const char* rebuild = "build the plugin again with the SDK of this broker";

std::string abi_text(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

/// The text behind a pointer that a plugin gave, or nothing when it is NULL or has no end within the bound.
std::optional<std::string> copy_text(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::size_t length = strnlen(text, text_size_max + 1);
  if (length > text_size_max) return std::nullopt;
  return std::string(text, length);
}

class ManifestReader {
 public:
  ManifestReader(const gantry_plugin_table& table, const std::string& file, const ManifestRules& rules)
      : table_(table), file_(file), rules_(rules) {
    manifest_.file = file;
  }

  Result<Manifest> read() && {
    GANTRY_TRY(check_head());
    GANTRY_TRY(read_identity());
    GANTRY_TRY(check_functions());
    GANTRY_TRY(read_extensions("provides", table_.provides, table_.provides_count, manifest_.provides));
    GANTRY_TRY(read_extensions("requires", table_.requires_, table_.requires_count, manifest_.required));
    GANTRY_TRY(check_extensions());
    GANTRY_TRY(read_options());
    return std::move(manifest_);
  }

 private:
  [[nodiscard]] Error refused(std::string expected, std::string found, std::string remedy = rebuild) const {
    return refuse(file_, {std::move(expected), std::move(found), std::move(remedy)});
  }

  Status check_head() {
    constexpr std::uint8_t magic[] = GANTRY_PLUGIN_MAGIC;
    if (std::memcmp(table_.magic, magic, sizeof magic) != 0) {
      return refused("the magic bytes of a Gantry plugin in its symbol '" GANTRY_PLUGIN_SYMBOL "'", "other bytes");
    }
    if (table_.abi_major != GANTRY_ABI_MAJOR) {
      return refused("plugin ABI " + abi_text(GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR),
                     "ABI " + abi_text(table_.abi_major, table_.abi_minor));
    }
    if (table_.abi_minor > GANTRY_ABI_MINOR) {
      return refused("plugin ABI " + abi_text(GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR) + " or an earlier minor version",
                     "the newer ABI " + abi_text(table_.abi_major, table_.abi_minor),
                     "update the broker, or build the plugin with this broker's SDK");
    }
    if (table_.struct_size < size_min) {
      return refused("a plugin table of at least " + std::to_string(size_min) + " bytes",
                     "struct_size " + std::to_string(table_.struct_size));
    }
    manifest_.abi_major = table_.abi_major;
    manifest_.abi_minor = table_.abi_minor;
    return {};
  }

  Status read_identity() {
    const auto id = copy_text(table_.id);
    const auto version = copy_text(table_.version);
    const auto summary = copy_text(table_.summary);
    if (!id || !is_plugin_id(*id)) {
      return refused("an id of lower case letters, digits and '-'", id ? "'" + *id + "'" : "none",
                     "correct the plugin's id");
    }
    if (*id != rules_.id) {
      return refused("the plugin '" + std::string(rules_.id) + "', as its file is called",
                     "a plugin that calls itself '" + *id + "'", "rename the file to " + *id + ".so");
    }
    if (!version || version->empty()) return refused("a version", "none", "give the plugin a version");
    if (!summary || summary->empty()) return refused("a summary", "none", "give the plugin a summary of one sentence");
    manifest_.id = *id;
    manifest_.version = *version;
    manifest_.summary = *summary;
    return {};
  }

  Status check_functions() {
    const struct {
      const char* name;
      bool missing;
    } functions[] = {{"create", table_.create == nullptr},
                     {"configure", table_.configure == nullptr},
                     {"start", table_.start == nullptr},
                     {"quiesce", table_.quiesce == nullptr},
                     {"stop", table_.stop == nullptr},
                     {"destroy", table_.destroy == nullptr},
                     {"get_extension", table_.get_extension == nullptr}};
    for (const auto& [name, missing] : functions) {
      if (missing) {
        return refused("all functions in the plugin's table", std::string(name) + "() missing",
                       "use GANTRY_PLUGIN(), or fill the table");
      }
    }
    return {};
  }

  Status read_extensions(const char* what, const char* const* ids, std::uint64_t count, std::vector<std::string>& out) {
    if (count > extension_count_max || (count > 0 && ids == nullptr)) {
      return refused("at most " + std::to_string(extension_count_max) + " extension ids in '" + what + "'",
                     ids == nullptr ? "no list" : std::to_string(count));
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto id = copy_text(ids[i]);
      if (!id || find_extension_point(*id) == nullptr) {
        return refused(
            std::string("only extension points of this broker in '") + what + "' (" + list_extension_points() + ")",
            id ? "'" + *id + "'" : "no text", "use a plugin that fits this broker, or update the broker");
      }
      if (std::find(out.begin(), out.end(), *id) != out.end()) {
        return refused(std::string("each extension point once in '") + what + "'", "'" + *id + "' twice",
                       "list it once");
      }
      out.push_back(*id);
    }
    return {};
  }

  Status check_extensions() {
    if (manifest_.provides.empty()) {
      return refused("a plugin that provides an extension point", "none",
                     "let it provide one of " + list_extension_points());
    }
    for (const auto* list : {&manifest_.provides, &manifest_.required}) {
      for (const std::string& id : *list) {
        if (find_extension_point(id)->draft && !rules_.allow_draft) {
          return refused("released extension points only", "the draft '" + id + "'",
                         "set allow_draft = true in [plugins], knowing that drafts change with any release");
        }
      }
    }
    return {};
  }

  Status read_options() {
    const std::uint64_t count = table_.option_count;
    if (count == 0) return {};
    if (count > option_count_max || table_.options == nullptr || table_.option_stride < sizeof(gantry_option)) {
      return refused("a list of at most " + std::to_string(option_count_max) + " options",
                     std::to_string(count) + " options of " + std::to_string(table_.option_stride) + " bytes" +
                         (table_.options == nullptr ? " without a list" : ""));
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(table_.options);
    bool any_live = false;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto& option = *reinterpret_cast<const gantry_option*>(bytes + i * table_.option_stride);
      GANTRY_TRY(read_option(option));
      any_live = any_live || manifest_.options.back().live;
    }
    if (any_live && table_.reconfigure == nullptr) {
      return refused("reconfigure() in a plugin with live options", "none", "implement it, or declare none live");
    }
    // The configuration room checks the rest (fallbacks, bounds, choices, sentences, twice the same key).
    config::OptionTables probe;
    if (auto accepted = probe.add(option_section(manifest_)); !accepted) {
      return refused("options that are declared correctly", accepted.error().text, "correct the plugin's options");
    }
    return {};
  }

  Status read_option(const gantry_option& option) {
    const auto key = copy_text(option.key);
    const auto fallback = copy_text(option.fallback);
    const auto sentence = copy_text(option.sentence);
    if (!key || !fallback || !sentence) {
      return refused("key, default and sentence for each option", "one without", "complete the declaration");
    }
    if (is_reserved_option(*key)) {
      return refused("options of the plugin's own", "'" + *key + "', which the broker declares itself", "rename it");
    }
    config::OptionSpec spec;
    spec.key = *key;
    spec.fallback = *fallback;
    spec.minimum = option.minimum;
    spec.maximum = option.maximum;
    spec.live = (option.flags & GANTRY_OPTION_LIVE) != 0;
    spec.sentence = *sentence;
    switch (option.type) {
      case GANTRY_OPTION_BOOL: spec.type = config::OptionType::boolean; break;
      case GANTRY_OPTION_INTEGER: spec.type = config::OptionType::integer; break;
      case GANTRY_OPTION_DURATION_MS: spec.type = config::OptionType::duration; break;
      case GANTRY_OPTION_BYTES: spec.type = config::OptionType::bytes; break;
      case GANTRY_OPTION_TEXT: spec.type = config::OptionType::text; break;
      case GANTRY_OPTION_CHOICE: {
        spec.type = config::OptionType::choice;
        const auto choices = copy_text(option.choices);
        if (!choices) return refused("choices for the option '" + *key + "'", "none", "list them, separated by '|'");
        for (std::size_t begin = 0; begin <= choices->size();) {
          const std::size_t end = std::min(choices->find('|', begin), choices->size());
          spec.choices.push_back(choices->substr(begin, end - begin));
          begin = end + 1;
        }
        break;
      }
      default: return refused("an option type of this broker's ABI for '" + *key + "'", std::to_string(option.type));
    }
    manifest_.options.push_back(std::move(spec));
    return {};
  }

  // The size of ABI 1.0; members added later are optional for plugins.
  static constexpr std::uint32_t size_min = offsetof(gantry_plugin_table, get_extension) + sizeof(void*);

  const gantry_plugin_table& table_;
  const std::string& file_;
  const ManifestRules& rules_;
  Manifest manifest_;
};

/// The symbols of the file's section `.gantry`; Boost.DLL's exceptions end here.
Result<std::vector<std::string>> plugin_symbols(const std::string& path) {
  try {
    boost::dll::library_info info{boost::filesystem::path(path)};
    const auto sections = info.sections();
    if (std::find(sections.begin(), sections.end(), GANTRY_PLUGIN_SECTION) == sections.end()) {
      return std::vector<std::string>();
    }
    return info.symbols(GANTRY_PLUGIN_SECTION);
  } catch (const std::exception& error) {
    return refuse(path, {"a readable shared library", error.what(), "copy or build the file again"}, Errc::corrupt);
  }
}

}  // namespace

bool is_plugin_id(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64 || name.front() < 'a' || name.front() > 'z' || name.back() == '-') return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!word && (c != '-' || name[i - 1] == '-')) return false;
  }
  return true;
}

bool Manifest::offers(std::string_view extension_id) const noexcept {
  return std::find(provides.begin(), provides.end(), extension_id) != provides.end();
}

Status inspect_file(const std::string& path) {
  GANTRY_TRY(check_shared_library(path));
  GANTRY_ASSIGN(const std::vector<std::string> symbols, plugin_symbols(path));

  const std::string marker = GANTRY_PLUGIN_ABI_MARKER;
  bool has_table = false;
  std::string other_major;
  for (const std::string& symbol : symbols) {
    if (symbol == GANTRY_PLUGIN_SYMBOL) has_table = true;
    if (symbol.compare(0, marker.size(), marker) != 0) continue;
    const std::string major = symbol.substr(marker.size());
    if (major != std::to_string(GANTRY_ABI_MAJOR)) other_major = major;
  }
  const std::string own_marker = marker + std::to_string(GANTRY_ABI_MAJOR);
  const bool has_marker = std::find(symbols.begin(), symbols.end(), own_marker) != symbols.end();
  if (!other_major.empty() && !has_marker) {
    return refuse(path, {"plugin ABI major " + std::to_string(GANTRY_ABI_MAJOR), "major " + other_major, rebuild});
  }
  if (!has_table || !has_marker) {
    return refuse(path, {"a Gantry plugin (the symbols " GANTRY_PLUGIN_SYMBOL " and " + own_marker +
                             " in the section " GANTRY_PLUGIN_SECTION ")",
                         symbols.empty() ? "a shared library without that section"
                                         : std::string(has_table ? "no ABI marker" : "no " GANTRY_PLUGIN_SYMBOL),
                         "build it with gantry_add_plugin() and GANTRY_PLUGIN()"});
  }
  return {};
}

Result<Manifest> read_manifest(const gantry_plugin_table& table, const std::string& file, const ManifestRules& rules) {
  return ManifestReader(table, file, rules).read();
}

config::SectionSpec option_section(const Manifest& manifest) {
  config::SectionSpec section{
      .path = "plugins." + manifest.id, .sentence = manifest.summary, .options = manifest.options};
  const bool intercepts = manifest.offers("gantry.interceptor/1");
  if (intercepts || manifest.offers("gantry.observer/1")) {
    for (auto& option : failure_options(intercepts)) section.options.push_back(std::move(option));
  }
  return section;
}

}  // namespace gantry::plugin
