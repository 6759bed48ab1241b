// Concern: whatever is damaged by hand in the JSON files that keep topics, groups and offsets, the node starts and says
// what it used instead, or refuses and names the file and the remedy. It never crashes, and never starts empty over a
// file that exists.
// Method: one real node makes topics, messages, a group and committed offsets and is stopped; each case copies its
// folder, damages one file, and starts the node again.

#include "client/admin.hpp"
#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "tests/support/acknowledged.hpp"
#include "tests/support/broker_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

namespace gantry {
namespace {

namespace fs = std::filesystem;
using testing::AckLedger;
using testing::BrokerProcess;

constexpr std::int64_t committed = 5;

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
void set_content(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// Folders are copied: log files of the usual size would take long.
testing::BrokerSettings small_files() {
  testing::BrokerSettings settings;
  settings.extra_toml = "[plugins.storage-mmap]\nsegment_size = \"1MiB\"\n";
  return settings;
}

/// What was done to a file and its backup.
enum class Damage : std::uint8_t {
  missing,           // the file only
  empty,             //
  truncated,         //
  garbage,           //
  both_missing,      // the file and its .bak
  both_empty,        //
  both_garbage,      //
  without_a_backup,  // the file is garbage, there is no .bak
  wrong_shape,       // JSON of another shape, in both
  wrong_types,       // the right names with values of other types, in both
  absurd_values,     // negative and huge numbers, in both
};

struct Case {
  std::string file;  // below config/
  Damage damage;
};

std::string name_of(Damage damage) {
  switch (damage) {
    case Damage::missing: return "missing";
    case Damage::empty: return "empty";
    case Damage::truncated: return "truncated";
    case Damage::garbage: return "garbage";
    case Damage::both_missing: return "both_missing";
    case Damage::both_empty: return "both_empty";
    case Damage::both_garbage: return "both_garbage";
    case Damage::without_a_backup: return "without_a_backup";
    case Damage::wrong_shape: return "wrong_shape";
    case Damage::wrong_types: return "wrong_types";
    case Damage::absurd_values: return "absurd_values";
  }
  return "unknown";
}

/// The numbers of a JSON text replaced by something else.
std::string with_numbers_as(const std::string& json, const std::string& replacement) {
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const bool begins_value = i > 0 && (json[i - 1] == ':' || json[i - 1] == ' ') && std::isdigit(json[i]) != 0;
    if (!begins_value) {
      out += json[i];
      continue;
    }
    // A key without quotes, as RocketMQ writes queue ids, is a number too: it is followed by a colon.
    auto end = i;
    while (end < json.size() && std::isdigit(json[end]) != 0) ++end;
    out += end < json.size() && json[end] == ':' ? json.substr(i, end - i) : replacement;
    i = end - 1;
  }
  return out;
}

class JsonDamage : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    original_ = new testing::TempFolder;
    ledger_ = new AckLedger;
    auto broker = BrokerProcess::start(*original_, small_files());
    ASSERT_TRUE(broker) << broker.error().text;
    client::AdminOptions administration;
    administration.name_servers = (*broker)->name_servers();
    auto admin = client::Admin::start(administration);
    ASSERT_TRUE(admin) << admin.error().text;
    client::ProducerOptions producing;
    producing.name_servers = (*broker)->name_servers();
    auto producer = client::Producer::start(producing);
    ASSERT_TRUE(producer) << producer.error().text;
    client::PullConsumerOptions consuming;
    consuming.name_servers = (*broker)->name_servers();
    consuming.group = "damage-group";
    auto consumer = client::PullConsumer::start(consuming);
    ASSERT_TRUE(consumer) << consumer.error().text;
    for (const std::string topic : {"first", "second"}) {
      client::TopicSettings settings;
      settings.topic = topic;
      settings.read_queues = settings.write_queues = 2;
      ASSERT_TRUE((*admin)->create_topic(settings));
      for (int i = 0; i < 20; ++i) {
        client::Message message;
        message.topic = topic;
        message.body = topic + " " + std::to_string(i);
        const auto sent = (*producer)->send(message);
        ASSERT_TRUE(sent) << sent.error().text;
        ledger_->acknowledged(*sent, message.body);
      }
      // The group comes into being with its first pull. Twice, so that every file has a version before.
      client::PullRequest pull;
      pull.queue = {topic, "broker-a", 0};
      ASSERT_TRUE((*consumer)->pull(pull));
      ASSERT_TRUE((*consumer)->commit_offset({topic, "broker-a", 0}, committed));
    }
    // What the version before does not hold yet; nobody looks for it.
    client::TopicSettings newest;
    newest.topic = "newest";
    ASSERT_TRUE((*admin)->create_topic(newest));
    ASSERT_EQ((*broker)->stop(), 0) << (*broker)->log();
    // A second life makes backups of the offsets too.
    auto again = BrokerProcess::start(*original_, small_files());
    ASSERT_TRUE(again) << again.error().text;
    client::PullConsumerOptions once_more = consuming;
    once_more.name_servers = (*again)->name_servers();
    auto second = client::PullConsumer::start(once_more);
    ASSERT_TRUE(second) << second.error().text;
    ASSERT_TRUE((*second)->commit_offset({"first", "broker-a", 0}, committed + 1));
    ASSERT_TRUE((*second)->commit_offset({"first", "broker-a", 0}, committed));
    ASSERT_EQ((*again)->stop(), 0) << (*again)->log();
  }
  static void TearDownTestSuite() {
    delete original_;
    delete ledger_;
  }

