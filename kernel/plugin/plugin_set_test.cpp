#include "kernel/plugin/plugin_set.hpp"

#include "gantry/sdk/plugin.hpp"
#include "kernel/plugin/testing/fake_host.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace gantry::plugin {
namespace {

using testing::FakeHost;
using testing::load;
using testing::loaded;
using testing::values_of;

/// What the plugins of a test did, in order, and what they shall do.
struct Script {
  std::string done;
  std::string fail_in;  ///< "create a", "start b", ...
  std::string value;

  Status step(const std::string& what) {
    done += what + "; ";
    if (what == fail_in) return Error{Errc::unavailable, "told to fail"};
    return {};
  }
};
Script* script = nullptr;  // the plugins are made by the code under test, which cannot pass it

constexpr gantry_option options[] = {
    sdk::TextOption{.key = "word", .fallback = "none", .sentence = "A word.", .live = true}};

/// Extensions that do nothing, for the slots.
struct IdleFilter : sdk::Filter {
  [[nodiscard]] std::string_view language() const override { return "LANG"; }
  Result<std::unique_ptr<const sdk::FilterProgram>> compile(std::string_view expression) override {
    struct Contains final : sdk::FilterProgram {
      explicit Contains(std::string_view what) : word(what) {}
      [[nodiscard]] bool match(const sdk::FilterMessage& message) const override {
        if (word == "throw") throw std::runtime_error("boom");
        return message.properties().find(word) != std::string_view::npos;
      }
      std::string word;
    };
    if (expression.empty()) return Error{Errc::invalid_argument, "at 1: expected a word, found the end"};
    return std::unique_ptr<const sdk::FilterProgram>(std::make_unique<Contains>(expression));
  }
};
struct IdleCommand : sdk::Command {
  explicit IdleCommand(sdk::Host host) : host_(host) {}
  [[nodiscard]] std::span<const gantry_command_code> codes() const override {
    static constexpr gantry_command_code list[] = {{700, 0}, {701, GANTRY_COMMAND_ADMIN}};
    return list;
  }
  void execute(const sdk::CommandRequest& request) override {
    if (request.code() == 701) throw std::runtime_error("boom");
    host_.answer(request.ticket(), {.remark = request.field("name").value_or("nobody")});
  }
  sdk::Host host_;
};
struct IdleInterceptor : sdk::Interceptor {
  Status publish(const sdk::PublishBatch&) override { return {}; }
};

template <char Letter>
class Life : public sdk::Plugin {
 public:
  Life() {
    if (!script->step(name("create"))) throw std::runtime_error("cannot be made");
  }
  Status configure(const sdk::OptionValues& values) override {
    script->value = values.text("word");
    return script->step(name("configure"));
  }
  Status start() override { return script->step(name("start")); }
  Status reconfigure(const sdk::OptionValues& values) override {
    script->value = values.text("word");
    return script->step(name("reconfigure"));
  }
  void quiesce() override { static_cast<void>(script->step(name("quiesce"))); }
  Status stop() override { return script->step(name("stop")); }
  ~Life() override { script->done += name("destroy") + "; "; }

 private:
  static std::string name(const char* what) { return std::string(what) + " " + Letter; }
};

struct A final : Life<'a'>, IdleInterceptor {};
struct B final : Life<'b'>, IdleFilter {};
struct C final : Life<'c'>, IdleCommand {
  explicit C(sdk::Host host) : IdleCommand(host) {}
};

constexpr const char* needs_filter[] = {"gantry.filter/1"};
constexpr gantry_plugin_table table_a = sdk::detail::make_plugin_table<A>(
    {.id = "a", .version = "1", .summary = "A.", .options = options, .required_extensions = needs_filter});
constexpr gantry_plugin_table table_b =
    sdk::detail::make_plugin_table<B>({.id = "b", .version = "1", .summary = "B.", .options = options});
constexpr gantry_plugin_table table_c =
    sdk::detail::make_plugin_table<C>({.id = "c", .version = "1", .summary = "C.", .options = options});

class PluginSetTest : public ::testing::Test {
 protected:
  PluginSetTest() { script = &script_; }
  ~PluginSetTest() override {
    set_.reset();
    script = nullptr;
  }

