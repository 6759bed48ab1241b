#pragma once
// How a C++ class becomes a Gantry plugin.
//
//     class PropertyGuard final : public gantry::sdk::Plugin, public gantry::sdk::Interceptor {
//      public:
//       explicit PropertyGuard(gantry::sdk::Host host);
//       gantry::Status configure(const gantry::sdk::OptionValues& options) override;
//       gantry::Status publish(const gantry::sdk::PublishBatch& messages) override;
//     };
//     GANTRY_PLUGIN(PropertyGuard, .id = "property-guard", .version = "1.0.0", .summary = "...", .options = options)
//
// What the class provides follows from the class: it either derives from an extension (Store, StoreTools, Filter,
// Interceptor, Command, Observer) or has an accessor of its name that returns a reference to one (`Store& store()`).
// Accessors are first called after configure(); what they return must not move until the plugin is destroyed.

#include "gantry/abi/plugin.h"
#include "gantry/sdk/command.hpp"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/draft/observer.hpp"
#include "gantry/sdk/filter.hpp"
#include "gantry/sdk/host.hpp"
#include "gantry/sdk/interceptor.hpp"
#include "gantry/sdk/options.hpp"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store.hpp"
#include "gantry/sdk/store_table.hpp"
#include "gantry/sdk/store_tools.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace gantry::sdk {

/// Life of a plugin. All functions are called on the control thread, one at a time, and may block unless they say
/// otherwise; an exception that leaves one is shown as its failure. The order: constructor, configure, start, running,
/// quiesce, stop, destructor. After a failed configure or start only the destructor follows.
///
/// A plugin's class has a constructor that takes a Host, or none that takes anything. The constructor starts no thread
/// and opens no file.
class Plugin {
 public:
  virtual ~Plugin() = default;

  /// The values of all declared options; called once. Takes what it needs: `options` ends with the call.
  virtual Status configure(const OptionValues&) { return {}; }
  /// Opens files, recovers, starts threads. After success the extensions may be used.
  virtual Status start() { return {}; }
  /// All values again, after live ones changed. All or nothing: after an Error the old ones stay in force. Called only
  /// when an option is declared live.
  virtual Status reconfigure(const OptionValues&) {
    return Error{Errc::unsupported, "the plugin declares live options but does not implement reconfigure()"};
  }
  /// No new work arrives after this; finish what is inside. Returns at once.
  virtual void quiesce() {}
  /// Ends threads and timers, closes files. No extension is called during or after it.
  virtual Status stop() { return {}; }
};

/// Who a plugin is. All text must be literals, or live as long as the plugin's code.
struct PluginInfo {
  const char* id;       ///< lower case letters, digits and '-'; the library's file name without .so
  const char* version;  ///< of the plugin itself, for people
  const char* summary;  ///< one sentence
  std::span<const gantry_option> options = {};            ///< a constexpr array, see options.hpp
  std::span<const char* const> required_extensions = {};  ///< ids that another plugin must provide, started before this
};

namespace detail {

/// What `create` makes: the author's object and the host's services next to it.
template <typename T>
struct Instance {
  Host host;
  T plugin;

  explicit Instance(const gantry_host* table) requires std::is_constructible_v<T, Host> : host(table), plugin(host) {}
  explicit Instance(const gantry_host* table) requires(!std::is_constructible_v<T, Host>) : host(table) {}

  void report_thrown(std::string_view extension, std::string_view thrown) noexcept {
    guarded_void(
        [&] {
          host.fault(FaultSeverity::degraded,
                     "an exception left the plugin's " + std::string(extension) + ": " + std::string(thrown));
        },
        [&](std::string_view) { host.fault(FaultSeverity::degraded, thrown); });
  }
};

/// The extensions a class offers, as the manifest lists them.
template <typename T, typename... Extensions>
struct Provided {
  static constexpr std::size_t count = (std::size_t{offers<Extensions, T>} + ...);
  static constexpr std::array<const char*, count> ids = [] {
    std::array<const char*, count> list = {};
    std::size_t next = 0;
    ((offers<Extensions, T> ? static_cast<void>(list[next++] = Extensions::extension_id) : static_cast<void>(0)), ...);
    return list;
  }();
};

template <typename T>
using ProvidedBy = Provided<T, Store, StoreTools, Filter, Interceptor, Command, Observer>;

template <typename T>
struct PluginTrampolines {
  using I = Instance<T>;
  static T& of(void* self) { return static_cast<I*>(self)->plugin; }