  static constexpr const char* garbage = "\x01\xff{{{{ this is not JSON";

  void damage(const fs::path& config) {
    const auto [file, how] = GetParam();
    const auto path = config / file;
    const auto backup = config / (file + ".bak");
    ASSERT_TRUE(fs::exists(path)) << path;
    if (!fs::exists(backup)) fs::copy_file(path, backup);
    const auto both = [&](const std::string& content) {
      set_content(path, content);
      set_content(backup, content);
    };
    switch (how) {
      case Damage::missing: fs::remove(path); break;
      case Damage::empty: set_content(path, ""); break;
      case Damage::truncated: set_content(path, content_of(path).substr(0, content_of(path).size() / 2)); break;
      case Damage::garbage: set_content(path, garbage); break;
      case Damage::both_missing:
        fs::remove(path);
        fs::remove(backup);
        break;
      case Damage::both_empty: both(""); break;
      case Damage::both_garbage: both(garbage); break;
      case Damage::without_a_backup:
        set_content(path, garbage);
        fs::remove(backup);
        break;
      case Damage::wrong_shape: both("[1, 2, 3]"); break;
      case Damage::wrong_types: both(with_numbers_as(content_of(path), "{\"a\":[true]}")); break;
      case Damage::absurd_values: both(with_numbers_as(content_of(path), "-99999999999")); break;
    }
  }

  void expect_messages(const BrokerProcess& broker) {
    const auto checked = testing::check_acknowledged(broker, *ledger_);
    EXPECT_TRUE(checked) << checked.error().text << "\n" << broker.log();
  }

  void expect_topics_and_offsets(const BrokerProcess& broker) {
    client::AdminOptions administration;
    administration.name_servers = broker.name_servers();
    auto admin = client::Admin::start(administration);
    ASSERT_TRUE(admin) << admin.error().text;
    const auto topics = (*admin)->topics();
    ASSERT_TRUE(topics) << topics.error().text;
    for (const std::string topic : {"first", "second"}) {
      EXPECT_NE(std::find(topics->begin(), topics->end(), topic), topics->end()) << topic << " is gone in silence";
    }
    client::PullConsumerOptions consuming;
    consuming.name_servers = broker.name_servers();
    consuming.group = "damage-group";
    auto consumer = client::PullConsumer::start(consuming);
    ASSERT_TRUE(consumer) << consumer.error().text;
    const auto offset = (*consumer)->committed_offset({"first", "broker-a", 0});
    ASSERT_TRUE(offset) << "the group's offset is gone in silence: " << offset.error().text;
    // The version before may be used, with a warning.
    EXPECT_TRUE(*offset == committed || *offset == committed + 1) << *offset;
  }

  static testing::TempFolder* original_;
  static AckLedger* ledger_;
};

testing::TempFolder* JsonDamage::original_ = nullptr;
AckLedger* JsonDamage::ledger_ = nullptr;

