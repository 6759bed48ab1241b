#pragma once
// The interceptor of the plugin my-plugin: messages must carry a property, and get another one.
//
// Replace it with what your plugin shall do; the page docs/plugin-guide.md of Gantry lists the extension points.

#include "gantry/sdk/plugin.hpp"

#include <memory>
#include <string>

namespace my_plugin {

/// The options of [plugins.my-plugin]. Constant data: Gantry reads it before it runs any of the plugin's code.
inline constexpr gantry_option options[] = {
    gantry::sdk::TextOption{
        .key = "required_property", .fallback = "tenant", .sentence = "Messages without this property are rejected."},
    gantry::sdk::TextOption{.key = "mark",
                            .fallback = "my-plugin",
                            .sentence = "The value of the property 'seen-by' that accepted messages get.",
                            .live = true},
};

/// Configured and started on the control thread; publish() runs on all shards at once, so that what it reads is either
/// constant after configure() or swapped as a whole.
class MyPlugin final : public gantry::sdk::Plugin, public gantry::sdk::Interceptor {
 public:
  explicit MyPlugin(gantry::sdk::Host host);

  gantry::Status configure(const gantry::sdk::OptionValues& values) override;
  gantry::Status reconfigure(const gantry::sdk::OptionValues& values) override;

  gantry::Status publish(const gantry::sdk::PublishBatch& messages) override;

 private:
  gantry::sdk::Counter rejected_;
  std::string required_property_;
  std::shared_ptr<const std::string> mark_;  // read and replaced with std::atomic_load and std::atomic_store
};

}  // namespace my_plugin
