// Tests of the class, without a broker and without a test framework: it prints what failed and ends with 1.

#include "my_plugin.hpp"

#include "gantry/sdk/testing.hpp"

#include <cstdio>

namespace {

using gantry::sdk::testing::TestHost;
using gantry::sdk::testing::TestMessage;
using gantry::sdk::testing::TestOptions;

int failures = 0;

void expect(bool condition, const char* what) {
  if (condition) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

void a_message_without_the_property_is_rejected() {
  TestHost host;
  my_plugin::MyPlugin plugin(host.host());
  expect(bool(plugin.configure(TestOptions().text("required_property", "tenant").text("mark", "x").values())),
         "the plugin accepts its options");
  TestMessage message("orders");
  expect(bool(message.pass(plugin)), "a rejection is not a failure");
  expect(message.is_rejected(), "a message without the property is rejected");
  expect(message.reject_reason() == "the property 'tenant' is missing; set it before sending",
         "the reason says what to do");
  expect(host.metrics["rejected"] == 1, "rejections are counted");
}

void a_message_with_the_property_is_marked() {
  TestHost host;
  my_plugin::MyPlugin plugin(host.host());
  expect(bool(plugin.configure(TestOptions().text("required_property", "tenant").text("mark", "x").values())),
         "the plugin accepts its options");
  TestMessage message("orders");
  message.with_property("tenant", "t1");
  expect(bool(message.pass(plugin)), "the plugin takes the message");
  expect(!message.is_rejected(), "a message with the property is accepted");
  expect(message.view().property("seen-by") == "x", "it is marked");
  expect(message.view().property("tenant") == "t1", "its own properties stay");
}

void an_empty_property_name_is_refused() {
  TestHost host;
  my_plugin::MyPlugin plugin(host.host());
  expect(!plugin.configure(TestOptions().text("required_property", "").text("mark", "x").values()),
         "an empty name is refused");
}

}  // namespace

int main() {
  a_message_without_the_property_is_rejected();
  a_message_with_the_property_is_marked();
  an_empty_property_name_is_refused();
  if (failures == 0) std::puts("all passed");
  return failures == 0 ? 0 : 1;
}