  Refusals configure(std::vector<LoadedPlugin> plugins) {
    values_ = values_of(plugins);
    set_ = std::make_unique<PluginSet>(load(std::move(plugins)), host_);
    return set_->configure(values_);
  }
  /// configure() and start() that must succeed.
  void bring_up(std::vector<LoadedPlugin> plugins) {
    auto refusals = configure(std::move(plugins));
    ASSERT_TRUE(refusals.empty()) << to_string(refusals);
    refusals = set_->start();
    ASSERT_TRUE(refusals.empty()) << to_string(refusals);
    script_.done.clear();
  }

  Script script_;
  FakeHost host_;
  config::Values values_;
  std::unique_ptr<PluginSet> set_;
};

TEST_F(PluginSetTest, lives_go_in_order_and_end_in_reverse) {
  EXPECT_TRUE(configure({loaded(table_a), loaded(table_b)}).empty());
  EXPECT_EQ(script_.done, "create a; configure a; create b; configure b; ");
  script_.done.clear();
  EXPECT_TRUE(set_->start().empty());
  EXPECT_EQ(script_.done, "start b; start a; ") << "a requires what b provides";
  script_.done.clear();
  set_->quiesce();
  EXPECT_TRUE(set_->stop().empty());
  set_.reset();
  EXPECT_EQ(script_.done, "quiesce a; quiesce b; stop a; stop b; destroy a; destroy b; ");
}

TEST_F(PluginSetTest, a_throwing_create_is_refused_with_its_text) {
  script_.fail_in = "create b";
  const Refusals refusals = configure({loaded(table_b)});
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].text, "test/b.so: cannot create the plugin 'b': cannot be made");
}

TEST_F(PluginSetTest, all_configuration_failures_are_listed_and_nothing_is_started) {
  script_.fail_in = "configure b";
  Refusals refusals = configure({loaded(table_b), loaded(table_c)});
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].text, "test/b.so: cannot configure the plugin 'b': told to fail");
  set_.reset();
  EXPECT_EQ(script_.done.find("start"), std::string::npos);
  EXPECT_NE(script_.done.find("destroy b"), std::string::npos);
  EXPECT_EQ(script_.done.find("stop"), std::string::npos);
}

TEST_F(PluginSetTest, a_failing_start_stops_those_that_were_started) {
  EXPECT_TRUE(configure({loaded(table_b), loaded(table_c)}).empty());
  script_.done.clear();
  script_.fail_in = "start c";
  const Refusals refusals = set_->start();
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].text, "test/c.so: cannot start the plugin 'c': told to fail");
  EXPECT_EQ(script_.done, "start b; start c; quiesce b; stop b; ");
}

TEST_F(PluginSetTest, stopping_goes_on_after_a_failure) {
  bring_up({loaded(table_b), loaded(table_c)});
  script_.fail_in = "stop c";
  EXPECT_EQ(set_->stop().size(), 1u);
  EXPECT_NE(script_.done.find("stop b"), std::string::npos);
  EXPECT_TRUE(set_->stop().empty()) << "stopping again does nothing";
}

TEST_F(PluginSetTest, live_options_reach_the_plugin) {
  bring_up({loaded(table_b)});
  const auto after = values_of({loaded(table_b)}, {{"plugins.b.word", "new"}});
  EXPECT_TRUE(set_->reconfigure(values_, after));
  EXPECT_EQ(script_.value, "new");
  script_.done.clear();
  EXPECT_TRUE(set_->reconfigure(after, after));
  EXPECT_EQ(script_.done, "") << "nothing changed";
}

TEST_F(PluginSetTest, a_refused_reload_takes_back_what_others_took) {
  bring_up({loaded(table_b), loaded(table_c)});
  const auto after =
      values_of({loaded(table_b), loaded(table_c)}, {{"plugins.b.word", "new"}, {"plugins.c.word", "new"}});
  script_.fail_in = "reconfigure c";
  const Status refused = set_->reconfigure(values_, after);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "the plugin 'c' refused its new options: told to fail");
  EXPECT_EQ(script_.done, "reconfigure b; reconfigure c; reconfigure b; ");
  EXPECT_EQ(script_.value, "none");
}

