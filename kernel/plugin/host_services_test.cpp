#include "kernel/plugin/host_services.hpp"

#include "gantry/sdk/host.hpp"
#include "gantry/sdk/testing.hpp"
#include "kernel/base/log.hpp"
#include "kernel/plugin/testing/fake_host.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

namespace gantry::plugin {
namespace {

using std::chrono::milliseconds;
using testing::FakeHost;

class HostServicesTest : public ::testing::Test {
 protected:
  FakeHost backend_;
  HostServices services_{"delay-x", backend_};
  sdk::Host host_{services_.table()};
};

TEST_F(HostServicesTest, log_lines_name_the_plugin_and_its_fields) {
  const LogCapture capture;
  host_.log(sdk::LogLevel::warn, "thing.happened", {sdk::field("count", 3), sdk::field("name", "a b")});
  EXPECT_TRUE(capture.contains("thing.happened")) << capture.text();
  EXPECT_TRUE(capture.contains("plugin=delay-x")) << capture.text();
  EXPECT_TRUE(capture.contains("count=3 name=\"a b\"")) << capture.text();
}

TEST_F(HostServicesTest, tells_the_time_and_the_folder_of_the_host) {
  EXPECT_EQ(host_.wall_ms(), backend_.time.now_ms());
  EXPECT_EQ(host_.steady_ns(), backend_.time.steady_ns());
  EXPECT_EQ(host_.data_folder(), "/data");
}

TEST_F(HostServicesTest, has_no_functions_for_expressions_unless_its_backend_does) {
  EXPECT_FALSE(host_.functions());
  EXPECT_EQ(host_.functions().resolve("risk", 1).error().code, Errc::unsupported);

  sdk::testing::TestFunctions functions;
  functions.add("risk", 1, [](auto arguments) { return std::optional(sdk::integer_value(arguments[0].integer + 1)); });
  backend_.expression_functions = functions.table();
  HostServices services("filter-x", backend_);
  const sdk::Host host(services.table());
  const auto risk = host.functions().resolve("risk", 1);
  ASSERT_TRUE(risk) << risk.error().text;
  const gantry_value two = sdk::integer_value(2);
  const gantry_filter_message message{};
  EXPECT_EQ(risk->call({&two, 1}, sdk::FilterMessage(message))->integer, 3);
  EXPECT_EQ(host.functions().resolve("risk", 2).error().code, Errc::not_found);
}

TEST_F(HostServicesTest, a_host_of_an_older_version_has_no_functions) {
  gantry_host older = *host_.raw();
  older.struct_size = offsetof(gantry_host, functions);
  EXPECT_FALSE(sdk::Host(&older).functions());
}

TEST_F(HostServicesTest, has_no_broker_unless_its_backend_does) {
  EXPECT_FALSE(host_.broker());
  gantry_host older = *host_.raw();
  older.struct_size = offsetof(gantry_host, broker);
  EXPECT_FALSE(sdk::Host(&older).broker());
}

class BrokerServicesTest : public ::testing::Test {
 protected:
  /// A backend with a broker that remembers what it was asked.
  class Backend final : public FakeHost {
   public:
    [[nodiscard]] bool has_broker() const noexcept override { return true; }
    void when_serving(UniqueFunction<void()> task) override { waiting.push_back(std::move(task)); }
    Result<gantry_topic_info> find_topic(std::string_view topic) override {
      if (topic != "T") return Error{Errc::not_found, {}};
      return gantry_topic_info{sizeof(gantry_topic_info), 4, 8, 6};
    }
    Status publish_many(const void*, std::vector<gantry_outgoing> messages, PublishManyDone done) override {
      if (publish_refusal) return *publish_refusal;
      for (const auto& each : messages) {
        bodies.emplace_back(static_cast<const char*>(each.body.data), each.body.size);
      }
      many.push_back(std::move(done));
      return {};
    }
    Status ask_producer(std::string_view group, std::int32_t code, std::span<const gantry_bytes> fields,
                        std::string_view body) override {
      asked = std::string(group) + " " + std::to_string(code) + " " + std::to_string(fields.size()) + " " +
              std::string(body);
      return group == "p" ? Status() : Status(Error{Errc::not_found, {}});
    }
    [[nodiscard]] std::span<const std::int64_t> delay_levels() const noexcept override { return levels; }

