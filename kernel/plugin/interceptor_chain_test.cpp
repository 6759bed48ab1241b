#include "kernel/plugin/interceptor_chain.hpp"

#include "gantry/sdk/plugin.hpp"
#include "kernel/plugin/testing/fake_host.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <stdexcept>
#include <string>

namespace gantry::plugin {
namespace {

using testing::FakeHost;
using Behaviour = std::function<Status(const sdk::PublishBatch&)>;

struct Scripted final : sdk::Plugin, sdk::Interceptor {
  Status publish(const sdk::PublishBatch& batch) override { return behave(batch); }
  Behaviour behave = [](const sdk::PublishBatch&) { return Status(); };
};
using Instance = sdk::detail::Instance<Scripted>;

/// Memory for rewritten bytes, with a bound.
struct Scratch {
  std::deque<std::string> blocks;
  std::size_t left = 1 << 20;
  gantry_scratch c{this, [](void* context, std::uint64_t size) -> void* {
                     auto& self = *static_cast<Scratch*>(context);
                     if (size > self.left) return nullptr;
                     self.left -= size;
                     return self.blocks.emplace_back(size, '\0').data();
                   }};
};

class InterceptorChainTest : public ::testing::Test {
 protected:
  void add(const std::string& id, Behaviour behave, OnError on_error = OnError::reject, std::int64_t errors = 1'000) {
    Instance& instance = instances_.emplace_back(nullptr);
    instance.plugin.behave = std::move(behave);
    chain_.add(id, &sdk::detail::interceptor_table<Instance>, &instance, on_error,
               {.errors = errors, .window = std::chrono::milliseconds(1'000)}, host_.time, errors_);
  }
  gantry_publishing run(std::string_view properties = "") {
    std::vector<gantry_publishing> messages(1);
    messages[0].struct_size = sizeof(gantry_publishing);
    messages[0].topic = {"t", 1};
    messages[0].properties = {properties.data(), properties.size()};
    chain_.publish(messages, scratch_.c);
    return messages[0];
  }
  static std::string text(gantry_bytes bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

  FakeHost host_;
  gantry::Counter errors_;
  std::deque<Instance> instances_;
  Scratch scratch_;
  InterceptorChain chain_;
};

Status refuse_to_work(const sdk::PublishBatch&) { return Error{Errc::unavailable, "no database"}; }

TEST_F(InterceptorChainTest, each_sees_what_the_one_before_left) {
  add("a", [](const sdk::PublishBatch& batch) {
    for (auto message : batch) EXPECT_TRUE(message.set_property("seen", "a"));
    return Status();
  });
  add("b", [](const sdk::PublishBatch& batch) {
    EXPECT_EQ(batch[0].property("seen"), "a");
    for (auto message : batch) EXPECT_TRUE(message.set_property("seen", "b"));
    return Status();
  });
  EXPECT_EQ(text(run(std::string_view("k\x01v\x02seen\x01x", 10)).properties), std::string("k\x01v\x02seen\x01"
                                                                                           "b\x02",
                                                                                           11));
}

TEST_F(InterceptorChainTest, a_rejected_message_keeps_its_reason_and_ends_the_chain) {
  int calls = 0;
  add("a", [](const sdk::PublishBatch& batch) {
    batch[0].reject("no tenant", 13);
    return Status();
  });
  add("b", [&calls](const sdk::PublishBatch&) {
    ++calls;
    return Status();
  });
  const gantry_publishing message = run();
  EXPECT_EQ(message.verdict, GANTRY_VERDICT_REJECT);
  EXPECT_EQ(message.reject_code, 13);
  EXPECT_EQ(text(message.reject_reason), "no tenant");
  EXPECT_EQ(calls, 0);
}

TEST_F(InterceptorChainTest, a_failure_rejects_with_a_code_that_clients_retry) {
  add("broken", refuse_to_work);
  const gantry_publishing message = run();
  EXPECT_EQ(message.verdict, GANTRY_VERDICT_REJECT);
  EXPECT_EQ(message.reject_code, 1);
  EXPECT_EQ(text(message.reject_reason), "the interceptor 'broken' failed; the broker's log says why");
  EXPECT_EQ(errors_.value(), 1u);
}

TEST_F(InterceptorChainTest, an_exception_is_a_failure) {
  add("broken", [](const sdk::PublishBatch&) -> Status { throw std::runtime_error("boom"); });
  EXPECT_EQ(run().verdict, GANTRY_VERDICT_REJECT);
  add("worse", [](const sdk::PublishBatch&) -> Status { throw 7; });
  EXPECT_EQ(run().verdict, GANTRY_VERDICT_REJECT);
}

TEST_F(InterceptorChainTest, accepting_on_error_undoes_what_was_changed) {
  add(
      "broken",
      [](const sdk::PublishBatch& batch) {
        EXPECT_TRUE(batch[0].set_topic("elsewhere"));
        batch[0].reject("half done");
        return refuse_to_work(batch);
      },
      OnError::accept);
  const gantry_publishing message = run();
  EXPECT_EQ(message.verdict, GANTRY_VERDICT_ACCEPT);
  EXPECT_EQ(text(message.topic), "t");
}

TEST_F(InterceptorChainTest, is_not_called_while_tripped_and_probed_after_the_window) {
  int calls = 0;
  bool broken = true;
  add(
      "shaky",
      [&](const sdk::PublishBatch& batch) {
        ++calls;
        return broken ? refuse_to_work(batch) : Status();
      },
      OnError::accept, 2);
  run();
  run();
  EXPECT_TRUE(chain_.tripped("shaky"));
  EXPECT_EQ(run().verdict, GANTRY_VERDICT_ACCEPT);
  EXPECT_EQ(calls, 2);
  broken = false;
  host_.time.advance(std::chrono::milliseconds(1'000));
  run();
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(chain_.tripped("shaky"));
}

TEST_F(InterceptorChainTest, a_tripped_one_that_rejects_keeps_rejecting) {
  add("shaky", refuse_to_work, OnError::reject, 1);
  run();
  EXPECT_TRUE(chain_.tripped("shaky"));
  EXPECT_EQ(run().verdict, GANTRY_VERDICT_REJECT);
  chain_.set_policy("shaky", OnError::accept, {});
  EXPECT_EQ(run().verdict, GANTRY_VERDICT_ACCEPT);
}

TEST_F(InterceptorChainTest, rewriting_without_memory_says_so_and_changes_nothing) {
  scratch_.left = 2;
  add("big", [](const sdk::PublishBatch& batch) {
    EXPECT_FALSE(batch[0].set_topic("elsewhere"));
    EXPECT_FALSE(batch[0].set_property("a", "b"));
    return Status();
  });
  EXPECT_EQ(text(run().topic), "t");
}

TEST_F(InterceptorChainTest, properties_with_reserved_characters_are_not_written) {
  add("odd", [](const sdk::PublishBatch& batch) {
    EXPECT_FALSE(batch[0].set_property("", "x"));
    EXPECT_FALSE(batch[0].set_property("a", "x\x02y"));
    EXPECT_FALSE(batch[0].set_property("a\x01", "x"));
    return Status();
  });
  EXPECT_EQ(run().properties.size, 0u);
}

}  // namespace
}  // namespace gantry::plugin