TEST_P(JsonDamage, starts_from_the_version_before_or_refuses_and_names_file_and_remedy) {
  testing::TempFolder folder;
  fs::copy(original_->path() / "store", folder.path() / "store", fs::copy_options::recursive);
  ASSERT_NO_FATAL_FAILURE(damage(folder.path() / "store" / "config"));
  const auto [file, how] = GetParam();
  const bool has_a_good_version =
      how == Damage::missing || how == Damage::empty || how == Damage::truncated || how == Damage::garbage;

  auto broker = BrokerProcess::start(folder, small_files());
  if (!broker) {
    const auto& text = broker.error().text;
    EXPECT_FALSE(has_a_good_version) << "the version before is whole: " << text;
    EXPECT_NE(how, Damage::both_missing) << "as if it were new: " << text;
    EXPECT_NE(text.find("exit status 1"), std::string::npos) << "it ended another way: " << text;
    EXPECT_NE(text.find(file), std::string::npos) << "it does not name the file: " << text;
    EXPECT_NE(text.find("expected"), std::string::npos) << text;
    EXPECT_NE(text.find("found"), std::string::npos) << text;
    EXPECT_TRUE(text.find("Restore") != std::string::npos || text.find("restore") != std::string::npos) << text;
    return;
  }
  const auto log = (*broker)->log();
  if (how == Damage::both_missing) {
    // As after a fresh start with an old log: nothing is there to say what was lost, except that there is a log. The
    // messages are not gone.
    EXPECT_NE(log.find(file), std::string::npos) << "messages exist and their " << file << " does not: " << log;
  } else {
    EXPECT_TRUE(has_a_good_version || how == Damage::absurd_values)
        << "it should not start over a file that it cannot read: " << log;
    EXPECT_NE(log.find(file), std::string::npos) << "no line of the log names " << file << ": " << log;
    if (has_a_good_version) {
      ASSERT_NO_FATAL_FAILURE(expect_topics_and_offsets(**broker));
      expect_messages(**broker);
    }
  }
  EXPECT_EQ((*broker)->stop(), 0) << (*broker)->log();
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string file : {"topics.json", "subscriptionGroup.json", "consumerOffset.json"}) {
    for (const auto how : {Damage::missing, Damage::empty, Damage::truncated, Damage::garbage, Damage::both_missing,
                           Damage::both_empty, Damage::both_garbage, Damage::without_a_backup, Damage::wrong_shape,
                           Damage::wrong_types, Damage::absurd_values}) {
      cases.push_back({file, how});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Files, JsonDamage, ::testing::ValuesIn(all_cases()), [](const auto& instance) {
  auto name = instance.param.file + "_" + name_of(instance.param.damage);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

/// A whole node on a store whose files are damaged: what the store says reaches the operator, and the exit status too.
class StoreDamageOfNode : public ::testing::Test {
 protected:
  void expect_refusal(const std::function<void(const fs::path& store)>& damage, const std::string& file) {
    testing::TempFolder folder;
    {
      auto broker = BrokerProcess::start(folder, small_files());
      ASSERT_TRUE(broker) << broker.error().text;
      client::ProducerOptions producing;
      producing.name_servers = (*broker)->name_servers();
      auto producer = client::Producer::start(producing);
      ASSERT_TRUE(producer) << producer.error().text;
      client::Message message;
      message.topic = "T";
      message.body = "body";
      ASSERT_TRUE((*producer)->send(message));
      ASSERT_EQ((*broker)->stop(), 0) << (*broker)->log();
    }
    damage(folder.path() / "store");
    auto broker = BrokerProcess::start(folder, small_files());
    ASSERT_FALSE(broker) << "it should refuse to start: " << (*broker)->log();
    const auto& text = broker.error().text;
    EXPECT_NE(text.find("exit status 1"), std::string::npos) << text;
    EXPECT_NE(text.find(file), std::string::npos) << "it does not name the file: " << text;
  }
};

TEST_F(StoreDamageOfNode, a_refused_commit_log_is_named) {
  expect_refusal([](const fs::path& store) { fs::resize_file(store / "commitlog" / "00000000000000000000", 4096); },
                 "commitlog/00000000000000000000");
}
TEST_F(StoreDamageOfNode, a_foreign_file_in_the_commit_log_is_named) {
  expect_refusal([](const fs::path& store) { set_content(store / "commitlog" / "notes.txt", "hello"); }, "notes.txt");
}
TEST_F(StoreDamageOfNode, a_folder_in_the_place_of_the_lock_is_named) {
  expect_refusal(
      [](const fs::path& store) {
        fs::remove(store / "lock");
        fs::create_directories(store / "lock");
      },
      "/lock");
}
TEST_F(StoreDamageOfNode, a_second_node_on_the_folder_is_told_who_holds_it) {
  testing::TempFolder folder;
  auto first = BrokerProcess::start(folder, small_files());
  ASSERT_TRUE(first) << first.error().text;
  testing::TempFolder other;
  testing::BrokerSettings settings;
  settings.data = (folder.path() / "store").string();
  const auto second = BrokerProcess::start(other, settings);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("process " + std::to_string((*first)->pid())), std::string::npos)
      << second.error().text;
  EXPECT_NE(second.error().text.find("/lock"), std::string::npos) << second.error().text;
}

}  // namespace
}  // namespace gantry
