#pragma once
// What a plugin's unit tests need in place of a broker: a host that writes down what it is told, options, messages.
// For tests only; std only, and bound to no test framework.

#include "gantry/abi/functions.h"
#include "gantry/abi/host.h"
#include "gantry/abi/interceptor.h"
#include "gantry/abi/plugin.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/functions.hpp"
#include "gantry/sdk/host.hpp"
#include "gantry/sdk/interceptor.hpp"
#include "gantry/sdk/options.hpp"
#include "gantry/sdk/properties.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::sdk::testing {

/// Functions for expressions to call: TestFunctions().add("risk", 1, [](auto arguments) { return integer_value(7); }).
/// An answer of nothing is a failed call. One thread; outlives the host that provides it.
class TestFunctions {
 public:
  using Body = std::function<std::optional<gantry_value>(std::span<const gantry_value> arguments)>;

  TestFunctions() {
    table_.struct_size = sizeof table_;
    table_.context = this;
    table_.resolve = [](void* self, gantry_bytes name, std::uint32_t argument_count, gantry_function** out,
                        gantry_error* error) -> gantry_status {
      auto& functions = static_cast<TestFunctions*>(self)->functions_;
      const auto found = functions.find({std::string(detail::to_view(name)), argument_count});
      if (found == functions.end()) {
        detail::fill_error(error, "there is no function '" + std::string(detail::to_view(name)) + "' of " +
                                      std::to_string(argument_count) + " arguments");
        return GANTRY_E_NOT_FOUND;
      }
      // The handle is opaque to plugins.
      *out = reinterpret_cast<gantry_function*>(&found->second);
      return GANTRY_OK;
    };
    table_.call = [](void*, gantry_function* function, const gantry_value* arguments, std::uint32_t count,
                     const gantry_filter_message*, gantry_value* out) -> gantry_status {
      const auto answer = (*reinterpret_cast<Body*>(function))({arguments, count});
      if (answer) *out = *answer;
      return answer ? GANTRY_OK : GANTRY_E_INTERNAL;
    };
  }
  TestFunctions(const TestFunctions&) = delete;
  TestFunctions& operator=(const TestFunctions&) = delete;

  TestFunctions& add(std::string name, std::uint32_t argument_count, Body body) {
    functions_[{std::move(name), argument_count}] = std::move(body);
    return *this;
  }
  [[nodiscard]] const gantry_functions* table() const noexcept { return &table_; }

 private:
  gantry_functions table_ = {};
  std::map<std::pair<std::string, std::uint32_t>, Body> functions_;
};

/// A host whose time is set by the test. Blocking work runs at once; timers run when ring_timers() is called;
/// publishing succeeds at once. One thread. Outlives the plugin under test.
class TestHost {
 public:
  struct Answered {
    std::uint64_t ticket = 0;
    std::int32_t code = 0;
    std::string remark;
    std::string body;
  };

  TestHost() {
    table_.struct_size = sizeof table_;
    table_.abi_major = GANTRY_ABI_MAJOR;
    table_.abi_minor = GANTRY_ABI_MINOR;
    table_.context = this;
    table_.log = [](void* self, std::uint32_t, gantry_bytes event, gantry_bytes text) {
      of(self).log_lines.push_back(std::string(detail::to_view(event)) + " " + std::string(detail::to_view(text)));
    };
    table_.log_enabled = [](void*, std::uint32_t) { return 1; };
    table_.wall_ms = [](void* self) { return of(self).now_ms; };
    table_.steady_ns = [](void* self) { return of(self).now_ms * 1'000'000; };
    table_.run_blocking = [](void*, void (*fn)(void*), void* arg) -> gantry_status {
      fn(arg);
      return GANTRY_OK;
    };
    table_.timer_start = [](void* self, std::int64_t, void (*fn)(void*), void* arg,
                            std::uint64_t* id) -> gantry_status {
      *id = ++of(self).last_timer_;
      of(self).timers_[*id] = {fn, arg};
      return GANTRY_OK;
    };
    table_.timer_cancel = [](void* self, std::uint64_t id) -> int { return of(self).timers_.erase(id) != 0 ? 1 : 0; };
    table_.metric = [](void* self, std::uint32_t, gantry_bytes name, gantry_bytes) {
      // The handle is opaque to plugins, so that a number can stand behind it here.
      return reinterpret_cast<gantry_metric*>(&of(self).metrics[std::string(detail::to_view(name))]);
    };
    table_.metric_add = [](gantry_metric* metric, std::int64_t value) { number(metric) += value; };
    table_.metric_set = [](gantry_metric* metric, std::int64_t value) { number(metric) = value; };
    table_.metric_record = [](gantry_metric* metric, std::int64_t) { number(metric) += 1; };
    table_.fault = [](void* self, std::uint32_t, gantry_bytes text) {
      of(self).faults.emplace_back(detail::to_view(text));
    };
    table_.publish = [](void* self, const gantry_outgoing* message, void (*done)(void*, const gantry_publish_outcome*),
                        void* arg, gantry_error*) -> gantry_status {
      of(self).published.emplace_back(detail::to_view(message->topic), detail::to_view(message->body));
      const gantry_publish_outcome outcome = {sizeof outcome, GANTRY_OK, 0, 0, {}};
      done(arg, &outcome);
      return GANTRY_OK;
    };
    table_.answer = [](void* self, std::uint64_t ticket, std::int32_t code, gantry_bytes remark, const gantry_bytes*,
                       std::uint64_t, gantry_bytes body) {
      of(self).answers.push_back(
          {ticket, code, std::string(detail::to_view(remark)), std::string(detail::to_view(body))});
    };
    table_.data_folder = [](void* self) { return detail::to_bytes(of(self).data_folder); };
  }
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  /// What the plugin's constructor takes.
  [[nodiscard]] Host host() const noexcept { return Host(&table_); }

