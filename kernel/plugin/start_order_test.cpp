#include "kernel/plugin/start_order.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace gantry::plugin {
namespace {

class Listed {
 public:
  Listed& add(std::string id, std::vector<std::string> provides, std::vector<std::string> required = {}) {
    Manifest manifest;
    manifest.file = id + ".so";
    manifest.id = std::move(id);
    manifest.provides = std::move(provides);
    manifest.required = std::move(required);
    manifests_.push_back(std::move(manifest));
    return *this;
  }
  StartOrder decide(bool need_store = false) const {
    std::vector<const Manifest*> pointers;
    for (const Manifest& manifest : manifests_) pointers.push_back(&manifest);
    return decide_start_order(pointers, need_store);
  }
  std::string order() const {
    const StartOrder result = decide();
    EXPECT_TRUE(result.refusals.empty()) << to_string(result.refusals);
    std::string text;
    for (const std::size_t index : result.order) text += manifests_[index].id + " ";
    return text;
  }
  std::string refusals(bool need_store = false) const { return to_string(decide(need_store).refusals); }

 private:
  std::deque<Manifest> manifests_;
};

const std::vector<std::string> store = {"gantry.store/1"};
const std::vector<std::string> filter = {"gantry.filter/1"};
const std::vector<std::string> interceptor = {"gantry.interceptor/1"};
const std::vector<std::string> command = {"gantry.command/1"};

TEST(StartOrder, keeps_the_order_of_the_configuration_without_requirements) {
  EXPECT_EQ(Listed().add("c", filter).add("a", interceptor).add("b", store).order(), "c a b ");
}

TEST(StartOrder, starts_providers_first) {
  EXPECT_EQ(Listed().add("a", interceptor, command).add("b", command, store).add("c", store).order(), "c b a ");
}

TEST(StartOrder, waits_for_all_providers_of_an_extension) {
  EXPECT_EQ(Listed().add("a", interceptor, filter).add("b", filter).add("c", filter).order(), "b c a ");
}

TEST(StartOrder, refuses_a_missing_provider_and_names_who_needs_it) {
  EXPECT_EQ(
      Listed().add("a", interceptor, store).refusals(),
      "a.so: expected another listed plugin that provides gantry.store/1, which 'a' requires, found none; add one "
      "to plugins.load");
}

TEST(StartOrder, a_plugin_does_not_satisfy_its_own_requirement) {
  EXPECT_NE(Listed().add("a", command, command).refusals(), "");
}

TEST(StartOrder, refuses_two_stores_and_names_both) {
  EXPECT_EQ(Listed().add("a", store).add("b", store).refusals(),
            "plugins.load: expected one provider of gantry.store/1, found 2 (a.so, b.so); list only one of them");
}

TEST(StartOrder, refuses_to_run_a_broker_without_a_store) {
  EXPECT_NE(Listed().add("a", filter).refusals(true).find("none among those listed"), std::string::npos);
  EXPECT_EQ(Listed().add("a", filter).refusals(false), "");
}

TEST(StartOrder, refuses_a_cycle_and_shows_it) {
  const std::string text =
      Listed().add("a", interceptor, command).add("b", command, filter).add("c", filter, interceptor).refusals();
  EXPECT_EQ(
      text,
      "a.so: expected plugins that can be started one after the other, found a cycle of requirements: a -> b -> c "
      "-> a; remove one of them from plugins.load");
}

TEST(StartOrder, lists_everything_that_is_wrong) {
  EXPECT_EQ(Listed().add("a", store, command).add("b", store).decide().refusals.size(), 2u);
}

}  // namespace
}  // namespace gantry::plugin