    std::vector<UniqueFunction<void()>> waiting;
    std::vector<std::string> bodies;
    std::vector<PublishManyDone> many;
    std::string asked;
    std::vector<std::int64_t> levels{1'000, 5'000};
  };
  Backend backend_;
  std::optional<HostServices> services_{std::in_place, "delay-x", backend_};
  sdk::Broker broker_ = sdk::Host(services_->table()).broker();
};

TEST_F(BrokerServicesTest, tells_when_the_broker_serves_unless_the_plugin_has_gone) {
  int served = 0;
  EXPECT_TRUE(broker_.when_serving([&] { ++served; }));
  ASSERT_EQ(backend_.waiting.size(), 1U);
  backend_.waiting[0]();
  EXPECT_EQ(served, 1);
  EXPECT_TRUE(services_->close(milliseconds(0)));
  EXPECT_EQ(broker_.when_serving([&] { ++served; }).error().code, Errc::unavailable);
}

TEST_F(BrokerServicesTest, publishes_batches_and_brings_each_outcome_back) {
  const std::vector<sdk::Outgoing> messages{{.topic = "T", .body = "a"}, {.topic = "T", .body = "b"}};
  std::vector<Errc> codes;
  const auto publish = [&](std::span<const sdk::Outgoing> batch) {
    return broker_.publish(batch, [&](std::span<const sdk::Published> published) {
      for (const auto& each : published) codes.push_back(each.status ? Errc::ok : each.status.error().code);
    });
  };
  ASSERT_TRUE(publish(messages));
  EXPECT_EQ(backend_.bodies, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(services_->close(milliseconds(0)));  // its callback is still to come
  const std::vector<gantry_publish_outcome> outcomes{{sizeof(gantry_publish_outcome), GANTRY_OK, 7, 0, {}},
                                                     {sizeof(gantry_publish_outcome), GANTRY_E_FULL, -1, -1, {}}};
  backend_.many.at(0)(outcomes);
  EXPECT_EQ(codes, (std::vector<Errc>{Errc::ok, Errc::full}));
  backend_.many.clear();
  EXPECT_TRUE(services_->close(milliseconds(0)));
  EXPECT_EQ(publish(messages).error().code, Errc::unavailable);
}

TEST_F(BrokerServicesTest, refuses_batches_that_are_empty_or_too_large) {
  EXPECT_EQ(broker_.publish({}, nullptr).error().code, Errc::invalid_argument);
  const std::vector<sdk::Outgoing> many(sdk::Broker::publish_count_max + 1, {.topic = "T", .body = "a"});
  EXPECT_EQ(broker_.publish(many, nullptr).error().code, Errc::invalid_argument);
}

TEST_F(BrokerServicesTest, passes_questions_on) {
  EXPECT_EQ(broker_.find_topic("T")->write_queues, 8);
  EXPECT_FALSE(broker_.find_topic("U"));
  const std::pair<std::string_view, std::string_view> field{"msgId", "1"};
  EXPECT_TRUE(broker_.ask_producer("p", 39, {&field, 1}, "body"));
  EXPECT_EQ(backend_.asked, "p 39 2 body");
  EXPECT_EQ(broker_.ask_producer("q", 39, {}, {}).error().code, Errc::not_found);
  EXPECT_EQ(broker_.delay_levels().size(), 2U);
  EXPECT_EQ(broker_.store().error().code, Errc::unavailable);
}

TEST_F(HostServicesTest, blocking_work_runs_on_the_pool_or_is_refused) {
  int ran = 0;
  EXPECT_TRUE(host_.run_blocking([&ran] { ++ran; }));
  backend_.blocking.front()();
  EXPECT_EQ(ran, 1);
  backend_.pool_full = true;
  const Status refused = host_.run_blocking([&ran] { ++ran; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
  EXPECT_EQ(ran, 1);
}

TEST_F(HostServicesTest, what_a_callback_throws_becomes_a_fault) {
  EXPECT_TRUE(host_.run_blocking([] { throw std::runtime_error("boom"); }));
  backend_.blocking.front()();
  ASSERT_EQ(backend_.faults.size(), 1u);
  EXPECT_EQ(backend_.faults[0], "delay-x degraded a callback that the plugin gave to the host threw: boom");
}

TEST_F(HostServicesTest, a_timer_rings_once_on_the_control_thread) {
  int rings = 0;
  auto timer = host_.start_timer(milliseconds(50), [&rings] { ++rings; });
  ASSERT_TRUE(timer);
  ASSERT_EQ(backend_.executor.timers.size(), 1u);
  EXPECT_EQ(backend_.executor.timers.begin()->second.first, milliseconds(50));
  backend_.executor.ring_all();
  EXPECT_EQ(rings, 1);
  EXPECT_FALSE(timer->cancel());
}

TEST_F(HostServicesTest, a_timer_that_ends_does_not_ring) {
  int rings = 0;
  {
    auto timer = host_.start_timer(milliseconds(50), [&rings] { ++rings; });
  }
  EXPECT_TRUE(backend_.executor.timers.empty());
  EXPECT_EQ(rings, 0);
}

TEST_F(HostServicesTest, a_timer_from_another_thread_is_armed_on_the_control_thread) {
  backend_.executor.here = false;
  int rings = 0;
  auto timer = host_.start_timer(milliseconds(50), [&rings] { ++rings; });
  EXPECT_TRUE(backend_.executor.timers.empty());
  backend_.executor.run_posted();
  EXPECT_EQ(backend_.executor.timers.size(), 1u);
  EXPECT_TRUE(timer->cancel());
  backend_.executor.run_posted();
  EXPECT_TRUE(backend_.executor.timers.empty());
}

TEST_F(HostServicesTest, a_timer_cancelled_before_it_was_armed_is_never_armed) {
  backend_.executor.here = false;
  auto timer = host_.start_timer(milliseconds(50), [] {});
  EXPECT_TRUE(timer->cancel());
  backend_.executor.run_posted();
  EXPECT_TRUE(backend_.executor.timers.empty());
}

TEST_F(HostServicesTest, timers_are_bounded) {
  std::vector<sdk::Timer> timers;
  for (std::size_t i = 0; i < HostServices::timers_max; ++i) {
    timers.push_back(*host_.start_timer(milliseconds(1), [] {}));
  }
  const auto refused = host_.start_timer(milliseconds(1), [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
}

TEST_F(HostServicesTest, metrics_carry_the_plugins_name) {
  host_.counter("things", "Things.").add(2);
  host_.gauge("level", "Level.").set(-4);
  host_.histogram("wait_ns", "Waits.").record(9);
  std::string names;
  for (const auto& sample : backend_.registry.snapshot()) names += sample.name + " ";
  EXPECT_NE(names.find("gantry_delay_x_things "), std::string::npos) << names;
  EXPECT_NE(names.find("gantry_delay_x_level "), std::string::npos) << names;
  EXPECT_NE(names.find("gantry_delay_x_wait_ns "), std::string::npos) << names;
}

TEST_F(HostServicesTest, a_metric_of_another_kind_or_with_a_bad_name_does_nothing) {
  host_.counter("things", "Things.").add(2);
  host_.gauge("things", "Things.").set(9);
  host_.counter("no spaces", "Things.").add(2);
  host_.counter("things", "Things.").add(-5);
  for (const auto& sample : backend_.registry.snapshot()) {
    if (sample.name == "gantry_delay_x_things") {
      EXPECT_EQ(sample.value, 2);
    }
  }
}

TEST_F(HostServicesTest, publishing_reports_the_outcome_once) {
  std::optional<std::int64_t> offset;
  EXPECT_TRUE(host_.publish({.topic = "t", .body = "b"}, [&offset](const sdk::Published& result) {
    EXPECT_TRUE(result.status);
    EXPECT_EQ(result.message_id, "id");
    offset = result.queue_offset;
  }));
  EXPECT_EQ(backend_.published_topics, std::vector<std::string>{"t"});
  backend_.publications.at(0)({sizeof(gantry_publish_outcome), GANTRY_OK, 100, 7, {"id", 2}});
  EXPECT_EQ(offset, 7);
}

TEST_F(HostServicesTest, publishing_that_is_refused_keeps_the_reason) {
  backend_.publish_refusal = Error{Errc::not_found, "no topic t"};
  const Status refused = host_.publish({.topic = "t", .body = "b"}, [](const sdk::Published&) { FAIL(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_EQ(refused.error().text, "no topic t");
}

TEST_F(HostServicesTest, answers_carry_their_fields) {
  const std::pair<std::string_view, std::string_view> fields[] = {{"k", "v"}};
  host_.answer(5, {.code = 0, .remark = "fine", .fields = fields, .body = "body"});
  EXPECT_EQ(backend_.answers, std::vector<std::string>{"5 0 fine k v body"});
}

TEST_F(HostServicesTest, faults_are_counted_and_passed_on) {
  host_.fault(sdk::FaultSeverity::fatal, "the disk is gone");
  EXPECT_EQ(backend_.faults, std::vector<std::string>{"delay-x fatal the disk is gone"});
  EXPECT_EQ(services_.faults().fatal, 1u);
  EXPECT_EQ(services_.faults().last, "the disk is gone");
}

TEST_F(HostServicesTest, closing_refuses_new_work_and_drops_timers) {
  int rings = 0;
  auto timer = host_.start_timer(milliseconds(1), [&rings] { ++rings; });
  EXPECT_TRUE(services_.close(milliseconds(0)));
  EXPECT_TRUE(backend_.executor.timers.empty());
  EXPECT_FALSE(host_.run_blocking([] {}));
  EXPECT_FALSE(host_.start_timer(milliseconds(1), [] {}));
  EXPECT_FALSE(host_.publish({.topic = "t", .body = "b"}, nullptr));
  EXPECT_TRUE(timer->cancel()) << "a dropped timer tells its owner that it will not ring";
  EXPECT_EQ(rings, 0);
}

TEST_F(HostServicesTest, closing_waits_for_what_is_under_way) {
  EXPECT_TRUE(host_.run_blocking([] {}));
  EXPECT_FALSE(services_.close(milliseconds(0)));
  backend_.blocking.front()();
  backend_.blocking.clear();
  EXPECT_TRUE(services_.close(milliseconds(0)));
}

}  // namespace
}  // namespace gantry::plugin