  static void* create(const gantry_host* host, gantry_error* error) noexcept {
    void* made = nullptr;
    guarded(error, [&]() -> Status {
      made = std::make_unique<I>(host).release();
      return {};
    });
    return made;
  }
  static gantry_status configure(void* self, const gantry_option_value* values, std::uint64_t stride,
                                 std::uint64_t count, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).configure(OptionValues(values, stride, count)); });
  }
  static gantry_status start(void* self, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).start(); });
  }
  static gantry_status reconfigure(void* self, const gantry_option_value* values, std::uint64_t stride,
                                   std::uint64_t count, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).reconfigure(OptionValues(values, stride, count)); });
  }
  static void quiesce(void* self) noexcept {
    guarded_void([=] { of(self).quiesce(); },
                 [=](std::string_view thrown) { static_cast<I*>(self)->report_thrown("quiesce()", thrown); });
  }
  static gantry_status stop(void* self, gantry_error* error) noexcept {
    return guarded(error, [=] { return of(self).stop(); });
  }
  static void destroy(void* self) noexcept { delete static_cast<I*>(self); }

  static const void* get_extension(void*, const char* extension_id) noexcept {
    const std::string_view id = extension_id;
    if constexpr (offers<Store, T>) {
      if (id == Store::extension_id) return &store_table<I>;
    }
    if constexpr (offers<StoreTools, T>) {
      if (id == StoreTools::extension_id) return &store_tools_table<I>;
    }
    if constexpr (offers<Filter, T>) {
      if (id == Filter::extension_id) return &filter_table<I>;
    }
    if constexpr (offers<Interceptor, T>) {
      if (id == Interceptor::extension_id) return &interceptor_table<I>;
    }
    if constexpr (offers<Command, T>) {
      if (id == Command::extension_id) return &command_table<I>;
    }
    if constexpr (offers<Observer, T>) {
      if (id == Observer::extension_id) return &observer_table<I>;
    }
    return nullptr;
  }
};

constexpr bool any_live(std::span<const gantry_option> options) noexcept {
  for (const gantry_option& option : options) {
    if ((option.flags & GANTRY_OPTION_LIVE) != 0) return true;
  }
  return false;
}

/// What the host would refuse at boot is an error of the compiler here: it names the line with the reason in it.
constexpr void check_declarations(const PluginInfo& info) {
  const auto require = [](bool holds, const char* why) {
    if (!holds) throw std::logic_error(why);
  };
  const auto filled = [](const char* text) { return text != nullptr && *text != 0; };
  require(filled(info.id) && filled(info.version) && filled(info.summary), "id, version and summary must be given");
  for (const char* c = info.id; *c != 0; ++c) {
    require((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-',
            "an id consists of lower case letters, digits and '-'");
  }
  for (const gantry_option& option : info.options) {
    require(filled(option.key), "every option has a key");
    require(filled(option.sentence), "every option has a sentence");
    require(option.fallback != nullptr, "every option has a default");
    require(option.minimum <= option.maximum, "an option's minimum must not be above its maximum; give both");
    require(option.type != GANTRY_OPTION_CHOICE || filled(option.choices), "a choice has choices");
  }
}

template <typename T>
constexpr gantry_plugin_table make_plugin_table(const PluginInfo& info) {
  static_assert(std::is_base_of_v<Plugin, T>, "a plugin's class derives from gantry::sdk::Plugin");
  static_assert(ProvidedBy<T>::count > 0,
                "a plugin's class derives from an extension (Store, Filter, Interceptor, Command, Observer) or has an "
                "accessor for one, such as Store& store()");
  check_declarations(info);
  using P = PluginTrampolines<T>;
  gantry_plugin_table table = {};
  constexpr std::uint8_t magic[] = GANTRY_PLUGIN_MAGIC;
  for (std::size_t i = 0; i < sizeof magic; ++i) table.magic[i] = magic[i];
  table.struct_size = sizeof table;
  table.abi_major = GANTRY_ABI_MAJOR;
  table.abi_minor = GANTRY_ABI_MINOR;
  table.id = info.id;
  table.version = info.version;
  table.summary = info.summary;
  table.options = info.options.data();
  table.option_stride = sizeof(gantry_option);
  table.option_count = info.options.size();
  table.provides = ProvidedBy<T>::ids.data();
  table.provides_count = ProvidedBy<T>::count;
  table.requires_ = info.required_extensions.data();
  table.requires_count = info.required_extensions.size();
  table.create = &P::create;
  table.configure = &P::configure;
  table.start = &P::start;
  table.reconfigure = any_live(info.options) ? &P::reconfigure : nullptr;
  table.quiesce = &P::quiesce;
  table.stop = &P::stop;
  table.destroy = &P::destroy;
  table.get_extension = &P::get_extension;
  return table;
}

}  // namespace detail
}  // namespace gantry::sdk

#define GANTRY_PLUGIN_EXPORT_ \
  extern "C" __attribute__((visibility("default"), used, section(GANTRY_PLUGIN_SECTION))) constinit
#define GANTRY_PLUGIN_MARKER_CAT_(major) gantry_plugin_abi_##major
#define GANTRY_PLUGIN_MARKER_(major) GANTRY_PLUGIN_MARKER_CAT_(major)

/// GANTRY_PLUGIN(Class, .id = ..., .version = ..., .summary = ...): once in a library, at namespace scope, in a source
/// file of the library itself. The rest are members of PluginInfo.
///
/// Both objects are constant data. The marker points at the table so that the compiler puts both into one section.
#define GANTRY_PLUGIN(Class, ...)                                                              \
  GANTRY_PLUGIN_EXPORT_ const gantry_plugin_table gantry_plugin =                              \
      ::gantry::sdk::detail::make_plugin_table<Class>(::gantry::sdk::PluginInfo{__VA_ARGS__}); \
  GANTRY_PLUGIN_EXPORT_ const gantry_plugin_table* const GANTRY_PLUGIN_MARKER_(GANTRY_ABI_MAJOR) = &gantry_plugin;