TEST_F(PluginSetTest, filters_are_found_by_language) {
  bring_up({loaded(table_b)});
  EXPECT_EQ(set_->filter("SQL92"), nullptr);
  const FilterAdapter* filter = set_->filter("LANG");
  ASSERT_NE(filter, nullptr);
  const auto refused = filter->compile("");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "at 1: expected a word, found the end");

  const auto program = filter->compile("red");
  ASSERT_TRUE(program);
  const gantry_filter_message messages[] = {{{"red", 3}, {}, 0}, {{"blue", 4}, {}, 0}, {{"dark red", 8}, {}, 0}};
  std::uint8_t verdicts[] = {9, 9, 9};
  (*program)->match(messages, verdicts);
  EXPECT_EQ(verdicts[0], 1);
  EXPECT_EQ(verdicts[1], 0);
  EXPECT_EQ(verdicts[2], 1);
}

TEST_F(PluginSetTest, a_filter_that_throws_does_not_match) {
  bring_up({loaded(table_b)});
  const auto program = set_->filter("LANG")->compile("throw");
  const gantry_filter_message messages[] = {{{"throw", 5}, {}, 0}};
  std::uint8_t verdicts[] = {9};
  (*program)->match(messages, verdicts);
  EXPECT_EQ(verdicts[0], 0);
}

TEST_F(PluginSetTest, commands_are_found_by_code_and_answer_by_ticket) {
  bring_up({loaded(table_c)});
  EXPECT_EQ(set_->commands().find(1), nullptr);
  const auto* command = set_->commands().find(700);
  ASSERT_NE(command, nullptr);
  EXPECT_FALSE(command->administrative);
  const gantry_command_field fields[] = {{{"name", 4}, {"eve", 3}}};
  gantry_command_request request = {};
  request.struct_size = sizeof request;
  request.code = 700;
  request.ticket = 12;
  request.fields = fields;
  request.field_count = 1;
  command->execute(request);
  EXPECT_EQ(host_.answers, std::vector<std::string>{"12 0 eve "});
}

TEST_F(PluginSetTest, a_command_that_throws_answers_system_error) {
  bring_up({loaded(table_c)});
  const auto* command = set_->commands().find(701);
  ASSERT_NE(command, nullptr);
  EXPECT_TRUE(command->administrative);
  gantry_command_request request = {};
  request.code = 701;
  request.ticket = 13;
  command->execute(request);
  EXPECT_EQ(host_.answers, std::vector<std::string>{"13 1 boom "});
}

constexpr gantry_plugin_table second_b =
    sdk::detail::make_plugin_table<B>({.id = "b2", .version = "1", .summary = "B.", .options = options});
constexpr gantry_plugin_table second_c =
    sdk::detail::make_plugin_table<C>({.id = "c2", .version = "1", .summary = "C.", .options = options});

TEST_F(PluginSetTest, a_second_provider_of_a_language_or_a_code_is_refused) {
  const Refusals refusals = configure({loaded(table_b), loaded(second_b), loaded(table_c), loaded(second_c)});
  ASSERT_EQ(refusals.size(), 2u) << to_string(refusals);
  EXPECT_EQ(refusals[0].text,
            "test/b2.so: expected one provider of the filter language LANG, found a second one; list only one of them "
            "in plugins.load");
  EXPECT_EQ(refusals[1].text,
            "test/c2.so: expected one provider of request code 700, found 'c' and 'c2'; list only one of them in "
            "plugins.load");
}

TEST_F(PluginSetTest, a_missing_extension_table_is_refused) {
  static gantry_plugin_table bare = table_b;
  bare.get_extension = [](void*, const char*) -> const void* { return nullptr; };
  const Refusals refusals = configure({loaded(bare)});
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_NE(refusals[0].text.find("the table of gantry.filter/1 is missing"), std::string::npos) << refusals[0].text;
}

TEST_F(PluginSetTest, status_tells_state_and_faults) {
  EXPECT_TRUE(configure({loaded(table_a), loaded(table_b)}).empty());
  EXPECT_EQ(set_->status()[0].state, "configured");
  EXPECT_TRUE(set_->start().empty());
  const auto status = set_->status();
  ASSERT_EQ(status.size(), 2u);
  EXPECT_EQ(status[1].id, "b");
  EXPECT_EQ(status[1].state, "started");
  EXPECT_EQ(status[1].provides, std::vector<std::string>{"gantry.filter/1"});
}

}  // namespace
}  // namespace gantry::plugin
