#include "kernel/broker/shared.hpp"

#include "kernel/broker/client_calls.hpp"
#include "protocol/host.hpp"
#include "protocol/properties.hpp"

#include <unistd.h>
#include <utility>

namespace gantry::broker {

namespace {

std::string make_own_properties(const Options& options) {
  protocol::ByteBuffer text;
  protocol::append_property(text, protocol::property::message_region, options.region);
  protocol::append_property(text, protocol::property::trace_switch,
                            std::string_view(options.trace_on ? "true" : "false"));
  protocol::append_property(text, protocol::property::cluster, options.cluster);
  return std::string(text.text());
}

protocol::Host key_address(const Options& options) {
  protocol::Host loopback;
  loopback.ip = {127, 0, 0, 1};
  return options.advertise ? protocol::host_of(*options.advertise) : loopback;
}

}  // namespace

Shared::Shared(Environment environment, Options given)
    : env(environment),
      options(std::move(given)),
      counters(env.metrics),
      permission(options.permission),
      gate(env.shards),
      arrivals(env.shards),
      uniq_keys(key_address(options), static_cast<std::uint16_t>(::getpid()),
                static_cast<std::uint32_t>(env.clock.steady_ns() / 1000)),
      own_properties(make_own_properties(options)),
      started_ms(env.clock.now_ms()),
      client_calls(std::make_unique<ClientCalls>(*this)) {}

Shared::~Shared() = default;

}  // namespace gantry::broker
