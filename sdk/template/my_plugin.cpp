#include "my_plugin.hpp"

#include <atomic>

namespace my_plugin {

MyPlugin::MyPlugin(gantry::sdk::Host host)
    : rejected_(host.counter("rejected", "Messages that were rejected because a property was missing.")) {}

gantry::Status MyPlugin::configure(const gantry::sdk::OptionValues& values) {
  required_property_ = values.text("required_property");
  if (required_property_.empty()) {
    return gantry::Error{gantry::Errc::invalid_argument,
                         "required_property: expected a property's name, found empty text"};
  }
  return reconfigure(values);
}

gantry::Status MyPlugin::reconfigure(const gantry::sdk::OptionValues& values) {
  std::atomic_store(&mark_, std::make_shared<const std::string>(values.text("mark")));
  return {};
}

gantry::Status MyPlugin::publish(const gantry::sdk::PublishBatch& messages) {
  const auto mark = std::atomic_load(&mark_);
  for (auto message : messages) {
    if (message.is_rejected()) continue;
    if (!message.property(required_property_)) {
      message.reject("the property '" + required_property_ + "' is missing; set it before sending");
      rejected_.add();
    } else if (!message.set_property("seen-by", *mark)) {
      return gantry::Error{gantry::Errc::full, "no memory left to add the property 'seen-by'"};
    }
  }
  return {};
}

}  // namespace my_plugin
