#include "kernel/plugin/observer_list.hpp"

#include "kernel/base/log.hpp"
#include "kernel/plugin/c_call.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gantry::plugin {

struct ObserverList::Link {
  Link(std::string plugin_id, const gantry_observer_table* plugin_table, void* plugin, TripLimits limits,
       const Clock& host_clock, gantry::Counter& error_counter)
      : id(std::move(plugin_id)),
        table(plugin_table),
        self(plugin),
        trip(limits),
        clock(host_clock),
        errors(error_counter) {}

  const std::string id;
  const gantry_observer_table* table;
  void* self;
  TripSwitch trip;
  const Clock& clock;
  gantry::Counter& errors;
};

ObserverList::ObserverList() = default;
ObserverList::~ObserverList() = default;

void ObserverList::add(std::string plugin_id, const gantry_observer_table* table, void* self, TripLimits limits,
                       const Clock& clock, gantry::Counter& errors) {
  links_.push_back(std::make_unique<Link>(std::move(plugin_id), table, self, limits, clock, errors));
}

void ObserverList::set_limits(std::string_view plugin_id, TripLimits limits) {
  for (auto& link : links_) {
    if (link->id == plugin_id) link->trip.set_limits(limits);
  }
}

bool ObserverList::tripped(std::string_view plugin_id) const noexcept {
  return std::any_of(links_.begin(), links_.end(),
                     [&](const auto& link) { return link->id == plugin_id && link->trip.tripped(); });
}

void ObserverList::observe(std::span<const gantry_event> events) noexcept {
  for (auto& link : links_) {
    const auto pass = link->trip.admit([&link] { return link->clock.steady_ns(); });
    if (pass == TripSwitch::Pass::refused) continue;
    ErrorBuffer error;
    const auto status =
        link->table->observe(link->self, events.data(), sizeof(gantry_event), events.size(), error.out());
    if (status == GANTRY_OK) {
      if (pass == TripSwitch::Pass::probe && link->trip.recovered()) {
        GANTRY_LOG(info, "plugin.recovered", field("plugin", link->id));
      }
      continue;
    }
    link->errors.add();
    if (link->trip.failed(link->clock.steady_ns())) {
      GANTRY_LOG(warn, "plugin.tripped", field("plugin", link->id), field("reason", error.text()));
    } else {
      GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "plugin.failed", field("plugin", link->id),
                       field("reason", error.text()));
    }
  }
}

}  // namespace gantry::plugin