  /// Lets plugins that are made after this call `functions`.
  void provide(const TestFunctions& functions) noexcept { table_.functions = functions.table(); }

  /// The same for a broker; see gantry/sdk/testing_broker.hpp.
  void provide(const gantry_broker& broker) noexcept { table_.broker = &broker; }

  /// Runs all timers that are pending now.
  void ring_timers() {
    const auto due = std::exchange(timers_, {});
    for (const auto& [id, timer] : due) timer.first(timer.second);
  }

  std::int64_t now_ms = 1'700'000'000'000;
  std::string data_folder = "/nowhere";
  std::vector<std::string> log_lines;  ///< "event key=value ..."
  std::vector<std::string> faults;
  std::map<std::string, std::int64_t> metrics;                 ///< by name; of a histogram, how often it was recorded
  std::vector<std::pair<std::string, std::string>> published;  ///< topic, body
  std::vector<Answered> answers;

 private:
  static TestHost& of(void* self) noexcept { return *static_cast<TestHost*>(self); }
  static std::int64_t& number(gantry_metric* metric) noexcept { return *reinterpret_cast<std::int64_t*>(metric); }

  gantry_host table_ = {};
  std::map<std::uint64_t, std::pair<void (*)(void*), void*>> timers_;
  std::uint64_t last_timer_ = 0;
};

/// Option values for configure(): TestOptions().text("property", "tenant").duration_ms("pause", 50).values()
class TestOptions {
 public:
  TestOptions& boolean(std::string key, bool value) { return add(std::move(key), GANTRY_OPTION_BOOL, value ? 1 : 0); }
  TestOptions& integer(std::string key, std::int64_t value) {
    return add(std::move(key), GANTRY_OPTION_INTEGER, value);
  }
  TestOptions& duration_ms(std::string key, std::int64_t value) {
    return add(std::move(key), GANTRY_OPTION_DURATION_MS, value);
  }
  TestOptions& bytes(std::string key, std::int64_t value) { return add(std::move(key), GANTRY_OPTION_BYTES, value); }
  TestOptions& text(std::string key, std::string value) {
    return add(std::move(key), GANTRY_OPTION_TEXT, 0, std::move(value));
  }
  TestOptions& choice(std::string key, std::string value) {
    return add(std::move(key), GANTRY_OPTION_CHOICE, 0, std::move(value));
  }

  /// Valid as long as this object, until the next option is added.
  [[nodiscard]] OptionValues values() const noexcept {
    return {values_.data(), sizeof(gantry_option_value), values_.size()};
  }

 private:
  TestOptions& add(std::string key, std::uint32_t type, std::int64_t integer, std::string text = {}) {
    const std::string& kept_key = texts_.emplace_back(std::move(key));
    const std::string& kept_text = texts_.emplace_back(std::move(text));
    values_.push_back({kept_key.c_str(), type, 0, integer, detail::to_bytes(kept_text)});
    return *this;
  }

  std::deque<std::string> texts_;  // a deque, because values_ points at its elements
  std::vector<gantry_option_value> values_;
};

/// One message on its way in, with the memory that interceptors write to.
class TestMessage {
 public:
  explicit TestMessage(std::string topic, std::string body = "body")
      : topic_(std::move(topic)), body_(std::move(body)) {
    message_.struct_size = sizeof message_;
    message_.topic = detail::to_bytes(topic_);
    message_.body = detail::to_bytes(body_);
    message_.queue_count = 4;
    scratch_.context = &memory_;
    scratch_.allocate = [](void* memory, std::uint64_t size) -> void* {
      auto& blocks = *static_cast<std::deque<std::string>*>(memory);
      return blocks.emplace_back(size, '\0').data();
    };
  }
  TestMessage(const TestMessage&) = delete;
  TestMessage& operator=(const TestMessage&) = delete;

  TestMessage& with_property(std::string_view name, std::string_view value) {
    properties_ = sdk::with_property(properties_, name, value);
    message_.properties = detail::to_bytes(properties_);
    return *this;
  }

  /// Sends it through an interceptor, as a batch of one.
  Status pass(Interceptor& interceptor) {
    return interceptor.publish(PublishBatch(&message_, sizeof message_, 1, scratch_));
  }

  /// The message as it is now.
  [[nodiscard]] Publishing view() noexcept { return {message_, scratch_}; }
  [[nodiscard]] bool is_rejected() const noexcept { return message_.verdict == GANTRY_VERDICT_REJECT; }
  [[nodiscard]] std::string_view reject_reason() const noexcept { return detail::to_view(message_.reject_reason); }

 private:
  const std::string topic_;
  const std::string body_;
  std::string properties_;
  std::deque<std::string> memory_;
  gantry_scratch scratch_ = {};
  gantry_publishing message_ = {};
};

}  // namespace gantry::sdk::testing
